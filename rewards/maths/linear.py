"""Sums of rational multiples of variables, as dictionaries."""

from __future__ import annotations

from fractions import Fraction
from typing import TypeAlias

from rewards.maths.exact import exact
from rewards.maths.tree import Apply, Node, Symbol
from rewards.maths.work import Work

__all__ = ["Linear", "linear", "multiple"]

Linear: TypeAlias = dict[str, Fraction]
"""What each variable is multiplied by, the constant under ``""``; what is 0 is not there."""


def linear(node: Node, work: Work) -> Linear | None:
    """A scalar as a linear form; ``None`` if it is not one.

    Example:
        >>> from rewards.maths.parse import parse
        >>> linear(parse("(2x - 1)/4 + y"), Work())
        {'x': Fraction(1, 2), '': Fraction(-1, 4), 'y': Fraction(1, 1)}
        >>> print(linear(parse("xy"), Work()))
        None
    """
    value = exact(node, work)
    if value is not None:
        return {"": value} if value else {}
    match node:
        case Symbol(name):
            return {name: Fraction(1)}
        case Apply("neg", (inner,)):
            return _scaled(linear(inner, work), Fraction(-1))
        case Apply("add", args):
            total: Linear = {}
            for each in args:
                part = linear(each, work)
                if part is None:
                    return None
                for name, times in part.items():
                    total[name] = total.get(name, Fraction(0)) + times
            return {name: times for name, times in total.items() if times}
        case Apply("mul", args):
            factor, rest = Fraction(1), []
            for each in args:
                value = exact(each, work)
                if value is None:
                    rest.append(each)
                else:
                    factor *= value
            return _scaled(linear(rest[0], work), factor) if len(rest) == 1 else None
        case Apply("div", (above, below)):
            value = exact(below, work)
            return _scaled(linear(above, work), 1 / value) if value else None
    return None


def multiple(ours: Linear, theirs: Linear) -> Fraction | None:
    """The number that the one is the other times, if there is one and it is not 0."""
    if ours.keys() != theirs.keys():
        return None
    if not ours:
        return Fraction(1)
    factors = {ours[name] / theirs[name] for name in ours}
    return factors.pop() if len(factors) == 1 else None


def _scaled(form: Linear | None, factor: Fraction) -> Linear | None:
    return form and {name: times * factor for name, times in form.items() if factor}
