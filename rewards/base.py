"""What rewards that compare a completion with a reference have in common.

Columns are checked, bad entries become statuses, and what is left, pairs of texts, goes to the subclass in one batch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from rewards.errors import ColumnError
from rewards.types import Explanation, Scores, Status

__all__ = ["PairReward", "aligned", "scatter"]


def aligned(reward: str, names: Sequence[str], completions: Sequence[Any], columns: Mapping[str, Any]) -> list[Any]:
    """The columns that a reward reads, each checked to hold one entry per completion.

    Args:
        reward: The reward's name, for messages.
        names: The columns that it reads.
        completions: The batch.
        columns: The columns that the caller passed, more than these as a rule.

    Raises:
        ColumnError: If a column is missing, is a single string, or differs in length.

    Example:
        >>> aligned("srl", ["reference"], ["a", "b"], {"reference": ["x", "y"], "prompt": ["?", "?"]})
        [['x', 'y']]
    """
    if isinstance(completions, str):
        raise ColumnError(f"{reward}: completions is one string; pass a list, [completion] for a single one")
    found = []
    for name in names:
        if name not in columns:
            given = ", ".join(sorted(columns)) or "none"
            raise ColumnError(f"{reward} reads the column {name!r}, which was not passed (columns passed: {given})")
        column = columns[name]
        if isinstance(column, str) or not hasattr(column, "__len__"):
            raise ColumnError(
                f"{reward}: column {name!r} is a {type(column).__name__}; pass one entry per completion, "
                f"[{name}] * len(completions) if they share it"
            )
        if len(column) != len(completions):
            raise ColumnError(f"{reward}: {len(completions)} completions, but {len(column)} entries in {name!r}")
        found.append(column)
    return found


def scatter(scores: Scores, places: Sequence[int], status: list[Status], floor: float) -> Scores:
    """Put the scores of some entries back into the whole batch.

    Args:
        scores: Scores of the entries at ``places``, in that order.
        places: Indices into the batch.
        status: The status of every entry of the batch; those at ``places`` are overwritten.
        floor: What ``unparseable_completion`` scores.

    Example:
        >>> scatter(Scores([1.0], ["ok"]), [1], ["unparseable_completion", "ok"], floor=0.0).values
        [0.0, 1.0]
    """
    values: list[float | None] = [floor if each == "unparseable_completion" else None for each in status]
    parts: dict[str, list[float | None]] = {name: [None] * len(status) for name in scores.parts}
    for at, place in enumerate(places):
        values[place], status[place] = scores.values[at], scores.status[at]
        for name, column in scores.parts.items():
            parts[name][place] = column[at]
    return Scores(values, status, parts)


class PairReward(ABC):
    """A reward that compares each completion with the expert's reference, text with text.

    A subclass implements :meth:`score_pairs`, which never sees anything but strings, and may add to
    :meth:`explain` by :meth:`details`.
    """

    name: str
    bounds: tuple[float, float] = (0.0, 1.0)
    columns: tuple[str, ...] = ("reference",)

    @abstractmethod
    def score_pairs(self, completions: Sequence[str], references: Sequence[str]) -> Scores:
        """Score pairs of texts; ``parts`` has the same names whatever the pairs, none at all included."""

    def details(self, completion: str, reference: str) -> tuple[str, Mapping[str, Any]]:
        """What :meth:`explain` says of a scored pair: the reason in one line, and details as plain JSON values."""
        return f"{self.name} of {len(completion)} with {len(reference)} characters", {}

    def __call__(self, completions: Sequence[str], /, **columns: Sequence[Any]) -> Scores:
        """Score a batch; see :class:`rewards.types.Reward`."""
        (references,) = aligned(self.name, self.columns, completions, columns)
        status = [_fitness(ours, theirs) for ours, theirs in zip(completions, references, strict=True)]
        if status.count("ok") == len(status):
            return self.score_pairs(completions, references)
        places = [place for place, each in enumerate(status) if each == "ok"]
        scores = self.score_pairs([completions[at] for at in places], [references[at] for at in places])
        return scatter(scores, places, status, self.bounds[0])

    def explain(self, completion: str, /, **columns: Any) -> Explanation:
        """Say why one completion scores what it does; see :class:`rewards.types.Reward`."""
        scores = self([completion], **{name: [value] for name, value in columns.items()})
        value, status = scores.values[0], scores.status[0]
        if status == "ok":
            reason, details = self.details(completion, columns[self.columns[0]])
            return Explanation(value, status, reason, details)
        return Explanation(value, status, _REASONS[status])


_REASONS: dict[str, str] = {
    "unparseable_reference": "the reference is not a text",
    "unparseable_completion": "the completion is not a text",
    "too_large": "over the work budget: not scored",
    "timeout": "over the time limit: not scored",
    "error": "the reward failed on this pair: not scored",
    "format": "a required form is broken",
}


def _fitness(completion: object, reference: object) -> Status:
    if not isinstance(reference, str):
        return "unparseable_reference"
    return "ok" if isinstance(completion, str) else "unparseable_completion"
