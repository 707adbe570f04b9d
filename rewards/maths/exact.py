"""A tree to the rational number that it is, where it is one and stays small; nothing is ever rounded."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

from rewards.maths.tree import Apply, Node, Number
from rewards.maths.work import OverBudget, Work

__all__ = ["MAX_BITS", "MAX_FACTORIAL", "exact"]

MAX_BITS = 20_000  # of a numerator or denominator
MAX_FACTORIAL = 2_086  # which is about as many bits


class _NotExact(Exception):
    """The value is irrational, undefined, of symbols, or too large to work out."""


def exact(node: Node, work: Work | None = None) -> Fraction | None:
    """The value of a tree as a fraction; ``None`` if it is not rational, not defined, or over the budget of work.

    The work is bounded before it is done: a power or a factorial is refused by the size that it would have.

    Example:
        >>> from rewards.maths.parse import parse
        >>> exact(parse("1/3 + 0.5")), exact(parse("sqrt(16)")), exact(parse("9^{9^9}"))
        (Fraction(5, 6), Fraction(4, 1), None)
    """
    if isinstance(node, Number):
        return node.value
    try:
        return _value(node, work or Work())
    except (_NotExact, OverBudget):
        return None


def _value(node: Node, work: Work) -> Fraction:
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Apply):
        operation = _OPERATIONS.get(node.op)
        if operation is not None:
            values = [_value(each, work) for each in node.args]
            size = sum(each.numerator.bit_length() + each.denominator.bit_length() for each in values) >> 9
            work.spend(len(values) + size * size * (2 if node.op == "root" else 1))
            return _bounded(operation(values))
    raise _NotExact


def _bounded(value: Fraction) -> Fraction:
    if value.numerator.bit_length() > MAX_BITS or value.denominator.bit_length() > MAX_BITS:
        raise _NotExact
    return value


def _add(args: list[Fraction]) -> Fraction:
    total = Fraction(0)
    for each in args:
        total = _bounded(total + each)
    return total


def _multiply(args: list[Fraction]) -> Fraction:
    product = Fraction(1)
    for each in args:
        product = _bounded(product * each)
    return product


def _divide(args: list[Fraction]) -> Fraction:
    above, below = args
    if not below:
        raise _NotExact
    return above / below


def _power(args: list[Fraction]) -> Fraction:
    base, exponent = args
    if exponent.denominator != 1:
        # a fractional power of a negative number is complex, or a matter of convention
        if base < 0 or exponent.denominator > MAX_BITS:
            raise _NotExact
        base = _root([base, Fraction(exponent.denominator)])
    times = exponent.numerator
    if not base:
        if times <= 0:
            raise _NotExact  # 0^0 as well: what it is depends on whom one asks
        return base
    if base in (1, -1):
        return base if times % 2 else Fraction(1)
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if abs(times) * (bits - 1) > MAX_BITS:
        raise _NotExact
    return base**times


def _root(args: list[Fraction]) -> Fraction:
    value, degree = args
    if degree.denominator != 1 or degree < 1:
        raise _NotExact
    times = degree.numerator
    if value < 0:
        if times % 2 == 0:
            raise _NotExact
        return -_root([-value, degree])
    return Fraction(_integer_root(value.numerator, times), _integer_root(value.denominator, times))


def _integer_root(value: int, times: int) -> int:
    """The root of a perfect power."""
    if times == 1 or value < 2:
        return value
    if times >= value.bit_length():
        raise _NotExact  # the root is between 1 and 2
    root = math.isqrt(value) if times == 2 else _nearest_root(value, times)
    if root**times != value:
        raise _NotExact
    return root


def _nearest_root(value: int, times: int) -> int:
    """The integer part of a root: from above by Newton's method, which is nearly there from the first step on."""
    bits = math.log2(value) / times
    shift = max(int(bits) - 50, 0)
    root = int(2 ** (bits - shift) * (1 + 2**-30)) + 1 << shift
    while True:
        better = ((times - 1) * root + value // root ** (times - 1)) // times
        if better >= root:
            return root
        root = better


def _integers(args: list[Fraction]) -> list[int]:
    if any(each.denominator != 1 for each in args):
        raise _NotExact
    return [each.numerator for each in args]


def _factorial(args: list[Fraction]) -> Fraction:
    (value,) = _integers(args)
    if not 0 <= value <= MAX_FACTORIAL:
        raise _NotExact
    return Fraction(math.factorial(value))


def _binomial(args: list[Fraction]) -> Fraction:
    whole, chosen = _integers(args)
    if whole < 0 or chosen < 0 or min(whole, min(chosen, whole - chosen) * whole.bit_length()) > MAX_BITS:
        raise _NotExact
    return Fraction(math.comb(whole, chosen))


def _lcm(args: list[Fraction]) -> Fraction:
    found = 1
    for each in _integers(args):
        found = math.lcm(found, each)
        if found.bit_length() > MAX_BITS:
            raise _NotExact
    return Fraction(found)


_OPERATIONS: dict[str, Callable[[list[Fraction]], Fraction]] = {
    "add": _add,
    "mul": _multiply,
    "neg": lambda args: -args[0],
    "div": _divide,
    "pow": _power,
    "root": _root,
    "abs": lambda args: abs(args[0]),
    "floor": lambda args: Fraction(math.floor(args[0])),
    "ceil": lambda args: Fraction(math.ceil(args[0])),
    "min": min,
    "max": max,
    "factorial": _factorial,
    "binomial": _binomial,
    "gcd": lambda args: Fraction(math.gcd(*_integers(args))),
    "lcm": _lcm,
}
