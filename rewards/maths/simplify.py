r"""Tier 4: whether two expressions are equal, by computer algebra. Runs only in a worker: any of it may never end.

sympy gets objects that are built from our trees, never a text. What is asked is whether the two sides agree wherever
both are defined as real functions of real variables: ``\ln(xy)`` is ``\ln x + \ln y`` and ``\sqrt{x}^2`` is ``x``,
but ``\sqrt{x^2}`` is not, since at x = -1 both are defined and differ. Without variables, or where the imaginary unit
occurs, values are the complex principal ones. An odd root of a negative number is the real one.

- *No*, if the values at one point, worked out at two precisions, differ, or the difference is a rational number but 0.
- *Yes*, if sympy proves the difference zero for real variables; or for positive ones, if besides the values agree at
  all the points where both sides are defined. There must be such points, where the values can be worked out.
- ``None`` otherwise; many digits that agree are no proof.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import sympy
from sympy.core import random as sympy_random
from sympy.functions.elementary.trigonometric import TrigonometricFunction

from rewards.maths.compare import Conventions, compare
from rewards.maths.evaluate import are_near, compare_values
from rewards.maths.tree import Apply, Constant, Node, Number, Symbol, symbols, walk

__all__ = ["equal", "equal_pair"]

_MAX_BITS = 2**16  # of a power or factorial that is worked out
_MAX_TERMS = 256  # of a power of a sum that is multiplied out

_PLAIN = Conventions()


class _TooLargeError(Exception):
    """A power or factorial is too large for sympy, which tries to work it out even where it is told not to."""


def equal_pair(pair: tuple[Node, Node] | tuple[Node, Node, Conventions]) -> bool | None:
    """:func:`equal` of a pair, and conventions if need be, as workers take it: one argument."""
    digits = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)  # sympy prints numbers to put terms in order; a worker's time is limited anyway
    try:
        return equal(*pair)
    finally:
        sys.set_int_max_str_digits(digits)


def equal(gold: Node, answer: Node, conventions: Conventions = _PLAIN) -> bool | None:
    r"""Whether an answer is the gold one; ``None`` if that is not decided.

    Compares as :func:`rewards.maths.compare.compare` does, part by part, and decides by computer algebra what that
    leaves open. May take for ever, and all memory.

    Example:
        >>> from rewards.maths.parse import parse
        >>> equal(parse(r"(\ln(2x), 1)"), parse(r"(\ln 2 + \ln x, 1)"))
        True
        >>> equal(parse(r"\lfloor x + 1 \rfloor"), parse(r"\lfloor x \rfloor"))
        False
    """
    return compare(gold, answer, conventions, decide=_decide).equal


def _decide(gold: Node, answer: Node, rel_tol: float) -> bool | None:
    """Whether two scalars are equal; constants, if there is a tolerance, within that."""
    if gold == answer:
        return True
    if any(each == Constant("oo") for side in (gold, answer) for each in walk(side)):
        return None  # no arithmetic with it
    evidence = compare_values(gold, answer)
    names = symbols(gold) | symbols(answer)
    if evidence == "undefined":
        return None
    if evidence == "differ":
        return are_near(gold, answer, rel_tol) if rel_tol and not names else False
    if evidence == "unknown" and not _is_arithmetic(gold, answer):
        return None  # what is too large to work out, is so for sympy too, which would never find that out
    sympy_random.seed(0)  # sympy tries random numbers in places; every task sees the same ones
    try:
        difference = _difference(gold, answer, positive=False)
    except _TooLargeError:
        return None
    if difference.is_Rational:
        return bool(difference == 0)
    if evidence == "unknown":
        return None
    differences = [difference, _difference(gold, answer, positive=True)] if names else [difference]
    return True if any(_is_zero(each, forms) for forms in (_QUICK, _SLOW) for each in differences) else None


def _is_arithmetic(*trees: Node) -> bool:
    ops = {each.op for tree in trees for each in walk(tree) if isinstance(each, Apply)}
    return ops <= {"add", "mul", "neg", "div", "pow", "factorial"}


def _difference(gold: Node, answer: Node, *, positive: bool) -> Any:
    build = _Build(positive)
    return build(gold) - build(answer)


class _Build:
    """From a tree to sympy's objects; what would grow without bound is left as it is written."""

    def __init__(self, positive: bool) -> None:
        self._positive = positive

    def __call__(self, node: Node) -> Any:
        match node:
            case Number(value):
                return sympy.Rational(value.numerator, value.denominator)
            case Symbol(name):
                return sympy.Symbol(name, real=True, positive=True if self._positive else None)
            case Constant(name):
                return _CONSTANTS[name]
            case Apply(op, args):
                return _OPERATIONS[op](*(self(each) for each in args))
        raise TypeError(f"a {type(node).__name__} is no scalar")


def _power(base: Any, exponent: Any) -> Any:
    if base.is_Rational and exponent.is_Integer:
        bits = max(int(base.p).bit_length(), int(base.q).bit_length()) * abs(int(exponent))
        if bits > _MAX_BITS and abs(base) != 1:
            raise _TooLargeError
    elif exponent.is_Rational and abs(exponent) > (_MAX_TERMS if base.free_symbols else _MAX_BITS):
        raise _TooLargeError
    return sympy.Pow(base, exponent)


def _root(value: Any, degree: Any) -> Any:
    if degree.is_Integer and degree % 2 and degree > 0 and value.is_extended_real and not value.is_nonnegative:
        if value.is_negative:
            return -_power(-value, 1 / degree)
        return sympy.sign(value) * _power(sympy.Abs(value), 1 / degree)
    return _power(value, 1 / degree)


def _factorial(value: Any) -> Any:
    if value.is_Integer and value > _MAX_BITS // 16:
        raise _TooLargeError
    return sympy.factorial(value)


