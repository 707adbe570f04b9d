"""Expressions as written in answers: sums, products, powers, names; tokens to scalars, by recursive descent."""

from __future__ import annotations

from fractions import Fraction

from rewards.maths.build import add, apply, divide, multiply, negate, number
from rewards.maths.errors import Unparseable
from rewards.maths.functions import ALONE, WORDS, Functions
from rewards.maths.lexer import CLOSES, OPENS, Token
from rewards.maths.names import FUNCTIONS, GREEK
from rewards.maths.tree import INFINITY, MINUS_INFINITY, Apply, Constant, Interval, Node, Number, Symbol

__all__ = ["CURRENCIES", "ENDS", "Formula"]

CURRENCIES = frozenset("$€£¥")
ENDS = frozenset(["end", ",", ";", ")", "]", "}", r"\}", "cup", "&", r"\\", "=", "!=", "<", "<=", ">", ">=", "in"])
"""Kinds of tokens at which an expression ends."""

_PRIMES = {("^", "prime"): 1, ("^", "{", "prime", "}"): 1, ("^", "{", "prime", "prime", "}"): 2}
_IN_SUBSCRIPTS = frozenset(["number", "word", "upright", "command"])
_ROUNDED = {"lfloor": ("rfloor", "floor"), "lceil": ("rceil", "ceil")}
_STARTS = frozenset(["number", "repeating", "word", "upright", "command", "board", "(", "[", "{", *_ROUNDED])
_BEHIND = frozenset(["!", "%", "^", "circ"])


