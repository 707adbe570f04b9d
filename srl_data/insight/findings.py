"""What a look at training data found: one thing each, with a way to mend it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Finding", "Findings", "Level", "worst"]

Level = Literal["ok", "warn", "fail"]
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        level: ``fail`` would stop or spoil the training, ``warn`` is worth knowing, ``ok`` was looked at and is sound.
        check: What was looked at: ``columns``, ``rows``, ``lengths``, ``reward`` or ``versions``.
        message: What was found.
        mend: What to do about it.
        examples: Where, the first few.
    """

    level: Level
    check: str
    message: str
    mend: str = ""
    examples: tuple[str, ...] = ()


@dataclass
class Findings:
    """Counts what is wrong with rows, and keeps the first few places."""

    counts: Counter[tuple[Level, str, str]] = field(default_factory=Counter)
    examples: dict[tuple[Level, str, str], list[str]] = field(default_factory=dict)

    def add(self, message: str, mend: str, where: str, *, level: Level = "fail") -> None:
        """Count one row."""
        key: tuple[Level, str, str] = (level, message, mend)
        self.counts[key] += 1
        shown = self.examples.setdefault(key, [])
        if len(shown) < _SHOWN:
            shown.append(where)

    def findings(self, check: str, rows: int, ok: str) -> Iterator[Finding]:
        """What was found; or that nothing was."""
        for (level, message, mend), number in self.counts.most_common():
            where = tuple(self.examples[level, message, mend])
            yield Finding(level, check, f"{number:,} of {rows:,} rows: {message}", mend, where)
        if not self.counts:
            yield Finding("ok", check, ok)


def worst(findings: Iterable[Finding]) -> Level:
    """The level of the worst finding.

    Example:
        >>> worst([Finding("ok", "rows", ""), Finding("warn", "lengths", "")])
        'warn'
    """
    order: tuple[Level, ...] = ("ok", "warn", "fail")
    return max((finding.level for finding in findings), key=order.index, default="ok")
