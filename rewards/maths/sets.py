"""Sets of real numbers: intervals, points, and unions of them, compared as the sets that they are."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from rewards.maths.exact import exact
from rewards.maths.probe import CLOSE, approximate
from rewards.maths.tree import INFINITY, MINUS_INFINITY, Collection, Interval, Node, Union, is_infinite
from rewards.maths.verdict import Match, Tier, Verdict, both
from rewards.maths.work import Work

__all__ = ["are_apart", "compare_sets", "contains", "is_set"]


def is_set(node: Node) -> bool:
    """Whether a node may be read as a set of real numbers; ``(a, b)`` may."""
    if isinstance(node, Collection):
        return node.kind == "set" or (node.kind == "tuple" and len(node.items) == 2)
    return isinstance(node, (Interval, Union))


def compare_sets(gold: Node, answer: Node, match: Match, work: Work) -> Verdict:
    """Whether two sets, of which at least one is an interval or a union, are the same set.

    Args:
        gold: The one.
        answer: The other.
        match: Compares end points and members.
        work: The comparison's budget.
    """
    ours, theirs = _pieces(gold), _pieces(answer)
    ranks = _ranks(ours + theirs, match, work)
    if ranks is not None:
        same = _merged(ours, ranks) == _merged(theirs, ranks)
        tier: Tier = (
            "rational" if all(is_infinite(each) or exact(each, work) is not None for each in ranks) else "numeric"
        )
        return Verdict(same, tier, "the same set" if same else "different sets")
    if len(ours) == len(theirs) == 1:
        return _piece(ours[0], theirs[0], match)
    return _paired(ours, theirs, match)


def contains(node: Node, value: Fraction, work: Work) -> bool | None:
    """Whether a number is in a set; ``None`` if an end is not rational."""
    inside = False
    for piece in _pieces(node):
        low, high = (exact(end, work) for end in _ends(piece))
        low_far, high_far = (is_infinite(end) for end in _ends(piece))
        if (low is None and not low_far) or (high is None and not high_far):
            return None
        closed = (piece.closed_low, piece.closed_high) if isinstance(piece, Interval) else (True, True)
        above = low is None or value > low or (value == low and closed[0])
        below = high is None or value < high or (value == high and closed[1])
        inside = inside or (above and below)
    return inside


def are_apart(union: Union, match: Match, work: Work) -> bool:
    """Whether the parts of a union, known to be intervals or points, neither overlap nor touch."""
    pieces = _pieces(union)
    ranks = _ranks(pieces, match, work)
    return ranks is not None and len(_merged(pieces, ranks)) == len(pieces)


def _paired(ours: Sequence[Node], theirs: Sequence[Node], match: Match) -> Verdict:
    """Pieces whose order on the line is not known: each finds its counterpart, or the two are not told apart here."""
    free = list(theirs)
    found: list[Verdict] = []
    for piece in ours:
        for other in free:
            verdict = _piece(piece, other, match)
            if verdict.equal:
                found.append(verdict)
                free.remove(other)
                break
        else:
            return Verdict(None, "symbolic", "sets whose pieces do not pair up")
    return both(found) if not free else Verdict(None, "symbolic", "sets whose pieces do not pair up")


def _pieces(node: Node) -> list[Node]:
    match node:
        case Union(parts):
            return [piece for part in parts for piece in _pieces(part)]
        case Collection("set", items):
            return list(items)
        case Collection("tuple", (low, high)):
            return [Interval(low, high, False, False)]
        case _:
            return [node]


def _piece(ours: Node, theirs: Node, match: Match) -> Verdict:
    if not isinstance(ours, Interval) or not isinstance(theirs, Interval):
        if isinstance(ours, Interval) or isinstance(theirs, Interval):
            return Verdict(False, "text", "a number is no interval")
        return match(ours, theirs)
    for one, two, at in (
        (ours.closed_low, theirs.closed_low, ours.low),
        (ours.closed_high, theirs.closed_high, ours.high),
    ):
        if one != two and not is_infinite(at):
            return Verdict(False, "text", "an end belongs to one interval only")
    return both([match(ours.low, theirs.low), match(ours.high, theirs.high)])


def _ends(piece: Node) -> tuple[Node, Node]:
    return (piece.low, piece.high) if isinstance(piece, Interval) else (piece, piece)


def _ranks(pieces: Sequence[Node], match: Match, work: Work) -> dict[Node, int] | None:
    """Where the ends of some pieces stand on the line, counted from the left; ``None`` if that is not sure."""
    places: list[tuple[Fraction, Node]] = []
    for end in {end for piece in pieces for end in _ends(piece)} - {MINUS_INFINITY, INFINITY}:
        value = exact(end, work)
        if value is None:
            value = approximate(end, work)
        if value is None:
            return None
        places.append((value, end))
    places.sort(key=lambda each: each[0])
    ranks: dict[Node, int] = {MINUS_INFINITY: -1, INFINITY: len(places)}
    for place, (value, end) in enumerate(places):
        ranks[end] = place
        if place:
            before, other = places[place - 1]
            same = match(other, end).equal
            if same:
                ranks[end] = ranks[other]
            elif same is None or value - before <= CLOSE * max(abs(value), abs(before)):
                return None
    return ranks


_Stretch = tuple[int, bool, int, bool]


def _merged(pieces: Sequence[Node], ranks: dict[Node, int]) -> list[_Stretch]:
    """A set as stretches in order that do not touch."""
    stretches: list[_Stretch] = []
    for piece in pieces:
        low, high = (ranks[end] for end in _ends(piece))
        closed = (piece.closed_low, piece.closed_high) if isinstance(piece, Interval) else (True, True)
        at_low, at_high = closed[0] and low >= 0, closed[1] and high < ranks[INFINITY]
        if low < high or (low == high and at_low and at_high):
            stretches.append((low, at_low, high, at_high))
    stretches.sort(key=lambda each: (each[0], not each[1]))
    merged: list[_Stretch] = []
    for low, at_low, high, at_high in stretches:
        if merged:
            first, at_first, last, at_last = merged[-1]
            if low < last or (low == last and (at_low or at_last)):
                if last < high or (last == high and at_high):
                    merged[-1] = (first, at_first, high, at_high)
                continue
        merged.append((low, at_low, high, at_high))
    return merged
