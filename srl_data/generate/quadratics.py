"""Quadratic equations.

Level: 1 a square equals a number; 2 a common factor x; 3 factoring, roots to 6; 4 factoring, roots to 12;
5 a factor to take out first; 6 the formula with a leading coefficient to 6, rational roots; 7 the square to be
completed, irrational roots; 8 terms on both sides; 9 products on both sides; 10 the same with two-digit
numbers and rational roots. Every equation has two different real roots.
"""

from __future__ import annotations

import random
from fractions import Fraction
from math import gcd, isqrt

from srl_data.generate.draws import signed
from srl_data.generate.expr import Call, Expr, N, Named, Neg, Quot, Sym, poly, term
from srl_data.generate.model import Problem, Relation, Step, eq, identity, step
from srl_data.generate.notation import write

__all__ = ["quadratics"]

X = Sym("x")


def quadratics(rng: random.Random, level: int) -> Problem:
    """A quadratic equation with two real roots, given in increasing order."""
    match level:
        case 1:
            return _square(rng)
        case 2:
            return _common_factor(rng)
        case 3 | 4 | 5:
            return _factoring(rng, level)
        case 7:
            return _complete_square(rng)
    return _formula(rng, level)


def _square(rng: random.Random) -> Problem:
    root, shift = rng.randint(1, 12), rng.choice((0, 0, 1, -1)) * rng.randint(1, 20)
    square = root * root
    goal = eq(poly([1, 0, shift], X), square + shift)
    steps = []
    if shift:
        steps.append(
            step(
                f"{'Subtract' if shift > 0 else 'Add'} {abs(shift)} {'from' if shift > 0 else 'to'} both sides",
                "Only the square stays on the left: {}.",
                eq(X**2, N(square + shift) - shift if shift > 0 else N(square + shift) + -shift, square),
            )
        )
    steps.append(
        step(
            "Take square roots",
            f"Both {root} and -{root} have the square {square}: {{}} and {{}}.",
            eq(N(root) ** 2, square),
            eq(N(-root) ** 2, square),
        )
    )
    steps.append(_roots_step("Name both solutions", "The solutions are {} and {}.", (-root, root)))
    return _problem(rng, goal, steps, (Fraction(-root), Fraction(root)))


def _common_factor(rng: random.Random) -> Problem:
    a, root = rng.choice((1, 1, 2, 3, 4, 5)), signed(rng, 12)
    b = -a * root
    line = poly([1, -root], X)
    roots = tuple(sorted((Fraction(0), Fraction(root))))
    goal = eq(poly([a, b, 0], X), 0)
    steps = [
        step(
            f"Factor out {write(term(a, X), latex=False)}",
            "Both terms contain it: {}.",
            identity(poly([a, b, 0], X), term(a, X) * line),
        ),
        _zero_product(rng, term(a, X), line, (0, root), roots),
    ]
    return _problem(rng, goal, [*steps, _check(rng, [a, b, 0], roots)], roots)


def _factoring(rng: random.Random, level: int) -> Problem:
    bound = 6 if level == 3 else 12
    while True:
        p, q = signed(rng, bound), signed(rng, bound)
        if p != q:
            break
    factor = rng.choice((2, 3, 4, 5, -1, -2, -3)) if level == 5 else 1
    b, c = -(p + q), p * q
    goal = eq(poly([factor, factor * b, factor * c], X), 0)
    plain = poly([1, b, c], X)
    steps = []
    if factor != 1:
        prose = rng.choice(("The roots stay the same: {}.", "Every coefficient is a multiple of it: {}."))
        if factor == -1:
            prose = "The leading coefficient becomes 1: {}."
        steps.append(step(f"Divide both sides by {factor}", prose, eq(plain, 0)))
    one, two = sorted((-p, -q))
    steps.append(
        step(
            f"Find two numbers with product {c} and sum {b}",
            rng.choice(
                (f"They are {one} and {two}: {{}} and {{}}.", f"The numbers {one} and {two} do: {{}} and {{}}.")
            ),
            eq(N(one) * two, c),
            eq(N(one) + N(two) if two > 0 else N(one) - -two, b),
        )
    )
    first, second = poly([1, one], X), poly([1, two], X)
    steps.append(
        step(
            "Factor the left side",
            rng.choice(("With these numbers, {}.", "This gives {}.")),
            identity(plain, first * second),
        )
    )
    roots = tuple(sorted((Fraction(p), Fraction(q))))
    steps.append(_zero_product(rng, first, second, (-one, -two), roots))
    return _problem(rng, goal, [*steps, _check(rng, [factor, factor * b, factor * c], roots)], roots)


