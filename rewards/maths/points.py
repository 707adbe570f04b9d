"""Statements at points: where two of them differ, they do not say the same. Everything is exact."""

from __future__ import annotations

import operator
import random
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import pairwise

from rewards.maths.exact import exact
from rewards.maths.tree import Apply, Node, Number, Relation, Symbol, symbols
from rewards.maths.work import Work

__all__ = ["Point", "has_own_solution", "holds", "placed", "points"]

Point = dict[str, Fraction]

_POINTS = 40
_HALVINGS = 60


def points(*nodes: Node) -> Iterator[Point]:
    """Some points for all variables of some nodes, the same on every run."""
    names = sorted(frozenset().union(*map(symbols, nodes)))
    draw = random.Random(0)  # noqa: S311 - points, not secrets
    for number in range(_POINTS):
        width = (3, 12, 60)[number % 3]
        yield {name: Fraction(draw.randint(-16 * width, 16 * width), 16) + Fraction(1, 97) for name in names}


def placed(node: Node, point: Point) -> Node:
    """A scalar with numbers in place of its variables."""
    match node:
        case Symbol(name):
            return Number(point[name])
        case Apply(op, args):
            return Apply(op, tuple(placed(each, point) for each in args))
        case _:
            return node


_HOLDS: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def holds(relation: Relation, point: Point, work: Work) -> bool | None:
    """Whether a statement holds at a point; ``None`` if that cannot be worked out exactly.

    Example:
        >>> from rewards.maths.parse import parse
        >>> holds(parse("x^2 < 4"), {"x": Fraction(1)}, Work()), holds(parse("x^2 < 4"), {"x": Fraction(-2)}, Work())
        (True, False)
    """
    values = [exact(placed(term, point), work) for term in relation.terms]
    known = [value for value in values if value is not None]
    if len(known) < len(values) or "in" in relation.ops:
        return None
    return all(_HOLDS[op](a, b) for op, (a, b) in zip(relation.ops, pairwise(known), strict=True))


def has_own_solution(left: Node, right: Node, work: Work) -> bool:
    """Whether one expression is zero somewhere where another one is not: sure if so, unknown if not.

    A zero is looked for between points where the first has different signs. By halving, it comes to lie within a
    stretch over which the other one hardly changes.

    Example:
        >>> from rewards.maths.parse import parse
        >>> has_own_solution(parse("x^2 - 4"), parse("x - 2"), Work())
        True
    """

    def value(node: Node, point: Point) -> Fraction | None:
        return exact(placed(node, point), work)

    for start, end in pairwise(points(left, right)):
        low, high = value(left, start), value(left, end)
        if low is None or high is None or (low < 0) == (high < 0):
            continue
        size = abs(low)
        for _ in range(_HALVINGS):
            middle = {name: (start[name] + end[name]) / 2 for name in start}
            between = value(left, middle)
            if between is None:
                break
            if (between < 0) == (low < 0):
                start, low = middle, between
            else:
                end, high = middle, between
        else:
            if _clear(low, high, size, value(right, start), value(right, end)):
                return True
    return False


def _clear(low: Fraction, high: Fraction, size: Fraction, first: Fraction | None, last: Fraction | None) -> bool:
    """Whether there is a zero between two points, and no pole; and none of the other expression, valued last."""
    if first is None or last is None:
        return False
    return abs(low) + abs(high) < size / 2**20 and abs(first - last) < abs(first) / 2**20