class Formula(Functions):
    """The part of the parser that reads expressions; what stands in brackets is for a subclass."""

    def _bracket(self, opening: str) -> Node:
        """What stands in brackets: a part of an expression, a tuple, a list, a set, an interval."""
        raise NotImplementedError

    def _unit_ahead(self) -> bool:
        """Whether what follows reads as a unit, to the end of the statement."""
        raise NotImplementedError

    # --- sums, products, powers ---------------------------------------------------------------------------------

    def _expression(self) -> Node:
        self._deeper()
        terms: list[Node] = []
        while True:
            sign = ""
            while self._kind() in ("+", "-", "pm", "mp"):
                sign = _signed(sign, self._kind())
                self._at += 1
            term = self._term()
            terms.append(term if sign in ("", "+") else negate(term) if sign == "-" else Apply(sign, (term,)))
            if self._kind() not in ("+", "-", "pm", "mp"):
                self._depth -= 1
                return add(terms)

    def _term(self) -> Node:
        factors = [self._power()]
        slashed = False  # behind a slash that a product may or may not be below
        while True:
            kind = self._kind()
            if kind == "*" or self._is_times():
                self._at += 1
                factors.append(self._signed_power())
                slashed = False
            elif kind == "/":
                self._at += 1
                if len(factors) > 1 or slashed:
                    self._link()
                below = self._signed_power()
                factors = [divide(multiply(factors), below)]
                slashed = not isinstance(below, Number) and self._tokens[self._at - 1].kind != ")"
                if isinstance(factors[0], Apply):
                    self._link()
            elif (kind in _STARTS or (kind == "|" and not self._bars)) and not self._stops():
                if slashed:
                    raise Unparseable("a product behind a slash may be read in two ways")
                factors.append(self._power())
            else:
                return multiply(factors)

    def _is_times(self) -> bool:
        """Whether a letter is the sign of scientific notation: 1.5 x 10^3."""
        token, ten = self._tokens[self._at : self._at + 2]
        return (
            token.kind == "word"
            and token.text in ("x", "X")
            and self._tokens[self._at - 1].kind == "number"
            and (ten.kind, ten.text, self._kind(2)) == ("number", "10", "^")
        )

    def _stops(self) -> bool:
        """Whether what follows a factor is not one more, though it could start one."""
        before, token = self._tokens[self._at - 1], self._tokens[self._at]
        if token.kind in ("number", "repeating"):
            is_power = token.spaced and self._kind(1) == "^" and self._tokens[self._at - 2].kind == "^"
            if before.kind in ("number", "repeating") and not is_power:  # 2^3 5^2 is a product
                raise Unparseable("two numbers side by side")
            if before.kind in WORDS and before.text != "i" and not self._is_raised_to_letters():  # x2 may be x_2
                raise Unparseable("a number behind a letter")
        if token.kind == "[" and not self._groups():
            raise Unparseable("a bracket behind a number")
        if token.kind == "command":
            return token.text in ("end", "over", "choose") or self._unit_ahead()
        return token.kind in WORDS and self._unit_ahead()

    def _groups(self) -> bool:
        """Whether the square bracket here stands around a factor: it holds one value, and is closed by its like."""
        if (self._kind(1), self._kind(2)) == ("number", "]"):
            return False  # 2 [3] may be anything
        depth = 0
        for token in self._tokens[self._at :]:
            depth += (token.kind in OPENS or token.kind == "{") - (token.kind in CLOSES)
            if depth == 0:
                return token.kind == "]"
            if depth == 1 and token.kind in (",", ";"):
                return False
        return False

    def _is_raised_to_letters(self) -> bool:
        """Whether an exponent with a letter in it stands behind the number here: the 2 of n2^n, not that of x2^2."""
        end = self._script_end(self._at + 1) if self._kind(1) == "^" else self._at
        return any(token.kind in ("word", "command") for token in self._tokens[self._at + 1 : end])

    def _signed_power(self) -> Node:
        sign = 1
        while self._kind() in ("-", "+"):
            sign = -sign if self._kind() == "-" else sign
            self._at += 1
        return self._power() if sign == 1 else negate(self._power())

    def _power(self) -> Node:
        base = self._primary()
        while (kind := self._kind()) in _BEHIND:
            if kind == "!":
                self._at += 1
                self._link()
                if self._kind() == "!":
                    raise Unparseable("a double factorial")
                base = apply("factorial", base)
            elif kind == "%":
                self._at += 1
                base = apply("percent", base)
            elif kind == "circ" or (kind == "^" and self._kind(1) == "circ"):
                self._at += 1 if kind == "circ" else 2
                base = self._degrees(base)
            elif kind == "^" and self._kind(1) == "{" and self._kind(2) == "circ" and self._kind(3) == "}":
                self._at += 4
                base = self._degrees(base)
            else:
                self._at += 1
                self._link()
                base = apply("pow", base, self._script())
        return base

    def _degrees(self, value: Node) -> Node:
        token = self._tokens[self._at]
        if token.text in ("C", "F") and self._kind(1) in ENDS:
            self._at += 1
            return apply("°" + token.text, value)
        return apply("deg", value)

    def _script(self) -> Node:
        """An exponent: in braces, or a signed factor."""
        if self._kind() == "{":
            return self._group("{", "}")
        self._deeper()
        sign = self._take("-")
        base = self._unmixed()
        if self._kind() == "^":
            self._at += 1
            base = apply("pow", base, self._script())
        self._depth -= 1
        return negate(base) if sign else base

    # --- what stands by itself ----------------------------------------------------------------------------------

    def _primary(self) -> Node:
        token = self._tokens[self._at]
        kind = token.kind
        if kind == "number" or kind == "repeating":
            self._at += 1
            return self._mixed(number(token.text))
        if kind in WORDS:
            return self._name(token)
        if kind == "command":
            self._at += 1
            return self._command(token.text)
        if kind == "{":
            inner = self._group("{", "}")
            if isinstance(inner, Symbol | Constant) and self._kind() == "_":  # \boldsymbol{e}_z
                return self._variable(inner.name)
            return inner
        if kind in ("(", "[", r"\{"):
            return self._bracket(kind)
        if kind == "|":
            return self._absolute()
        if kind in _ROUNDED:
            closing, op = _ROUNDED[kind]
            return apply(op, self._group(kind, closing))
        if kind in CURRENCIES:
            self._at += 1
            return apply("unit" + kind, self._primary())
        if kind == "board":
            self._at += 1
            whole = Interval(MINUS_INFINITY, INFINITY, False, False)
            return whole if token.text == "R" else Symbol("mathbb " + token.text)
        return self._unexpected()

    def _mixed(self, whole: Number) -> Node:
        """Behind an integer, a fraction less than one that is written in digits adds to it: 3 1/2."""
        if whole.value.denominator != 1 or "." in self._tokens[self._at - 1].text:
            return whole
        ahead = self._tokens[self._at : self._at + 7]
        kinds = [token.kind for token in ahead]
        if kinds[:3] == ["number", "/", "number"] and ahead[0].spaced:
            above, below, width = ahead[0].text, ahead[2].text, 3
        elif kinds[0] == "command" and ahead[0].text == "frac":
            if kinds[1:] == ["{", "number", "}", "{", "number", "}"]:
                above, below, width = ahead[2].text, ahead[5].text, 7
            elif kinds[1:2] == ["number"] and len(ahead[1].text) == 2:
                above, below, width = ahead[1].text[0], ahead[1].text[1], 2
            else:
                return whole
        else:
            return whole
        if not (above.isdigit() and below.isdigit() and 0 < int(above) < int(below)):
            return whole
        self._at += width
        return Number(whole.value + Fraction(int(above), int(below)))

    def _name(self, token: Token) -> Node:
        """A word: a constant, a function, a variable."""
        name = token.text
        self._at += 1
        self._order_scripts()
        if name in ALONE and not (len(name) == 1 and self._kind() == "_"):  # i_0 is a current
            return ALONE[name]
        if name in FUNCTIONS:
            return self._function(FUNCTIONS[name])
        if name in GREEK:
            return self._variable(name)
        if len(name) == 1:
            return (self._function_value(name) if name in "fghFGP" else None) or self._variable(name)
        if name[:-1] in FUNCTIONS and len(name) > 3:  # sinx
            self._tokens[self._at - 1] = Token("word", name[-1], False)
            self._at -= 1
            return self._function(FUNCTIONS[name[:-1]])
        if token.kind == "word" and len(name) < 4:
            self._tokens[self._at - 1 : self._at] = [Token("word", letter, False) for letter in name]
            self._at -= 1
            return self._name(self._tokens[self._at])
        raise Unparseable(f"the word {name[:20]!r} among the mathematics" if name else "empty words")

    def _function_value(self, name: str) -> Node | None:
        r"""What is written like the value of an unknown function: f(x), f'(2), f^{-1}(x)."""
        start = self._at
        while self._take("'"):
            self._link()
            name += "'"
        if [token.text for token in self._tokens[start : start + 5]] == ["^", "{", "-", "1", "}"]:
            self._at += 5
            name += "^-1"
        bracket, inner, end = self._tokens[self._at : self._at + 3]
        called = (bracket.kind, end.kind) == ("(", ")") and not bracket.spaced
        if called and inner.kind in ("word", "number") and len(inner.text) < 4:
            self._at += 3
            return Symbol(f"{name}({inner.text})")
        self._at = start
        return None

    def _variable(self, name: str) -> Node:
        self._order_scripts()
        if self._take("_"):
            name += "_" + self._subscript()
        while primes := self._primes():
            self._link()
            name += "'" * primes
        return Symbol(name)

    def _primes(self) -> int:
        r"""How many primes follow, which are taken: ``'``, ``^\prime``, ``^{\prime\prime}``."""
        if self._take("'"):
            return 1
        ahead = [token.text for token in self._tokens[self._at : self._at + 5]]
        for written, primes in _PRIMES.items():
            if tuple(ahead[: len(written)]) == written:
                self._at += len(written)
                return primes
        return 0

    def _subscript(self) -> str:
        token = self._tokens[self._at]
        self._at += 1
        if token.kind in _IN_SUBSCRIPTS:
            return token.text
        if token.kind != "{":
            self._at -= 1
            self._unexpected("as a subscript")
        parts = []
        while self._kind() in _IN_SUBSCRIPTS or self._kind() in (",", "+", "-", "*"):
            parts.append(self._tokens[self._at].text)
            self._at += 1
        self._expect("}")
        return "".join(parts)

    def _order_scripts(self) -> None:
        """Put a subscript that is written behind an exponent before it: ``v^2_0``."""
        between = self._script_end(self._at) if self._kind() == "^" else self._at
        if between > self._at and self._tokens[between].kind == "_":
            end = self._script_end(between)
            self._tokens[self._at : end] = self._tokens[between:end] + self._tokens[self._at : between]

    def _script_end(self, at: int) -> int:
        """The place behind the exponent or subscript whose sign stands at a place."""
        depth = 0
        for place in range(at + 1, len(self._tokens)):
            depth += {"{": 1, "}": -1}.get(self._tokens[place].kind, 0)
            if depth <= 0:
                return min(place + 1, len(self._tokens) - 1)
        return at

    def _absolute(self) -> Node:
        self._expect("|")
        self._bars += 1
        value = self._only(self._expression())
        self._bars -= 1
        self._expect("|")
        return apply("abs", value)


def _signed(sign: str, more: str) -> str:
    if sign in ("", "+"):
        return more
    if sign == "-":
        return {"+": "-", "-": "+", "pm": "mp", "mp": "pm"}[more]
    raise Unparseable("two signs of which one is ±")
