"""Putting a tree together while it is parsed: signs and products are folded, marks that only the parser knows resolved.

Those marks are operations that no finished tree holds: ``pm`` and ``mp`` (a sign that is left open), ``percent``, and
``unit$`` or the like (a currency's sign). They are resolved once a whole statement stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from rewards.maths.errors import TooLarge, Unparseable
from rewards.maths.tree import ARITY, Apply, Collection, Matrix, Node, Number, Quantity, Relation, is_scalar

__all__ = ["MAX_EXPONENT", "add", "apply", "divide", "expand", "lift", "multiply", "negate", "number", "settle"]

MAX_EXPONENT = 1_000  # of ten, in scientific notation
_MINUS_ONE = Number(Fraction(-1))


def number(text: str) -> Number:
    """A number from digits: ``12``, ``1.5``, ``.5``, ``1.2e-7``, ``0.1(6)`` with what repeats in brackets."""
    if text.isdigit():
        return Number(Fraction(int(text)))
    head, _, repeated = text.rstrip(")").partition("(")
    digits, _, exponent = head.lower().partition("e")
    whole, _, decimals = digits.partition(".")
    power = int(exponent) if exponent and len(exponent) < 9 else 0
    if abs(power) > MAX_EXPONENT or len(exponent) >= 9:
        raise TooLarge(f"a power of ten beyond {MAX_EXPONENT}")
    value = Fraction(int(whole + decimals or "0"), 10 ** len(decimals))
    if repeated:
        value += Fraction(int(repeated), (10 ** len(repeated) - 1) * 10 ** len(decimals))
    return Number(value * Fraction(10) ** power if power else value)


def _scalars(nodes: Sequence[Node]) -> tuple[Node, ...]:
    for node in nodes:
        if not is_scalar(node):
            raise Unparseable("arithmetic on something that is no number")
    return tuple(nodes)


def apply(op: str, *args: Node) -> Node:
    """An operation on scalars; the number of arguments is checked."""
    least, most = ARITY.get(op, (1, 1))
    if len(args) < least or (most is not None and len(args) > most):
        raise Unparseable(f"{op} of {len(args)} arguments")
    return Apply(op, _scalars(args))


def negate(node: Node) -> Node:
    """The negative of a node; of a number, a number."""
    if isinstance(node, Number):
        return Number(-node.value)
    if isinstance(node, Matrix):
        return Matrix(tuple(tuple(negate(entry) for entry in row) for row in node.rows))
    return apply("neg", node)


def add(terms: Sequence[Node]) -> Node:
    """A sum; one term is itself."""
    return terms[0] if len(terms) == 1 else Apply("add", _scalars(terms))


def multiply(factors: Sequence[Node]) -> Node:
    """A product; one factor is itself, and a matrix takes the others into its entries."""
    if len(factors) == 1:
        return factors[0]
    matrices = [factor for factor in factors if isinstance(factor, Matrix)]
    if len(matrices) == 1:
        rest = multiply([factor for factor in factors if not isinstance(factor, Matrix)])
        return Matrix(tuple(tuple(multiply([rest, entry]) for entry in row) for row in matrices[0].rows))
    return Apply("mul", _scalars(factors))


def divide(above: Node, below: Node) -> Node:
    """A quotient; nothing is divided, so that a denominator of zero is for the reader of the tree to see."""
    return Apply("div", _scalars((above, below)))


_UNIT_MARKS = {"percent": "%", "deg": "°", "°C": "°C", "°F": "°F", **{"unit" + sign: sign for sign in "$€£¥"}}


def lift(node: Node) -> tuple[Node, str]:
    """Take the unit that stands at the edge of a whole quantity off it: 50%, 30°, -$5, 1/2 %.

    Returns:
        The node without it, and the unit; or the node as it is, and "".
    """
    if not isinstance(node, Apply):
        return node, ""
    if node.op in _UNIT_MARKS:
        return node.args[0], _UNIT_MARKS[node.op]
    if node.op == "neg" or node.op in ("pm", "mp"):
        inner, unit = lift(node.args[0])
        return (negate(inner) if node.op == "neg" else Apply(node.op, (inner,))), unit
    if node.op in ("mul", "div"):  # all of these marks are linear: a·(b%) is (a·b)%
        last, unit = lift(node.args[-1])
        if unit in ("%", "°"):
            return Apply(node.op, (*node.args[:-1], last)), unit
        first, unit = lift(node.args[0])
        if unit in _CURRENCIES:
            return Apply(node.op, (first, *node.args[1:])), unit
    if node.op == "add":
        lifted = [lift(each) for each in node.args]
        units = {unit for _, unit in lifted}
        if len(units) == 1 and units <= _CURRENCIES:
            return Apply("add", tuple(each for each, _ in lifted)), units.pop()
    return node, ""


_CURRENCIES = frozenset("$€£¥")
_HUNDRED = Number(Fraction(100))


def settle(node: Node) -> Node:
    """Resolve the marks within an expression: a percent sign divides by 100, a currency's sign goes."""
    if not isinstance(node, Apply):
        return node
    args = tuple(settle(each) for each in node.args)
    if node.op == "percent":
        return Apply("div", (args[0], _HUNDRED))
    if node.op.startswith("unit"):
        return args[0]
    if node.op in ("°C", "°F"):
        raise Unparseable("a temperature within an expression")
    return node if args == node.args else Apply(node.op, args)


def expand(nodes: Iterable[Node]) -> Iterator[Node]:
    """Each node, or the two that it stands for if it holds a ± or ∓; all of those in one node go together."""
    for node in nodes:
        if _open(node):
            yield from (_choose(node, 1), _choose(node, -1))
        elif isinstance(node, Collection) and node.kind == "bare":
            yield from node.items
        else:
            yield node


def _open(node: Node) -> bool:
    match node:
        case Apply(op, args):
            return op in ("pm", "mp") or any(_open(each) for each in args)
        case Relation(terms, _):
            return any(_open(each) for each in terms)
        case Quantity(value, _):
            return _open(value)
        case _:
            return False


def _choose(node: Node, sign: int) -> Node:
    match node:
        case Apply(("pm" | "mp") as op, (inner,)):
            inner = _choose(inner, sign)
            return inner if (op == "pm") == (sign == 1) else negate(inner)
        case Apply(op, args):
            return Apply(op, tuple(_choose(each, sign) for each in args))
        case Relation(terms, ops):
            return Relation(tuple(_choose(each, sign) for each in terms), ops)
        case Quantity(value, unit):
            return Quantity(_choose(value, sign), unit)
        case _:
            return node
