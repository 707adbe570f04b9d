"""The tree that a mathematical text is parsed to: small, immutable, hashable, picklable.

Scalars are :class:`Number`, :class:`Symbol`, :class:`Constant` and :class:`Apply`; what may stand around them is
:class:`Quantity`, :class:`Collection`, :class:`Interval`, :class:`Union`, :class:`Matrix` and :class:`Relation`; what
is no mathematics is :class:`Text` or :class:`Choice`. The parser bounds depth and size (see ``rewards.maths.parse``),
so that plain recursion over a tree is safe.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias

__all__ = [
    "ARITY",
    "INFINITY",
    "MINUS_INFINITY",
    "Apply",
    "Choice",
    "Collection",
    "Constant",
    "Interval",
    "Matrix",
    "Node",
    "Number",
    "Quantity",
    "Relation",
    "Scalar",
    "Symbol",
    "Text",
    "Union",
    "children",
    "fingerprint",
    "is_infinite",
    "is_scalar",
    "symbols",
    "walk",
]


@dataclass(frozen=True, slots=True)
class Number:
    """An integer or a decimal, exact; never negative when parsed (a sign is ``neg``), never NaN or infinite."""

    value: Fraction


@dataclass(frozen=True, slots=True)
class Symbol:
    r"""A variable: ``x``, ``X``, ``alpha``, ``x_1``, ``f(x)`` (an unknown function's value, as one name)."""

    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    """π, Euler's number, the imaginary unit, or infinity."""

    name: Literal["pi", "e", "i", "oo"]


@dataclass(frozen=True, slots=True)
class Apply:
    """An operation of the closed list :data:`ARITY` on scalars."""

    op: str
    args: tuple[Node, ...]


ARITY: dict[str, tuple[int, int | None]] = {
    "add": (2, None),
    "mul": (2, None),
    "neg": (1, 1),
    "div": (2, 2),
    "pow": (2, 2),
    "root": (2, 2),  # root(x, n): the n-th root of x
    "log": (2, 2),  # log(x, base)
    "deg": (1, 1),  # degrees within an expression: x·π/180
    "factorial": (1, 1),
    "binomial": (2, 2),
    "gcd": (2, None),
    "lcm": (2, None),
    "min": (2, None),
    "max": (2, None),
    **dict.fromkeys(["ln", "exp", "abs", "floor", "ceil"], (1, 1)),
    **dict.fromkeys(["sin", "cos", "tan", "cot", "sec", "csc"], (1, 1)),
    **dict.fromkeys(["arcsin", "arccos", "arctan", "arccot", "arcsec", "arccsc"], (1, 1)),
    **dict.fromkeys(["sinh", "cosh", "tanh", "coth", "sech", "csch", "arcsinh", "arccosh", "arctanh"], (1, 1)),
}
"""Every operation, with the least and the largest number of arguments (``None``: any)."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A scalar with a unit: a name as in ``rewards.maths.units``, ``%``, or any other word as it is written."""

    value: Node
    unit: str


@dataclass(frozen=True, slots=True)
class Collection:
    """Several values: ``(1, 2)``, ``{1, 2}``, ``[1, 2, 3]``, or without brackets, ``1, 2`` and ``1 or 2`` and ``±1``.

    ``(a, b)`` is always parsed as a tuple; it may mean an open interval, which the comparison takes into account.
    """

    kind: Literal["tuple", "set", "list", "bare"]
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval that its brackets give away: ``[a, b]``, ``[a, b)``, ``(a, b]``; or an open one within a union."""

    low: Node
    high: Node
    closed_low: bool
    closed_high: bool


@dataclass(frozen=True, slots=True)
class Union:
    """A union of sets: intervals, collections of kind ``set``, symbols."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """A matrix of at least one row; rows are of one length, which is not 0. A column vector has rows of one entry."""

    rows: tuple[tuple[Node, ...], ...]


RelationOp: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">=", "in"]


@dataclass(frozen=True, slots=True)
class Relation:
    """An equation, an inequality, or a chain of them: ``1 < x <= 2`` has three terms and two ops."""

    terms: tuple[Node, ...]
    ops: tuple[RelationOp, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """Words, in lower case, with single spaces between them."""

    words: str


@dataclass(frozen=True, slots=True)
class Choice:
    """The letter of a multiple-choice answer, ``A`` to ``J``."""

    letter: str


Scalar: TypeAlias = Number | Symbol | Constant | Apply
Node: TypeAlias = Scalar | Quantity | Collection | Interval | Union | Matrix | Relation | Text | Choice


_SCALARS = (Number, Symbol, Constant, Apply)  # a union of types would be built anew on every call


def is_scalar(node: Node) -> bool:
    """Whether a node is a number or an expression of numbers and symbols."""
    return isinstance(node, _SCALARS)


INFINITY = Constant("oo")
MINUS_INFINITY = Apply("neg", (INFINITY,))


def is_infinite(node: Node) -> bool:
    """Whether a node is ∞ or -∞."""
    return node in (INFINITY, MINUS_INFINITY)


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below a node, in their order.

    Example:
        >>> children(Interval(Number(Fraction(0)), Symbol("a"), True, False))
        (Number(value=Fraction(0, 1)), Symbol(name='a'))
    """
    match node:
        case Apply(_, args) | Collection(_, args) | Union(args) | Relation(args, _):
            return args
        case Quantity(value, _):
            return (value,)
        case Interval(low, high, _, _):
            return (low, high)
        case Matrix(rows):
            return tuple(entry for row in rows for entry in row)
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """Every node of a tree, parents first."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(children(node)))


def symbols(node: Node) -> frozenset[str]:
    """The names of the variables in a tree.

    Example:
        >>> sorted(symbols(Apply("add", (Symbol("x"), Symbol("y"), Symbol("x")))))
        ['x', 'y']
    """
    return frozenset(each.name for each in walk(node) if isinstance(each, Symbol))


def fingerprint(scalar: Node) -> bytes:
    """A short name of a scalar: the same in every process for equal ones, and for no other one that can be found.

    Example:
        >>> fingerprint(Symbol("x")) == fingerprint(Symbol("x")), fingerprint(Symbol("x")) == fingerprint(Symbol("y"))
        (True, False)
    """
    parts = []
    for node in walk(scalar):  # in hexadecimal digits, since Python writes no decimal ones of very large numbers
        match node:
            case Number(value):
                parts.append(f"{value.numerator:x}/{value.denominator:x}")
            case Apply(op, args):
                parts.append(f"{op} {len(args)}")
            case Symbol(name) | Constant(name):
                parts.append(f"{type(node).__name__} {name}")
            case _:
                raise TypeError(f"a {type(node).__name__} is no scalar")
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
