"""Integrals.

Level: 1 a power; 2 two terms; 3 a polynomial; 4 a definite integral of two terms; 5 a definite integral of a
polynomial; 6 substitution in a power; 7 a definite integral with five terms and negative bounds; 8 substitution
with exp, sin or cos; 9 a definite integral by substitution; 10 the same with larger powers, plus a polynomial.
Two steps at level 1, up to ten at level 10.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction

from srl_data.generate.draws import signed
from srl_data.generate.expr import (
    ANSWER,
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

__all__ = ["integrals"]

X, U, C, E = Sym("x"), Sym("u"), Sym("C"), Sym("e")


def integrals(rng: random.Random, level: int) -> Problem:
    """An integral, found term by term or by substitution, and checked or evaluated."""
    if level <= 3:
        return _indefinite(rng, level)
    if level in (4, 5, 7):
        return _definite(rng, level)
    if level in (6, 8):
        return _substitution(rng, level)
    return _definite_substitution(rng, level)


def _indefinite(rng: random.Random, level: int) -> Problem:
    coefficients = _coefficients(rng, level)
    f = poly(coefficients, X)
    antiderivative = poly(antiderivative_of(coefficients), X)
    steps = _term_by_term(rng, coefficients)
    whole = antiderivative + C
    prose = rng.choice(("With the constant of integration, {}.", "Adding the constant of integration, we have {}."))
    steps.append(step("Put the parts together", prose, identity(Integral(f, "x"), whole)))
    if level > 1:
        steps.append(_check(rng, whole, f))
    return _problem(rng, f, steps, whole)


def _term_by_term(rng: random.Random, coefficients: Sequence[int]) -> list[Step]:
    steps = []
    for index, coefficient in enumerate(coefficients):
        power = len(coefficients) - 1 - index
        if not coefficient:
            continue
        one = poly([coefficient, *([0] * power)], X)
        result = term(Fraction(coefficient, power + 1), X ** (power + 1) if power else X)
        if power:
            prose = rng.choice(
                (
                    f"The exponent rises to {power + 1}, and we divide by {power + 1}: the antiderivative is {{}}.",
                    f"Raising the exponent by 1 and dividing by {power + 1}, we get {{}}.",
                )
            )
        else:
            prose = "A constant gives a linear term: {}."
        claim = identity(Deriv(result, "x"), one)
        steps.append(step(f"Integrate {write(one, latex=False)}", prose, result, unspoken=(claim,)))
    return steps


def _definite(rng: random.Random, level: int) -> Problem:
    coefficients = _coefficients(rng, level)
    low, high = (0, rng.randint(1, 4)) if level == 4 else (rng.randint(-4, 0), rng.randint(1, 4))
    f, parts = poly(coefficients, X), antiderivative_of(coefficients)
    steps = _term_by_term(rng, coefficients)
    antiderivative = poly(parts, X)
    prose = rng.choice(("An antiderivative is {}.", "So {} is an antiderivative."))
    shown = identity(Named("F(x)", antiderivative), antiderivative)
    steps.append(
        step("Write down an antiderivative", prose, shown, unspoken=(identity(Deriv(antiderivative, "x"), f),))
    )
    ends = []
    for name, bound in (("upper", high), ("lower", low)):
        value = value_at(parts, bound)
        ends.append(value)
        written = poly(parts, N(bound))
        claim = eq(Named(f"F({bound})", written), *([] if written == N(value) else [written]), value)
        steps.append(step(f"Evaluate at the {name} bound", "There {}.", claim))
    steps.append(_difference(rng, f, low, high, ends))
    return _definite_problem(rng, f, low, high, steps, ends[0] - ends[1])


def _difference(rng: random.Random, f: Expr, low: int, high: int, ends: list[Fraction]) -> Step:
    prose = rng.choice(("The integral is the difference: {}.", "Upper value minus lower value: {}."))
    shown = eq(Integral(f, "x", (N(low), N(high))), N(ends[0]) - N(ends[1]), ends[0] - ends[1])
    return step("Subtract the lower value from the upper", prose, shown)


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


def _substitution(rng: random.Random, level: int) -> Problem:
    f, inner, antiderivative, steps = _substituted(rng, level)
    whole = _put(antiderivative, inner) + C
    prose = rng.choice(("Putting the inner function back, we get {}.", "In terms of x, {}."))
    steps.append(step("Substitute back", prose, identity(Integral(f, "x"), whole)))
    steps.append(_check(rng, whole, f))
    return _problem(rng, f, steps, whole)


def _definite_substitution(rng: random.Random, level: int) -> Problem:
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
        return _definite_problem(rng, f, low, high, steps, total)
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
    return _definite_problem(rng, Sum((f, *_terms(g))), low, high, steps, total + more)


def _problem(rng: random.Random, f: Expr, steps: list[Step], result: Expr) -> Problem:
    shown = write(f, latex=False)
    statement = rng.choice(
        (
            f"Find the antiderivatives of f(x) = {shown}.",
            f"Integrate f(x) = {shown} with respect to x.",
            f"Find the indefinite integral {write(Integral(f, 'x'), latex=False)}.",
        )
    )
    return Problem(
        f"{statement} Use C for the constant.", tuple(steps), (identity(Integral(f, "x"), ANSWER),), ({"?": result},)
    )


def _definite_problem(rng: random.Random, f: Expr, low: int, high: int, steps: list[Step], value: Fraction) -> Problem:
    shown, whole = write(f, latex=False), Integral(f, "x", (N(low), N(high)))
    statement = rng.choice(
        (
            f"Find the integral of f(x) = {shown} from x = {low} to x = {high}.",
            f"Evaluate {write(whole, latex=False)}.",
            f"Compute the definite integral of {shown} between x = {low} and x = {high}.",
        )
    )
    return Problem(statement, tuple(steps), (eq(whole, ANSWER),), ({"?": N(value)},))


def _check(rng: random.Random, whole: Expr, f: Expr) -> Step:
    title = rng.choice(("Check by differentiating", "Verify by differentiation"))
    return step(title, rng.choice(("Indeed {}.", "We get the integrand back: {}.")), identity(Deriv(whole, "x"), f))


def _coefficients(rng: random.Random, level: int) -> list[int]:
    """Of the integrand, highest power first; most divide evenly, as a teacher would choose them."""
    degree, count = {1: (rng.randint(1, 6), 1), 2: (rng.randint(1, 4), 2), 3: (4, 4), 4: (2, 2), 5: (3, 3), 7: (4, 5)}[
        level
    ]
    powers = [degree, *rng.sample(range(degree), count - 1)]
    found = [0] * (degree + 1)
    for power in powers:
        found[degree - power] = signed(rng, 9) if level >= 7 else (power + 1) * signed(rng, 4 if level < 3 else 6)
    if level == 1:
        found[0] = (degree + 1) * rng.randint(1, 9)
    return found


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
