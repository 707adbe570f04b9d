"""Arithmetic with fractions.

Level: 1 two fractions with one denominator; 2 and 3 two with different denominators, added or subtracted; 4 a
product; 5 a quotient; 6 three terms; 7 a sum in brackets times a fraction; 8 four terms; 9 the product and the
quotient of brackets of two terms; 10 the same with three terms in each, denominators to 15. Two to 17 steps.
"""

from __future__ import annotations

import random
from fractions import Fraction
from math import gcd, lcm

from srl_data.generate.expr import ANSWER, Call, Expr, N, Quot, Sum
from srl_data.generate.model import Problem, Step, eq, listed, step
from srl_data.generate.notation import write

__all__ = ["fractions"]

_BOUNDS = {1: 9, 2: 6, 3: 10, 4: 9, 5: 9, 6: 10, 7: 9, 8: 12, 9: 12, 10: 15}


def fractions(rng: random.Random, level: int) -> Problem:
    """An expression with fractions, worked out operation by operation."""
    bound = _BOUNDS[level]
    steps: list[Step] = []

    def some() -> Fraction:
        under = rng.randint(2, bound)
        return Fraction(rng.choice([k for k in range(1, 2 * under) if gcd(k, under) == 1]), under)

    def group(size: int, *, subtract: bool = True) -> list[Fraction]:
        while True:
            parts = [some() * (rng.choice((1, -1)) if subtract and index else 1) for index in range(size)]
            if sum(parts) > 0 and len({part.denominator for part in parts}) > 1:
                return parts

    whole: Expr
    if level == 1:
        under = rng.randint(3, bound)
        tops = [rng.choice([k for k in range(1, under) if gcd(k, under) == 1]) for _ in range(2)]
        parts = [Fraction(top, under) for top in tops]
        if parts[0] > parts[1] and rng.random() < 0.5:
            parts[1] = -parts[1]
        whole, value = _added(rng, steps, parts)
    elif level in (2, 3, 6, 8):
        size = {2: 2, 3: 2, 6: 3, 8: 4}[level]
        whole, value = _added(rng, steps, group(size, subtract=level > 2))
    elif level in (4, 5):
        one, other = some(), some()
        whole = N(one) * N(other) if level == 4 else Quot(N(one), N(other))
        value = _times(rng, steps, one, other) if level == 4 else _divided(rng, steps, one, other)
    elif level == 7:
        left, bracket = _added(rng, steps, group(3))
        factor = some()
        whole = N(factor) * left
        value = _times(rng, steps, factor, bracket)
    else:
        (first, one), (second, two), (third, three) = (_added(rng, steps, group(level - 7)) for _ in range(3))
        product = _times(rng, steps, one, two)
        whole = Quot(first * second, third)
        value = _divided(rng, steps, product, three)
    if len(steps) == 1:
        claim = eq(Call("gcd", (N(value.numerator), N(value.denominator))), 1)
        prose = "Numerator and denominator have no common factor: {}."
        steps.append(step("Check that the result is in lowest terms", prose, claim))
    text = write(whole, latex=False)
    statement = rng.choice(
        (
            f"Calculate {text}.",
            f"Work out {text}.",
            f"What is {text}?",
            f"Evaluate {text}.",
        )
    )
    statement += rng.choice((" Give the answer in lowest terms.", " Simplify your answer.", " Reduce the result."))
    return Problem(statement, tuple(steps), (eq(whole, ANSWER),), ({"?": N(value)},))


def _added(rng: random.Random, steps: list[Step], parts: list[Fraction]) -> tuple[Expr, Fraction]:
    whole = Sum(tuple(map(N, parts)))
    shown = write(whole, latex=False)
    common = lcm(*(part.denominator for part in parts))
    tops = [part.numerator * (common // part.denominator) for part in parts]
    if len({part.denominator for part in parts}) > 1:
        unders = listed([str(under) for under in sorted({part.denominator for part in parts})])
        steps.append(
            step(
                f"Find a common denominator for {shown}",
                rng.choice(
                    (
                        f"The least common multiple of {unders} is {common}.",
                        f"The denominators {unders} all divide {common}, and no smaller number will do.",
                    )
                ).replace("all divide", "both divide" if unders.count(",") == 0 else "all divide"),
                unspoken=(eq(_lcm(parts), common),),
            )
        )
        rewritten = [
            eq(N(abs(part)), Quot(N(abs(top)), N(common), tight=True))
            for part, top in zip(parts, tops, strict=True)
            if part.denominator != common
        ]
        prose = f"We have {listed(['{}'] * len(rewritten))}."
        steps.append(step(f"Write the fractions over {common}", prose, *rewritten))
    total = sum(tops)
    value = Fraction(total, common)
    over = Sum(tuple(map(N, tops)))
    result = [Quot(over, N(common)), Quot(N(total), N(common), tight=True)]
    doing = (
        "Add the numerators"
        if min(tops) > 0
        else "Combine the numerators"
        if len(tops) > 2
        else "Subtract the numerators"
    )
    prose = rng.choice(("Over the common denominator we get {}.", "The denominator stays as it is: {}."))
    steps.append(step(doing, prose, eq(*result)))
    _reduced(rng, steps, total, common)
    return whole, value


def _lcm(parts: list[Fraction]) -> Expr:
    return Call("lcm", tuple(N(part.denominator) for part in parts))


def _times(rng: random.Random, steps: list[Step], one: Fraction, other: Fraction) -> Fraction:
    over, under = one.numerator * other.numerator, one.denominator * other.denominator
    whole = N(one) * N(other)
    prose = rng.choice(("Numerator times numerator, denominator times denominator: {}.", "We multiply across: {}."))
    middle = Quot(N(one.numerator) * N(other.numerator), N(one.denominator) * N(other.denominator))
    title = f"Multiply {write(N(one), latex=False)} by {write(N(other), latex=False)}"
    steps.append(step(title, prose, eq(whole, middle, Quot(N(over), N(under), tight=True))))
    _reduced(rng, steps, over, under)
    return one * other


def _divided(rng: random.Random, steps: list[Step], one: Fraction, other: Fraction) -> Fraction:
    flipped = 1 / other
    prose = rng.choice(
        ("Dividing by a fraction is multiplying by its reciprocal: {}.", "We turn the divisor upside down: {}.")
    )
    shown = eq(Quot(N(one), N(other)), N(one) * N(flipped))
    steps.append(step(f"Replace the division by {write(N(other), latex=False)} with a multiplication", prose, shown))
    return _times(rng, steps, one, flipped)


def _reduced(rng: random.Random, steps: list[Step], over: int, under: int) -> None:
    shared = gcd(over, under)
    if shared == 1 or under == 1:
        return
    prose = rng.choice(
        (
            f"Numerator and denominator can both be divided by {shared}: {{}}.",
            f"The greatest common divisor of {abs(over)} and {under} is {shared}, so {{}}.",
        )
    )
    steps.append(step("Reduce the fraction", prose, eq(Quot(N(over), N(under), tight=True), Fraction(over, under))))
