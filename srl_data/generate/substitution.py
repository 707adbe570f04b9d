"""Integrals by substitution: levels 6, 8, 9 and 10 of the family ``integrals``."""

from __future__ import annotations

import random
from fractions import Fraction

from srl_data.generate.calculus import (
    antiderivative_problem,
    check_step,
    definite_problem,
)
from srl_data.generate.draws import signed
from srl_data.generate.expr import (
    Call,
    Deriv,
    Expr,
    Integral,
    N,
    Named,
    Neg,
    Num,
    Pow,
    Prod,
    Sum,
    Sym,
    poly,
    term,
)
from srl_data.generate.model import Problem, Step, eq, identity, step
from srl_data.generate.notation import write
from srl_data.generate.polynomials import antiderivative_of, value_at

__all__ = ["definite_substitution", "substitution"]

X, U, C, E = Sym("x"), Sym("u"), Sym("C"), Sym("e")


def substitution(rng: random.Random, level: int) -> Problem:
    """An indefinite integral by substitution."""
    f, inner, antiderivative, steps = _substituted(rng, level)
    whole = _put(antiderivative, inner) + C
    prose = rng.choice(("Putting the inner function back, we get {}.", "In terms of x, {}."))
    steps.append(step("Substitute back", prose, identity(Integral(f, "x"), whole)))
    steps.append(check_step(rng, whole, f))
    return antiderivative_problem(rng, f, steps, whole)


def definite_substitution(rng: random.Random, level: int) -> Problem:
    """A definite integral by substitution; at level 10 with a polynomial beside it."""
    f, inner, antiderivative, steps = _substituted(rng, level)
    low, high = rng.choice(((0, 1), (0, 2), (1, 2), (-1, 1), (-1, 2)))
    bounds = [_value(inner, bound) for bound in (low, high)]
    put = [_put(inner, N(bound), "x") for bound in (low, high)]
    steps.insert(
        2,
        step(
            "Convert the bounds",
            "The lower bound becomes {} and the upper bound {}.",
            *(
                eq(Named(f"u({x})", shown), shown, value)
                for x, shown, value in zip((low, high), put, bounds, strict=True)
            ),
        ),
    )
    ends = []
    for name, bound in (("upper", bounds[1]), ("lower", bounds[0])):
        value = _value(antiderivative, bound)
        ends.append(value)
        written = _put(antiderivative, N(bound))
        steps.append(
            step(f"Evaluate at the {name} bound of u", "There {}.", eq(Named(f"F({bound})", written), written, value))
        )
    total = ends[0] - ends[1]
    prose = "The integral is {}."
    steps.append(
        step(
            "Subtract the lower value from the upper",
            prose,
            eq(Integral(f, "x", (N(low), N(high))), N(ends[0]) - N(ends[1]), total),
        )
    )
    if level == 9:
        return definite_problem(rng, f, low, high, steps, total)
    extra = [signed(rng, 9), signed(rng, 9), signed(rng, 9)]
    parts = antiderivative_of(extra)
    g = poly(extra, X)
    more = value_at(parts, high) - value_at(parts, low)
    steps.append(
        step(
            f"Integrate the polynomial {write(g, latex=False)}",
            "An antiderivative is {}, so {}.",
            poly(parts, X),
            eq(Integral(g, "x", (N(low), N(high))), N(value_at(parts, high)) - N(value_at(parts, low)), more),
            unspoken=(identity(Deriv(poly(parts, X), "x"), g),),
        )
    )
    steps.append(step("Add the two parts", "Altogether we have {}.", eq(N(total) + N(more), total + more)))
    steps.insert(0, step("Split the integral", "We treat {} and {} one after the other.", f, g))
    return definite_problem(rng, Sum((f, *_terms(g))), low, high, steps, total + more)


