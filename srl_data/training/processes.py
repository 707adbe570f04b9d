"""Several processes that train one model: each samples prompts of its own, gradients are averaged, the first writes.

``accelerate launch`` and ``torchrun`` tell each process in its environment which one it is. Where nobody does there is
one process, and nothing here costs anything.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import distributed

from srl_data.training.stage import ConfigError

__all__ = ["Processes", "together"]

_PATIENCE = timedelta(hours=3)  # one process may sample and score much longer than the others


@dataclass(frozen=True, slots=True)
class Processes:
    """All processes of a run, as one of them sees them.

    Attributes:
        rank: Which one this is, from 0.
        count: How many there are.
    """

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def sums(self, values: Sequence[float]) -> list[float]:
        """Of each value, the sum over all processes."""
        if self.count == 1:
            return list(values)
        total = torch.tensor(list(values), dtype=torch.float64)
        distributed.all_reduce(total)
        return total.tolist()

    def gather(self, value: Any) -> list[Any]:
        """The value that each process has, in every process."""
        if self.count == 1:
            return [value]
        found: list[Any] = [None] * self.count
        distributed.all_gather_object(found, value)
        return found

    def mean_figures(self, figures: dict[str, float]) -> dict[str, float]:
        """Figures averaged over the processes that have them; a status that a process has not seen is a share of 0.

        Example:
            >>> Processes().mean_figures({"reward": 0.5})
            {'reward': 0.5}
        """
        several = self.gather(figures)
        found: dict[str, list[float]] = {}
        for each in several:
            for name, value in each.items():
                found.setdefault(name, []).append(value)
        return {
            name: sum(values) / (self.count if name.startswith("status/") else len(values))
            for name, values in found.items()
        }

    def spread(self, model: torch.nn.Module) -> None:
        """Give every process the weights of the first."""
        if self.count > 1:
            for value in model.state_dict().values():
                distributed.broadcast(value, src=0)

    def wait(self) -> None:
        """Wait until all have come this far."""
        if self.count > 1:
            distributed.barrier()


@contextmanager
def together() -> Iterator[Processes]:
    """Find the other processes of this run, if there are any.

    On GPUs the one of each process is ``cuda:LOCAL_RANK``, and becomes the current one.

    Raises:
        ConfigError: If the launcher was told to share the model out, which is not done here.
    """
    if distributed.is_available() and distributed.is_initialized():  # whoever did that also ends it
        yield Processes(distributed.get_rank(), distributed.get_world_size())
        return
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Processes()
        return
    for name in ("FSDP", "DEEPSPEED", "MEGATRON_LM"):
        if os.environ.get(f"ACCELERATE_USE_{name}", "").lower() in ("1", "true", "yes"):
            raise ConfigError(f"accelerate is set to {name}, but each process holds a whole model: --multi_gpu")
    backend = "gloo"
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if local < torch.cuda.device_count():
        torch.cuda.set_device(local)
        backend = "cpu:gloo,cuda:nccl"  # counts travel by the first, gradients by the second
    distributed.init_process_group(backend, timeout=_PATIENCE)
    try:
        yield Processes(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()
