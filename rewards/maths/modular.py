r"""Rational functions, compared exactly and in microseconds: both are evaluated modulo a prime, at a random point.

Two polynomials of small enough coefficients and degree that differ take the same value, modulo a prime of 521 bits,
at one point in 2^400 (the lemma of Schwartz and Zippel); those over the bound are not compared. π and e, each by
itself, stand for one more variable, since no polynomial has them for a root. Anything else (√2, sin x) may as well,
but a difference then decides nothing: the variables may depend on each other.
"""

from __future__ import annotations

from rewards.maths.exact import exact
from rewards.maths.tree import Apply, Constant, Node, Number, Symbol, fingerprint, walk
from rewards.maths.work import OverBudget, Work

__all__ = ["same_function"]

_PRIME = 2**521 - 1
_MAX_HEIGHT = 400


class _NotRational(Exception):
    """The expression is no rational function, or one that is over the bound."""


def same_function(gold: Node, answer: Node, work: Work | None = None) -> bool | None:
    """Whether two scalars are equal as rational functions; ``None`` if that is not sure.

    Example:
        >>> from rewards.maths.parse import parse
        >>> same_function(parse("(x+y)^2"), parse("x^2 + 2xy + y^2")), same_function(parse("2 pi"), parse("3 pi"))
        (True, False)
        >>> same_function(parse("sin(x) + sqrt(2)"), parse("sqrt(2) + sin(x)"))
        True
        >>> same_function(parse("sin(x)^2 + cos(x)^2"), parse("1")) is None
        True
    """
    work = work or Work()
    left, right = _Evaluation(work), _Evaluation(work)
    try:
        one, height = left.value(gold)
        other, more = right.value(answer)
        _bounded(height + more)
    except (_NotRational, OverBudget, ZeroDivisionError):
        return None
    if one == other:
        # an atom on one side only may have no value: 0 · ln(0)
        return True if left.atoms == right.atoms else None
    return None if left.atoms or right.atoms or len(left.constants | right.constants) > 1 else False


class _Evaluation:
    """The evaluation of one tree.

    A value comes with its height, which bounds the bits of every coefficient, and the degree, of what the tree is when
    it is multiplied out.

    Attributes:
        constants: Those of π and e that were met.
        atoms: What else stood for a variable.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self.constants: set[str] = set()
        self.atoms: set[bytes] = set()

    def value(self, node: Node) -> tuple[int, int]:
        self._work.spend(3)
        match node:
            case Number(number):
                above, below = number.numerator, number.denominator
                height = _bounded(above.bit_length() + below.bit_length())
                return (above % _PRIME if below == 1 else above * _inverse(below) % _PRIME), height
            case Symbol():
                return _point(fingerprint(node)), 1
            case Constant("pi" | "e" as constant):
                self.constants.add(constant)
                return _point(fingerprint(node)), 1
            case Apply("neg", (inner,)):
                value, height = self.value(inner)
                return -value % _PRIME, height
            case Apply("add", args):
                values = [self.value(each) for each in args]
                return sum(value for value, _ in values) % _PRIME, _bounded(sum(height + 1 for _, height in values))
            case Apply("mul", args):
                product, height = 1, 0
                for each in args:
                    value, more = self.value(each)
                    product = product * value % _PRIME
                    height = _bounded(height + more)
                return product, height
            case Apply("div", (above, below)):
                value, height = self.value(above)
                divisor, more = self._denominator(below)
                return value * _inverse(divisor) % _PRIME, _bounded(height + more)
            case Apply("pow", (base, exponent)):
                times = exact(exponent, self._work)
                if times is not None and times.denominator == 1:
                    return self._power(base, times.numerator)
        return self._atom(node)

    def _power(self, base: Node, times: int) -> tuple[int, int]:
        value, height = self._denominator(base) if times <= 0 else self.value(base)
        height = _bounded(abs(times) * (height + 1))
        return pow(value if times > 0 else _inverse(value), abs(times), _PRIME), height

    def _denominator(self, node: Node) -> tuple[int, int]:
        """The value of what is divided by: an atom there could hide a zero."""
        met, self.atoms = self.atoms, set()
        found = self.value(node)
        if self.atoms:
            raise _NotRational
        self.atoms = met
        return found

    def _atom(self, node: Node) -> tuple[int, int]:
        if any(each == Constant("oo") for each in walk(node)):
            raise _NotRational
        self._work.spend(20)
        name = fingerprint(node)
        self.atoms.add(name)
        return _point(name), 1


def _bounded(height: int) -> int:
    if height > _MAX_HEIGHT:
        raise _NotRational
    return height


def _inverse(value: int) -> int:
    if value % _PRIME == 0:
        raise ZeroDivisionError
    return pow(value, -1, _PRIME)


def _point(name: bytes) -> int:
    """A number that is the same in every process, and unlike every other name's."""
    return int.from_bytes(name + name[:1], "big") % _PRIME