def _substituted(rng: random.Random, level: int) -> tuple[Expr, Expr, Expr, list[Step]]:
    """The integrand, the inner function, the antiderivative in u, and the steps so far."""
    inner, slope = _inner(rng, 3 if level < 9 else 2)
    factor = rng.choice((1, 1, 2, 3, 5, -2)) if level < 10 else rng.choice((2, 3, -3, 5))
    outer, primitive = _outer(rng, level)
    f = _times(factor, slope, _put(outer, inner))
    in_u, antiderivative = term(factor, outer), _scaled(factor, primitive)
    prose = rng.choice(("The inner function is {}, with the derivative {}.", "With {} we have {}."))
    meaning = Named("u", inner)
    steps = [
        step(
            "Choose a substitution", prose, identity(meaning, inner), identity(Named("du/dx", Deriv(inner, "x")), slope)
        ),
        step(
            "Rewrite the integral in terms of u",
            "The factor {} together with dx is du, "
            + ("" if factor == 1 else f"and a factor of {factor} is left over, ")
            + "so the integral becomes {}.",
            slope,
            Integral(in_u, "u"),
            unspoken=(identity(f, _put(in_u, inner) * Deriv(inner, "x")),),
        ),
        step(
            "Integrate with respect to u",
            rng.choice(("This is a standard integral: {}.", "We find {}.")),
            identity(Integral(in_u, "u"), antiderivative + C),
        ),
    ]
    return f, inner, antiderivative, steps


def _inner(rng: random.Random, bound: int) -> tuple[Expr, Expr]:
    """An inner function ``a x^k + b``, and its derivative."""
    degree = rng.randint(2, 4)
    coefficients = [rng.randint(1, bound), *([0] * (degree - 1)), signed(rng, 9)]
    slope = [coefficients[0] * degree, *([0] * (degree - 1))]
    return poly(coefficients, X), poly(slope, X)


def _outer(rng: random.Random, level: int) -> tuple[Expr, Expr]:
    """A function of u, and an antiderivative."""
    if level != 8:
        power = rng.randint(2, 6 if level < 9 else 3)
        return U**power, term(Fraction(1, power + 1), U ** (power + 1))
    return rng.choice(
        (
            (E**U, E**U),
            (Call("cos", (U,)), Call("sin", (U,))),
            (Call("sin", (U,)), term(-1, Call("cos", (U,)))),
        )
    )


def _put(expr: Expr, inner: Expr, name: str = "u") -> Expr:
    """``expr`` with ``inner`` in the place of a variable."""
    match expr:
        case Sym(found):
            return inner if found == name else expr
        case Sum(terms):
            return Sum(tuple(_put(part, inner, name) for part in terms))
        case Prod(factors):
            return Prod(tuple(_put(part, inner, name) for part in factors))
        case Pow(base, exponent):
            return Pow(_put(base, inner, name), _put(exponent, inner, name))
        case Call(function, arguments):
            return Call(function, tuple(_put(part, inner, name) for part in arguments))
        case Neg(negated):
            return Neg(_put(negated, inner, name))
    return expr


def _value(expr: Expr, at: int | Fraction) -> Fraction:
    """A polynomial formula at a number."""
    match expr:
        case Num(value):
            return value
        case Neg(inner):
            return -_value(inner, at)
        case Sym():
            return Fraction(at)
        case Sum(terms):
            return sum((_value(part, at) for part in terms), start=Fraction(0))
        case Prod((left, right)):
            return _value(left, at) * _value(right, at)
        case Pow(base, exponent):
            return _value(base, at) ** int(_value(exponent, at))
    raise TypeError(f"not a polynomial: {expr!r}")


def _scaled(factor: int, expr: Expr) -> Expr:
    match expr:
        case Prod((Num(value), rest)):
            return term(value * factor, rest)
        case Neg(rest):
            return term(-factor, rest)
    return term(factor, expr)


def _times(factor: int, slope: Expr, outer: Expr) -> Expr:
    """``factor * slope * outer`` with one number in front."""
    match slope:
        case Prod((Num(value), rest)):
            return Prod((N(value * factor), rest, outer))
    return Prod((slope, outer)) if factor == 1 else Prod((N(factor), slope, outer))


def _terms(expr: Expr) -> tuple[Expr, ...]:
    return expr.terms if isinstance(expr, Sum) else (expr,)
