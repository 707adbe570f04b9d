"""Several values, sets and matrices, compared part by part."""

from __future__ import annotations

from collections.abc import Sequence

from rewards.maths.exact import exact
from rewards.maths.matching import matching
from rewards.maths.sets import compare_sets, is_set
from rewards.maths.tree import Collection, Interval, Matrix, Node, Relation, Symbol, Union
from rewards.maths.verdict import TIERS, Match, Verdict, both
from rewards.maths.work import Work

__all__ = ["compare_containers"]

_MAX_PAIRS = 400
_KINDS = Verdict(False, "text", "different kinds of answers")


def compare_containers(gold: Node, answer: Node, match: Match, work: Work, *, ordered: bool) -> Verdict:
    """Compare two nodes of which one is a collection, an interval, a union, or a matrix.

    Args:
        gold: The one.
        answer: The other.
        match: Compares the parts.
        work: The comparison's budget.
        ordered: Whether the order of values listed without brackets counts.
    """
    if isinstance(gold, (Interval, Union)) or isinstance(answer, (Interval, Union)):
        return _with_sets(gold, answer, match, work)
    if isinstance(gold, Matrix) or isinstance(answer, Matrix):
        return _matrices(gold, answer, match)
    if isinstance(gold, Collection) and isinstance(answer, Collection):
        kinds = {gold.kind, answer.kind}
        if kinds <= {"bare", "set"} and not (ordered and kinds == {"bare"}):
            return _unordered(gold.items, answer.items, match, work, repeated="set" not in kinds)
        if len(kinds) == 1 or ("bare" in kinds and "set" not in kinds):
            return _in_order(_by_name(gold), _by_name(answer), match)
        return _KINDS
    for side, other in ((gold, answer), (answer, gold)):  # the set or list of one value is as good as the value
        if isinstance(side, Collection) and side.kind in ("set", "list") and len(side.items) == 1:
            return match(side.items[0], other) if side is gold else match(other, side.items[0])
    return _KINDS


def _by_name(side: Collection) -> Sequence[Node]:
    """The items; of ``y = 2, x = 1`` in the order of the names, which a tuple's values have."""
    names = [each.terms[0] for each in side.items if isinstance(each, Relation) and each.ops == ("=",)]
    variables = [each.name for each in names if isinstance(each, Symbol)]
    if side.kind != "bare" or len(set(variables)) < len(side.items):
        return side.items
    return [item for _, item in sorted(zip(variables, side.items, strict=True), key=lambda each: each[0])]


def _with_sets(gold: Node, answer: Node, match: Match, work: Work) -> Verdict:
    for interval, other in ((gold, answer), (answer, gold)):
        if isinstance(interval, Interval) and isinstance(other, Collection) and other.kind in ("bare", "list"):
            if not (interval.closed_low and interval.closed_high):
                return _KINDS
            ends = (interval.low, interval.high)  # [1, 2] is also a list
            ours, theirs = (ends, other.items) if interval is gold else (other.items, ends)
            return _in_order(ours, theirs, match)
    return compare_sets(gold, answer, match, work) if is_set(gold) and is_set(answer) else _KINDS


def _matrices(gold: Node, answer: Node, match: Match) -> Verdict:
    if isinstance(gold, Matrix) and isinstance(answer, Matrix):
        if (len(gold.rows), len(gold.rows[0])) != (len(answer.rows), len(answer.rows[0])):
            return Verdict(False, "text", "matrices of different shapes")
    elif any(isinstance(side, Matrix) and min(len(side.rows), len(side.rows[0])) > 1 for side in (gold, answer)):
        return _KINDS  # only a row or a column is as good as a point
    ours, theirs = _entries(gold), _entries(answer)
    return _KINDS if ours is None or theirs is None else _in_order(ours, theirs, match)


def _entries(node: Node) -> tuple[Node, ...] | None:
    """The entries of a matrix, or of what may stand for one of a single row or column."""
    if isinstance(node, Collection) and node.kind in ("tuple", "list"):
        return node.items
    if isinstance(node, Matrix):
        return tuple(entry for row in node.rows for entry in row)
    return None


def _in_order(gold: Sequence[Node], answer: Sequence[Node], match: Match) -> Verdict:
    if len(gold) != len(answer):
        return Verdict(False, "text", f"{len(answer)} values instead of {len(gold)}")
    return both(match(a, b) for a, b in zip(gold, answer, strict=True))


def _unordered(gold: Sequence[Node], answer: Sequence[Node], match: Match, work: Work, *, repeated: bool) -> Verdict:
    """Values without order; ``repeated`` says whether how often one occurs counts."""
    if repeated and len(gold) != len(answer):
        return Verdict(False, "text", f"{len(answer)} values instead of {len(gold)}")
    if not gold or not answer:
        return Verdict(False, "text", "one of the two is empty")
    if len(gold) * len(answer) > _MAX_PAIRS:
        return _many(gold, answer, work, repeated=repeated)
    table = [[match(a, b) for b in answer] for a in gold]
    worst = max((pair.tier for line in table for pair in line), key=TIERS.index)
    lines = [*table, *zip(*table, strict=True)]
    if any(all(pair.equal is False for pair in line) for line in lines):
        return Verdict(False, worst, "a value is missing or is one too many")
    if any(not any(pair.equal for pair in line) for line in lines):
        return Verdict(None, "symbolic", "a value may have no counterpart")
    partners = [[column for column, pair in enumerate(line) if pair.equal] for line in table]
    if repeated and None in matching(partners, [1.0] * len(table)):
        if any(pair.equal is None for line in table for pair in line):
            return Verdict(None, "symbolic", "values may occur more or less often")
        return Verdict(False, worst, "values occur more or less often")
    return Verdict(True, worst, "the same values")


def _many(gold: Sequence[Node], answer: Sequence[Node], work: Work, *, repeated: bool) -> Verdict:
    """Too many values for every pair to be looked at: sorted, if they are numbers."""
    ours, theirs = ([exact(each, work) for each in values] for values in (gold, answer))
    numbers = [[each for each in values if each is not None] for values in (ours, theirs)]
    if len(numbers[0]) < len(gold) or len(numbers[1]) < len(answer):
        return Verdict(None, "symbolic", "too many values to pair")
    same = sorted(numbers[0]) == sorted(numbers[1]) if repeated else set(numbers[0]) == set(numbers[1])
    return Verdict(same, "rational", "the same numbers" if same else "different numbers")
