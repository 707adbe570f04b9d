"""Formulas as trees.

A worked solution states each formula once; its text (:mod:`srl_data.generate.notation`) and its check
(:mod:`srl_data.generate.check`) are both made from the tree, so what the reader sees is what was checked.
Nothing is simplified: ``N(12) + 7`` stays a sum, as a teacher writes it down before working it out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

__all__ = [
    "ANSWER",
    "Call",
    "Deriv",
    "Expr",
    "Integral",
    "N",
    "Named",
    "Neg",
    "Num",
    "Pow",
    "Prod",
    "Quot",
    "Seq",
    "Sum",
    "Sym",
    "frac",
    "poly",
    "symbols",
    "term",
]


class Expr:
    """A formula. Operators build new formulas and work nothing out."""

    __slots__ = ()

    def __add__(self, other: Expr | int) -> Expr:
        return Sum((*(self.terms if isinstance(self, Sum) else (self,)), _wrap(other)))

    def __sub__(self, other: Expr | int) -> Expr:
        return self + Neg(_wrap(other))

    def __mul__(self, other: Expr | int) -> Expr:
        return Prod((*(self.factors if isinstance(self, Prod) else (self,)), _wrap(other)))

    def __truediv__(self, other: Expr | int) -> Expr:
        return Quot(self, _wrap(other))

    def __pow__(self, other: Expr | int) -> Expr:
        return Pow(self, _wrap(other))


@dataclass(frozen=True, slots=True)
class Num(Expr):
    """A rational number."""

    value: Fraction


@dataclass(frozen=True, slots=True)
class Sym(Expr):
    """A variable; ``e`` and ``C`` are Euler's number and the constant of integration."""

    name: str


@dataclass(frozen=True, slots=True)
class Named(Expr):
    """What is shown as ``name`` and stands for ``meaning``: ``f'(x)`` for a derivative."""

    name: str
    meaning: Expr


@dataclass(frozen=True, slots=True)
class Sum(Expr):
    """Terms added up; a term that begins with a minus is shown as subtracted."""

    terms: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Neg(Expr):
    """The opposite of a formula."""

    inner: Expr


@dataclass(frozen=True, slots=True)
class Prod(Expr):
    """Factors multiplied."""

    factors: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Quot(Expr):
    """A division that is written down, not carried out (a fraction in lowest terms is a :class:`Num`).

    ``tight`` ones are shown as a fraction, ``6/8``, not as something to do, ``6 / 8``. LaTeX knows no difference.
    """

    over: Expr
    under: Expr
    tight: bool = False


@dataclass(frozen=True, slots=True)
class Pow(Expr):
    """A power."""

    base: Expr
    exponent: Expr


@dataclass(frozen=True, slots=True)
class Call(Expr):
    """A function of arguments: sin, cos, ln, sqrt, gcd, lcm, isprime."""

    name: str
    arguments: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Deriv(Expr):
    """The derivative of a formula."""

    inner: Expr
    variable: str


@dataclass(frozen=True, slots=True)
class Integral(Expr):
    """An integral, definite if it has bounds."""

    inner: Expr
    variable: str
    bounds: tuple[Expr, Expr] | None = None


@dataclass(frozen=True, slots=True)
class Seq(Expr):
    """Several values side by side: roots ``-2, 3``, or a point ``(1, 4)``."""

    items: tuple[Expr, ...]
    point: bool


ANSWER = Sym("?")
"""What a problem asks for, where it has no unknown of its own."""


def N(value: int | Fraction) -> Num:  # noqa: N802 - reads as a literal
    """A number."""
    return Num(Fraction(value))


def frac(over: int, under: int) -> Num:
    """A fraction as a value, in lowest terms."""
    return Num(Fraction(over, under))


def term(coefficient: int | Fraction, power: Expr) -> Expr:
    """``coefficient`` times ``power`` as one writes it: ``x`` and ``-x``, never ``1x``."""
    if coefficient == 1:
        return power
    return Neg(power) if coefficient == -1 else N(coefficient) * power


def poly(coefficients: Sequence[int | Fraction], x: Expr) -> Expr:
    """A polynomial from its coefficients, highest power first, without the terms that vanish.

    Example:
        >>> from srl_data.generate.notation import write
        >>> write(poly([1, 0, -4], Sym("x")), latex=False)
        'x^2 - 4'
    """
    terms: list[Expr] = []
    degree = len(coefficients) - 1
    for power, coefficient in zip(range(degree, -1, -1), coefficients, strict=True):
        if coefficient and power:
            terms.append(term(coefficient, x if power == 1 else x**power))
        elif coefficient:
            terms.append(N(coefficient))
    return Sum(tuple(terms)) if len(terms) > 1 else terms[0] if terms else N(0)


def symbols(expr: Expr) -> set[str]:
    """The names of the variables in a formula."""
    match expr:
        case Sym(name):
            return {name}
        case Num():
            return set()
        case Named(_, inner) | Neg(inner) | Deriv(inner):
            return symbols(inner)
        case Integral(inner, _, bounds):
            return symbols(inner).union(*map(symbols, bounds or ()))
        case Sum(parts) | Prod(parts) | Call(_, parts) | Seq(parts):
            return set().union(*map(symbols, parts))
        case Quot(left, right) | Pow(left, right):
            return symbols(left) | symbols(right)
    raise TypeError(f"not a formula: {expr!r}")


def _wrap(value: Expr | int) -> Expr:
    return value if isinstance(value, Expr) else N(value)
