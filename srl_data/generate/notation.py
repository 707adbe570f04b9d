r"""Formulas as text, in LaTeX or in plain characters.

Example:
    >>> from srl_data.generate.expr import Sym, frac, term
    >>> x = Sym("x")
    >>> write(term(-3, x) - 5, latex=False)
    '-3x - 5'
    >>> write(frac(3, 4) * (x + 1) ** 2, latex=True)
    '\\frac{3}{4}(x + 1)^2'
"""

from __future__ import annotations

from fractions import Fraction

from srl_data.generate.expr import (
    Call,
    Deriv,
    Expr,
    Integral,
    Named,
    Neg,
    Num,
    Pow,
    Prod,
    Quot,
    Seq,
    Sum,
    Sym,
    symbols,
)

__all__ = ["write"]


def write(expr: Expr, *, latex: bool) -> str:
    """A formula as text, in LaTeX (without delimiters) or in plain characters."""
    return _Writer(latex).write(expr)


def _split_sign(expr: Expr) -> tuple[bool, Expr]:
    """Whether a formula begins with a minus, and the formula without it."""
    match expr:
        case Num(value) if value < 0:
            return True, Num(-value)
        case Neg(inner):
            return True, inner
        case Prod((first, *rest)):
            minus, bare = _split_sign(first)
            return minus, Prod((bare, *rest)) if minus else expr
        case Quot(Prod() as over, under):
            minus, bare = _split_sign(over)
            return minus, Quot(bare, under) if minus else expr
    return False, expr


_SUM, _PRODUCT, _POWER, _ATOM = range(4)
_LATEX_NAMES = {"lcm": r"\operatorname{lcm}"}


class _Writer:
    def __init__(self, latex: bool) -> None:
        self.latex = latex

    def write(self, expr: Expr) -> str:
        return self._write(expr)[0]

    def _write(self, expr: Expr) -> tuple[str, int]:
        """The text, and how tightly its outermost operation binds."""
        minus, bare = _split_sign(expr)
        if minus:
            return "-" + self._inside(bare, _PRODUCT), _SUM
        match expr:
            case Num(value):
                return self._number(value)
            case Sym(name) | Named(name):
                return name, _ATOM
            case Sum(terms):
                return self._sum(terms), _SUM
            case Prod(factors):
                return self._product(factors), _PRODUCT
            case Quot(over, under, tight):
                return self._quotient(over, under, tight)
            case Pow(base, exponent):
                return self._power(base, exponent), _POWER
            case Call(name, arguments):
                return self._call(name, arguments), _ATOM
            case Deriv(inner, variable):
                lead = rf"\frac{{d}}{{d{variable}}}\left[" if self.latex else f"d/d{variable} ["
                return lead + self.write(inner) + (r"\right]" if self.latex else "]"), _PRODUCT
            case Integral(inner, variable, bounds):
                return self._integral(inner, variable, bounds), _PRODUCT
            case Seq(items, point):
                listing = ", ".join(map(self.write, items))
                return (f"({listing})" if point else listing), _ATOM
        raise TypeError(f"not a formula: {expr!r}")

    def _inside(self, expr: Expr, least: int) -> str:
        """The text, in parentheses if its outermost operation binds less tightly than ``least``."""
        text, binding = self._write(expr)
        return text if binding >= least else f"({text})"

    def _number(self, value: Fraction) -> tuple[str, int]:
        if value.denominator == 1:
            return str(value.numerator), _ATOM
        if self.latex:
            return rf"\frac{{{value.numerator}}}{{{value.denominator}}}", _PRODUCT
        return f"{value.numerator}/{value.denominator}", _PRODUCT

    def _sum(self, terms: tuple[Expr, ...]) -> str:
        text = self._inside(terms[0], _PRODUCT) if not _split_sign(terms[0])[0] else self.write(terms[0])
        for item in terms[1:]:
            minus, bare = _split_sign(item)
            text += (" - " if minus else " + ") + self._inside(bare, _PRODUCT)
        return text

    def _product(self, factors: tuple[Expr, ...]) -> str:
        pieces = [self._inside(factors[0], _PRODUCT)]
        for factor in factors[1:]:
            text = self._inside(factor, _PRODUCT)
            if _needs_sign(factor, text):
                pieces += [r" \times " if self.latex else " * ", text]
                continue
            if not self.latex and "/" in pieces[-1] and not pieces[-1].startswith("("):
                pieces[-1] = f"({pieces[-1]})"  # (3/4)x, since 3/4x may be read as 3/(4x)
            pieces += [" " if text[0].isalpha() and _is_word(factor) else "", text]
        return "".join(pieces)

    def _quotient(self, over: Expr, under: Expr, tight: bool) -> tuple[str, int]:
        values = [part for part in (over, under) if isinstance(part, Num)]
        if any(part.value.denominator > 1 for part in values):  # a fraction of fractions is hard to read
            least, sign = (_PRODUCT, r" \div ") if self.latex else (_POWER, " / ")
            return sign.join(self._inside(part, least) for part in (over, under)), _PRODUCT
        if self.latex:
            return rf"\frac{{{self.write(over)}}}{{{self.write(under)}}}", _PRODUCT
        plain = isinstance(under, Num) and not symbols(over) and isinstance(over, (Num, Prod))
        left = self.write(over) if plain else self._inside(over, _PRODUCT if symbols(over) else _POWER)
        sign = " / " if plain and not tight else "/"
        return left + sign + self._inside(under, _POWER), _SUM if left.startswith("-") else _PRODUCT

    def _power(self, base: Expr, exponent: Expr) -> str:
        text = self.write(exponent)
        if self.latex:
            text = text if len(text) == 1 else f"{{{text}}}"
        elif not text.isdigit():
            text = f"({text})" if len(text) > 1 else text
        return f"{self._inside(base, _ATOM)}^{text}"

    def _call(self, name: str, arguments: tuple[Expr, ...]) -> str:
        listing = ", ".join(map(self.write, arguments))
        if not self.latex:
            return f"{name}({listing})"
        if name == "sqrt":
            return rf"\sqrt{{{listing}}}"
        return f"{_LATEX_NAMES.get(name, chr(92) + name)}({listing})"

    def _integral(self, inner: Expr, variable: str, bounds: tuple[Expr, Expr] | None) -> str:
        body = self._inside(inner, _PRODUCT)
        if self.latex:
            limits = rf"_{{{self.write(bounds[0])}}}^{{{self.write(bounds[1])}}}" if bounds else ""
            return rf"\int{limits} {body} \, d{variable}"
        limits = f"_{self._inside(bounds[0], _ATOM)}^{self._inside(bounds[1], _ATOM)}" if bounds else ""
        return f"∫{limits} {body} d{variable}"


def _needs_sign(factor: Expr, text: str) -> bool:
    """Whether a multiplication sign must stand before a factor."""
    if isinstance(factor, Named) or (isinstance(factor, Call) and factor.name == "sqrt"):
        return False
    return text[0].isdigit() or text.startswith((r"\frac", "d/d")) or not symbols(factor)


def _is_word(factor: Expr) -> bool:
    """Whether a factor would run into the one before it: ``x sin(x)``, ``x e^(2x)``."""
    return isinstance(factor, Call) or (isinstance(factor, Pow) and factor.base == Sym("e"))
