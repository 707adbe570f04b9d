"""A training run from a TOML file, or from a table of the same form.

::

    model = "Qwen/Qwen2.5-0.5B-Instruct"   # a folder, or a name on the Hub
    output = "runs/first"
    seed = 0

    [[stage]]
    method = "srl"
    data = "steps"                          # what srl-data segment wrote
    steps = 200
    reward = { name = "srl", similarity = "sequence_match" }

    [[stage]]
    method = "rlvr"
    data = "steps"
    steps = 200

A stage takes what :class:`srl_data.training.stage.Stage` does; ``"none"`` is Python's ``None``.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from rewards.errors import OptionError
from rewards.registry import Option, did_you_mean, options_of
from srl_data.training.stage import ConfigError, Stage

__all__ = ["Config", "Lora", "differences", "from_table", "read"]


Logger = Literal["tensorboard", "trackio", "wandb"]


@dataclass(frozen=True, slots=True)
class Lora:
    """Low-rank adapters instead of all weights; needs peft. Without dropout: what is trained is what sampled.

    Raises:
        ConfigError: If a number is not 1 or more.
    """

    rank: Annotated[int, "The adapters' rank."] = 16
    alpha: Annotated[int, "Their scale."] = 32
    modules: Annotated[str | tuple[str, ...], "Which layers get one: names, or a pattern as peft takes it."] = (
        "all-linear"
    )

    def __post_init__(self) -> None:
        for name in ("rank", "alpha"):
            if getattr(self, name) < 1:
                raise ConfigError(f"lora: {name} = {getattr(self, name)} must be 1 or more")


@dataclass(frozen=True, slots=True)
class Config:
    """A training run.

    Raises:
        ConfigError: If there is no stage, or two of one name.
    """

    model: Annotated[str, "A folder, or a name on the Hub."]
    output: Annotated[str, "The folder that the run makes."]
    stages: Annotated[tuple[Stage, ...], "What is done, in this order."]
    revision: Annotated[str | None, "Branch, tag or commit of a model on the Hub."] = None
    seed: Annotated[int, "Decides every random choice."] = 0
    device: Annotated[str | None, "Where the model runs; the first GPU, if there is one and none is given."] = None
    precision: Annotated[Literal["fp32", "bf16"], "Of the forward pass; weights stay in float32."] = "fp32"
    lora: Annotated[Lora | None, "Train adapters instead of all weights."] = None
    gradient_checkpointing: Annotated[bool, "Trade time for memory."] = False
    log_to: Annotated[tuple[Logger, ...], "Loggers beside log.jsonl: tensorboard, trackio, wandb."] = ()
    save_every: Annotated[int, "Updates between two checkpoints that --resume goes on from."] = 50

    def __post_init__(self) -> None:
        names = [stage.name for stage in self.stages]
        if not names:
            raise ConfigError("there is no [[stage]]")
        if twice := {name for name in names if names.count(name) > 1}:
            raise ConfigError(f"two stages are called {twice.pop()!r}: give them a name each")
        if self.save_every < 1:
            raise ConfigError(f"save_every = {self.save_every} must be 1 or more")
        if not 0 <= self.seed < 2**32:
            raise ConfigError(f"seed = {self.seed} must be from 0 to {2**32 - 1}")
        if not self.model or not self.output:
            raise ConfigError(f"{'output' if self.model else 'model'} is empty")

    def table(self) -> dict[str, Any]:
        """The run as plain JSON values, as they come back from a file."""
        table: dict[str, Any] = json.loads(json.dumps(asdict(self), default=str))
        return table


def read(path: str | Path, overrides: Mapping[str, Any] | None = None) -> Config:
    """Read a configuration.

    Args:
        path: A TOML file.
        overrides: What stands in place of what it says of the run.

    Raises:
        ConfigError: If it cannot be read, is no TOML, or says what cannot be. The message names file, stage and key.
    """
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error
    return from_table({**table, **(overrides or {})}, str(path))


def from_table(table: Mapping[str, Any], source: str = "configuration") -> Config:
    """Make a configuration from a table of the form of the file.

    Raises:
        ConfigError: As :func:`read`.

    Example:
        >>> stage = {"method": "srl", "data": "steps", "steps": 5}
        >>> from_table({"model": "tiny", "output": "run", "stage": [stage]}).stages[0].lr
        5e-07
        >>> from_table({"model": "tiny", "output": "run", "stage": [stage | {"stpes": 5}]})
        Traceback (most recent call last):
        srl_data.training.stage.ConfigError: configuration: stage 1: there is no key 'stpes'; did you mean 'steps'?
    """
    top = dict(table)
    entries = top.pop("stage", [])
    if "stages" in top:
        raise ConfigError(f"{source}: there is no key 'stages'; did you mean 'stage'? Stages are written [[stage]]")
    if not isinstance(entries, list):
        raise ConfigError(f"{source}: stages are written [[stage]], with two brackets")
    stages = [_make(Stage, entry, f"{source}: stage {number}") for number, entry in enumerate(entries, start=1)]
    if isinstance(top.get("lora"), Mapping):
        top["lora"] = _make(Lora, top["lora"], f"{source}: lora")
    return _make(Config, top | {"stages": tuple(stages)}, source)


def _make(kind: Callable[..., Any], table: Any, where: str) -> Any:
    if not isinstance(table, Mapping):
        raise ConfigError(f"{where}: {table!r} is not a table")
    known = _known(kind)
    values = {}
    for key, value in table.items():
        if key not in known:
            raise ConfigError(f"{where}: there is no key {key!r}{did_you_mean(key, known)}")
        value = tuple(value) if isinstance(value, list) else value
        if value == "none" and "none" in known[key].type_name.split(" | "):
            value = None  # as on the command line: TOML has no word for it
        try:
            known[key].check(value)
        except OptionError as error:
            raise ConfigError(f"{where}: {str(error).removeprefix('option ')}") from error
        values[key] = value
    if missing := [name for name, option in known.items() if option.required and name not in values]:
        raise ConfigError(f"{where}: {' and '.join(missing)} must be given")
    try:
        return kind(**values)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


@cache
def _known(kind: Callable[..., Any]) -> dict[str, Option]:
    return {option.name: option for option in options_of(kind)}


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Which keys of two configurations differ, and how; of those only that change what comes out.

    Example:
        >>> differences({"seed": 1, "output": "here"}, {"seed": 0, "output": "there"})
        ['seed: 1 instead of 0']
    """
    found = []
    for field in fields(Config):
        if field.name in ("stages", "output", "log_to", "save_every"):
            continue
        if one.get(field.name) != other.get(field.name):
            found.append(f"{field.name}: {one.get(field.name)!r} instead of {other.get(field.name)!r}")
    ours, theirs = one.get("stages", ()), other.get("stages", ())
    if len(ours) != len(theirs):
        found.append(f"{len(ours)} stages instead of {len(theirs)}")
    for number, (a, b) in enumerate(zip(ours, theirs, strict=False), start=1):
        found += [f"stage {number}: {key}: {a[key]!r} instead of {b.get(key)!r}" for key in a if a[key] != b.get(key)]
    return found
