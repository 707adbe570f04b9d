"""Alarms for what goes wrong in practice, from the figures of each update.

An alarm is a warning in the log and on the terminal, once when it begins; a run goes on. What is not a number stops it,
see :class:`srl_data.training.optimiser.NotFinite`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from statistics import fmean

__all__ = ["Alarms"]

_WINDOW = 10  # updates whose mean is looked at, and compared with that of the stage's first ones
_COLLAPSED = 0.1  # of what it was at first
_SILENT = 5  # updates in a row
_RISEN = 0.2  # of all rollouts, more than at first
_BROKEN = 0.9  # of all rollouts, whatever it was at first
_UNSCORED = 0.5  # of all rollouts
_CUT = 0.5  # of all rollouts

_COLLAPSES = {
    "entropy": "the policy hardly explores; a lower lr or a KL term may keep it",
    "length": "replies shrink to almost nothing; look at some, a shortcut may pay",
}
_SCORELESS = ("unparseable_reference", "too_large", "timeout", "error")


@dataclass(slots=True)
class Alarms:
    """Watches one stage's figures.

    Attributes:
        recent: The last values of each figure.
        first: The mean of its first ones.
        silent: How many updates in a row taught nothing.
        ringing: The alarms that have begun and not ended.

    Example:
        >>> alarms = Alarms()
        >>> [alarms.look({"entropy": 2.0}) for _ in range(10)][-1]
        []
        >>> [alarms.look({"entropy": 0.1}) for _ in range(10)][-1]
        ['entropy fell to 0.100 from 2.000: the policy hardly explores; a lower lr or a KL term may keep it']
        >>> alarms.look({"entropy": 0.1})
        []
    """

    recent: dict[str, list[float]] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)
    silent: int = 0
    ringing: list[str] = field(default_factory=list)

    def look(self, figures: Mapping[str, float]) -> list[str]:
        """The alarms that begin with an update of these figures."""
        found = dict(self._found(figures))
        begun = [message for name, message in found.items() if name not in self.ringing]
        self.ringing = list(found)
        return begun

    def _found(self, figures: Mapping[str, float]) -> Iterator[tuple[str, str]]:
        for name, why in _COLLAPSES.items():
            mean = self._mean(name, figures.get(name))
            if mean is not None and mean < _COLLAPSED * self.first[name]:
                yield name, f"{name} fell to {mean:.3f} from {self.first[name]:.3f}: {why}"
        sampled = "keep_rate" in figures
        broken = self._mean("format", figures.get("status/format", 0.0) if sampled else None)
        if broken is not None and broken > min(_BROKEN, self.first["format"] + _RISEN):
            yield "format", f"{broken:.0%} of the rollouts break the form, {self.first['format']:.0%} at first"
        cut = self._mean("truncated", figures.get("truncated"))
        if cut is not None and cut > _CUT:
            yield "truncated", f"{cut:.0%} of the rollouts are cut off: raise max_new_tokens, if replies end at all"
        lost = sum(figures.get(f"status/{status}", 0.0) for status in _SCORELESS)
        unscored = self._mean("unscored", lost if sampled else None)
        if unscored is not None and unscored > _UNSCORED:
            yield "unscored", f"{unscored:.0%} of the rollouts get no score; the log's status/… figures say why"
        self.silent = self.silent + 1 if 0 in (figures.get("keep_rate"), figures.get("reward_std")) else 0
        if self.silent >= _SILENT:
            yield (
                "silent",
                f"nothing was learnt in {self.silent} updates: the rollouts of each prompt score the same, or not at "
                "all; see `srl-data probe`",
            )
        if broken_off := [name for name, value in figures.items() if not isfinite(value)]:
            yield "number", f"{' and '.join(broken_off)} is not a finite number"

    def _mean(self, name: str, value: float | None) -> float | None:
        """The mean of the last values; ``None`` without a new one, and until there are enough."""
        if value is None or not isfinite(value):
            return None
        recent = self.recent[name] = [*self.recent.get(name, []), value][-_WINDOW:]
        if len(recent) < _WINDOW:
            return None
        self.first.setdefault(name, fmean(recent))
        return fmean(recent)
