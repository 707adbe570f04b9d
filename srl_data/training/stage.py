"""What one stage of training is: its data, its reward, its algorithm, its budget. Plain values, checked when made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from math import isfinite
from typing import Annotated, Any, Literal

from srl_data.errors import SrlDataError

__all__ = ["Advantage", "Aggregation", "ConfigError", "Stage"]

Aggregation = Literal["sequence", "token", "constant"]

Advantage = Literal["z_score", "centred", "leave_one_out", "reinforce++", "reinforce++baseline", "running"]

_SAMPLED = {"group_size", "max_new_tokens", "temperature", "min_std", "refills", "sample_rows"}
_REWARDED = {"reward", "advantage", "ddof", "aggregation", "epochs", "minibatches", "clip", "kl"}
_NOT_FOR = {"sft": sorted(_SAMPLED | _REWARDED), "srl": ["on"], "rlvr": ["on"]}  # refused, rather than said in vain

_USUAL_TOKENS = {"srl": 512, "rlvr": 1024}  # a thought and a step; a solution

_TAKEN = ("checkpoint", "lock", "model", "tensorboard")  # what a run has in its folder anyway


class ConfigError(SrlDataError):
    """A training configuration asks for what cannot be; the message names the key."""


@dataclass(frozen=True, slots=True)
class Stage:
    r"""One stage. The defaults of ``srl`` and ``rlvr`` are the SRL paper's (arXiv 2510.25992, App. A) where it has any.

    ``srl`` scores single steps against the expert's, ``rlvr`` final answers of whole solutions, ``sft`` imitates the
    expert's tokens.

    Raises:
        ConfigError: If a value is out of range, or two do not go together.
    """

    method: Annotated[Literal["sft", "srl", "rlvr"], "What is done."]
    data: Annotated[str, "A folder that srl-data segment wrote."]
    name: Annotated[str, "What the stage is called in logs and folders; the method, if not given."] = ""
    on: Annotated[Literal["solutions", "steps"], "What sft imitates: whole solutions, or steps given those before."] = (
        "solutions"
    )
    reward: Annotated[
        str | Mapping[str, Any] | None, "A name, a TOML file or a table; srl and outcome for the methods of that name."
    ] = None
    steps: Annotated[int | None, "The most updates; with tokens, whatever comes first."] = None
    tokens: Annotated[int | None, "The most tokens: sampled ones, dropped ones too; for sft, those trained on."] = None
    lr: Annotated[float | None, "The learning rate: 5e-7, and 5e-6 falling by a cosine for sft."] = None
    warmup: Annotated[float | None, "The share of steps in which it rises from 0: 0, and 0.3 for sft by steps."] = None
    prompts: Annotated[int, "How many prompts an update learns from; for sft, how many texts."] = 32
    group_size: Annotated[int, "Rollouts of each prompt."] = 8
    max_new_tokens: Annotated[
        int | None, "The most tokens of a rollout: 512 for srl, 1024 for rlvr, or half the context if that is less."
    ] = None
    max_prompt_tokens: Annotated[int | None, "Longer prompts are left out; what the context leaves, if none."] = None
    temperature: Annotated[float, "Of sampling."] = 1.0
    advantage: Annotated[Advantage, "What a rollout's reward is compared with; running is a running baseline."] = (
        "z_score"
    )
    ddof: Annotated[Literal[0, 1], "Of the standard deviation of z_score."] = 1
    aggregation: Annotated[Aggregation, "How the tokens' losses are averaged."] = "sequence"
    epochs: Annotated[int, "How often an update goes over its rollouts; above 1 it needs clip."] = 1
    minibatches: Annotated[int, "Into how many optimiser steps each of these is divided."] = 1
    clip: Annotated[tuple[float, ...] | None, "PPO's ε, low and high."] = None
    kl: Annotated[
        float, "The weight of the KL divergence from what the stage starts with; with lora, from the model without."
    ] = 0.0
    min_std: Annotated[
        float | None, "Dynamic sampling drops a prompt whose rewards deviate no more than this; none keeps all."
    ] = 0.0
    refills: Annotated[int, "How many times as many prompts may be sampled for an update in search of enough."] = 4
    grad_norm: Annotated[float, "Gradients are scaled down to this norm."] = 1.0
    weight_decay: Annotated[float, "AdamW's."] = 0.0
    validate_every: Annotated[int, "Updates between two validations; 0 for none."] = 0
    validation: Annotated[int, "How many rows of the validation split a validation takes."] = 64
    patience: Annotated[int | None, "Stop after so many validations in a row without a new best one."] = None
    piece_tokens: Annotated[int, "How many tokens are trained on at once; memory grows with it, nothing else."] = 4096
    sample_rows: Annotated[int, "How many rollouts are sampled at once."] = 64

    def __post_init__(self) -> None:
        usual = {each.name: each.default for each in fields(self)}
        for field in _NOT_FOR.get(self.method, []):
            self._want(getattr(self, field) == usual[field], field, f"is not for {self.method}")
        defaults: dict[str, Any] = {
            "name": self.method,
            "lr": 5e-6 if self.method == "sft" else 5e-7,
            "warmup": 0.3 if self.method == "sft" and self.steps else 0.0,
            "reward": {"srl": "srl", "rlvr": "outcome"}.get(self.method),
        }
        for field, value in defaults.items():
            if not getattr(self, field) and getattr(self, field) != 0:
                object.__setattr__(self, field, value)
        plain = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_+-]*", self.name) and self.name.lower() not in _TAKEN
        self._want(bool(plain), "name", f"is not made of letters, digits, - and _, or is one of {', '.join(_TAKEN)}")
        for field, value in ((each, getattr(self, each)) for each in usual):
            numbers = [each for each in (value if isinstance(value, tuple) else (value,)) if isinstance(each, float)]
            self._want(all(map(isfinite, numbers)), field, "is no finite number")
        for field in ("prompts", "group_size", "epochs", "minibatches", "refills", "piece_tokens"):
            self._want(getattr(self, field) >= 1, field, "must be 1 or more")
        for field in ("sample_rows", "validation"):
            self._want(getattr(self, field) >= 1, field, "must be 1 or more")
        for field in ("steps", "tokens", "patience", "max_new_tokens", "max_prompt_tokens"):
            self._want(getattr(self, field) is None or getattr(self, field) >= 1, field, "must be 1 or more")
        for field in ("lr", "kl", "weight_decay", "validate_every"):
            self._want(getattr(self, field) >= 0, field, "must be 0 or more")
        self._want(self.steps is not None or self.tokens is not None, "steps", "or tokens must say when to stop")
        self._want(0 <= (self.warmup or 0) < 1, "warmup", "is a share of the steps, from 0 to below 1")
        self._want(not self.warmup or self.steps is not None, "warmup", "is a share of steps, which are not given")
        self._want(self.patience is None or self.validate_every > 0, "patience", "needs validate_every")
        self._want(self.temperature > 0, "temperature", "must be above 0")
        self._want(self.grad_norm > 0, "grad_norm", "must be above 0")
        self._want(self.min_std is None or self.min_std >= 0, "min_std", "must be 0 or more")
        if self.method != "sft":
            repeated = self.epochs > 1 or self.minibatches > 1
            self._want(not repeated or self.clip is not None, "clip", "is needed with several epochs or minibatches")
            self._want(self.ddof == 1 or self.advantage == "z_score", "ddof", "is of z_score")
            alone = self.group_size == 1 and self.advantage in ("z_score", "centred", "leave_one_out")
            self._want(not alone, "group_size", f"of 1 leaves {self.advantage} nothing to compare with")
            self._want(
                not (self.group_size == 1 and self.min_std is not None), "min_std", "must be none for groups of 1"
            )
        if self.clip is not None:
            self._want(
                len(self.clip) == 2 and min(self.clip) > 0 and self.clip[0] < 1,
                "clip",
                "must be two numbers above 0, the first below 1",
            )

    @property
    def most_tokens(self) -> int:
        """The most tokens of a rollout: ``max_new_tokens``, or the method's usual number."""
        return self.max_new_tokens or _USUAL_TOKENS.get(self.method, 0)

    def fitted(self, context: int | None) -> Stage:
        """The stage with ``max_new_tokens`` for a model that reads so many tokens, unless that is given.

        Example:
            >>> Stage(method="rlvr", data="steps", steps=1).fitted(1500).max_new_tokens
            750
        """
        if self.method == "sft" or self.max_new_tokens is not None:
            return self
        return replace(self, max_new_tokens=max(1, min(self.most_tokens, (context or 2 * self.most_tokens) // 2)))

    def _want(self, holds: bool, field: str, message: str) -> None:
        if not holds:
            raise ConfigError(f"stage {self.name or self.method!r}: {field} = {getattr(self, field)!r} {message}")
