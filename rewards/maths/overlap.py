"""What two steps have in common, as far as that is decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from rewards.maths.expressions import Expression, Reading
from rewards.maths.matching import matching

__all__ = ["Overlap", "Question"]

Question: TypeAlias = tuple[Expression, Expression]
"""Two expressions: are they equal?"""

_MAX_QUESTIONS = 4  # of a kind, about one completion: each may take a worker all the time that it has


class Overlap(NamedTuple):
    """A completion's step beside the reference's.

    Attributes:
        ours: The completion's.
        theirs: The reference's.
        table: Whether each expression of theirs is equal to each of ours; ``None`` if that is not decided.
        holds: Whether each equality of ours holds; ``None`` likewise.
        result_weight: How much the result of a chain counts, any other expression being 1.
    """

    ours: Reading
    theirs: Reading
    table: list[list[bool | None]]
    holds: list[bool | None]
    result_weight: float = 1.0

    def questions(self) -> list[Question]:
        """What remains to be decided, so far as the shares depend on it; not more than is bearable."""
        found = [pair for pair, holds in zip(self.ours.equalities, self.holds, strict=True) if holds is None]
        return [*self.doubts({})[:_MAX_QUESTIONS], *found[:_MAX_QUESTIONS]]

    def doubts(self, decided: Mapping[Question, bool | None]) -> list[Question]:
        """The pairs that are not decided, if the shares depend on them."""
        found = [
            question
            for their, row in zip(self.theirs.expressions, self.table, strict=True)
            for our, equal in zip(self.ours.expressions, row, strict=True)
            if equal is None and decided.get(question := (their, our)) is None
        ]
        if not found or self.shares(decided) == self.shares({**decided, **dict.fromkeys(found, True)}):
            return []
        return found

    def shares(self, decided: Mapping[Question, bool | None]) -> tuple[float, float]:
        """The shares of ours and of theirs that are paired, by weight; what is not decided is different."""
        partners = self._partners(decided)
        turned: list[list[int]] = [[] for _ in self.ours.expressions]
        for their, row in enumerate(partners):
            for our in row:
                turned[our].append(their)
        return self._share(self.ours, turned), self._share(self.theirs, partners)

    def paired(self, decided: Mapping[Question, bool | None]) -> list[tuple[Expression, Expression]]:
        """Which of theirs is paired with which of ours; there may be other pairings as good."""
        found = matching(self._partners(decided), self._weights(self.theirs))
        pairs = zip(self.theirs.expressions, found, strict=True)
        return [(their, self.ours.expressions[our]) for their, our in pairs if our is not None]

    def failing(self, decided: Mapping[Question, bool | None]) -> list[Question]:
        """The equalities of ours that do not hold, or that cannot be decided."""
        return [
            pair
            for pair, holds in zip(self.ours.equalities, self.holds, strict=True)
            if not (decided.get(pair) if holds is None else holds)
        ]

    def _partners(self, decided: Mapping[Question, bool | None]) -> list[list[int]]:
        return [
            [
                place
                for place, equal in enumerate(row)
                if (decided.get((their, self.ours.expressions[place])) if equal is None else equal)
            ]
            for their, row in zip(self.theirs.expressions, self.table, strict=True)
        ]

    def _weights(self, reading: Reading) -> list[float]:
        return [self.result_weight if each.is_result else 1.0 for each in reading.expressions]

    def _share(self, reading: Reading, partners: list[list[int]]) -> float:
        weights = self._weights(reading)
        found = matching(partners, weights)
        return sum(weight for weight, other in zip(weights, found, strict=True) if other is not None) / sum(weights)
