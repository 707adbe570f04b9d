"""Several processes that train one model: each samples prompts of its own, gradients are averaged, the first writes.

``accelerate launch`` and ``torchrun`` tell each process in its environment which one it is. Where nobody does there is
one process, and nothing here costs anything.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import distributed

__all__ = ["Processes", "together"]


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
        """Figures averaged over the processes that have them.

        Example:
            >>> Processes().mean_figures({"reward": 0.5})
            {'reward': 0.5}
        """
        several = self.gather(figures)
        found: dict[str, list[float]] = {}
        for each in several:
            for name, value in each.items():
                found.setdefault(name, []).append(value)
        return {name: sum(values) / len(values) for name, values in found.items()}

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
    """
    if distributed.is_available() and distributed.is_initialized():  # whoever did that also ends it
        yield Processes(distributed.get_rank(), distributed.get_world_size())
        return
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Processes()
        return
    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        backend = "cpu:gloo,cuda:nccl"  # counts travel by the first, gradients by the second
    distributed.init_process_group(backend)
    try:
        yield Processes(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()
