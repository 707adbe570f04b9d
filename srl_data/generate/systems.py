"""Systems of linear equations with an integer solution.

Level: 1 sum and difference of two numbers; 2 and 3 two unknowns with coefficients to 4 and 6; 4 to 6 two
unknowns, coefficients to 9, 12 and 20, negative solutions; 7 to 10 three unknowns, coefficients to 3, 5, 8
and 12. Four to six steps for two unknowns, seven to ten for three.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from fractions import Fraction
from math import gcd

from srl_data.generate.expr import Expr, N, Quot, Sum, Sym, term
from srl_data.generate.model import Problem, Relation, Step, eq, listed, step
from srl_data.generate.notation import write

__all__ = ["systems"]

_BOUNDS = {1: 1, 2: 4, 3: 6, 4: 9, 5: 12, 6: 20, 7: 3, 8: 5, 9: 8, 10: 12}
_SOLUTIONS = {1: 9, 2: 9, 3: 9, 4: 12, 5: 20, 6: 40, 7: 6, 8: 9, 9: 12, 10: 25}


@dataclass(frozen=True, slots=True)
class _Row:
    """An equation: coefficients, constant, and the number under which the text speaks of it."""

    coefficients: tuple[int, ...]
    constant: int
    number: int

    def left(self, unknowns: tuple[Expr, ...]) -> Expr:
        terms = tuple(term(c, x) for c, x in zip(self.coefficients, unknowns, strict=True) if c)
        return Sum(terms) if len(terms) > 1 else terms[0]

    def scaled(self, factor: int) -> _Row:
        return _Row(tuple(factor * c for c in self.coefficients), factor * self.constant, self.number)


def systems(rng: random.Random, level: int) -> Problem:
    """Two or three linear equations, solved by elimination and checked."""
    size = 2 if level <= 6 else 3
    while True:
        values = [_draw(rng, _SOLUTIONS[level], negative=level >= 3) for _ in range(size)]
        rows = _rows(rng, level, values)
        if rows and _solvable(rows):
            break
    unknowns = tuple(Sym(name) for name in "xyz"[:size])
    goal = tuple(eq(row.left(unknowns), row.constant) for row in rows)
    shown = listed([f"{write(r.left(unknowns), latex=False)} = {r.constant}" for r in rows])
    names = listed(["x", "y", "z"][:size])
    point = "(x, y)" if size == 2 else "(x, y, z)"
    statement = rng.choice(
        (
            f"Solve the system of equations {shown}.",
            f"Find the numbers {names} for which {shown}.",
            f"The numbers {names} satisfy {shown}. Find them.",
        )
    )
    steps = _eliminate(rng, rows, unknowns, values)
    answers = {unknown.name: N(value) for unknown, value in zip(unknowns, values, strict=True)}
    return Problem(f"{statement} Give the answer as {point}.", tuple(steps), goal, (answers,), complete=True)


def _eliminate(rng: random.Random, rows: tuple[_Row, ...], unknowns: tuple[Expr, ...], values: list[int]) -> list[Step]:
    steps: list[Step] = []
    active = list(rows)
    triangle = []
    fresh = len(rows) + 1
    for column in range(len(rows) - 1):
        pivot = min((row for row in active if row.coefficients[column]), key=lambda r: abs(r.coefficients[column]))
        triangle.append((column, pivot))
        rest = []
        for row in active:
            if row is pivot:
                continue
            if not row.coefficients[column]:
                rest.append(row)
                continue
            one, reduced = _combine(rng, pivot, row, column, unknowns, fresh)
            steps.append(one)
            rest.append(reduced)
            fresh += 1
        active = rest
    steps[0] = replace(steps[0], prose=f"We number the equations in the order given. {steps[0].prose}")
    last = len(rows) - 1
    steps += _last_unknown(rng, active[0], last, unknowns, values)
    for column, row in reversed(triangle):
        steps.append(_substitute(rng, row, column, unknowns, values))
    steps.append(_check(rng, rows, values))
    return steps


def _combine(
    rng: random.Random, pivot: _Row, row: _Row, column: int, unknowns: tuple[Expr, ...], fresh: int
) -> tuple[Step, _Row]:
    """One row operation, and the new equation that it gives."""
    a, b = pivot.coefficients[column], row.coefficients[column]
    shared = gcd(a, b)
    up, down = abs(b) // shared, abs(a) // shared
    first, second = row.scaled(down), pivot.scaled(up)
    add = (a > 0) != (b > 0)
    sign = 1 if add else -1
    coefficients = tuple(p + sign * q for p, q in zip(first.coefficients, second.coefficients, strict=True))
    reduced = _Row(coefficients, first.constant + sign * second.constant, fresh)
    name = write(unknowns[column], latex=False)
    formulas: list[Relation] = []
    told = []
    for factor, scaled in ((down, first), (up, second)):
        if factor != 1:
            told.append(f"equation ({scaled.number}) times {factor} is {{}}")
            formulas.append(eq(scaled.left(unknowns), scaled.constant))
    lead = (told[0][0].upper() + listed(told)[1:] + ". ") if told else ""
    low, high = sorted((row.number, pivot.number))
    if not told:
        way = "Adding the two" if add else f"Subtracting equation ({pivot.number}) from equation ({row.number})"
    elif len(told) == 1:
        way = f"Adding this to equation ({row.number})" if add else f"Subtracting this from equation ({row.number})"
    else:
        way = "Adding the two" if add else "Subtracting the second from the first"
    minus = N(first.constant) + N(second.constant) if add else N(first.constant) - N(second.constant)
    tail = rng.choice((f"removes {name}", f"makes the terms with {name} cancel"))
    body = f"{lead}{way} {tail}: {{}}, which we call equation ({fresh})."
    formulas.append(eq(reduced.left(unknowns), minus, reduced.constant))
    return step(f"Eliminate {name} from equations ({low}) and ({high})", body, *formulas), reduced


def _last_unknown(
    rng: random.Random, row: _Row, last: int, unknowns: tuple[Expr, ...], values: list[int]
) -> list[Step]:
    coefficient, name = row.coefficients[last], write(unknowns[last], latex=False)
    if coefficient == 1:
        return []
    if coefficient == -1:
        return [
            step(
                f"Change the signs in equation ({row.number})",
                f"This gives {name}: {{}}.",
                eq(unknowns[last], values[last]),
            )
        ]
    prose = rng.choice((f"We divide both sides by {coefficient}: {{}}.", "Dividing by the coefficient, we find {}."))
    result = eq(unknowns[last], Quot(N(row.constant), N(coefficient)), values[last])
    return [step(f"Solve equation ({row.number}) for {name}", prose, result)]


def _substitute(rng: random.Random, row: _Row, column: int, unknowns: tuple[Expr, ...], values: list[int]) -> Step:
    """Put the unknowns found so far into an equation, and find the next."""
    name = write(unknowns[column], latex=False)
    lead = row.coefficients[column]
    known = [i for i in range(column + 1, len(unknowns)) if row.coefficients[i]]
    if not known:
        result = eq(unknowns[column], Quot(N(row.constant), N(lead)), values[column])
        return step(f"Find {name} from equation ({row.number})", "Only one unknown occurs there: {}.", result)
    put = Sum((term(lead, unknowns[column]), *(term(row.coefficients[i], N(values[i])) for i in known)))
    rest = row.constant - sum(row.coefficients[i] * values[i] for i in known)
    formulas = [eq(put, row.constant)]
    if lead == 1:
        prose = "It reads {}, so {}."
        formulas.append(eq(unknowns[column], values[column]))
    else:
        prose = rng.choice(("It reads {}, that is {}, so {}.", "We get {}, then {}, and finally {}."))
        formulas += [eq(term(lead, unknowns[column]), rest), eq(unknowns[column], values[column])]
    found = listed([f"{write(unknowns[i], latex=False)} = {values[i]}" for i in known])
    return step(f"Put {found} into equation ({row.number})", prose, *formulas)


def _check(rng: random.Random, rows: tuple[_Row, ...], values: list[int]) -> Step:
    shown = [eq(row.left(tuple(N(value) for value in values)), row.constant) for row in rows]
    title = rng.choice(("Check the solution", "Check all equations", "Verify by substitution"))
    everyone = "both equations" if len(rows) == 2 else "all three equations"
    return step(title, f"We have {listed(['{}'] * len(rows))}, so {everyone} hold.", *shown)


def _rows(rng: random.Random, level: int, values: list[int]) -> tuple[_Row, ...]:
    coefficients: list[tuple[int, ...]]
    if level == 1:
        coefficients = [(1, 1), (1, -1)]
    else:
        coefficients = [tuple(_draw(rng, _BOUNDS[level], negative=True) for _ in values) for _ in values]
    rows = []
    for number, line in enumerate(coefficients, start=1):
        if line[0] < 0:
            line = tuple(-c for c in line)
        rows.append(_Row(line, sum(c * v for c, v in zip(line, values, strict=True)), number))
    return tuple(rows)


def _solvable(rows: tuple[_Row, ...]) -> bool:
    """Whether there is one solution, and no pair of rows is the same up to a factor in its first columns."""
    matrix = [[Fraction(c) for c in row.coefficients] for row in rows]
    size = len(matrix)
    for column in range(size):
        pivot = next((i for i in range(column, size) if matrix[i][column]), None)
        if pivot is None:
            return False
        matrix[column], matrix[pivot] = matrix[pivot], matrix[column]
        for i in range(column + 1, size):
            factor = matrix[i][column] / matrix[column][column]
            matrix[i] = [a - factor * b for a, b in zip(matrix[i], matrix[column], strict=True)]
    return True


def _draw(rng: random.Random, bound: int, *, negative: bool) -> int:
    value = rng.randint(1, bound)
    return -value if negative and rng.random() < 0.5 else value