def _complete_square(rng: random.Random) -> Problem:
    while True:
        half, radicand = signed(rng, 9), rng.randint(2, 60)
        if isqrt(radicand) ** 2 != radicand:
            break
    b, c = 2 * half, half * half - radicand
    goal = eq(poly([1, b, c], X), 0)
    square = poly([1, half], X) ** 2
    outer, inner = _surd(radicand)
    root = term(outer, Call("sqrt", (N(inner),)))
    roots = (N(-half) - root, N(-half) + root)
    plain = Call("sqrt", (N(radicand),))
    steps = []
    if c:
        moved = eq(poly([1, b, 0], X), -c)
        verb = f"Subtract {c} from both sides" if c > 0 else f"Add {-c} to both sides"
        steps.append(step(verb, "The constant moves to the right: {}.", moved))
    steps += [
        step(
            f"Add {half * half} to both sides",
            f"Half of {b} is {half}, and its square is {{}}. So {{}}, and the left side is a square: {{}}.",
            eq(N(half) ** 2, half * half),
            eq(poly([1, b, half * half], X), N(-c) + half * half, radicand),
            identity(poly([1, b, half * half], X), square),
        ),
        step(
            "Take square roots",
            "From {} it follows that {} or {}.",
            eq(square, radicand),
            eq(poly([1, half], X), Neg(plain), branch=0),
            eq(poly([1, half], X), plain, branch=1),
        ),
    ]
    if outer != 1:
        steps.append(step(f"Simplify the root of {radicand}", "A square can be taken out: {}.", eq(plain, root)))
    steps.append(
        step(
            f"{'Subtract' if half > 0 else 'Add'} {abs(half)} {'from' if half > 0 else 'to'} both sides",
            "The solutions are {} and {}.",
            eq(X, roots[0], branch=0),
            eq(X, roots[1], branch=1),
        )
    )
    return _problem(rng, goal, steps, roots)


def _formula(rng: random.Random, level: int) -> Problem:
    bound = {6: 6, 8: 6, 9: 9, 10: 30}[level]
    while True:
        roots = sorted({Fraction(signed(rng, bound), rng.randint(1, 3 if level < 10 else 7)) for _ in range(2)})
        if len(roots) < 2:
            continue
        a = roots[0].denominator * roots[1].denominator
        scale = rng.choice((1, 1, -1, 2))
        a *= scale
        b, c = (int(a * value) for value in (-(roots[0] + roots[1]), roots[0] * roots[1]))
        if gcd(a, b, c) == 1 and abs(a) > 1:
            break
    if a < 0:
        a, b, c = -a, -b, -c
    left, right, steps = _scattered(rng, level, (a, b, c))
    discriminant = b * b - 4 * a * c
    root = isqrt(discriminant)
    disc = Named("D", N(b) ** 2 - N(4) * a * c)
    steps.append(
        step(
            "Compute the discriminant",
            f"With a = {a}, b = {b} and c = {c}, {{}}.",
            eq(disc, N(b) ** 2 - N(4) * a * c, discriminant),
        )
    )
    steps.append(
        step(
            "Take the square root of the discriminant",
            rng.choice(("It is a whole number: {}.", "We find {}.")),
            eq(Call("sqrt", (N(discriminant),)), root),
        )
    )
    for index, (sign, which) in enumerate(((-1, "smaller"), (1, "larger"))):
        top = N(-b) + root if sign > 0 else N(-b) - root
        total = -b + sign * root
        parts: list[Expr] = [Quot(top, N(2) * a), Quot(N(total), N(2 * a))]
        value = roots[index]
        if value.denominator != 2 * a or gcd(total, 2 * a) > 1:
            parts.append(N(value))
        else:
            parts[-1] = N(value)
        steps.append(step(f"Find the {which} solution", "The formula gives {}.", eq(X, *parts, branch=index)))
    return _problem(rng, eq(left, right), steps, tuple(roots))


