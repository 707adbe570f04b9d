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

from srl_data.generate.calculus import (
    antiderivative_problem,
    check_step,
    definite_problem,
    difference_step,
)
from srl_data.generate.draws import signed
from srl_data.generate.expr import (
    Deriv,
    Integral,
    N,
    Named,
    Sym,
    poly,
    term,
)
from srl_data.generate.model import Problem, Step, eq, identity, step
from srl_data.generate.notation import write
from srl_data.generate.polynomials import antiderivative_of, value_at
from srl_data.generate.substitution import definite_substitution, substitution

__all__ = ["integrals"]

X, C = Sym("x"), Sym("C")


def integrals(rng: random.Random, level: int) -> Problem:
    """An integral, found term by term or by substitution, and checked or evaluated."""
    if level <= 3:
        return _indefinite(rng, level)
    if level in (4, 5, 7):
        return _definite(rng, level)
    if level in (6, 8):
        return substitution(rng, level)
    return definite_substitution(rng, level)


def _indefinite(rng: random.Random, level: int) -> Problem:
    coefficients = _coefficients(rng, level)
    f = poly(coefficients, X)
    antiderivative = poly(antiderivative_of(coefficients), X)
    steps = _term_by_term(rng, coefficients)
    whole = antiderivative + C
    prose = rng.choice(("With the constant of integration, {}.", "Adding the constant of integration, we have {}."))
    steps.append(step("Put the parts together", prose, identity(Integral(f, "x"), whole)))
    if level > 1:
        steps.append(check_step(rng, whole, f))
    return antiderivative_problem(rng, f, steps, whole)


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
    steps.append(difference_step(rng, f, low, high, ends))
    return definite_problem(rng, f, low, high, steps, ends[0] - ends[1])


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
