"""What one stage of training is: its data, its reward, its algorithm, its budget. Plain values, checked when made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from srl_data.errors import SrlDataError

__all__ = ["Advantage", "ConfigError", "Stage"]

Advantage = Literal["z_score", "centred", "leave_one_out", "reinforce++", "reinforce++baseline", "running"]


class ConfigError(SrlDataError):
    """A training configuration asks for what cannot be; the message names the key."""


@dataclass(frozen=True, slots=True)
class Stage:
    r"""One stage. The defaults of ``srl`` and ``rlvr`` are the SRL paper's (arXiv 2510.25992, App. A) where it has any.

    Attributes:
        method: ``srl`` scores single steps against the expert's, ``rlvr`` final answers of whole solutions, ``sft``
            imitates the expert's tokens.
        data: A folder that ``srl-data segment`` wrote.
        name: What the stage is called in logs and folders; the method, if none is given.
        on: What ``sft`` imitates: whole ``solutions``, or single ``steps`` given those before.
        reward: A name or a table as :func:`rewards.adapters.core.resolve` takes it; ``srl`` and ``outcome`` for the
            methods of that name.
        steps: The most updates; with ``tokens``, whatever comes first.
        tokens: The most tokens: sampled ones, filtered rollouts included, and for ``sft`` those trained on.
        lr: The learning rate, constant after the warm-up (``sft``: falling to 0 by a cosine).
        warmup: The share of ``steps`` in which it rises from 0.
        prompts: How many prompts an update learns from (``sft``: how many texts).
        group_size: Rollouts of each prompt.
        max_new_tokens: The most tokens of a rollout.
        max_prompt_tokens: Longer prompts are left out, and counted; what the model's context leaves, if ``None``.
        temperature: Of sampling.
        advantage: See :mod:`srl_data.training.objectives`; ``running`` is plain REINFORCE with a running baseline.
        ddof: Of the standard deviation of ``z_score``.
        aggregation: How the tokens' losses are averaged.
        epochs: How often an update goes over its rollouts; above 1 it needs ``clip``.
        minibatches: Into how many optimiser steps each of these is divided.
        clip: PPO's ε, low and high.
        kl: The weight of the KL divergence from the policy that the stage starts with.
        min_std: Dynamic sampling keeps a prompt if the population's standard deviation of its rewards is above this;
            ``None`` keeps all.
        refills: How many times ``prompts`` may be sampled for one update before it goes on with what there is.
        grad_norm: Gradients are scaled down to this norm.
        weight_decay: AdamW's.
        validate_every: Updates between two validations; 0 for none.
        validation: How many rows of the validation split a validation takes.
        patience: Stop after so many validations in a row without a new best one.
        piece_tokens: How many tokens go through the model at once when it is trained; memory grows with it.
        sample_rows: How many rollouts are sampled at once.

    Raises:
        ConfigError: If a value is out of range, or two do not go together.
    """

    method: Literal["sft", "srl", "rlvr"]
    data: str
    name: str = ""
    on: Literal["solutions", "steps"] = "solutions"
    reward: str | Mapping[str, Any] | None = None
    steps: int | None = None
    tokens: int | None = None
    lr: float | None = None
    warmup: float | None = None
    prompts: int = 32
    group_size: int = 8
    max_new_tokens: int = 256
    max_prompt_tokens: int | None = None
    temperature: float = 1.0
    advantage: Advantage = "z_score"
    ddof: Literal[0, 1] = 1
    aggregation: Literal["sequence", "token", "constant"] = "sequence"
    epochs: int = 1
    minibatches: int = 1
    clip: tuple[float, float] | None = None
    kl: float = 0.0
    min_std: float | None = 0.0
    refills: int = 4
    grad_norm: float = 1.0
    weight_decay: float = 0.0
    validate_every: int = 0
    validation: int = 64
    patience: int | None = None
    piece_tokens: int = 8192
    sample_rows: int = 64

    def __post_init__(self) -> None:
        defaults: dict[str, Any] = {
            "name": self.method,
            "lr": 5e-6 if self.method == "sft" else 5e-7,
            "warmup": 0.3 if self.method == "sft" else 0.0,
            "reward": {"srl": "srl", "rlvr": "outcome"}.get(self.method),
        }
        for field, value in defaults.items():
            if not getattr(self, field) and getattr(self, field) != 0:
                object.__setattr__(self, field, value)
        for field in ("prompts", "group_size", "max_new_tokens", "epochs", "minibatches", "refills", "piece_tokens"):
            self._want(getattr(self, field) >= 1, field, "must be 1 or more")
        for field in ("sample_rows", "validation"):
            self._want(getattr(self, field) >= 1, field, "must be 1 or more")
        for field in ("steps", "tokens", "patience", "max_prompt_tokens"):
            self._want(getattr(self, field) is None or getattr(self, field) >= 1, field, "must be 1 or more")
        for field in ("lr", "kl", "weight_decay", "validate_every"):
            self._want(getattr(self, field) >= 0, field, "must be 0 or more")
        self._want(self.steps is not None or self.tokens is not None, "steps", "or tokens must say when to stop")
        self._want(0 <= (self.warmup or 0) < 1, "warmup", "is a share of the steps, from 0 to below 1")
        self._want(not self.warmup or self.steps is not None, "warmup", "is a share of steps, which are not given")
        self._want(self.temperature > 0, "temperature", "must be above 0")
        self._want(self.grad_norm > 0, "grad_norm", "must be above 0")
        self._want(self.min_std is None or self.min_std >= 0, "min_std", "must be 0 or more")
        if self.method != "sft":
            repeated = self.epochs > 1 or self.minibatches > 1
            self._want(not repeated or self.clip is not None, "clip", "is needed with several epochs or minibatches")
            alone = self.group_size == 1 and self.advantage in ("z_score", "centred", "leave_one_out")
            self._want(not alone, "group_size", f"of 1 leaves {self.advantage} nothing to compare with")
            self._want(
                not (self.group_size == 1 and self.min_std is not None), "min_std", "must be none for groups of 1"
            )
        if self.clip is not None:
            self._want(
                len(self.clip) == 2 and min(self.clip) > 0 and self.clip[0] < 1, "clip", "is two numbers above 0"
            )

    def _want(self, holds: bool, field: str, message: str) -> None:
        if not holds:
            raise ConfigError(f"stage {self.name or self.method!r}: {field} = {getattr(self, field)!r} {message}")
