"""The product and the quotient rule: levels 6 to 10 of the family ``derivatives``."""

from __future__ import annotations

import random

from srl_data.generate.calculus import (
    derivative_name,
    derivative_problem,
)
from srl_data.generate.draws import signed
from srl_data.generate.expr import (
    Call,
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
from srl_data.generate.model import Problem, identity, step
from srl_data.generate.notation import write
from srl_data.generate.polynomials import add, derivative, multiply

__all__ = ["product_of_polynomials", "product_with_function", "quotient_rule", "triple_product"]

X, E = Sym("x"), Sym("e")


def product_of_polynomials(rng: random.Random, level: int) -> Problem:
    """The product rule, expanded."""
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
            identity(derivative_name("u", u), poly(du, X)),
        ),
        step(
            "Differentiate the second factor",
            "For {} we have {}.",
            identity(Named("v(x)", v), v),
            identity(derivative_name("v", v), poly(dv, X)),
        ),
        step(
            "Apply the product rule",
            "It says that f' is u'v + uv', so {}.",
            identity(derivative_name("f", f), poly(du, X) * v + u * poly(dv, X)),
        ),
        step("Expand the first product", "We get {}.", identity(poly(du, X) * v, poly(first, X))),
        step("Expand the second product", "We get {}.", identity(u * poly(dv, X), poly(second, X))),
        step("Collect like terms", "Altogether, {}.", identity(derivative_name("f", f), poly(total, X))),
    ]
    return derivative_problem(rng, f, steps, poly(total, X))


def product_with_function(rng: random.Random, level: int) -> Problem:
    """A power times sin, cos or exp."""
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
        step("Differentiate the first factor", lead, identity(derivative_name("u", u), du)),
        step(
            "Differentiate the second factor",
            f"Since {rule}, the chain rule gives {{}}.",
            identity(derivative_name("v", v), dv),
        ),
        step("Apply the product rule", "With f' = u'v + uv' we get {}.", identity(derivative_name("f", f), whole)),
    ]
    if level == 7:
        return derivative_problem(rng, f, steps, whole)
    common = Pow(poly(base, X), N(power - 1))
    inside = term(power * base[0], v) + _leading(poly(base, X), dv)
    steps.append(
        step(
            f"Factor out {write(common, latex=False)}",
            "Both terms contain it: {}.",
            identity(derivative_name("f", f), common * inside),
        )
    )
    return derivative_problem(rng, f, steps, common * inside)


def quotient_rule(rng: random.Random, level: int) -> Problem:
    """A quotient of two polynomials."""
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
            identity(derivative_name("u", u), poly(du, X)),
        ),
        step(
            "Differentiate the denominator",
            "For {} we have {}.",
            identity(Named("v(x)", v), v),
            identity(derivative_name("v", v), poly(dv, X)),
        ),
        step(
            "Apply the quotient rule",
            "It says that f' is (u'v - uv')/v^2, so {}.",
            identity(derivative_name("f", f), Quot(poly(du, X) * v - u * poly(dv, X), v**2)),
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
            identity(derivative_name("f", f), result),
        ),
    ]
    return derivative_problem(rng, f, steps, result)


def triple_product(rng: random.Random, level: int) -> Problem:
    """A product of three functions."""
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
        step("Differentiate the first factor", "By the power rule, {}.", identity(derivative_name("u", u), du)),
        step(
            "Differentiate the second factor",
            f"Since {rule_v}, the chain rule gives {{}}.",
            identity(derivative_name("v", v), dv),
        ),
        step(
            "Differentiate the third factor",
            f"The derivative of ln is 1 over its argument, and the inner derivative is {k}: {{}}.",
            identity(derivative_name("w", w), dw),
        ),
        step(
            "State the product rule for three factors",
            "We have {}.",
            identity(
                derivative_name("f", f),
                Named("u'(x)v(x)w(x) + u(x)v'(x)w(x) + u(x)v(x)w'(x)", du * v * w + u * dv * w + u * v * dw),
            ),
        ),
        step("Put the factors and their derivatives in", "Altogether, {}.", identity(derivative_name("f", f), whole)),
    ]
    return derivative_problem(rng, f, steps, whole)


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


def _factors(expr: Expr) -> tuple[Expr, ...]:
    return expr.factors if isinstance(expr, Prod) else (expr,)


def _with(expr: Expr, last: Expr) -> Expr:
    return Prod((*_factors(expr), last))
