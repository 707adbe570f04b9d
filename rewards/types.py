"""What a reward is, and what it returns.

A reward is batch-first and columnar: it takes the completions of a batch and, beside them, columns of the
dataset, and returns :class:`Scores`, columns again. That is the shape in which trainers hold a batch, and the
one in which native code, caches and encoders can be fast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Literal, Protocol, get_args, runtime_checkable

__all__ = ["STATUSES", "Explanation", "Reward", "Scores", "Status"]

Status = Literal["ok", "format", "unparseable_reference", "unparseable_completion", "too_large", "timeout", "error"]
"""How scoring one completion ended.

Two statuses are the completion's own fault, and it is given a score for them, so that a model cannot dodge a bad
one: ``format`` (a required form is broken: the fixed penalty) and ``unparseable_completion`` (nothing in it to
score: the lower bound). With the others but ``ok`` there is no score: ``unparseable_reference`` (the dataset's row
is missing or broken), ``too_large`` and ``timeout`` (over the budget), ``error`` (a plug-in failed).
"""

STATUSES: frozenset[str] = frozenset(get_args(Status))


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of a batch, one entry per completion and in its order.

    Attributes:
        values: The scores; ``None`` means *not scorable*, which is neither bad nor good. Never NaN or infinite.
        status: How it went, one word each.
        parts: What the score is made of, by name; the same names on every call of one reward.

    Raises:
        ValueError: If columns differ in length, a number is not finite, or a status is unknown.

    Example:
        >>> Scores([0.5, None], ["ok", "unparseable_reference"])
        Scores(values=[0.5, None], status=['ok', 'unparseable_reference'], parts={})
    """

    values: list[float | None]
    status: list[Status]
    parts: dict[str, list[float | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.status) != len(self.values):
            raise ValueError(f"Scores: {len(self.values)} values, but {len(self.status)} statuses")
        if not STATUSES.issuperset(self.status):
            raise ValueError(f"Scores: unknown status {sorted(set(self.status) - STATUSES)}")
        for name, column in (("values", self.values), *self.parts.items()):
            if len(column) != len(self.values):
                raise ValueError(f"Scores: {len(self.values)} values, but {len(column)} entries in part {name!r}")
            if not all(value is None or isfinite(value) for value in column):
                raise ValueError(f"Scores: {name} holds a number that is not finite")

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True)
class Explanation:
    """One score, told to a human.

    Attributes:
        value: The score, as in :class:`Scores`.
        status: The status, as in :class:`Scores`.
        reason: One line: what decided.
        details: What a closer look needs (matched blocks, parsed answers); plain JSON values.

    Example:
        >>> print(Explanation(0.0, "unparseable_completion", "no answer found", {"looked for": "boxed"}))
        0.0 (unparseable_completion): no answer found
          looked for: boxed
    """

    value: float | None
    status: Status
    reason: str
    details: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [f"{self.value} ({self.status}): {self.reason}"]
        for name, detail in self.details.items():
            if isinstance(detail, list):
                lines += [f"  {name}:", *(f"    {item}" for item in detail)]
            else:
                lines.append(f"  {name}: {detail}")
        return "\n".join(lines)


@runtime_checkable
class Reward(Protocol):
    """A plug-in that scores completions. Instances are immutable, picklable, thread-safe and deterministic.

    Attributes:
        name: Says which reward this is, in logs and as a metric's key.
        bounds: The least and the greatest score, inclusive and finite.
        columns: The dataset columns that it reads beside the completion.
    """

    name: str
    bounds: tuple[float, float]
    columns: tuple[str, ...]

    def __call__(self, completions: Sequence[str], /, **columns: Sequence[Any]) -> Scores:
        """Score a batch: one entry of each column per completion. Columns that it does not read are ignored.

        Raises:
            ColumnError: If a column that it reads is missing, or is not one entry per completion. Nothing that
                stands in a completion raises: that ends as a status.
        """
        ...

    def explain(self, completion: str, /, **columns: Any) -> Explanation:
        """Say why one completion scores what it does; takes one entry of each column."""
        ...
