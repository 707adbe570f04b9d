r"""Tier 4, in process: what computer algebra proves, what it disproves, and that it never does the wrong one."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewards.maths.compare import Conventions
from rewards.maths.evaluate import compare_values
from rewards.maths.parse import parse
from rewards.maths.simplify import _decide, equal, equal_pair
from rewards.maths.tree import Apply, Node, Number, Symbol

pytestmark = pytest.mark.slow

EQUAL = [
    # trigonometric and hyperbolic
    (r"\sin 2x", r"2 \sin x \cos x"),
    (r"\sin^2 x + \cos^2 x", "1"),
    (r"\cos 2x", r"1 - 2\sin^2 x"),
    (r"\tan x", r"\frac{\sin x}{\cos x}"),
    (r"\sin(x+y)", r"\sin x\cos y + \cos x\sin y"),
    (r"\cos 3x", r"4\cos^3 x - 3\cos x"),
    (r"\tan(x/2)", r"\frac{\sin x}{1+\cos x}"),
    (r"\sec^2 x - \tan^2 x", "1"),
    (r"\sinh(x)", r"\frac{e^x - e^{-x}}{2}"),
    (r"\cosh^2 x - \sinh^2 x", "1"),
    (r"\arctan 1", r"\frac{\pi}{4}"),
    (r"\arctan\frac12 + \arctan\frac13", r"\frac\pi4"),
    (r"4\arctan\frac15 - \arctan\frac1{239}", r"\frac\pi4"),  # Machin's
    (r"\arcsin x + \arccos x", r"\frac\pi2"),
    (r"\sin(\arccos x)", r"\sqrt{1-x^2}"),
    (r"\cos 36^\circ", r"\frac{1+\sqrt5}{4}"),
    (r"\sin\frac{\pi}{12}", r"\frac{\sqrt6-\sqrt2}{4}"),
    (r"\cos\frac{\pi}{7} - \cos\frac{2\pi}{7} + \cos\frac{3\pi}{7}", r"\frac12"),
    # logarithms and exponentials; where both sides are defined
    (r"\ln(xy)", r"\ln x + \ln y"),
    (r"\ln(x^2)", r"2\ln x"),
    (r"\log_2 8", "3"),
    (r"\log_4 x", r"\frac12\log_2 x"),
    (r"e^{\ln x}", "x"),
    (r"\ln(e^x)", "x"),
    (r"\ln 12", r"2\ln 2 + \ln 3"),
    (r"\log 50", r"2 - \log 2"),
    (r"x^{\ln y}", r"y^{\ln x}"),
    (r"2^{x+1}", r"2\cdot 2^x"),
    ("4^x", "2^{2x}"),
    # radicals; an odd root of a negative number is the real one
    (r"\sqrt{x^2}", "|x|"),
    (r"\sqrt{x}^2", "x"),
    (r"\frac{1}{\sqrt2+1}", r"\sqrt2-1"),
    (r"\sqrt{3+2\sqrt2}", r"1+\sqrt2"),
    (r"\sqrt{2+\sqrt3}", r"\frac{\sqrt6+\sqrt2}{2}"),
    (r"\sqrt[3]{2+\sqrt5} + \sqrt[3]{2-\sqrt5}", "1"),
    (r"\sqrt[3]{7+5\sqrt2}", r"1+\sqrt2"),
    (r"\sqrt[3]{x^3}", "x"),
    (r"\sqrt[3]{-8}", "-2"),
    (r"x^{2/3}", r"\sqrt[3]{x^2}"),
    (r"\frac{x-1}{\sqrt x-1}", r"\sqrt x+1"),
    (r"\sqrt{xy}", r"\sqrt x\sqrt y"),
    # complex
    (r"e^{i\pi}", "-1"),
    (r"\frac{1}{i}", "-i"),
    (r"\sqrt{-1}", "i"),
    ("(1+i)^8", "16"),
    (r"e^{ix}", r"\cos x + i\sin x"),
    ("|3+4i|", "5"),
    ("i^i", r"e^{-\pi/2}"),
    # factorials and binomials, of symbols and of large numbers
    (r"\frac{(n+1)!}{n!}", "n+1"),
    (r"\frac{2000!}{1999!}", "2000"),
    (r"\binom{n}{2}", r"\frac{n(n-1)}{2}"),
    (r"\binom{n}{k}", r"\binom{n}{n-k}"),
    (r"\binom{n}{k}", r"\frac{n!}{k!(n-k)!}"),
    # floors and their like
    (r"\lfloor\pi\rfloor", "3"),
    (r"\lfloor x+1\rfloor", r"\lfloor x\rfloor+1"),
    (r"\lceil x\rceil", r"-\lfloor -x\rfloor"),
    (r"\max(x,y)", r"\frac{x+y+|x-y|}{2}"),
    (r"\gcd(12,18)", "6"),
    (r"\gcd(a,b)", r"\gcd(b,a)"),
    # algebra
    (r"\frac{x^2-1}{x-1}", "x+1"),
    ("|x-1|", "|1-x|"),
]

UNEQUAL = [
    (r"\sqrt{x^2}", "x"),  # at x = -1
    (r"\sqrt{x+y}", r"\sqrt x+\sqrt y"),
    (r"\ln(x+y)", r"\ln x+\ln y"),
    (r"\log x", r"\ln x"),
    (r"\sin 2x", r"2\sin x"),
    (r"\arcsin(\sin x)", "x"),  # beyond a quarter of a turn
    ("(x+y)^2", "x^2+y^2"),
    ("|x|", "x"),
    ("e^x", "1+x+x^2/2"),
    ("x^{1/3}", "x^{1/2}"),
    (r"\lfloor x\rfloor", r"\lceil x\rceil"),
    (r"\lfloor 2x\rfloor", r"2\lfloor x\rfloor"),
    (r"\binom{n}{2}", r"\frac{n^2}{2}"),
    ("n!", "n^n"),
    ("(2n)!", r"2\cdot n!"),
    (r"\max(x,y)", "x"),
    (r"\gcd(a,b)", "1"),
    # very near
    (r"1+10^{-100}", "1"),
    (r"\frac{1}{2^{99}}", r"\frac{1}{2^{98}}"),
    (r"e^{\pi\sqrt{163}}", "262537412640768744"),
    (r"\tanh 50", "1"),
    (r"\tanh 1000", "1"),
    (r"\arctan(10^{50})", r"\frac\pi2"),
    (r"\sin(10^{30})", "0"),
    (r"\frac{22}{7}", r"\pi"),
    (r"1-\frac1e", r"1+\frac1e"),
    (r"\sqrt[3]{2+\sqrt5}", r"\sqrt[3]{2-\sqrt5}"),
    ("i", "-i"),
    (r"\sqrt{-4}", "-2i"),
]

# nobody says what these are, or it takes too long to say
OPEN = [
    ("0^0", "1"),
    (r"\frac10", r"\frac20"),
    (r"\ln 0", "0"),
    (r"\infty - \infty", "0"),
    (r"\sqrt{-x^2-1}", r"\sqrt{-x^2-2}"),  # never real
    (r"\tan 90^\circ", "1"),
    (r"(-1)!", "1"),
]


def both_ways(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [*pairs, *((answer, gold) for gold, answer in pairs)]


@pytest.mark.parametrize(("gold", "answer"), both_ways(EQUAL))
def test_identities_are_proved(gold: str, answer: str) -> None:
    assert _decide(parse(gold), parse(answer), 0.0) is True


@pytest.mark.parametrize(("gold", "answer"), both_ways(UNEQUAL))
def test_what_differs_at_one_point_is_not_equal(gold: str, answer: str) -> None:
    assert _decide(parse(gold), parse(answer), 0.0) is False


@pytest.mark.parametrize(("gold", "answer"), both_ways(OPEN))
def test_what_has_no_value_is_left_open(gold: str, answer: str) -> None:
    assert _decide(parse(gold), parse(answer), 0.0) is None


def test_reciprocals_of_large_factorials_are_told_apart() -> None:
    assert equal_pair((parse(r"\frac{1}{2004!}"), parse(r"\frac{1}{2006!}"))) is False
    assert equal_pair((parse(r"\frac{1}{2004!}"), parse(r"\frac{2005}{2005!}"))) is True


# what the tiers before leave open, within something else; gold, answer, whether they are equal
PARTS = [
    (r"(\lfloor x+1\rfloor, 2)", r"(\lfloor x\rfloor+1, 2)", True),
    (r"(\lfloor x+1\rfloor, 2)", r"(\lfloor x\rfloor+1, 3)", False),
    (r"(\lfloor x+1\rfloor, 2)", r"(\lfloor x\rfloor, 2)", False),
    (r"\{\ln(x^2), 2\}", r"\{2, 2\ln x\}", True),
    (r"\{\ln(x^2), 2\}", r"\{2, 3\ln x\}", False),
    (r"y = \ln(x^2)", r"y = 2\ln x", True),
    (r"y = \ln(x^2)", r"z = 2\ln x", None),  # equations in different variables
    (r"[\lfloor\pi\rfloor, \infty)", r"[3, \infty)", True),
    (r"\begin{pmatrix}\lfloor\pi\rfloor\\0\end{pmatrix}", r"\begin{pmatrix}3\\0\end{pmatrix}", True),
]


@pytest.mark.parametrize(("gold", "answer", "expected"), PARTS)
def test_parts_of_an_answer_are_decided_one_by_one(gold: str, answer: str, expected: bool | None) -> None:
    assert equal(parse(gold), parse(answer)) is expected


def test_a_tolerance_holds_for_constants_alone() -> None:
    near = Conventions(rel_tol=0.01)
    constant = parse(r"\lfloor\pi\rfloor + \binom{7}{2}^{1/3}")  # 3 + 2.7589…
    assert _decide(constant, parse("5.75"), 0.01) is True
    assert _decide(constant, parse("5.65"), 0.01) is False
    assert equal(constant, parse("5.75"), near) is True
    assert equal(parse(r"\lfloor x\rfloor"), parse(r"1.001\lfloor x\rfloor"), near) is False


@pytest.mark.parametrize(
    ("gold", "answer", "evidence"),
    [
        ("x", "x", "agree"),
        ("|x|", "x", "differ"),
        (r"\frac{1}{x}", r"\frac{x}{x^2}", "agree"),  # 0 is no evidence
        (r"\ln x", r"\ln(-x)", "undefined"),  # nowhere are both real
        (r"\arcsin(2+x^2)", "1", "undefined"),
        ("9^{9^9}", "1", "unknown"),
        ("(10^9)!", "1", "unknown"),
        (r"\lfloor\sqrt2^2\rfloor", "2", "undefined"),  # rounding decides
        (r"\frac{1}{\sqrt2^2-2}", "5", "agree"),  # no evidence either, whatever rounding makes of it
        (r"\tan x", r"\tan(x+\pi)", "agree"),
        ("e^{e^x}", "e^{e^x}+10^{-50}", "differ"),
    ],
)
def test_values_as_evidence(gold: str, answer: str, evidence: str) -> None:
    assert compare_values(parse(gold), parse(answer)) == evidence


# --- properties: trees that are equal, or not, by the way they are made --------------------------------------------

_LEAVES = st.sampled_from([Symbol("x"), Symbol("y"), *(Number(Fraction(value, 2)) for value in range(-5, 6))])


def _grown(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    def apply(op: str, *args: Node) -> Node:
        return Apply(op, args)

    return st.one_of(
        st.builds(apply, st.sampled_from(["add", "mul", "div", "max"]), inner, inner),
        st.builds(apply, st.sampled_from(["neg", "abs", "exp", "ln", "sin", "cos", "floor", "arctan"]), inner),
        st.builds(apply, st.just("root"), inner, st.sampled_from([Number(Fraction(2)), Number(Fraction(3))])),
        st.builds(apply, st.just("pow"), inner, st.sampled_from([Number(Fraction(2)), Number(Fraction(-1))])),
    )


trees: st.SearchStrategy[Node] = st.recursive(_LEAVES, _grown, max_leaves=4)


def rewritten(node: Node, random: Random) -> Node:
    """The same value, written in another way."""
    if not isinstance(node, Apply):
        return node
    args = [rewritten(each, random) for each in node.args]
    match node.op:
        case "add" | "mul" | "max":
            args.reverse()
        case "div" if random.random() < 0.5:
            return Apply("mul", (Apply("pow", (args[1], Number(Fraction(-1)))), args[0]))
        case "neg" if random.random() < 0.5:
            return Apply("mul", (args[0], Number(Fraction(-1))))
        case "abs" if random.random() < 0.5:
            args = [Apply("neg", (args[0],))]
        case "cos" if random.random() < 0.5:
            args = [Apply("neg", (args[0],))]
        case "floor" if random.random() < 0.5:
            moved = Apply("floor", (Apply("add", (args[0], Number(Fraction(3)))),))
            return Apply("add", (moved, Number(Fraction(-3))))
    return Apply(node.op, tuple(args))


@given(node=trees, seed=st.integers(0, 99))
@settings(max_examples=60)
def test_the_same_value_written_in_another_way_is_never_unequal(node: Node, seed: int) -> None:
    other = rewritten(node, Random(seed))
    assert _decide(node, other, 0.0) is not False
    assert _decide(other, node, 0.0) is not False


@given(node=trees, off=st.sampled_from([Fraction(1), Fraction(-1, 3), Fraction(1, 10**30)]), seed=st.integers(0, 99))
@settings(max_examples=60)
def test_what_is_off_by_a_number_is_never_equal(node: Node, off: Fraction, seed: int) -> None:
    other = Apply("add", (rewritten(node, Random(seed)), Number(off)))
    assert _decide(node, other, 0.0) is not True


@given(gold=trees, answer=trees)
@settings(max_examples=60)
def test_what_is_equal_is_so_for_plain_floating_point(gold: Node, answer: Node) -> None:
    if not _decide(gold, answer, 0.0):
        return
    for x, y in [(0.37, 1.9), (-2.3, 0.61), (3.3, -1.7), (-0.4, -5.2)]:
        with suppress(ArithmeticError, ValueError):
            assert math.isclose(floating(gold, x, y), floating(answer, x, y), rel_tol=1e-6, abs_tol=1e-9)


def floating(node: Node, x: float, y: float) -> float:
    match node:
        case Number(value):
            return float(value)
        case Symbol(name):
            return {"x": x, "y": y}[name]
        case Apply(op, args):
            return FLOATING[op](*(floating(each, x, y) for each in args))
    raise TypeError


FLOATING: dict[str, Callable[..., float]] = {
    "add": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda a: -a,
    "max": max,
    "abs": abs,
    "exp": math.exp,
    "ln": math.log,
    "sin": math.sin,
    "cos": math.cos,
    "floor": math.floor,
    "arctan": math.atan,
    "root": lambda a, degree: math.sqrt(a) if degree == 2 else math.cbrt(a),
    "pow": lambda a, times: a**times,
}
