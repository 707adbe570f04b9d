"""Where a run's figures go: ``log.jsonl`` always, other loggers when asked for, a live table on a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TextIO

from srl_data.training.stage import ConfigError

__all__ = ["Log", "read_log"]


class _Sink(Protocol):
    def __call__(self, step: int, figures: Mapping[str, float]) -> None: ...


class Log:
    """The log of a run. Each line is written whole; one that a killed run began is cut off when it is resumed.

    Args:
        folder: The run's folder; the log is ``log.jsonl`` in it.
        loggers: Names of other loggers, see :class:`srl_data.training.config.Config`.
        config: The run's configuration, for those who show it.
        after: How many bytes of the log stay; the rest came after the checkpoint that the run goes on from.
        terminal: Where the table goes; none if it is no terminal.

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
        terminal: TextIO | None = sys.stderr,
    ) -> None:
        self.path = folder / "log.jsonl"
        self._file = self.path.open("ab")
        self._file.truncate(after)
        self._table = _Table(terminal) if terminal is not None and terminal.isatty() else None
        self._sinks = [_SINKS[name](folder, config or {}) for name in loggers]

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
        """Record something else: ``alarm``, ``validation``, ``stage``, ``done``."""
        self._write({"event": event, **values})
        if self._table:
            self._table.say(event, values)

    def close(self) -> None:
        """Close the log's file."""
        self._file.close()

    def _write(self, record: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(record, ensure_ascii=False, allow_nan=False).encode() + b"\n")
        self._file.flush()


def read_log(path: Path) -> list[dict[str, Any]]:
    """All whole lines of a log."""
    lines = path.read_bytes().split(b"\n")[:-1]  # behind the last line break stands nothing, or what was cut short
    return [json.loads(line) for line in lines]


_COLUMNS = {
    "reward": "reward",
    "std": "reward_std",
    "kept": "keep_rate",
    "loss": "loss",
    "entropy": "entropy",
    "kl": "kl",
    "length": "length",
    "tok/s": "tokens_per_second",
}


class _Table:
    """One line per update, with its heading again now and then."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._rows = 0

    def row(self, stage: str, step: int, figures: Mapping[str, float]) -> None:
        if self._rows % 20 == 0:
            print(f"{'stage':<10} {'step':>6} " + " ".join(f"{name:>8}" for name in _COLUMNS), file=self._out)
        self._rows += 1
        cells = [f"{figures[key]:8.3g}" if key in figures else " " * 8 for key in _COLUMNS.values()]
        print(f"{stage[:10]:<10} {step:>6} " + " ".join(cells), file=self._out, flush=True)

    def say(self, event: str, values: Mapping[str, Any]) -> None:
        told = ", ".join(f"{name} {_short(value)}" for name, value in values.items())
        print(f"{event}: {told}", file=self._out, flush=True)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


# -- other loggers ----------------------------------------------------------------------------------------------------


def _tensorboard(folder: Path, config: Mapping[str, Any]) -> _Sink:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise _missing("tensorboard") from error
    writer = SummaryWriter(str(folder / "tensorboard"))

    def sink(step: int, figures: Mapping[str, float]) -> None:
        for name, value in figures.items():
            writer.add_scalar(name, value, step)
        writer.flush()

    return sink


def _of_runs(name: str) -> Any:
    def make(folder: Path, config: Mapping[str, Any]) -> _Sink:
        try:
            module: Any = __import__(name)
        except ImportError as error:
            raise _missing(name) from error
        module.init(project="srl-data", name=folder.name, config=dict(config))

        def sink(step: int, figures: Mapping[str, float]) -> None:
            module.log(dict(figures))

        return sink

    return make


def _missing(name: str) -> ConfigError:
    return ConfigError(
        f"log_to: {name} is not installed: pip install {name}, or leave it out (log.jsonl is written anyway)"
    )


_SINKS = {"tensorboard": _tensorboard, "trackio": _of_runs("trackio"), "wandb": _of_runs("wandb")}