def _binomial(whole: Any, chosen: Any) -> Any:
    if whole.is_Integer and whole > _MAX_BITS // 16:
        raise _TooLargeError
    return sympy.binomial(whole, chosen)


def _of_integers(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """An operation that sympy's function of that name means for polynomials too, where it is another one."""

    def build(*args: Any) -> Any:
        if all(each.is_Integer for each in args):
            return sympy.Integer(function(*map(int, args)))
        return sympy.Function(name)(*sorted(args, key=sympy.default_sort_key))

    return build


_CONSTANTS = {"pi": sympy.pi, "e": sympy.E, "i": sympy.I, "oo": sympy.oo}
_TRIGONOMETRIC = ("sin", "cos", "tan", "cot", "sec", "csc")
_HYPERBOLIC = ("sinh", "cosh", "tanh", "coth", "sech", "csch")
_OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": sympy.Add,
    "mul": sympy.Mul,
    "neg": lambda value: -value,
    "div": lambda above, below: above / below,
    "pow": _power,
    "root": _root,
    "log": lambda value, base: sympy.log(value) / sympy.log(base),
    "ln": sympy.log,
    "deg": lambda value: value * sympy.pi / 180,
    "abs": sympy.Abs,
    "floor": sympy.floor,
    "ceil": lambda value: -sympy.floor(-value),
    "min": sympy.Min,
    "max": sympy.Max,
    "factorial": _factorial,
    "binomial": _binomial,
    "gcd": _of_integers("gcd", sympy.igcd),
    "lcm": _of_integers("lcm", sympy.ilcm),
    "exp": sympy.exp,
    **{name: getattr(sympy, name) for name in (*_TRIGONOMETRIC, *_HYPERBOLIC)},
    **{"arc" + name: getattr(sympy, "a" + name) for name in (*_TRIGONOMETRIC, *_HYPERBOLIC)},
}


def _is_zero(difference: Any, forms: tuple[Callable[[Any], Any], ...]) -> bool:
    """Whether sympy proves an expression zero, in one of these forms."""
    if difference.has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo):
        return False
    if forms is _SLOW and not difference.free_symbols:
        forms += _NUMBER_FORMS
    return any(_is_zero_as(form, difference) for form in forms)


def _is_zero_as(form: Callable[[Any], Any], difference: Any) -> bool:
    try:
        shown = form(difference)
        return bool(shown == 0) or shown.is_zero is True
    except (MemoryError, RecursionError):
        raise
    except Exception:  # there are many things that sympy cannot do, and ways to say so: this form proves nothing
        return False


def _cancelled(difference: Any) -> Any:
    if difference.free_symbols:
        return sympy.cancel(sympy.together(difference))
    return sympy.radsimp(sympy.expand(difference))


def _without_logs_of_products(difference: Any) -> Any:
    return sympy.simplify(sympy.expand_log(difference.replace(_is_large_integer_log, _by_factors)))


def _minimal_polynomial(difference: Any) -> Any:
    """Of an algebraic number, without its highest power if it is linear: that of 0 alone is x itself."""
    variable = sympy.Dummy()
    return sympy.minimal_polynomial(difference, variable) - variable if difference.is_algebraic else sympy.S.One


def _tangent(difference: Any) -> Any:
    """Within this bound, 0 is the only number whose tangent is 0. Of 4 arctan x, it takes two goes."""
    if not abs(sympy.N(difference, 30)) < 1:
        return sympy.S.One
    return sympy.simplify(sympy.expand_trig(sympy.expand_trig(sympy.tan(difference))))


def _exponential(difference: Any) -> Any:
    """Of a real number: 1 for 0 alone."""
    return sympy.simplify(sympy.expand(sympy.exp(difference))) - 1 if difference.is_real else sympy.S.One


def _with(functions: tuple[Any, ...], form: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A form for what has one of some functions in it alone."""
    return lambda difference: form(difference) if difference.has(*functions) else sympy.S.One


_QUICK: tuple[Callable[[Any], Any], ...] = (
    lambda difference: difference,
    sympy.expand,
    lambda difference: sympy.expand(difference.replace(_is_root_of_polynomial, _root_of_factors)),
    _cancelled,
)
_SLOW: tuple[Callable[[Any], Any], ...] = (
    _with((TrigonometricFunction,), lambda difference: sympy.trigsimp(sympy.expand(difference))),
    sympy.simplify,
    _with((sympy.Max, sympy.Min), lambda difference: sympy.simplify(difference.rewrite(sympy.Abs))),
    _with((sympy.acos,), lambda difference: sympy.simplify(difference.rewrite(sympy.acos, sympy.asin))),
    _with((sympy.log,), _without_logs_of_products),
    lambda difference: sympy.simplify(sympy.expand(difference.rewrite(sympy.exp))),
)
_NUMBER_FORMS: tuple[Callable[[Any], Any], ...] = (
    lambda difference: sympy.expand(sympy.sqrtdenest(difference)),
    _minimal_polynomial,
    _tangent,
    _exponential,
)


def _is_root_of_polynomial(expression: Any) -> bool:
    return bool(expression.is_Pow and expression.exp == sympy.S.Half and expression.base.free_symbols)


def _root_of_factors(root: Any) -> Any:
    """Of a square, that is the absolute value."""
    return sympy.sqrt(sympy.factor(root.base))


def _is_large_integer_log(expression: Any) -> bool:
    return isinstance(expression, sympy.log) and expression.args[0].is_Rational is True


def _by_factors(logarithm: Any) -> Any:
    """The logarithm of a rational number as those of its primes, between which there is no relation."""
    return sympy.Add(
        *(times * sympy.log(prime) for prime, times in sympy.factorrat(logarithm.args[0]).items() if prime > 1)
    )
