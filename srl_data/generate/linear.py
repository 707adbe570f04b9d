"""Linear equations in one unknown.

Level: 1 one operation, single digits; 2 two operations; 3 with negative numbers; 4 the unknown on both sides;
5 a bracket; 6 brackets on both sides; 7 three brackets, fractional solutions; 8 fractions to clear; 9 brackets
within brackets; 10 all of these, with two-digit numbers. Two steps at level 1, about ten at level 10.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm

from srl_data.generate.draws import signed
from srl_data.generate.expr import Call, Expr, N, Quot, Sum, Sym, poly, term
from srl_data.generate.model import Problem, Step, eq, identity, listed, step
from srl_data.generate.notation import write

__all__ = ["linear", "move"]

X = Sym("x")


@dataclass(frozen=True, slots=True)
class _Piece:
    """``outer(inner(ax + b) + c)/under``, one addend of a side."""

    a: int
    b: int
    outer: int = 1
    inner: int = 1
    c: int = 0
    under: int = 1

    @property
    def nested(self) -> bool:
        return self.inner != 1 or self.c != 0

    def at(self, x: Expr) -> Expr:
        body = _line(self.a, self.b, x)
        if self.nested:
            body = term(self.inner, body) + self.c
        body = term(self.outer, body)
        return Quot(body, N(self.under)) if self.under != 1 else body

    def times(self, factor: int) -> _Piece:
        if self.under == 1 and not (self.a and self.b):  # a single term needs no bracket
            return _Piece(self.a * factor, self.b * factor)
        return _Piece(self.a, self.b, self.outer * factor // self.under, self.inner, self.c)

    def opened(self) -> _Piece:
        """With the innermost bracket expanded."""
        if self.nested:
            return _Piece(self.inner * self.a, self.inner * self.b + self.c, self.outer)
        return _Piece(self.outer * self.a, self.outer * self.b)


def linear(rng: random.Random, level: int) -> Problem:
    """A linear equation, solved by doing the same to both sides, and checked by substitution."""
    while True:
        x = _solution(rng, level)
        left, right = _sides(rng, level)
        rest = _value(left, x) - _value(right, x)
        slopes = _slope(left), _slope(right)
        if rest.denominator == 1 and slopes[0] != slopes[1] and slopes[0]:
            break
    if rest or not right:
        right = [*right, _Piece(0, int(rest))]
    goal = eq(_side(left, X), _side(right, X))
    text = " = ".join(write(part, latex=False) for part in goal.parts)
    statement = rng.choice(
        (
            f"Solve for x: {text}.",
            f"Solve the equation {text}.",
            f"Find the value of x for which {text}.",
            f"What number x satisfies {text}?",
        )
    )
    steps = [*_solve(rng, left, right, x), _check(rng, left, right, x)]
    return Problem(statement, tuple(steps), (goal,), ({"x": N(x)},), complete=True)


def move(rng: random.Random, a: int, b: int, right: int, x: Expr, value: Fraction) -> list[Step]:
    """The last steps of every linear equation: ``ax + b = right`` down to the value of ``x``."""
    steps = []
    name = write(x, latex=False)
    if b:
        prose = rng.choice(
            (
                "This leaves the unknown alone on the left: {}.",
                "Only the term with the unknown stays on the left: {}.",
                "The constant on the left disappears, and we get {}.",
            )
        )
        opposite = N(right) - N(b) if b > 0 else N(right) + N(-b)
        steps.append(step(_both_sides(b), prose, eq(term(a, x), opposite, right - b)))
    if a != 1:
        prose = rng.choice(
            (
                f"The coefficient of {name} becomes 1: {{}}.",
                f"That gives {name} by itself: {{}}.",
                "The value of the unknown follows: {}.",
            )
        )
        quotient = Quot(N(right - b), N(a))
        reduced = a > 0 and gcd(right - b, a) == 1  # writing the same fraction twice would say nothing
        result = eq(x, value) if reduced else eq(x, quotient, value)
        steps.append(step(f"Divide both sides by {a}", prose, result))
    return steps


def _solve(rng: random.Random, left: list[_Piece], right: list[_Piece], x: Fraction) -> list[Step]:
    steps: list[Step] = []
    left, right = list(left), list(right)
    unders = {piece.under for piece in left + right}
    if unders != {1}:
        common = lcm(*unders)
        left, right = ([piece.times(common) for piece in side] for side in (left, right))
        denominators = listed([str(under) for under in sorted(unders - {1})])
        prose = (
            f"The least common multiple of the denominators {denominators} is {common}, so no fractions are left: {{}}."
            if len(unders - {1}) > 1
            else "No fractions are left: {}."
        )
        claim = eq(Call("lcm", tuple(map(N, sorted(unders)))), common)
        cleared = eq(_side(left, X), _side(right, X))
        steps.append(step(f"Multiply both sides by {common}", prose, cleared, unspoken=(claim,)))
    expanded = False
    for nested in (True, False):  # inner brackets first
        for side in (left, right):
            for index, piece in enumerate(side):
                if (piece.nested if nested else piece.outer != 1) and piece.a:
                    side[index] = piece.opened()
                    steps.append(_expand(rng, piece, side[index]))
                    expanded = True
    slopes, constants = zip(*((sum(p.a for p in side), sum(p.b for p in side)) for side in (left, right)), strict=True)
    tidy = [_line(slope, constant, X) for slope, constant in zip(slopes, constants, strict=True)]
    for side, name, line in zip((left, right), ("left", "right"), tidy, strict=True):
        if len(side) > 1 and _side(side, X) != line:
            prose = rng.choice(
                ("Adding the terms of the same kind gives {}.", "The terms of the same kind add up: {}.")
            )
            steps.append(step(f"Collect like terms on the {name}", prose, identity(_side(side, X), line)))
            expanded = True
    net = slopes[0] - slopes[1]
    start, known = (term(slopes[0], X), constants)
    if slopes[1]:
        shifted = eq(_line(net, constants[0], X), constants[1])
        lead = "The equation is now {}. " if expanded else "We start from {}. "
        prose = lead + rng.choice(("It becomes {}.", "All terms with the unknown are then on the left: {}."))
        moved = _both_sides(slopes[1], X)
        steps.append(step(moved, prose, eq(*tidy), shifted))
    elif not known[0] and start == X:
        return steps
    return steps + move(rng, net, constants[0], constants[1], X, x)


def _expand(rng: random.Random, piece: _Piece, opened: _Piece) -> Step:
    if piece.nested:
        inner = term(piece.inner, _line(piece.a, piece.b, X))
        prose = rng.choice(
            (
                "Inside the outer bracket we get {}.",
                "The inner bracket comes first: {}.",
                "Working from the inside, {}.",
            )
        )
        return step(
            f"Simplify the bracket in {write(piece.at(X), latex=False)}",
            prose,
            identity(inner + piece.c, _line(opened.a, opened.b, X)),
        )
    prose = rng.choice(
        (
            f"Both terms in the bracket are multiplied by {piece.outer}: {{}}.",
            f"We multiply each term in the bracket by {piece.outer} and get {{}}.",
        )
    )
    if piece.outer == -1:
        prose = "The minus sign changes both signs in the bracket: {}."
    return step(f"Expand {write(piece.at(X), latex=False)}", prose, identity(piece.at(X), _line(opened.a, opened.b, X)))


def _check(rng: random.Random, left: list[_Piece], right: list[_Piece], x: Fraction) -> Step:
    value = N(_value(left, x))
    sides = [_side(side, N(x)) for side in (left, right)]
    shown = [eq(side, value) if side != value else value for side in sides]
    title = rng.choice(("Check the solution", "Check the answer in the original equation", "Verify by substitution"))
    if shown[1] == value:
        prose = rng.choice(
            (
                "With {}, the left side of the original equation is {}, which is the right side.",
                "For {}, the left side is {}, as it should be.",
            )
        )
        return step(title, prose, eq(X, x), shown[0])
    prose = rng.choice(
        (
            "With {}, the left side is {} and the right side is {}, so both sides agree.",
            "Putting {} into the original equation, we get {} on the left and {} on the right, which is the same.",
        )
    )
    return step(title, prose, eq(X, x), *shown)


def _both_sides(amount: int, unit: Expr | None = None) -> str:
    shown = write(term(abs(amount), unit) if unit else N(abs(amount)), latex=False)
    return f"Subtract {shown} from both sides" if amount > 0 else f"Add {shown} to both sides"


def _line(a: int, b: int, x: Expr) -> Expr:
    return poly([a, b], x)


def _side(pieces: list[_Piece], x: Expr) -> Expr:
    terms: list[Expr] = []
    for piece in pieces:
        shown = piece.at(x)
        terms += shown.terms if isinstance(shown, Sum) else (shown,)
    return Sum(tuple(terms)) if len(terms) > 1 else terms[0]


def _value(pieces: list[_Piece], x: Fraction) -> Fraction:
    return sum(
        (p.outer * (p.inner * (p.a * x + p.b) + p.c) / Fraction(p.under) for p in pieces),
        start=Fraction(0),
    )


def _slope(pieces: list[_Piece]) -> Fraction:
    return sum((Fraction(p.outer * p.inner * p.a, p.under) for p in pieces), start=Fraction(0))


def _solution(rng: random.Random, level: int) -> Fraction:
    if level <= 2:
        return Fraction(rng.randint(1, 9))
    bound = 9 if level <= 6 else 20
    under = rng.choice((1, 2, 3, 4)) if level in (7, 9) else 1
    return Fraction(signed(rng, bound), under)


def _sides(rng: random.Random, level: int) -> tuple[list[_Piece], list[_Piece]]:
    """The pieces of both sides, to which a constant is still to be added on the right."""

    def some(bound: int = 9) -> int:
        return signed(rng, bound)

    def factor(bound: int = 9) -> int:
        return rng.choice((-1, 1)) * rng.randint(2, bound)

    match level:
        case 1:
            return [_Piece(1, some()) if rng.random() < 0.6 else _Piece(rng.randint(2, 9), 0)], []
        case 2:
            return [_Piece(rng.randint(2, 9), rng.randint(1, 9))], []
        case 3:
            return [_Piece(factor(), some(20))], []
        case 4:
            return [_Piece(factor(), some(20))], [_Piece(some(), 0)]
        case 5:
            return [_Piece(rng.randint(1, 6), some(), factor()), *([_Piece(some(), 0)] * rng.randint(0, 1))], []
        case 6:
            return [_Piece(rng.randint(1, 5), some(), factor())], [_Piece(rng.randint(1, 5), some(), factor())]
        case 7:
            left = [_Piece(rng.randint(1, 5), some(12), factor()) for _ in range(2)]
            return left, [_Piece(rng.randint(1, 5), some(12), factor())]
        case 8:
            unders = rng.sample((2, 3, 4, 5, 6, 8), 2)
            return [_Piece(rng.randint(1, 9), some(15), under=unders[0])], [
                _Piece(rng.randint(1, 9), some(15), under=unders[1]),
            ]
        case 9:
            nested = _Piece(rng.randint(1, 4), some(), factor(6), rng.randint(2, 5), some(12))
            return [nested, _Piece(0, some(20))], [_Piece(rng.randint(1, 5), some(12), factor()), _Piece(some(), 0)]
    over, under = rng.choice(((2, 3), (3, 2), (4, 3), (2, 5), (3, 4), (5, 6), (5, 3), (-2, 3), (-3, 5), (-4, 3)))
    left = [
        _Piece(rng.randint(2, 9), some(30), over, rng.randint(2, 9), some(40), under),
        _Piece(rng.randint(2, 15), some(60), rng.randint(2, 9)),
    ]
    return left, [_Piece(rng.randint(2, 15), some(60), under=rng.choice((2, 4, 5, 6))), _Piece(some(30), 0)]
