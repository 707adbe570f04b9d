"""What goes wrong in practice, said while it happens: collapse, silence, broken forms.

An alarm is a warning in the log and on the terminal, once when it begins; a run goes on. What is not a number stops it,
see :class:`srl_data.training.optimiser.NotFinite`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from statistics import fmean

__all__ = ["Alarms"]

_WINDOW = 10  # updates that are compared with the stage's first ones, or looked back on
_COLLAPSED = 0.1  # of what it was at the start
_SILENT = 5  # updates in a row
_BROKEN = 0.5  # of all rollouts


class Alarms:
    """Watches one stage's figures.

    Example:
        >>> alarms = Alarms()
        >>> [alarms.look({"entropy": 2.0}) for _ in range(10)][-1]
        []
        >>> [alarms.look({"entropy": 0.1}) for _ in range(10)][-1]
        ['entropy fell to 0.100 from 2.000: the policy hardly explores; a lower lr or a KL term may keep it']
        >>> alarms.look({"entropy": 0.1})
        []
    """

    def __init__(self) -> None:
        self._recent: dict[str, deque[float]] = {}
        self._first: dict[str, float] = {}
        self._silent = 0
        self._ringing: set[str] = set()

    def look(self, figures: Mapping[str, float]) -> list[str]:
        """The alarms that begin with an update of these figures."""
        found: dict[str, str] = {}
        for name, why in _COLLAPSES.items():
            mean = self._mean(name, figures)
            if mean is None:
                continue
            first = self._first.setdefault(name, mean)
            if mean < _COLLAPSED * first:
                found[name] = f"{name} fell to {mean:.3f} from {first:.3f}: {why}"
        broken = self._mean("status/format", {"status/format": figures.get("status/format", 0.0)})
        if broken is not None and broken > max(_BROKEN, 2 * self._first.setdefault("status/format", broken)):
            found["format"] = (
                f"{broken:.0%} of the rollouts break the form, {self._first['status/format']:.0%} at first"
            )
        self._silent = self._silent + 1 if figures.get("keep_rate") == 0 else 0
        if self._silent >= _SILENT:
            found["silent"] = (
                f"no prompt was kept in {self._silent} updates: all rollouts of each score the same, and nothing is "
                "learnt; see `srl-data probe`"
            )
        begun = [message for name, message in found.items() if name not in self._ringing]
        self._ringing = set(found)
        return begun

    def state(self) -> dict[str, object]:
        """All that a resumed run needs."""
        recent = {name: list(values) for name, values in self._recent.items()}
        return {"recent": recent, "first": self._first, "silent": self._silent, "ringing": sorted(self._ringing)}

    @classmethod
    def restored(cls, state: Mapping[str, object]) -> Alarms:
        """Alarms that go on from a ``state``."""
        alarms = cls()
        recent: Mapping[str, list[float]] = state["recent"]  # type: ignore[assignment]
        alarms._recent = {name: deque(values, maxlen=_WINDOW) for name, values in recent.items()}
        alarms._first = dict(state["first"])  # type: ignore[call-overload]
        alarms._silent = state["silent"]  # type: ignore[assignment]
        alarms._ringing = set(state["ringing"])  # type: ignore[call-overload]
        return alarms

    def _mean(self, name: str, figures: Mapping[str, float]) -> float | None:
        """The mean of the last updates; ``None`` until there are enough."""
        if name not in figures:
            return None
        recent = self._recent.setdefault(name, deque(maxlen=_WINDOW))
        recent.append(figures[name])
        return fmean(recent) if len(recent) == _WINDOW else None


_COLLAPSES = {
    "entropy": "the policy hardly explores; a lower lr or a KL term may keep it",
    "length": "replies shrink to almost nothing; look at some, a shortcut may pay",
}
