"""Solved inequalities, beside what one finds by putting numbers in."""

from __future__ import annotations

import operator
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards.maths.compare import compare
from rewards.maths.parse import parse
from rewards.maths.sets import contains
from rewards.maths.solve import solved
from rewards.maths.tree import Relation
from rewards.maths.work import Work

HOLDS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "!=": operator.ne}
small = st.fractions(-4, 4, max_denominator=3)
ops = st.sampled_from(["<", "<=", ">", ">="])


def written(slope: Fraction, shift: Fraction) -> str:
    return f"(({slope}) x + ({shift}))"


@given(small.filter(bool), small, small, st.sampled_from(sorted(HOLDS)), st.booleans(), st.booleans(), st.lists(small))
def test_one_side_and_a_constant(
    slope: Fraction, shift: Fraction, bound: Fraction, op: str, bars: bool, turned: bool, at: list[Fraction]
) -> None:
    term = f"|{written(slope, shift)}|" if bars else written(slope, shift)
    relation = parse(f"({bound}) {op} {term}" if turned else f"{term} {op} ({bound})")
    assert isinstance(relation, Relation)
    found = solved(relation, Work())
    if bars and (bound <= 0 or op == "!="):
        assert found is None
        return
    assert found is not None
    assert found.name == "x"
    for x in [*at, (bound - shift) / slope, (-bound - shift) / slope]:
        value = abs(slope * x + shift) if bars else slope * x + shift
        expected = HOLDS[op](bound, value) if turned else HOLDS[op](value, bound)
        assert contains(found.values, x, Work()) is expected


@given(small.filter(bool), small, small, small, st.booleans(), st.booleans(), st.booleans(), st.lists(small))
def test_between_two_constants(
    slope: Fraction,
    shift: Fraction,
    low: Fraction,
    high: Fraction,
    with_low: bool,
    with_high: bool,
    turned: bool,
    at: list[Fraction],
) -> None:
    ops = ["<=" if each else "<" for each in (with_low, with_high)]
    text = f"({low}) {ops[0]} {written(slope, shift)} {ops[1]} ({high})"
    if turned:
        back = [each.replace("<", ">") for each in ops]
        text = f"({high}) {back[1]} {written(slope, shift)} {back[0]} ({low})"
    relation = parse(text)
    assert isinstance(relation, Relation)
    found = solved(relation, Work())
    assert found is not None
    for x in [*at, (low - shift) / slope, (high - shift) / slope]:
        value = slope * x + shift
        assert contains(found.values, x, Work()) is (HOLDS[ops[0]](low, value) and HOLDS[ops[1]](value, high))


@pytest.mark.parametrize(
    ("gold", "answer", "equal"),
    [
        ("|x| < 2", "-2 < x < 2", True),
        ("|x| < 2", "-2 \\le x < 2", False),
        ("|x| > 2", "x < -2 \\text{ or } x > 2", True),
        ("|x| > 2", "x < -2 \\text{ or } x > 3", False),
        ("|x - 1| \\le \\sqrt 2", "[1 - \\sqrt 2, 1 + \\sqrt 2]", True),
        ("|3 - 2x| \\le 5", "[-1, 4]", True),
        ("-4 < 2x < 6", "(-2, 3)", True),
        ("7 > 1 - 2x > -5", "(-3, 3)", True),
        ("2x < \\sqrt 2", "(-\\infty, \\frac{\\sqrt 2}{2})", True),
        ("x < \\sqrt 3", "x < \\sqrt 2", False),
        ("|x| < 2", "|y| < 2", False),
        ("|x| < 0", "x < 0", False),
    ],
)
def test_solved_inequalities_are_compared_as_sets(gold: str, answer: str, equal: bool) -> None:
    for one, other in ((gold, answer), (answer, gold)):
        assert compare(parse(one), parse(other)).equal is equal


@pytest.mark.parametrize(
    "text", ["x^2 < 4", "|x| < -1", "|x| < y", "xy < 1", "x < y < 3", "1 < 2", "x = 3", "x < 1 < y", "\\sqrt 2 x < 1"]
)
def test_what_is_not_solved(text: str) -> None:
    relation = parse(text)
    assert isinstance(relation, Relation)
    assert solved(relation, Work()) is None
