"""Inequalities in one variable, solved: the set that they say a variable to be in."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from rewards.maths.exact import exact
from rewards.maths.linear import linear
from rewards.maths.probe import CLOSE, approximate
from rewards.maths.sets import is_set
from rewards.maths.tree import (
    INFINITY,
    MINUS_INFINITY,
    Apply,
    Collection,
    Interval,
    Node,
    Number,
    Quantity,
    Relation,
    RelationOp,
    Symbol,
    Union,
    is_scalar,
    symbols,
)
from rewards.maths.work import Work

__all__ = ["Solved", "alternatives", "difference", "solved", "turned"]


class Solved(NamedTuple):
    """The variable that a statement is about, and the set that it is said to be in."""

    name: str
    values: Node


def solved(relation: Relation, work: Work) -> Solved | None:
    r"""Solve a statement; ``None`` where that is not done.

    Done are ``x \in S``, and inequalities whose one side, or middle, is linear in one variable with rational
    coefficients or the absolute value of such a term, and whose other sides are constants.

    Example:
        >>> from rewards.maths.parse import parse
        >>> solved(parse("|2x + 1| < 5"), Work()) == solved(parse("-3 < x < 2"), Work())
        True
        >>> print(solved(parse("x^2 < 4"), Work()))
        None
    """
    terms, ops = relation.terms, relation.ops
    if ops == ("in",):
        return Solved(terms[0].name, terms[1]) if isinstance(terms[0], Symbol) and is_set(terms[1]) else None
    if "in" in ops or "=" in ops:
        return None
    if len(ops) == 1:
        return _distance(relation, work) or _half_line(relation, work)
    return _between(relation, work) if len(ops) == 2 else None


def alternatives(node: Node, work: Work) -> Union | None:
    """The set that several inequalities about one variable state: ``x < 1 or x > 2``, ``x < 1, x > 2``."""
    if not isinstance(node, Collection) or node.kind != "bare":
        return None
    found = [solved(item, work) for item in node.items if isinstance(item, Relation)]
    sets = [each for each in found if each]
    if len(sets) < len(node.items) or len({each.name for each in sets}) != 1:
        return None
    return Union(tuple(each.values for each in sets))


_TURNED: dict[str, RelationOp] = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "!=": "!="}


def turned(relation: Relation) -> Relation | None:
    """The same statement, read from the other end."""
    if "in" in relation.ops:
        return None
    return Relation(relation.terms[::-1], tuple(_TURNED[op] for op in relation.ops[::-1]))


def difference(relation: Relation) -> Node:
    """The left side of a statement of two terms without the right one."""
    left, right = relation.terms
    return Apply("add", (left, Apply("neg", (right,))))


class _Line(NamedTuple):
    """A term that is linear in one variable: ``slope`` times it, plus ``shift``."""

    name: str
    slope: Fraction
    shift: Fraction

    def takes(self, *bounds: Node) -> bool:
        """Whether these may be its bounds: such with a unit only if it is the variable itself."""
        return (self.slope == 1 and not self.shift) or not any(isinstance(each, Quantity) for each in bounds)

    def within(self, low: Node | None, high: Node | None, closed: tuple[bool, bool], work: Work) -> Interval:
        """Where the term is between two values, of which ``None`` is no bound; and whether the ends are included."""
        ends = [(low and self._at(low, work), closed[0]), (high and self._at(high, work), closed[1])]
        (first, with_first), (last, with_last) = ends if self.slope > 0 else ends[::-1]
        return Interval(first or MINUS_INFINITY, last or INFINITY, with_first, with_last)

    def _at(self, value: Node, work: Work) -> Node:
        """Where the term has a value."""
        known = exact(value, work)
        if known is not None:
            return Number((known - self.shift) / self.slope)
        if not self.shift and self.slope == 1:
            return value
        return Apply("div", (Apply("add", (value, Number(-self.shift))), Number(self.slope)))


def _line(node: Node, work: Work) -> _Line | None:
    form = linear(node, work) if is_scalar(node) else None
    names = [name for name in form or () if name]
    return _Line(names[0], form[names[0]], form.get("", Fraction(0))) if form and len(names) == 1 else None


def _constant(node: Node) -> Node | None:
    """A side that has no variable."""
    return node if (is_scalar(node) or isinstance(node, Quantity)) and not symbols(node) else None


def _both_ways(relation: Relation) -> list[Relation]:
    return [each for each in (relation, turned(relation)) if each]


def _half_line(relation: Relation, work: Work) -> Solved | None:
    """``2x + 1 < 5``, ``5 > 2x + 1``, ``x + 1 < 2x``."""
    forms = _both_ways(relation)
    if all(map(is_scalar, relation.terms)):
        forms.append(Relation((difference(relation), Number(Fraction(0))), relation.ops))
    for each in forms:
        line, bound = _line(each.terms[0], work), _constant(each.terms[1])
        if line and bound:
            return Solved(line.name, _beyond(line, bound, each.ops[0], work)) if line.takes(bound) else None
    return None


def _beyond(line: _Line, bound: Node, op: RelationOp, work: Work) -> Node:
    if op == "!=":
        sides = (line.within(None, bound, (False, False), work), line.within(bound, None, (False, False), work))
        return Union(sides)
    closed = (len(op) == 2, len(op) == 2)
    return line.within(None, bound, closed, work) if op[0] == "<" else line.within(bound, None, closed, work)


def _distance(relation: Relation, work: Work) -> Solved | None:
    """``|2x + 1| < 5``, ``5 >= |x|``."""
    for each in _both_ways(relation):
        if each.ops[0] == "!=" or not isinstance(each.terms[0], Apply) or each.terms[0].op != "abs":
            continue
        line, bound = _line(each.terms[0].args[0], work), _constant(each.terms[1])
        size = None if line is None or bound is None else approximate(bound, work)
        if line is None or bound is None or size is None or size <= CLOSE or not line.takes(bound):
            return None
        op, least = each.ops[0], Apply("neg", (bound,))
        closed = (len(op) == 2, len(op) == 2)
        if op[0] == "<":
            return Solved(line.name, line.within(least, bound, closed, work))
        beyond = (line.within(None, least, closed, work), line.within(bound, None, closed, work))
        return Solved(line.name, Union(beyond))
    return None


def _between(relation: Relation, work: Work) -> Solved | None:
    """``1 < 2x + 1 <= 5``."""
    each = turned(relation) if relation.ops[0][0] == ">" else relation
    if each is None or any(op[0] != "<" for op in each.ops):
        return None
    line, low, high = _line(each.terms[1], work), _constant(each.terms[0]), _constant(each.terms[2])
    if line is None or low is None or high is None or not line.takes(low, high):
        return None
    return Solved(line.name, line.within(low, high, (len(each.ops[0]) == 2, len(each.ops[1]) == 2), work))
