"""What derivatives and integrals share: how they are asked for, and steps that end both kinds of integral."""

from __future__ import annotations

import random
from fractions import Fraction

from srl_data.generate.expr import (
    ANSWER,
    Deriv,
    Expr,
    Integral,
    N,
    Named,
    Sym,
)
from srl_data.generate.model import Problem, Step, eq, identity, step
from srl_data.generate.notation import write

__all__ = [
    "antiderivative_problem",
    "check_step",
    "definite_problem",
    "derivative_name",
    "derivative_problem",
    "difference_step",
]

X = Sym("x")


def derivative_name(letter: str, meaning: Expr) -> Expr:
    """The derivative of ``meaning``, shown as ``f'(x)``."""
    return Named(f"{letter}'(x)", Deriv(meaning, "x"))


def derivative_problem(rng: random.Random, f: Expr, steps: list[Step], result: Expr) -> Problem:
    """Ask for a derivative."""
    shown = write(f, latex=False)
    statement = rng.choice(
        (
            f"Differentiate f(x) = {shown}.",
            f"Find the derivative of f(x) = {shown}.",
            f"Compute f'(x) for f(x) = {shown}.",
        )
    )
    return Problem(statement, tuple(steps), (identity(Deriv(f, "x"), ANSWER),), ({"?": result},))


def antiderivative_problem(rng: random.Random, f: Expr, steps: list[Step], result: Expr) -> Problem:
    """Ask for an indefinite integral."""
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


def definite_problem(rng: random.Random, f: Expr, low: int, high: int, steps: list[Step], value: Fraction) -> Problem:
    """Ask for a definite integral."""
    shown, whole = write(f, latex=False), Integral(f, "x", (N(low), N(high)))
    statement = rng.choice(
        (
            f"Find the integral of f(x) = {shown} from x = {low} to x = {high}.",
            f"Evaluate {write(whole, latex=False)}.",
            f"Compute the definite integral of {shown} between x = {low} and x = {high}.",
        )
    )
    return Problem(statement, tuple(steps), (eq(whole, ANSWER),), ({"?": N(value)},))


def check_step(rng: random.Random, whole: Expr, f: Expr) -> Step:
    """The step that differentiates the result."""
    title = rng.choice(("Check by differentiating", "Verify by differentiation"))
    return step(title, rng.choice(("Indeed {}.", "We get the integrand back: {}.")), identity(Deriv(whole, "x"), f))


def difference_step(rng: random.Random, f: Expr, low: int, high: int, ends: list[Fraction]) -> Step:
    """The step that takes the difference of an antiderivative at the bounds."""
    prose = rng.choice(("The integral is the difference: {}.", "Upper value minus lower value: {}."))
    shown = eq(Integral(f, "x", (N(low), N(high))), N(ends[0]) - N(ends[1]), ends[0] - ends[1])
    return step("Subtract the lower value from the upper", prose, shown)
