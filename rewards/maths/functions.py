"""Commands and functions as written in answers: fractions, roots, logarithms; and what they take, however it stands."""

from __future__ import annotations

from fractions import Fraction

from rewards.maths.build import apply, divide, expand, multiply, number
from rewards.maths.conventions import Conventions
from rewards.maths.cursor import Cursor
from rewards.maths.errors import Unparseable
from rewards.maths.lexer import Token
from rewards.maths.names import FUNCTIONS, GREEK
from rewards.maths.tree import Apply, Collection, Constant, Node, Number, Symbol, is_scalar

__all__ = ["ALONE", "WORDS", "Functions"]

WORDS = frozenset(["word", "upright"])
"""Kinds of tokens that are letters."""

ALONE = {
    "pi": Constant("pi"),
    "e": Constant("e"),
    "i": Constant("i"),
    **{name: Constant("oo") for name in ("infty", "infinity", "inf")},
}
"""Names of constants."""

_LETTERS = frozenset(["ell", "hbar", "odot"])
_ACCENTS = frozenset(["bar", "hat", "tilde", "dot", "ddot"])
_FIGURES = frozenset(["angle", "triangle"])
_INVERTIBLE = frozenset(["sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh"])


class Functions(Cursor):
    """The part of the parser that reads commands and functions; what they are of is for a subclass.

    Args:
        tokens: As from ``tokenize``.
        conventions: Its ``log_base`` is read.
    """

    def __init__(self, tokens: list[Token], conventions: Conventions) -> None:
        super().__init__(tokens)
        self._log_base: Node = Constant("e") if conventions.log_base == "e" else Number(Fraction(10))

    def _items(self, closing: str) -> list[Node]:
        """Statements up to a closing token, which is left; none is an empty list."""
        raise NotImplementedError

    def _matrix(self) -> Node:
        r"""An environment behind ``\begin``."""
        raise NotImplementedError

    def _power(self) -> Node:
        """A factor, with what is written behind and above it."""
        raise NotImplementedError

    def _primary(self) -> Node:
        """What stands by itself: a number, a name, brackets."""
        raise NotImplementedError

    def _script(self) -> Node:
        """An exponent: in braces, or a signed factor."""
        raise NotImplementedError

    def _stops(self) -> bool:
        """Whether what follows a factor is not one more, though it could start one."""
        raise NotImplementedError

    def _variable(self, name: str) -> Node:
        """A variable with its subscript and primes."""
        raise NotImplementedError

    def _command(self, name: str) -> Node:
        if name in ALONE:
            return ALONE[name]
        if name == "frac":
            above = self._argument()
            below = self._argument()
            if _is_differential(above) and _is_differential(below):
                raise Unparseable("a derivative")
            return divide(above, below)
        if name == "binom":
            above = self._argument()
            return apply("binomial", above, self._argument())
        if name in FUNCTIONS:
            return self._function(FUNCTIONS[name])
        if name == "emptyset":
            return Collection("set", ())
        if name == "begin":
            return self._matrix()
        if name in GREEK or name in _LETTERS:
            return self._variable(name)
        if name in _ACCENTS:
            return self._variable(f"{name} {_letters(self._argument())}")
        if name in _FIGURES:
            return self._figure(name)
        raise Unparseable(f"\\{name} out of place")

    def _figure(self, name: str) -> Node:
        r"""An angle or a triangle, named by its corners: ``\angle ABC``."""
        corners = ""
        while self._kind() == "word" and self._tokens[self._at].text.isupper():
            corners += self._tokens[self._at].text
            self._at += 1
        if not corners:
            self._unexpected("where corners should be")
        return Symbol(f"{name} {min(corners, corners[::-1])}")

    def _argument(self) -> Node:
        r"""What a command takes: braces, or what would stand there without: one digit, a letter, a command."""
        token = self._tokens[self._at]
        if token.kind == "{":
            return self._group("{", "}")
        if token.kind == "number":
            if len(token.text) > 1:
                if not token.text.isdigit() or len(token.text) > 2:
                    raise Unparseable("digits behind a command may be read in two ways")
                self._tokens[self._at] = Token("number", token.text[1:], False)
            else:
                self._at += 1
            return number(token.text[0])
        if token.kind in WORDS or token.kind == "command":
            self._deeper()
            argument = self._primary()
            self._depth -= 1
            return argument
        return self._unexpected()

    def _unmixed(self) -> Node:
        r"""What stands by itself; a number without a fraction behind it, as in \log_3 \frac{1}{9}."""
        token = self._tokens[self._at]
        if token.kind != "number":
            return self._primary()
        self._at += 1
        return number(token.text)

    def _group(self, opening: str, closing: str) -> Node:
        """One expression in brackets that mean nothing else; a set, if it is several."""
        self._expect(opening)
        bars, self._bars = self._bars, 0
        self._deeper()
        items = self._items(closing)
        between = self._tokens[self._at].text if self._kind() == "command" else ""
        if len(items) == 1 and between in ("over", "choose"):
            self._at += 1
            below = self._items(closing)
            if len(below) != 1:
                self._unexpected()
            items = [apply("binomial" if between == "choose" else "div", items[0], below[0])]
        self._depth -= 1
        self._bars = bars
        self._expect(closing)
        if len(items) == 1:
            return items[0]
        if not items or opening != "{":
            raise Unparseable("empty brackets" if not items else "several values where one should be")
        return Collection("set", tuple(expand(items)))

    def _function(self, name: str) -> Node:
        self._deeper()
        base, exponent = self._log_base, None
        if name == "sqrt":
            degree: Node = Number(Fraction(2))
            if self._kind() == "[":
                degree = self._group("[", "]")
            elif self._kind() == "number" and not self._tokens[self._at].spaced:
                token = self._tokens[self._at]
                if self._tokens[self._at - 1].kind == "command" and len(token.text) > 1:
                    raise Unparseable("digits behind a root may be read in two ways")
            value = self._only(self._primary())
            self._depth -= 1
            return apply("root", value, degree)
        digits, bracket = self._tokens[self._at : self._at + 2]
        if name == "log" and (digits.text, bracket.kind) in (("2", "("), ("10", "(")) and not digits.spaced:
            base = self._unmixed()  # log2(8), as programs have it
        while self._kind() in ("^", "_"):
            if self._take("_"):
                if name != "log":
                    self._unexpected("behind a function")
                base = self._argument() if self._kind() != "number" else self._unmixed()
            else:
                self._at += 1
                exponent = self._script()
        arguments = self._arguments()
        if exponent == Number(Fraction(-1)) and name in _INVERTIBLE:
            name, exponent = "arc" + name, None
        if name == "log":
            if len(arguments) == 2 and base is self._log_base:
                raise Unparseable("a logarithm of two arguments")
            arguments.append(base)
        elif name == "cbrt":
            name = "root"
            arguments.append(Number(Fraction(3)))
        value = apply(name, *arguments)
        self._depth -= 1
        return value if exponent is None else apply("pow", value, exponent)

    def _arguments(self) -> list[Node]:
        r"""Arguments in brackets, or a product without any: \sin 2x."""
        if self._kind() == "(" or self._kind() == "{":
            closing = ")" if self._kind() == "(" else "}"
            self._at += 1
            bars, self._bars = self._bars, 0
            found = [self._only(each) for each in self._items(closing)]
            self._bars = bars
            self._expect(closing)
            return found
        factors = [self._power()]
        while self._kind() in ("number", "word", "command", "{") and not self._stops():
            token = self._tokens[self._at]
            if token.text in FUNCTIONS and token.text != "sqrt":
                break
            factors.append(self._power())
        return [multiply(factors)]

    def _only(self, node: Node) -> Node:
        """The node, if it is one that a function takes."""
        if not is_scalar(node):
            raise Unparseable("a function of something that is no number")
        return node


def _letters(node: Node) -> str:
    """The name that a variable is, or several side by side."""
    parts = node.args if isinstance(node, Apply) and node.op == "mul" else (node,)
    names = [each.name for each in parts if isinstance(each, Symbol | Constant)]
    if len(names) < len(parts):
        raise Unparseable("an accent on something that is no name")
    return "".join(names)


def _is_differential(node: Node) -> bool:
    first = node.args[0] if isinstance(node, Apply) and node.op in ("mul", "pow") else node
    return first == Symbol("d")
