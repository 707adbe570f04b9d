"""Derivatives.

Level: 1 a power; 2 two terms; 3 a polynomial; 4 a polynomial of degree 5 and its value at a
point; 5 the chain rule; 6 the product rule with polynomials; 7 the product rule with sin, cos, exp; 8 the
quotient rule; 9 a product with an inner function; 10 a product of three functions. The number of steps grows
from 2 to 7.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from srl_data.generate.calculus import (
    derivative_name,
    derivative_problem,
)
from srl_data.generate.derivative_rules import (
    product_of_polynomials,
    product_with_function,
    quotient_rule,
    triple_product,
)
from srl_data.generate.draws import signed
from srl_data.generate.expr import (
    ANSWER,
    Deriv,
    Expr,
    N,
    Named,
    Pow,
    Prod,
    Sym,
    poly,
    term,
)
from srl_data.generate.model import Problem, Step, eq, identity, step
from srl_data.generate.notation import write
from srl_data.generate.polynomials import derivative

__all__ = ["derivatives"]

X, U = Sym("x"), Sym("u")


def derivatives(rng: random.Random, level: int) -> Problem:
    """A derivative, rule by rule."""
    makers = {5: _chain_rule, 6: product_of_polynomials, 8: quotient_rule, 10: triple_product}
    if level <= 4:
        return _term_by_term(rng, level)
    return makers.get(level, product_with_function)(rng, level)


def _term_by_term(rng: random.Random, level: int) -> Problem:
    degree = {1: rng.randint(2, 9), 2: rng.randint(2, 6), 3: rng.randint(3, 4), 4: 5}[level]
    bound = 9 if level <= 3 else 12
    coefficients = [signed(rng, bound), *(0 for _ in range(degree))]
    if level == 1:
        coefficients[0] = rng.randint(2, 12)
    else:
        extra = {2: 1, 3: degree, 4: degree - 1}[level]
        for index in rng.sample(range(1, degree + 1), extra):
            coefficients[index] = signed(rng, bound)
    f = poly(coefficients, X)
    slope = derivative(coefficients)
    result = poly(slope, X)
    steps = [_power_rule(rng, c, degree - i) for i, c in enumerate(coefficients) if c]
    if level == 1:
        lead = coefficients[0]
        prose = rng.choice(("It becomes the new coefficient: {}.", "The exponent comes down in front: {}."))
        new = eq(N(lead) * degree, lead * degree)
        steps = [step(f"Multiply the coefficient {lead} by the exponent {degree}", prose, new)]
        prose = f"One less than {degree} is {degree - 1}, so {{}}."
        steps.append(step("Lower the exponent by 1", prose, identity(derivative_name("f", f), result)))
    else:
        steps.append(
            step("Add the derivatives of the terms", "Altogether, {}.", identity(derivative_name("f", f), result))
        )
    if level < 4:
        return derivative_problem(rng, f, steps, result)
    at = signed(rng, 3)
    value = sum(c * at ** (len(slope) - 1 - i) for i, c in enumerate(slope))
    steps.append(
        step(
            f"Evaluate the derivative at x = {at}",
            rng.choice(("We put the number in: {}.", "At this point the slope is {}.")),
            eq(Named(f"f'({at})", poly(slope, N(at))), poly(slope, N(at)), value),
        )
    )
    shown = write(f, latex=False)
    statement = rng.choice(
        (
            f"Let f(x) = {shown}. Find f'({at}).",
            f"Find the slope of the graph of f(x) = {shown} at x = {at}.",
        )
    )
    # two claims, since the derivative has to be taken before the number is put in
    goal = (identity(Deriv(f, "x"), result), eq(poly(slope, N(at)), ANSWER))
    return Problem(statement, tuple(steps), goal, ({"?": N(value)},))


def _power_rule(rng: random.Random, coefficient: int, power: int) -> Step:
    whole = poly([coefficient, *([0] * power)], X)
    title = f"Differentiate {write(whole, latex=False)}"
    if power == 0:
        return step(title, "The derivative of a constant is zero: {}.", identity(Deriv(whole, "x"), 0))
    result = poly(derivative([coefficient, *([0] * power)]), X)
    if power == 1:
        return step(title, "A linear term has a constant slope: {}.", identity(Deriv(whole, "x"), result))
    prose = rng.choice(("By the power rule, {}.", "The exponent comes down and is lowered by 1: {}."))
    parts = [Deriv(whole, "x"), result]
    if abs(coefficient) != 1:
        lowered = X ** (power - 1) if power > 2 else X
        parts.insert(1, N(coefficient) * power * lowered)
    return step(title, prose, identity(*parts))


def _chain_rule(rng: random.Random, level: int) -> Problem:
    outer, power = rng.choice((1, 1, 2, 3)), rng.randint(3, 9)
    inner_c = [rng.randint(1, 6), *([0] * rng.randint(0, 2)), signed(rng, 9)]
    inner, slope = poly(inner_c, X), poly(derivative(inner_c), X)
    f = term(outer, Pow(inner, N(power)))
    steps = [
        step(
            "Name the inner function",
            rng.choice(("Let {}.", "Inside the power stands {}.")),
            identity(Named("u(x)", inner), inner),
        ),
        step("Differentiate the inner function", "Its derivative is {}.", identity(derivative_name("u", inner), slope)),
        step(
            "Differentiate the outer power",
            "With respect to u, {}.",
            identity(
                Named(f"d/du [{write(term(outer, U**power), latex=False)}]", Deriv(term(outer, U**power), "u")),
                term(outer * power, U ** (power - 1)),
            ),
        ),
    ]
    lead = outer * power
    factors = derivative(inner_c)
    tidy = _scaled_product(lead * factors[0], factors, Pow(inner, N(power - 1)))
    steps.append(
        step(
            "Multiply by the inner derivative",
            rng.choice(("The chain rule gives {}.", "By the chain rule, {}.")),
            identity(derivative_name("f", f), Prod((N(lead), Pow(inner, N(power - 1)), slope)), tidy),
        )
    )
    return derivative_problem(rng, f, steps, tidy)


def _scaled_product(lead: int, factors: Sequence[int], power: Expr) -> Expr:
    """``lead * x^k * power`` for an inner derivative with one term."""
    degree = len(factors) - 1
    head: list[Expr] = [N(lead)] if lead != 1 else []
    if degree:
        head.append(X if degree == 1 else X**degree)
    return Prod((*head, power)) if head else power
