"""Whether two equations or inequalities of steps are the same."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice

from rewards.maths.compare import Conventions, Verdict, compare
from rewards.maths.exact import exact
from rewards.maths.points import placed, points
from rewards.maths.solve import difference
from rewards.maths.tree import Apply, Node, Number, Relation, is_scalar, symbols
from rewards.maths.verdict import TIERS

__all__ = ["same_statement"]

_POINTS = 3


def same_statement(gold: Relation, answer: Relation, conventions: Conventions) -> Verdict:
    """Whether two statements are the same: about the same variables, and equations multiples of each other.

    Statements that only have the same solutions, as ``x^2 = 4`` and ``|x| = 2``, may be taken for different. What is
    plainly different, as most pairs are, is told at a few points, before anything dear is tried.

    Example:
        >>> from rewards.maths.parse import parse
        >>> same_statement(parse("3x = y + 1"), parse("y = 3x - 1"), Conventions()).equal
        True
    """
    if gold == answer:
        return Verdict(True, "text", "the same")
    if symbols(gold) != symbols(answer):
        return Verdict(False, "text", "statements about different variables")
    if gold.ops == answer.ops == ("=",) and all(map(is_scalar, gold.terms + answer.terms)):
        return _are_multiples(difference(gold), difference(answer), conventions)
    verdict = compare(gold, answer, conventions)
    return verdict._replace(equal=bool(verdict.equal))


def _are_multiples(first: Node, second: Node, conventions: Conventions) -> Verdict:
    """Whether one expression is a constant times the other; 1 or -1, where exact values do not tell."""
    quotients = set()
    for point in islice(points(first, second), _POINTS):
        above, below = exact(placed(first, point)), exact(placed(second, point))
        if above is not None and below:
            quotients.add(above / below)
    if len(quotients) > 1 and not conventions.rel_tol:
        return Verdict(False, "rational", "no multiples of each other")
    factors = quotients if len(quotients) == 1 else {Fraction(1), Fraction(-1)}
    verdicts = [compare(first, _times(factor, second), conventions) for factor in sorted(factors)]
    same = any(verdict.equal for verdict in verdicts)
    return max(verdicts, key=lambda each: TIERS.index(each.tier))._replace(equal=same)


def _times(factor: Fraction, node: Node) -> Node:
    return node if factor == 1 else Apply("mul", (Number(factor), node))