def _scattered(rng: random.Random, level: int, abc: tuple[int, int, int]) -> tuple[Expr, Expr, list[Step]]:
    """The equation as the question gives it, and the steps that bring it into the normal form."""
    a, b, c = abc
    normal = poly([a, b, c], X)
    if level == 6:
        return normal, N(0), []
    if level == 8:
        other = [signed(rng, 5), signed(rng, 9), signed(rng, 20)]
        left, right = poly([a + other[0], b + other[1], c + other[2]], X), poly(other, X)
        return left, right, [_gather(left, right, normal)]
    bound = 5 if level == 9 else 15
    p, q, r, s = (signed(rng, bound) for _ in range(4))
    p, r = abs(p), abs(r)
    product = [p * r, p * s + q * r, q * s]
    rest = [product[0] - a, product[1] - b, product[2] - c]
    left, opened = poly([p, q], X) * poly([r, s], X), poly(product, X)
    right = poly(rest, X)
    steps = [
        step(f"Expand {write(left, latex=False)}", "We multiply every term by every term: {}.", identity(left, opened)),
        _gather(opened, right, normal),
    ]
    return left, right, steps


def _gather(left: Expr, right: Expr, normal: Expr) -> Step:
    return step(
        "Bring all terms to the left side",
        "From {} we get {}.",
        eq(left, right),
        eq(normal, 0),
        unspoken=(identity(left - right, normal),),
    )


def _zero_product(
    rng: random.Random, first: Expr, second: Expr, zeros: tuple[int, int], roots: tuple[Fraction, ...]
) -> Step:
    prose = rng.choice(
        (
            "A product is zero only if one of its factors is, so {} or {}, that is {} or {}.",
            "One of the two factors must vanish: {} or {}. So {} or {}.",
        )
    )
    at = [roots.index(Fraction(zero)) for zero in zeros]
    return step(
        "Set each factor to zero",
        prose,
        eq(first, 0, branch=at[0]),
        eq(second, 0, branch=at[1]),
        eq(X, zeros[0], branch=at[0]),
        eq(X, zeros[1], branch=at[1]),
    )


def _check(rng: random.Random, coefficients: list[int], roots: tuple[Fraction, ...]) -> Step:
    shown = [eq(poly(coefficients, N(root)), 0) for root in roots]
    title = rng.choice(("Check both solutions", "Verify by substitution"))
    return step(title, rng.choice(("Indeed {} and {}.", "We have {} and {}, as it should be.")), *shown)


def _roots_step(title: str, prose: str, roots: tuple[int, int]) -> Step:
    return step(title, prose, eq(X, roots[0], branch=0), eq(X, roots[1], branch=1))


def _problem(
    rng: random.Random, goal: Relation, steps: list[Step], roots: tuple[Fraction, ...] | tuple[Expr, ...]
) -> Problem:
    text = " = ".join(write(part, latex=False) for part in goal.parts)
    statement = rng.choice(
        (
            f"Solve the quadratic equation {text}.",
            f"Find all real numbers x with {text}.",
            f"Solve for x: {text}.",
            f"What are the solutions of {text}?",
        )
    )
    values = tuple({"x": root if isinstance(root, Expr) else N(root)} for root in roots)
    return Problem(f"{statement} Give both, the smaller one first.", tuple(steps), (goal,), values, complete=True)


def _surd(radicand: int) -> tuple[int, int]:
    """``outer * sqrt(inner)`` with no square left inside."""
    outer = max(k for k in range(1, isqrt(radicand) + 1) if radicand % (k * k) == 0)
    return outer, radicand // (outer * outer)
