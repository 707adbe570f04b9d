"""The values of two expressions at a few points, to many digits: evidence that they differ, or none. Needs mpmath.

Runs only in a worker: a power tower takes for ever and all memory. ``rewards.maths.probe`` is the bounded one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from fractions import Fraction
from math import comb, factorial, gcd, lcm
from typing import Any, Literal, TypeAlias

import mpmath

from rewards.maths.tree import Apply, Constant, Node, Number, Symbol, symbols, walk

__all__ = ["Evidence", "are_near", "compare_values"]

Evidence: TypeAlias = Literal["differ", "agree", "undefined", "unknown"]

_MAX_DIGITS = 6_000  # what would take more, is not worked out
_SURE = 10**6  # a difference counts if it is this many times what rounding explains
_NEAR = 1e-20  # what is nearer than this to a jump may be on either side of it


class _Undefined(Exception):
    """The expression has no value at this point, or rounding decides which."""


class _TooFar(Exception):
    """The value would take too many digits."""


def compare_values(gold: Node, answer: Node) -> Evidence:
    r"""Compare the values of two scalars at some points, real ones unless the imaginary unit occurs.

    Returns:
        ``differ`` if their values differ at one point by more than rounding explains: they are not equal. ``agree`` if
        they agree wherever both are defined, which is no proof. ``undefined`` if they are nowhere defined both, and
        ``unknown`` if that cannot be worked out.

    Example:
        >>> from rewards.maths.parse import parse
        >>> compare_values(parse("|x|"), parse("x")), compare_values(parse("x/x"), parse("1"))
        ('differ', 'agree')
        >>> compare_values(parse("1/0"), parse("1")), compare_values(parse("9^{9^9}"), parse("1"))
        ('undefined', 'unknown')
    """
    names = sorted(symbols(gold) | symbols(answer))
    is_complex = not names or any(each == Constant("i") for side in (gold, answer) for each in walk(side))
    evidence: Evidence = "undefined"
    for point in _points(names):
        try:
            ours, theirs, error = _values(gold, answer, point, is_complex)
        except (_Undefined, ZeroDivisionError):
            continue
        except _TooFar:
            evidence = "unknown" if evidence == "undefined" else evidence
            continue
        if abs(ours - theirs) > _SURE * error:
            return "differ"
        evidence = "agree"
    return evidence


def are_near(gold: Node, answer: Node, rel_tol: float) -> bool | None:
    r"""Whether a constant is within a relative tolerance of the gold one; ``None`` if it cannot be worked out.

    Example:
        >>> from rewards.maths.parse import parse
        >>> are_near(parse("\\pi"), parse("22/7"), 0.001)
        True
    """
    try:
        ours, theirs, error = _values(gold, answer, {}, True)
    except (_Undefined, _TooFar, ZeroDivisionError):
        return None
    return bool(abs(ours - theirs) <= rel_tol * abs(ours) + error)


def _values(gold: Node, answer: Node, point: dict[str, Fraction], is_complex: bool) -> tuple[Any, Any, Any]:
    """Both values, and about how far rounding may have moved them.

    They are worked out twice, to a different number of digits. Where a small term vanishes beside a large one, both
    times would tell the same wrong; so the number of digits follows the largest and the smallest of all that is met.
    """
    sketch = _Evaluation(_DIGITS, point, is_complex)
    sketch(gold), sketch(answer)
    digits = _DIGITS + 4 * sketch.reach
    rough = _Evaluation(digits, point, is_complex)
    before = rough(gold), rough(answer)
    fine = _Evaluation(digits + _DIGITS, point, is_complex)
    ours, theirs = fine(gold), fine(answer)
    error = abs(ours - before[0]) + abs(theirs - before[1])
    size = abs(ours) + abs(theirs)
    if error > size + 1:
        raise _Undefined  # by rounding alone: next to a pole, say
    return ours, theirs, max(error, size * _CONTEXT.mpf(10) ** (3 - digits) / _SURE)


_DIGITS = 40
_CONTEXT = mpmath.MPContext()  # not mpmath's own, whose precision sympy changes; a worker has one thread


def _points(names: list[str]) -> Iterator[dict[str, Fraction]]:
    """Points that are the same on every run."""
    draw = random.Random(0)  # noqa: S311
    if not names:
        yield {}
        return
    for size, sign in ((1, 1), (4, 1), (4, -1), (4, 0), (32, 1), (32, 0), (1, 0), (1, -1), (1024, 1), (1024, 0)):
        signs = [sign or draw.choice((-1, 1)) for _ in names]
        yield {
            name: Fraction(each * draw.randrange(1, 1024 * size), 1024) for name, each in zip(names, signs, strict=True)
        }
    for largest in (5, 5, 12, 12, 30, 100):  # where what is defined for whole numbers alone is defined
        yield {name: Fraction(draw.randrange(1, largest)) for name in names}


class _Evaluation:
    """Works out a tree at one point to some digits.

    Attributes:
        reach: How many digits, before or behind the point, the largest and the smallest numbers met begin at.
    """

    def __init__(self, digits: int, point: dict[str, Fraction], is_complex: bool) -> None:
        _CONTEXT.dps = digits
        self.reach = 0
        self._point, self._complex = point, is_complex

    def __call__(self, node: Node) -> Any:
        value = self._kept(self._value(node))
        if isinstance(node, Apply) and node.op in ("tanh", "coth"):  # 1 - tanh(x) is of the size of exp(-2x)
            self._reaches(int(abs(self(node.args[0]))))
        return value

    def _value(self, node: Node) -> Any:
        match node:
            case Number(value):
                return self._fraction(value)
            case Symbol(name):
                return self._fraction(self._point[name])
            case Constant(name):
                return +getattr(_CONTEXT, _NAMES[name])
            case Apply(op, args):
                values = [self(each) for each in args]
                own: Callable[..., Any] | None = getattr(self, "_" + op, None)
                if own is not None:
                    return own(*values)
                if op in _REAL:
                    self._require(all(map(self._is_real, values)) and _REAL[op](*values))
                return getattr(_CONTEXT, _NAMES.get(op, op))(*values)
        raise TypeError(f"a {type(node).__name__} is no scalar")

    def _fraction(self, value: Fraction) -> Any:
        self._reaches(max(value.numerator.bit_length(), value.denominator.bit_length()) // 3)
        return _CONTEXT.mpf(value.numerator) / value.denominator

    def _kept(self, value: Any) -> Any:
        """The value, once its size is on record."""
        if not _CONTEXT.isfinite(value):
            raise _Undefined
        if value:
            self._reaches(abs(_CONTEXT.mag(value)) // 3)
        return value

    def _reaches(self, digits: int) -> None:
        self.reach = max(self.reach, digits)
        if 4 * self.reach > _MAX_DIGITS:
            raise _TooFar

    def _require(self, condition: bool) -> None:
        if not condition:
            raise _Undefined

    def _is_real(self, value: Any) -> bool:
        return isinstance(value, _CONTEXT.mpf)

    def _plain(self, value: Any) -> Any:
        """A real number as one; what is next to the cut of roots and logarithms may be on either side of it."""
        if not self._is_real(value):
            if value.imag == 0:
                return value.real
            self._require(value.real > 0 or abs(value.imag) > _NEAR * abs(value.real))
        return value

    def _add(self, *values: Any) -> Any:
        return _CONTEXT.fsum(values)

    def _mul(self, *values: Any) -> Any:
        return _CONTEXT.fprod(values)

    def _neg(self, value: Any) -> Any:
        return -value

    def _div(self, above: Any, below: Any) -> Any:
        return above / below

    def _pow(self, base: Any, exponent: Any) -> Any:
        base, exponent = self._plain(base), self._plain(exponent)
        if base == 0:
            self._require(self._is_real(exponent) and exponent > 0)
        elif self._is_real(base) and base < 0 and not _CONTEXT.isint(exponent):
            # i for the square root of -1, but what the cube root of -8 is, people do not agree upon
            self._require(self._complex and self._is_real(exponent) and _CONTEXT.isint(2 * exponent))
        return _CONTEXT.power(base, exponent)

    def _root(self, value: Any, degree: Any) -> Any:
        value = self._plain(value)
        self._require(self._is_real(degree) and _CONTEXT.isint(degree) and degree > 0)
        if self._is_real(value) and value < 0:
            if degree % 2:
                return -_CONTEXT.power(-value, 1 / degree)
            self._require(self._complex)
        return _CONTEXT.power(value, 1 / degree) if value else value

    def _ln(self, value: Any) -> Any:
        value = self._plain(value)
        self._require(value != 0 and (self._complex or value > 0))
        return _CONTEXT.log(value)

    def _log(self, value: Any, base: Any) -> Any:
        self._require(self._is_real(base) and base > 0 and base != 1)
        return self._ln(value) / _CONTEXT.log(base)

    def _deg(self, value: Any) -> Any:
        return value * _CONTEXT.pi / 180

    def _abs(self, value: Any) -> Any:
        return abs(value)

    def _floor(self, value: Any) -> Any:
        value = self._plain(value)
        nearest = _CONTEXT.nint(value)
        self._require(self._is_real(value) and (value == nearest or abs(value - nearest) > _NEAR))
        return _CONTEXT.floor(value)

    def _ceil(self, value: Any) -> Any:
        return -self._floor(-value)

    def _min(self, *values: Any) -> Any:
        self._require(all(map(self._is_real, values)))
        return min(values)

    def _max(self, *values: Any) -> Any:
        self._require(all(map(self._is_real, values)))
        return max(values)

    def _factorial(self, value: Any) -> Any:
        # everyone means the same by it for whole numbers alone
        self._require(_CONTEXT.isint(value) and value >= 0)
        if value > _MAX_DIGITS:
            raise _TooFar
        return _CONTEXT.mpf(factorial(int(value)))

    def _binomial(self, whole: Any, chosen: Any) -> Any:
        self._require(_CONTEXT.isint(whole) and _CONTEXT.isint(chosen) and whole >= 0 and chosen >= 0)
        if min(chosen, whole - chosen) > _MAX_DIGITS:
            raise _TooFar
        return _CONTEXT.mpf(comb(int(whole), int(chosen)))

    def _gcd(self, *values: Any) -> Any:
        self._require(all(map(_CONTEXT.isint, values)))
        return _CONTEXT.mpf(gcd(*map(int, values)))

    def _lcm(self, *values: Any) -> Any:
        self._require(all(map(_CONTEXT.isint, values)))
        return _CONTEXT.mpf(lcm(*map(int, values)))


# functions that are used for real arguments alone, where they are defined and everyone means the same by them
_REAL: dict[str, Callable[..., bool]] = {
    "arcsin": lambda value: abs(value) <= 1,
    "arccos": lambda value: abs(value) <= 1,
    "arctan": lambda value: True,
    "arccot": lambda value: value >= 0,
    "arcsec": lambda value: abs(value) >= 1,
    "arccsc": lambda value: abs(value) >= 1,
    "arcsinh": lambda value: True,
    "arccosh": lambda value: value >= 1,
    "arctanh": lambda value: abs(value) < 1,
}
_NAMES = {"pi": "pi", "e": "e", "i": "j", "oo": "inf", **{each: "a" + each[3:] for each in _REAL if each[:3] == "arc"}}
