"""The value of a scalar at a point, to a given precision, with a record of what rounding may have done to it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from fractions import Fraction
from math import comb
from typing import Any

import mpmath

from rewards.maths.tree import Apply, Constant, Node, Number, Symbol
from rewards.maths.work import Work

__all__ = ["MAX_MAGNITUDE", "MAX_PRECISION", "Evaluation", "Undefined"]

MAX_PRECISION = 6_000  # bits
MAX_MAGNITUDE = 3_000  # bits before or behind the point of any intermediate result


class Undefined(Exception):
    """An expression has no value at a point, or none of a size that can be worked with."""


class _Contexts(threading.local):
    """A context of its own for every thread: the precision is part of it."""

    def __init__(self) -> None:
        self.context = mpmath.MPContext()


_contexts = _Contexts()


def _warm() -> None:
    # mpmath keeps its constants in a memo that two threads must not lengthen at a time; it is long enough after this
    context = mpmath.MPContext()
    context.prec = 2 * MAX_PRECISION + 2 * MAX_MAGNITUDE
    for constant in (context.pi, context.e, context.ln2, context.ln10):
        context.mpf(constant)


_warm()


class Evaluation:
    """One evaluation at one precision, and what it says of its own errors.

    Attributes:
        magnitude: The largest exponent of two of an intermediate result, in either direction.
        lost: Bits that cancellation may have cost, in all.
        complex: Whether the square root of a negative number was taken.
        doubtful: Whether a function was used where its value is a matter of branches.
    """

    def __init__(self, precision: int, point: dict[str, Fraction], work: Work) -> None:
        self._context = _contexts.context
        self._context.prec = precision
        self._precision = precision
        self._point = point
        self._work = work
        self._cheap = 1 + (precision >> 9)
        self._dear = 10 + (precision * precision >> 14)
        self.magnitude = 0
        self.lost = 0
        self.complex = False
        self.doubtful = False

    def value(self, node: Node) -> Any:
        """The value of a scalar.

        Raises:
            Undefined: If it has none, or none of a size that can be worked with.
            OverBudget: If it takes too much work.
            ZeroDivisionError: Where it divides by zero.
        """
        match node:
            case Number(value):
                return self._fraction(value)
            case Symbol(name):
                return self._fraction(self._point[name])
            case Constant("pi"):
                return +self._context.pi
            case Constant("e"):
                return +self._context.e
            case Constant("i"):
                return self._context.mpc(0, 1)
            case Apply(op, args) if op in _ARITHMETIC:
                self._work.spend(self._cheap)
                return self._kept(_ARITHMETIC[op](self, [self.value(each) for each in args]))
            case Apply(op, args) if op in _FUNCTIONS:
                self._work.spend(self._dear)
                return self._kept(self._function(op, self.value(args[0])))
        raise Undefined

    def _fraction(self, value: Fraction) -> Any:
        found = self._context.mpf(value.numerator)
        return self._kept(found / value.denominator if value.denominator != 1 else found)

    def _kept(self, value: Any) -> Any:
        """The value, once its size is on record."""
        if not self._context.isfinite(value):
            raise Undefined
        size = _magnitude(value)
        if size is not None:
            self.magnitude = max(self.magnitude, size, -size)
            if self.magnitude > MAX_MAGNITUDE:
                raise Undefined
        return value

    def _cancelled(self, value: Any, before: int) -> Any:
        """A result that may be much smaller than what it was made of: zero, or bits are lost."""
        size = _magnitude(value)
        if size is None or size >= before:
            return value
        if before - size > self._precision // 2:
            return self._context.zero
        self.lost += before - size
        return value

    def _add(self, args: list[Any]) -> Any:
        total, before = args[0], _magnitude(args[0])
        for each in args[1:]:
            size = _magnitude(each)
            before = size if before is None else before if size is None else max(before, size)
            total += each
        return total if before is None else self._cancelled(total, before)

    def _multiply(self, args: list[Any]) -> Any:
        product = args[0]
        for each in args[1:]:
            self._work.spend(self._cheap)
            product = self._kept(product * each)
        return product

    def _power(self, args: list[Any]) -> Any:
        base, exponent = args
        if not base:
            if self._is_real(exponent) and exponent > 0:
                return base
            raise Undefined
        size = _magnitude(base) or 0
        times = _magnitude(exponent)
        if times is None:
            return self._context.one
        if times > 40 or (times > 0 and (abs(size) + 1) * 2**times > 8 * MAX_MAGNITUDE):
            raise Undefined
        if self._is_real(exponent) and self._context.isint(exponent):
            self._work.spend(self._cheap * max(times, 1))
            return base ** int(exponent)
        self._work.spend(2 * self._dear)
        if not (self._is_real(base) and base > 0):
            self.doubtful = True
        self.lost += max(times, 0) + max(size, 0).bit_length()
        return self._context.power(base, exponent)

    def _root(self, args: list[Any]) -> Any:
        value, degree = args
        if not (self._is_real(degree) and self._context.isint(degree) and 0 < degree < 1000):
            raise Undefined
        times = int(degree)
        self._work.spend(self._cheap * 3 if times == 2 else self._dear)
        if not self._is_real(value):
            self.doubtful = True
        elif value < 0:
            if times % 2:
                return -self._context.root(-value, times)
            if times != 2:
                self.doubtful = True
            self.complex = True
        return self._context.sqrt(value) if times == 2 else self._context.root(value, times)

    def _logarithm(self, args: list[Any]) -> Any:
        self._work.spend(2 * self._dear)
        return self._function("ln", args[0]) / self._function("ln", args[1])

    def _rounded(self, value: Any, op: str) -> Any:
        if not self._is_real(value):
            raise Undefined
        nearest = self._context.nint(value)
        if abs(value - nearest) < self._context.ldexp(1, -self._precision // 4):
            raise Undefined  # an integer, or next to one: rounding decides
        return self._context.floor(value) if op == "floor" else self._context.ceil(value)

    def _extreme(self, args: list[Any], choose: Callable[[list[Any]], Any]) -> Any:
        if not all(map(self._is_real, args)):
            raise Undefined
        return choose(args)

    def _factorial(self, args: list[Any]) -> Any:
        (value,) = args
        if not (self._is_real(value) and self._context.isint(value) and 0 <= value <= 300):
            raise Undefined
        return self._context.factorial(int(value))

    def _binomial(self, args: list[Any]) -> Any:
        if not all(self._is_real(each) and self._context.isint(each) and 0 <= each <= 300 for each in args):
            raise Undefined
        return self._context.mpf(comb(*map(int, args)))

    def _function(self, op: str, value: Any) -> Any:
        context = self._context
        size = _magnitude(value)
        if size is not None and size > (12 if op in _EXPONENTIAL else 200):
            raise Undefined
        if op == "ln" and not value:
            raise Undefined
        real = self._is_real(value)
        if not real and op not in _ENTIRE:
            self.doubtful = True
        found = _FUNCTIONS[op](context, value)
        if op in _SATURATING:  # what tells tanh(x) from 1 is of the size of exp(-2x)
            self.magnitude = max(self.magnitude, int(3 * abs(value)))
        if real and not self._is_real(found):
            self.doubtful = True
        if size is None:
            return found
        self.lost += max(size, 0)
        if op == "ln" or (real and abs(value) > 1 and op != "exp"):
            return self._cancelled(found, 0)
        return self._cancelled(found, min(size, 0)) if op in ("cos", "sinh", "tanh") else found

    def _is_real(self, value: Any) -> bool:
        return isinstance(value, self._context.mpf)


def _magnitude(value: Any) -> int | None:
    """The exponent of two of a number; ``None`` for zero."""
    parts = [value._mpf_] if hasattr(value, "_mpf_") else value._mpc_
    sizes = [exponent + bits for _, mantissa, exponent, bits in parts if mantissa]
    return max(sizes) if sizes else None


_ARITHMETIC: dict[str, Callable[[Evaluation, list[Any]], Any]] = {
    "add": Evaluation._add,
    "mul": Evaluation._multiply,
    "neg": lambda _, args: -args[0],
    "div": lambda _, args: args[0] / args[1],
    "pow": Evaluation._power,
    "root": Evaluation._root,
    "log": Evaluation._logarithm,
    "deg": lambda run, args: args[0] * run._context.pi / 180,
    "abs": lambda _, args: abs(args[0]),
    "floor": lambda run, args: run._rounded(args[0], "floor"),
    "ceil": lambda run, args: run._rounded(args[0], "ceil"),
    "min": lambda run, args: run._extreme(args, min),
    "max": lambda run, args: run._extreme(args, max),
    "factorial": Evaluation._factorial,
    "binomial": Evaluation._binomial,
}


def _named(name: str) -> Callable[[Any, Any], Any]:
    return lambda context, x: getattr(context, name)(x)


_EXPONENTIAL = frozenset(["exp", "sinh", "cosh", "tanh", "coth", "sech", "csch"])
_SATURATING = frozenset(["tanh", "coth", "sinh", "cosh"])
_ENTIRE = frozenset(["exp", "sin", "cos", "tan", "cot", "sec", "csc"]) | _EXPONENTIAL
_FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "ln": _named("ln"),
    "exp": _named("exp"),
    **{name: _named(name) for name in ("sin", "cos", "tan", "cot", "sec", "csc")},
    **{name: _named(name) for name in ("sinh", "cosh", "tanh", "coth", "sech", "csch")},
    **{"arc" + name: _named("a" + name) for name in ("sin", "cos", "tan", "sec", "csc", "sinh", "cosh", "tanh")},
}
