"""Derivatives.

Level: 1 a power; 2 two terms; 3 a polynomial; 4 a polynomial of degree 5 and its value at a
point; 5 the chain rule; 6 the product rule with polynomials; 7 the product rule with sin, cos, exp; 8 the
quotient rule; 9 a product with an inner function; 10 a product of three functions. The number of steps grows
from 1 to 7.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from srl_data.generate.draws import signed
from srl_data.generate.expr import (
    ANSWER,
    Call,
    Deriv,
    Expr,
    N,
    Named,
    Num,
    Pow,
    Prod,
    Quot,
    Sum,
    Sym,
    poly,
    term,
)
from srl_data.generate.model import Problem, Step, eq, identity, step
from srl_data.generate.notation import write
from srl_data.generate.polynomials import add, derivative, multiply

__all__ = ["derivatives"]

X, U, E = Sym("x"), Sym("u"), Sym("e")


def derivatives(rng: random.Random, level: int) -> Problem:
    """A derivative, rule by rule."""
    makers = {5: _chain_rule, 6: _product_of_polynomials, 8: _quotient_rule, 10: _triple_product}
    if level <= 4:
        return _term_by_term(rng, level)
    return makers.get(level, _product_with_function)(rng, level)


def _name(letter: str, meaning: Expr) -> Expr:
    return Named(f"{letter}'(x)", Deriv(meaning, "x"))


def _problem(rng: random.Random, f: Expr, steps: list[Step], result: Expr) -> Problem:
    shown = write(f, latex=False)
    statement = rng.choice(
        (
            f"Differentiate f(x) = {shown}.",
            f"Find the derivative of f(x) = {shown}.",
            f"Compute f'(x) for f(x) = {shown}.",
        )
    )
    return Problem(statement, tuple(steps), (identity(Deriv(f, "x"), ANSWER),), ({"?": result},))


def _term_by_term(rng: random.Random, level: int) -> Problem:
    degree = {1: rng.randint(2, 9), 2: rng.randint(2, 6), 3: rng.randint(3, 4), 4: 5}[level]
    bound = 9 if level <= 3 else 12
    coefficients = [signed(rng, bound), *(0 for _ in range(degree))]
    if level == 1:
        coefficients[0] = rng.randint(1, 9)
    else:
        extra = {2: 1, 3: degree, 4: degree - 1}[level]
        for index in rng.sample(range(1, degree + 1), extra):
            coefficients[index] = signed(rng, bound)
    f = poly(coefficients, X)
    steps = [_power_rule(rng, c, degree - i) for i, c in enumerate(coefficients) if c]
    slope = derivative(coefficients)
    result = poly(slope, X)
    if len(steps) > 1:
        steps.append(step("Add the derivatives of the terms", "Altogether, {}.", identity(_name("f", f), result)))
    if level < 4:
        return _problem(rng, f, steps, result)
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
    # Written with h, since the derivative has to be taken before the number is put in.
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
        step("Differentiate the inner function", "Its derivative is {}.", identity(_name("u", inner), slope)),
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
            identity(_name("f", f), Prod((N(lead), Pow(inner, N(power - 1)), slope)), tidy),
        )
    )
    return _problem(rng, f, steps, tidy)


def _scaled_product(lead: int, factors: Sequence[int], power: Expr) -> Expr:
    """``lead * x^k * power`` for an inner derivative with one term."""
    degree = len(factors) - 1
    head: list[Expr] = [N(lead)] if lead != 1 else []
    if degree:
        head.append(X if degree == 1 else X**degree)
    return Prod((*head, power)) if head else power


def _product_of_polynomials(rng: random.Random, level: int) -> Problem:
    one = [rng.randint(1, 5), *([0] * rng.randint(0, 1)), signed(rng, 9)]
    two = [signed(rng, 5), signed(rng, 5), signed(rng, 9)]
    u, v = poly(one, X), poly(two, X)
    du, dv = derivative(one), derivative(two)
    f = u * v
    first, second = multiply(du, two), multiply(one, dv)
    total = add(first, second)
    steps = [
        step(
            "Differentiate the first factor",
            "For {} we have {}.",
            identity(Named("u(x)", u), u),
            identity(_name("u", u), poly(du, X)),
        ),
        step(
            "Differentiate the second factor",
            "For {} we have {}.",
            identity(Named("v(x)", v), v),
            identity(_name("v", v), poly(dv, X)),
        ),
        step(
            "Apply the product rule",
            "It says that f' is u'v + uv', so {}.",
            identity(_name("f", f), poly(du, X) * v + u * poly(dv, X)),
        ),
        step("Expand the first product", "We get {}.", identity(poly(du, X) * v, poly(first, X))),
        step("Expand the second product", "We get {}.", identity(u * poly(dv, X), poly(second, X))),
        step("Collect like terms", "Altogether, {}.", identity(_name("f", f), poly(total, X))),
    ]
    return _problem(rng, f, steps, poly(total, X))


def _function(rng: random.Random, bound: int) -> tuple[Expr, Expr, str]:
    """A function of ``kx``, its derivative, and the rule for it."""
    k = rng.randint(2, bound)
    inside = term(k, X)
    match rng.choice(("sin", "cos", "exp")):
        case "sin":
            return Call("sin", (inside,)), term(k, Call("cos", (inside,))), "the derivative of sin is cos"
        case "cos":
            return Call("cos", (inside,)), term(-k, Call("sin", (inside,))), "the derivative of cos is -sin"
    return E**inside, term(k, E**inside), "the exponential function is its own derivative"


def _product_with_function(rng: random.Random, level: int) -> Problem:
    if level == 7:
        u_c = [signed(rng, 9), *([0] * rng.randint(1, 4))]
        u, du, lead = poly(u_c, X), poly(derivative(u_c), X), "By the power rule, {}."
    else:
        base, power = [rng.randint(2, 5), signed(rng, 9)], rng.randint(3, 8)
        u = Pow(poly(base, X), N(power))
        du = term(power * base[0], Pow(poly(base, X), N(power - 1)))
        lead = f"The inner derivative is {base[0]}, so by the chain rule {{}}."
    v, dv, rule = _function(rng, 9)
    f = u * v
    second = _leading(u, dv)
    whole = du * v + second
    steps = [
        step("Name the two factors", "Let {} and {}.", identity(Named("u(x)", u), u), identity(Named("v(x)", v), v)),
        step("Differentiate the first factor", lead, identity(_name("u", u), du)),
        step(
            "Differentiate the second factor", f"Since {rule}, the chain rule gives {{}}.", identity(_name("v", v), dv)
        ),
        step("Apply the product rule", "With f' = u'v + uv' we get {}.", identity(_name("f", f), whole)),
    ]
    if level == 7:
        return _problem(rng, f, steps, whole)
    common = Pow(poly(base, X), N(power - 1))
    inside = term(power * base[0], v) + _leading(poly(base, X), dv)
    steps.append(
        step(
            f"Factor out {write(common, latex=False)}",
            "Both terms contain it: {}.",
            identity(_name("f", f), common * inside),
        )
    )
    return _problem(rng, f, steps, common * inside)


def _leading(u: Expr, dv: Expr) -> Expr:
    """``u * dv`` with one number, and that in front."""
    match dv:
        case Prod((Num(value), rest)):
            match _factors(u):
                case (Num(first), *others):
                    return Prod((N(first * value), *others, rest))
                case others:
                    return Prod((N(value), *others, rest))
    return u * dv


def _quotient_rule(rng: random.Random, level: int) -> Problem:
    one = [rng.randint(1, 6), *([signed(rng, 6)] if rng.random() < 0.5 else []), signed(rng, 9)]
    two = [rng.randint(1, 5), signed(rng, 9)]
    while one[0] * two[-1] == two[0] * one[-1] and len(one) == 2:
        two[-1] = signed(rng, 9)
    u, v = poly(one, X), poly(two, X)
    du, dv = derivative(one), derivative(two)
    f = Quot(u, v)
    first, second = multiply(du, two), multiply(one, dv)
    top = add(first, [-c for c in second])
    result = Quot(poly(top, X), v**2)
    steps = [
        step(
            "Differentiate the numerator",
            "For {} we have {}.",
            identity(Named("u(x)", u), u),
            identity(_name("u", u), poly(du, X)),
        ),
        step(
            "Differentiate the denominator",
            "For {} we have {}.",
            identity(Named("v(x)", v), v),
            identity(_name("v", v), poly(dv, X)),
        ),
        step(
            "Apply the quotient rule",
            "It says that f' is (u'v - uv')/v^2, so {}.",
            identity(_name("f", f), Quot(poly(du, X) * v - u * poly(dv, X), v**2)),
        ),
        step(
            "Expand the numerator",
            "The two products are {} and {}.",
            identity(poly(du, X) * v, poly(first, X)),
            identity(u * poly(dv, X), poly(second, X)),
        ),
        step(
            "Collect like terms in the numerator",
            "Their difference is the numerator: {}.",
            identity(_name("f", f), result),
        ),
    ]
    return _problem(rng, f, steps, result)


def _triple_product(rng: random.Random, level: int) -> Problem:
    power, k = rng.randint(2, 6), rng.randint(2, 9)
    u, du = X**power, term(power, X ** (power - 1) if power > 2 else X)
    v, dv, rule_v = _function(rng, 9)
    w, dw = Call("ln", (term(k, X) + 1,)), Quot(N(k), term(k, X) + 1)
    f = Prod((u, v, w))
    last = Quot(Prod((N(k), u, v)), term(k, X) + 1)
    whole = Sum((Prod((*_factors(du), v, w)), _with(_leading(u, dv), w), last))
    steps = [
        step(
            "Name the three factors",
            "Let {}, {} and {}.",
            *(identity(Named(f"{n}(x)", g), g) for n, g in (("u", u), ("v", v), ("w", w))),
        ),
        step("Differentiate the first factor", "By the power rule, {}.", identity(_name("u", u), du)),
        step(
            "Differentiate the second factor",
            f"Since {rule_v}, the chain rule gives {{}}.",
            identity(_name("v", v), dv),
        ),
        step(
            "Differentiate the third factor",
            f"The derivative of ln is 1 over its argument, and the inner derivative is {k}: {{}}.",
            identity(_name("w", w), dw),
        ),
        step(
            "State the product rule for three factors",
            "We have {}.",
            identity(
                _name("f", f),
                Named("u'(x)v(x)w(x) + u(x)v'(x)w(x) + u(x)v(x)w'(x)", du * v * w + u * dv * w + u * v * dw),
            ),
        ),
        step("Put the factors and their derivatives in", "Altogether, {}.", identity(_name("f", f), whole)),
    ]
    return _problem(rng, f, steps, whole)


def _factors(expr: Expr) -> tuple[Expr, ...]:
    return expr.factors if isinstance(expr, Prod) else (expr,)


def _with(expr: Expr, last: Expr) -> Expr:
    return Prod((*_factors(expr), last))
