"""The grammar of mathematics as written in answers: tokens to a tree, by recursive descent of bounded depth.

Here: lists, statements, sets, quantities, brackets, matrices. Expressions are in ``rewards.maths.formula``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from rewards.maths.build import expand, lift, settle
from rewards.maths.errors import Unparseable
from rewards.maths.formula import CURRENCIES, ENDS, Formula
from rewards.maths.functions import WORDS
from rewards.maths.lexer import Token
from rewards.maths.names import GREEK, NAMES
from rewards.maths.tree import (
    INFINITY,
    MINUS_INFINITY,
    Apply,
    Collection,
    Constant,
    Interval,
    Matrix,
    Node,
    Number,
    Quantity,
    Relation,
    RelationOp,
    Symbol,
    Union,
    is_scalar,
    symbols,
    walk,
)
from rewards.maths.units import REMAINDER, UNITS, modulus

__all__ = ["Parser"]

_RELATIONS = frozenset(["=", "!=", "<", "<=", ">", ">=", "in"])
_SHORT_UNITS = frozenset("mgshL")  # single letters that are a unit behind a number and a space
_APART = frozenset([",", ";", *_RELATIONS])  # between statements and their sides
_MATRICES = frozenset(["pmatrix", "bmatrix", "matrix", "smallmatrix", "array"])
_BESIDE_FACTORS = frozenset(["+", "-", "*", "/", "command", "number", "repeating", "word", "!"])
_BEFORE_FACTORS = _BESIDE_FACTORS | {")", "]", "}", "|"}
_BEHIND_FACTORS = _BESIDE_FACTORS | {"^", "(", "[", "{"}


class Parser(Formula):
    """One text's parser.

    Args:
        tokens: As from ``tokenize``.
        conventions: Its ``log_base`` is read.
    """

    def answer(self) -> Node:
        """The whole text.

        Raises:
            Unparseable: If it is not in the grammar.
        """
        items = _with_modulus(list(expand(self._items("end"))))
        self._expect("end")
        if not items:
            raise Unparseable("nothing to read")
        return items[0] if len(items) == 1 else Collection("bare", tuple(items))

    def _items(self, closing: str) -> list[Node]:
        """Statements up to a closing token, which is left; none is an empty list."""
        items: list[Node] = []
        while self._kind() != closing:
            items.append(self._statement())
            if self._kind() not in (",", ";"):
                break
            while self._kind() in (",", ";"):  # also ", and"
                self._at += 1
            if self._kind() == closing and closing != "end":
                self._unexpected()
        return items

    def _statement(self) -> Node:
        terms, ops = [self._sets()], []
        while self._kind() in _RELATIONS:
            ops.append(cast(RelationOp, self._kind()))
            self._at += 1
            terms.append(self._sets())
        return Relation(tuple(terms), tuple(ops)) if ops else terms[0]

    def _sets(self) -> Node:
        parts = [self._quantity()]
        while self._take("cup"):
            parts.append(self._quantity())
        return parts[0] if len(parts) == 1 else Union(tuple(_as_set(part) for part in parts))

    def _quantity(self) -> Node:
        value, unit = lift(self._expression())
        if self._kind() in WORDS or self._kind() in CURRENCIES or self._unit_fraction():
            if unit and unit != "%" and unit not in CURRENCIES:
                self._unexpected("behind a unit")
            words = self._unit(unit)
            if "*" in words and not any(isinstance(each, Number) or each == Constant("pi") for each in walk(value)):
                raise Unparseable("words behind letters")
            unit = unit if unit == "%" else words  # 20% of the class
        elif not unit and isinstance(value, Number) and self._take("_"):
            unit = "base " + self._subscript()  # a number that is written in another base
        elif not unit and self._take("mod"):
            unit = REMAINDER + self._modulus(self._tokens[self._at - 1].text)
        return Quantity(settle(value), unit) if unit else settle(value)

    def _modulus(self, opening: str) -> str:
        braced = self._take("{")
        divisor = self._tokens[self._at]
        if divisor.kind not in ("number", "word"):
            self._unexpected("as a modulus")
        self._at += 1
        if braced:
            self._expect("}")
        if opening.startswith("("):
            self._expect(")")
        return divisor.text

    # --- units --------------------------------------------------------------------------------------------------

    def _unit(self, sign: str = "") -> str:
        """What stands behind a number to the end of the statement: words, powers, "per"; and its sign, $ or %."""
        parts = [sign] if sign else []
        over, power = "", ""
        while self._kind() not in ENDS:
            token = self._tokens[self._at]
            self._at += 1
            if token.kind == "command" and token.text == "frac":
                above, below = self._braced_unit(), self._braced_unit()
                parts += [above, "/" + below]
            elif token.kind in CURRENCIES or (token.kind in WORDS and _is_unit(token.text)):
                name = UNITS.get(token.text) or UNITS.get(token.text.lower()) or token.text.lower()
                if over or parts != [sign] or name != sign:  # $5 dollars
                    parts.append(over + name + power)
                over = power = ""
            elif token.kind == "/" or token.text == "per":
                over = "/"
            elif token.kind == "*" and parts and (self._kind() == "upright" or self._tokens[self._at].text in UNITS):
                continue
            elif token.text in _POWERS:
                power = _POWERS[token.text]
            elif token.kind == "^" and parts and "^" not in parts[-1]:
                braced = self._take("{")
                minus = "-" if self._take("-") else ""
                exponent = self._tokens[self._at]
                if exponent.kind != "number" or exponent.text not in ("1", "2", "3", "4"):
                    self._unexpected("in a unit")
                self._at += 1
                parts[-1] += f"^{minus}{exponent.text}"
                if braced:
                    self._expect("}")
            elif token.text != "":
                raise Unparseable(f"{token.text[:20]!r} among words")
        unit = "*".join(parts).replace("*/", "/").rstrip("/")
        return _TEMPERATURES.get(unit, unit)

    def _braced_unit(self) -> str:
        self._expect("{")
        unit = self._unit()
        self._expect("}")
        if not unit or "*" in unit or "/" in unit:
            raise Unparseable("a fraction of units that is none")
        return unit

    def _unit_fraction(self) -> bool:
        r"""Whether \frac{\text{km}}{\text{h}} or the like follows."""
        token = self._tokens[self._at]
        return token.kind == "command" and token.text == "frac" and self._kind(1) == "{" and self._kind(2) == "upright"

    def _unit_ahead(self) -> bool:
        """Whether what follows reads as a unit, to the end of the statement."""
        token = self._tokens[self._at]
        if token.kind == "command":
            return self._unit_fraction()
        if token.kind == "word" and len(token.text) == 1:
            return (
                token.text in _SHORT_UNITS
                and token.spaced
                and self._kind(1) in ENDS - {"}"}  # within a fraction, 2 g is a product
                and self._tokens[self._at - 1].kind in ("number", "}")
                and not self._has_variable()
            )
        if token.text in NAMES and not (token.text in UNITS and self._kind(1) in ENDS):
            return False
        return (token.kind == "upright" and token.text not in ("e", "i", "d")) or len(token.text) > 1

    def _has_variable(self) -> bool:
        r"""Whether a variable stands before here in the same term of a statement: in r^2 h, h is one more."""
        for token in reversed(self._tokens[: self._at]):
            if token.kind in _APART:
                return False
            if (token.kind == "word" and len(token.text) == 1) or (token.kind == "command" and token.text in GREEK):
                return True
        return False

    # --- brackets -----------------------------------------------------------------------------------------------

    def _bracket(self, opening: str) -> Node:
        """What stands in brackets: a part of an expression, a tuple, a list, a set, an interval."""
        before = self._tokens[self._at - 1].kind if self._at else ""
        if opening == r"\{":
            self._mark_condition()
        self._at += 1
        bars, self._bars = self._bars, 0
        self._deeper()
        items = self._items(r"\}" if opening == r"\{" else ")" if self._kind() != "]" else "]")
        if opening == r"\{" and len(items) == 1 and self._take(":"):  # {x : x > 3}, which says what x > 3 says
            head, items = items[0], [self._statement()]
            if not isinstance(items[0], Relation) or not _is_of_reals(head) or not symbols(head) <= symbols(items[0]):
                raise Unparseable("a set by a condition that says more than the condition")
            self._depth -= 1
            self._bars = bars
            self._expect(r"\}")
            return items[0]
        self._depth -= 1
        self._bars = bars
        closing = self._kind()
        if closing not in ((r"\}",) if opening == r"\{" else (")", "]")):
            self._unexpected("where a bracket should close")
        self._at += 1
        if opening == "(" and closing == ")" and len(items) == 1:
            return items[0]
        is_factor = before in _BEFORE_FACTORS or self._kind() in _BEHIND_FACTORS
        if opening == "[" and closing == "]" and len(items) == 1 and is_factor:
            if not isinstance(items[0], Apply) or items[0].op != "add":
                raise Unparseable("square brackets that may round what they hold")
            return items[0]
        if opening == r"\{":
            return Collection("set", tuple(expand(items)))
        return _delimited(items, opening, closing)

    def _mark_condition(self) -> None:
        r"""Have the bar of a set by a condition, ``\{x | x > 3\}``, read as a colon: the first of an odd number."""
        depth, bars = 0, []
        for place in range(self._at, len(self._tokens)):
            kind = self._tokens[place].kind
            depth += (kind == r"\{") - (kind == r"\}")
            if kind == "|" and depth == 1:
                bars.append(place)
            if depth == 0:
                break
        if len(bars) % 2:
            self._tokens[bars[0]] = Token(":", ":", True)

    # --- matrices -----------------------------------------------------------------------------------------------

    def _matrix(self) -> Node:
        name = self._environment()
        if name == "cases":
            return self._system()
        if name not in _MATRICES:
            raise Unparseable(f"the environment {name[:20]!r} is not known")
        if name == "array":
            self._expect("{")
            while self._kind() in ("word", "|"):
                self._at += 1
            self._expect("}")
        self._deeper()
        rows: list[tuple[Node, ...]] = []
        while True:
            row = [self._quantity()]
            while self._take("&"):
                row.append(self._quantity())
            rows.append(tuple(row))
            if not self._take(r"\\") or self._tokens[self._at].text == "end":
                break
        self._depth -= 1
        self._leave(name, "a matrix")
        if len({len(row) for row in rows}) != 1:
            raise Unparseable("a matrix that does not fit together")
        return Matrix(tuple(rows))

    def _system(self) -> Node:
        """Several statements, one below the other."""
        self._deeper()
        statements = [self._statement()]
        while (self._take(r"\\") or self._take(",")) and self._tokens[self._at].text != "end":
            if self._kind() != r"\\":
                statements.append(self._statement())
        self._depth -= 1
        self._leave("cases", "a system of equations")
        equations = [each for each in statements if isinstance(each, Relation) and set(each.ops) == {"="}]
        if len(equations) < len(statements) or len(tuple(expand(equations))) > len(equations):
            raise Unparseable("a system of something that is no equation")
        names = [each.terms[0] for each in equations]
        if any(isinstance(each, Symbol) and names.count(each) > 1 for each in names):
            raise Unparseable("a system of several equations for one variable")
        return Collection("bare", tuple(equations))

    def _leave(self, name: str, what: str) -> None:
        """The end of an environment."""
        if self._tokens[self._at].text != "end":
            self._unexpected(f"in {what}")
        self._at += 1
        if self._environment() != name:
            raise Unparseable(f"{what} that does not fit together")

    def _environment(self) -> str:
        self._expect("{")
        name = ""
        while self._kind() == "word":
            name += self._tokens[self._at].text
            self._at += 1
        self._expect("}")
        return name


def _is_unit(word: str) -> bool:
    return word in UNITS or word not in NAMES | {"per", "", *_POWERS}


_POWERS = {"square": "^2", "sq": "^2", "cubic": "^3"}
_TEMPERATURES = {"°*celsius": "°C", "celsius": "°C", "°*fahrenheit": "°F", "fahrenheit": "°F"}


_REALS = Interval(MINUS_INFINITY, INFINITY, False, False)


def _is_of_reals(head: Node) -> bool:
    r"""Whether what stands before the condition of a set adds nothing: ``x``, ``x \in \mathbb{R}``, ``(x, y)``."""
    if isinstance(head, Relation):
        return head.ops == ("in",) and isinstance(head.terms[0], Symbol) and head.terms[1] == _REALS
    return all(isinstance(each, Symbol) for each in (head.items if isinstance(head, Collection) else (head,)))


def _as_set(part: Node) -> Node:
    if isinstance(part, Collection) and part.kind == "tuple" and len(part.items) == 2:
        return Interval(*part.items, False, False)
    if isinstance(part, Symbol | Interval) or (isinstance(part, Collection) and part.kind == "set"):
        return part
    raise Unparseable("a union of something that is no set")


def _with_modulus(items: list[Node]) -> list[Node]:
    r"""Give each of several remainders the modulus that stands behind the last: ``n \equiv 1, 4 \pmod 5``."""
    last = items[-1].terms[-1] if items and isinstance(items[-1], Relation) else items[-1] if items else None
    if not isinstance(last, Quantity) or not modulus(last):
        return items
    found: list[Node] = []
    for item in items:
        if isinstance(item, Relation) and is_scalar(item.terms[-1]):
            item = Relation((*item.terms[:-1], Quantity(item.terms[-1], last.unit)), item.ops)
        found.append(Quantity(item, last.unit) if is_scalar(item) else item)
    return found


def _delimited(items: Iterable[Node], opening: str, closing: str) -> Node:
    items = tuple(items)
    if any(len(tuple(expand([item]))) > 1 for item in items):
        raise Unparseable("± within brackets")
    if len(items) == 2 and (opening, closing) != ("(", ")"):
        return Interval(*items, opening == "[", closing == "]")
    if (opening, closing) == ("(", ")") and items:
        return Collection("tuple", items)
    if (opening, closing) == ("[", "]") and items:
        return Collection("list", items)
    raise Unparseable("brackets that do not fit")
