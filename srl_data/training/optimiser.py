"""AdamW with warm-up, gradients of all processes averaged, and a norm that stops what is not a number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import distributed

__all__ = ["NotFinite", "Optimiser"]


class NotFinite(FloatingPointError):
    """A gradient is not finite: the update was not made, and the weights are those before it."""


class Optimiser:
    """What updates a model's weights.

    Args:
        model: The model; parameters without ``requires_grad`` are left alone.
        lr: The learning rate.
        steps: How many updates there will be; needed for a warm-up or a schedule.
        warmup: The share of them in which the rate rises from 0.
        schedule: ``constant`` behind it, or ``cosine``: down to 0.
        weight_decay: AdamW's, on matrices only.
        grad_norm: Gradients are scaled down to this norm.
        seed: Of the order of minibatches.

    Attributes:
        shuffle: Where the order of minibatches comes from.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        *,
        lr: float,
        steps: int | None = None,
        warmup: float = 0.0,
        schedule: Literal["constant", "cosine"] = "constant",
        weight_decay: float = 0.0,
        grad_norm: float = 1.0,
        seed: int = 0,
    ) -> None:
        self._parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        matrices = [each for each in self._parameters if each.dim() > 1]
        others = [each for each in self._parameters if each.dim() <= 1]
        groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
        self._adamw = torch.optim.AdamW(groups, lr=lr)
        self._lr, self._steps, self._warmup, self._schedule = lr, steps, warmup, schedule
        self._grad_norm = grad_norm
        self._done = 0
        self.shuffle = torch.Generator().manual_seed(seed)

    def zero(self) -> None:
        """Forget all gradients."""
        self._adamw.zero_grad(set_to_none=True)

    def step(self, weight: float = 1.0) -> float:
        """Make one update; gives the norm that the gradient had.

        Args:
            weight: What this process's gradient counts among those of all: the number of rollouts, or tokens, that it
                is the mean of. Of 0 it counts nothing; where that goes for all of them, there is no update.

        Raises:
            NotFinite: If that is not a finite number.
        """
        if not _average(self._parameters, weight):
            return 0.0
        norm = float(torch.nn.utils.clip_grad_norm_(self._parameters, self._grad_norm))
        if not math.isfinite(norm):
            self.zero()
            raise NotFinite(f"the gradient's norm is {norm}")
        for group in self._adamw.param_groups:
            group["lr"] = self.rate
        self._adamw.step()
        self._done += 1
        self.zero()
        return norm

    @property
    def rate(self) -> float:
        """The learning rate of the next update."""
        if self._steps is None:
            return self._lr
        rising = round(self._warmup * self._steps)
        if self._done < rising:
            return self._lr * (self._done + 1) / rising
        if self._schedule == "constant":
            return self._lr
        share = min(1.0, (self._done - rising) / max(1, self._steps - rising))
        return self._lr * (1 + math.cos(math.pi * share)) / 2

    def state(self) -> dict[str, Any]:
        """What a resumed run needs; all processes have the same. Beside it, each has the state of its ``shuffle``."""
        return {"adamw": self._adamw.state_dict(), "done": self._done}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a ``state``."""
        self._adamw.load_state_dict(state["adamw"])
        self._done = state["done"]


def _average(parameters: Sequence[torch.nn.Parameter], weight: float) -> float:
    """Average the gradients over all processes, which saw prompts of their own; gives the sum of their weights."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return weight
    total = torch.tensor(float(weight), device=parameters[0].device)
    distributed.all_reduce(total)
    for parameter in parameters if total else ():
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        parameter.grad *= weight / total
        distributed.all_reduce(parameter.grad)
    return float(total)
