"""Where a run's figures go: ``log.jsonl`` always, other loggers when asked for, a live table on a terminal."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from importlib import import_module
from math import isfinite
from pathlib import Path
from typing import Any, Protocol, TextIO

from srl_data.training.stage import ConfigError
from srl_data.workspace import disk_errors

__all__ = ["Log", "NoLog", "check_loggers", "read_log"]

_Sink = Callable[[int, Mapping[str, float]], None]


class AnyLog(Protocol):
    """What a run tells of itself, and where it stands in telling it."""

    @property
    def position(self) -> int:
        """How many bytes the log has."""

    def update(self, stage: str, step: int, figures: Mapping[str, float]) -> None:
        """Record one update."""

    def event(self, event: str, **values: Any) -> None:
        """Record something else: ``run``, ``stage``, ``validation``, ``alarm``, ``stage_done``, ``done``."""


class Log:
    """The log of a run. Each line is written whole; one that a killed run began is cut off when it is resumed.

    Args:
        folder: The run's folder; the log is ``log.jsonl`` in it.
        loggers: Names of other loggers, see :class:`srl_data.training.config.Config`.
        config: The run's configuration, for those who show it.
        after: How many bytes of the log stay; the rest came after the checkpoint that the run goes on from.
        terminal: Where the table goes, if it is a terminal; alarms are said there anyway.

    Raises:
        ConfigError: If a logger is not installed.
    """

    def __init__(
        self,
        folder: Path,
        loggers: Sequence[str] = (),
        config: Mapping[str, Any] | None = None,
        *,
        after: int = 0,
        terminal: TextIO | None = None,
    ) -> None:
        check_loggers(loggers)
        self.path = folder / "log.jsonl"
        self._open = ExitStack()
        self._file = self._open.enter_context(self.path.open("ab"))
        self._file.truncate(min(after, self.path.stat().st_size))
        self._file.seek(0, os.SEEK_END)
        self._terminal = sys.stderr if terminal is None else terminal
        self._table = _Table(self._terminal) if self._terminal.isatty() else None
        self._sinks = [_SINKS[name](folder, dict(config or {}), self._open) for name in loggers]

    @property
    def position(self) -> int:
        """How many bytes the log has."""
        return self._file.tell()

    def update(self, stage: str, step: int, figures: Mapping[str, float]) -> None:
        """Record one update."""
        self._write({"event": "update", "stage": stage, "step": step, **figures})
        for sink in self._sinks:
            sink(step, {f"{stage}/{name}": value for name, value in figures.items()})
        if self._table:
            self._table.row(stage, step, figures)

    def event(self, event: str, **values: Any) -> None:
        """Record something else: ``run``, ``stage``, ``validation``, ``alarm``, ``stage_done``, ``done``."""
        self._write({"event": event, **values})
        if event == "validation":
            for sink in self._sinks:
                sink(values["step"], {f"{values['stage']}/validation": values["value"]})
        if self._table or event == "alarm":
            told = "  ".join(f"{name} {_short(value)}" for name, value in values.items())
            print(f"{event}: {told}", file=self._terminal, flush=True)

    def close(self) -> None:
        """Close the log's file, and end the other loggers' runs.

        Raises:
            OutputError: If what was written does not fit on the disk.
        """
        with disk_errors(self.path.parent):
            self._open.close()

    def _write(self, record: Mapping[str, Any]) -> None:
        values = {name: None if _is_odd(value) else value for name, value in record.items()}
        with disk_errors(self.path.parent):
            self._file.write(json.dumps(values, ensure_ascii=False, allow_nan=False).encode() + b"\n")
            self._file.flush()


class NoLog:
    """The log of a process that writes none, beside one that does."""

    position = 0

    def update(self, stage: str, step: int, figures: Mapping[str, float]) -> None:
        """Do nothing."""

    def event(self, event: str, **values: Any) -> None:
        """Do nothing."""


def read_log(path: Path) -> list[dict[str, Any]]:
    """All whole lines of a log."""
    lines = path.read_bytes().split(b"\n")[:-1]  # behind the last line break stands nothing, or what was cut short
    return [json.loads(line) for line in lines]


def check_loggers(names: Sequence[str]) -> None:
    """See whether loggers are there.

    Raises:
        ConfigError: If one is not.
    """
    for name in names:
        try:
            import_module("torch.utils.tensorboard" if name == "tensorboard" else name)
        except ImportError as error:
            raise ConfigError(
                f"log_to: {name} is not installed: pip install {name}, or leave it out (log.jsonl is written anyway)"
            ) from error


def _is_odd(value: Any) -> bool:
    return isinstance(value, float) and not isfinite(value)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


_COLUMNS = {
    "reward": "reward",
    "reward_std": "std",
    "keep_rate": "kept",
    "loss": "loss",
    "entropy": "entropy",
    "kl": "kl",
    "length": "length",
    "tokens_per_second": "tok/s",
}


class _Table:
    """One line per update. The heading comes again now and then, and when there is more to tell than before."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._stage = ""
        self._rows = 0
        self._columns: dict[str, str] = {}

    def row(self, stage: str, step: int, figures: Mapping[str, float]) -> None:
        if stage != self._stage:
            self._stage, self._rows, self._columns = stage, 0, {}
        parts = {name: name.removeprefix("reward/") for name in figures if name.startswith("reward/")}
        columns = {name: title for name, title in (_COLUMNS | parts).items() if name in {*figures, *self._columns}}
        if columns != self._columns or self._rows % 20 == 0:
            self._columns = columns
            self._say("stage", "step", [title[:10] for title in columns.values()])
        self._rows += 1
        self._say(stage, step, [f"{figures[name]:.3g}" if name in figures else "" for name in columns])

    def _say(self, stage: str, step: object, cells: Sequence[str]) -> None:
        print(f"{stage[:10]:<10} {step:>6} " + " ".join(f"{cell:>10}" for cell in cells), file=self._out, flush=True)


# -- other loggers ----------------------------------------------------------------------------------------------------


def _tensorboard(folder: Path, config: dict[str, Any], opened: ExitStack) -> _Sink:
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(folder / "tensorboard"))
    opened.callback(writer.close)
    writer.add_text("config", f"```json\n{json.dumps(config, indent=2)}\n```")

    def sink(step: int, figures: Mapping[str, float]) -> None:
        for name, value in figures.items():
            writer.add_scalar(name, value, step)
        writer.flush()

    return sink


def _of_runs(name: str) -> Callable[[Path, dict[str, Any], ExitStack], _Sink]:
    """Trackio, or Weights & Biases, whose interface it has."""

    def make(folder: Path, config: dict[str, Any], opened: ExitStack) -> _Sink:
        module = import_module(name)
        module.init(project="srl-data", name=folder.resolve().name, config=config)
        opened.callback(module.finish)

        def sink(step: int, figures: Mapping[str, float]) -> None:
            stage = next(iter(figures)).partition("/")[0]
            module.log({**figures, f"{stage}/step": step})  # each stage counts from 1, and their own count may not fall

        return sink

    return make


_SINKS = {"tensorboard": _tensorboard, "trackio": _of_runs("trackio"), "wandb": _of_runs("wandb")}
