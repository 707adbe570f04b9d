r"""Random answers against each other: no text may raise, no verdict may depend on order, spacing or the day.

With the ordinary tests, a hundred examples each; ``make fuzz`` draws new ones by the thousand.
"""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from rewards.maths.compare import Verdict, compare
from rewards.maths.conventions import Conventions
from rewards.maths.errors import Unparseable
from rewards.maths.exact import exact
from rewards.maths.final import final_answer
from rewards.maths.parse import parse
from rewards.maths.tree import Node
from rewards.maths.verify import judge, read_gold

pytestmark = pytest.mark.slow

_BITS = r"""
\frac{ } { \sqrt{ \sqrt[3]{ \left( \right) ( ) [ ] \{ \} + - \pm \cdot \times * / ^ ^{ _ _{ = \le < > \ne \in ! |
\% % $ \$ , ; . : & \\ \pi e i x y z n 0 1 2 3 7 12 0.5 1,000 1e9 1e-9 9^{9^9} \infty \sin \ln \log \arctan
\lfloor \rfloor \binom{ \max( \gcd( \begin{pmatrix} \end{pmatrix} \cup \text{ \mathrm{ cm km } ° \circ \cdots
\boxed{ \fbox{ #### <answer> </answer> <think> </think> \, \dfrac12 \overline{3} or and the answer is Answer: A B (C)
"""
texts = st.builds(
    lambda bits, space: space.join(bits),
    st.lists(st.sampled_from(_BITS.split()) | st.text(max_size=3), max_size=25),
    st.sampled_from(["", " "]),
)


def _filled(template: str, *parts: str) -> str:
    for part in parts:
        template = template.replace("@", part, 1)
    return template


_ARITHMETIC = ["(@) + (@)", "@-(@)", r"(@) \cdot (@)", "(@)/(@)", r"\frac{@}{@}", "(@)^{@}", "(@)(@)"]
_FUNCTIONS = [r"\sqrt{@}", "|@|", "-(@)", r"\lfloor @ \rfloor", "(@)!"]
_OTHERS = [r"\ln(@)", r"\sin(@)", r"\sqrt[3]{@}"]
_AROUND = ["(@, @)", r"\{@, @\}", "[@, @]", "@, @", "@ = @", r"@ \le @", "@ < @", r"(@, @] \cup [@, @)", r"@ \pm @"]
_NUMBERS = st.integers(-20, 20).map(str) | st.sampled_from(["0.5", "1.25", "1,000", r"\frac12", "3 1/2"])
_ATOMS = _NUMBERS | st.sampled_from(["x", "y", "2x", r"\pi", "e", "i", r"\infty", r"50\%", r"3\text{ cm}", "30^\\circ"])


def _grown(atoms: st.SearchStrategy[str], templates: list[str]) -> st.SearchStrategy[str]:
    def grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.builds(_filled, st.sampled_from(templates), inner, inner, inner, inner)

    return st.recursive(atoms, grow, max_leaves=12)


numbers = _grown(_NUMBERS, [*_ARITHMETIC, *_FUNCTIONS])
scalars = _grown(_ATOMS, [*_ARITHMETIC, *_FUNCTIONS, *_OTHERS])
formulas = scalars | st.builds(_filled, st.sampled_from(_AROUND), scalars, scalars, scalars, scalars)
answers = texts | formulas


def _parsed(text: str) -> Node | None:
    try:
        return parse(text)
    except Unparseable as error:
        assert error.reason
        return None


@given(text=texts)
@example(text=r"\frac{1}{" * 60)
def test_any_text_is_parsed_or_refused(text: str) -> None:
    first = _parsed(text)
    assert _parsed(text) == first
    final_answer(text)


@given(gold=answers, answer=answers)
def test_any_two_texts_are_judged(gold: str, answer: str) -> None:
    read = read_gold(gold, Conventions())
    assert bool(read.fault) == bool(read.reason)
    if not read.fault:
        judged = judge(read, answer, Conventions())
        assert judged.equal in (True, False, None)
        assert bool(judged.pairs) == (judged.equal is None)
        assert judge(read, answer, Conventions()) == judged


@given(gold=formulas, answer=formulas)
def test_order_does_not_count(gold: str, answer: str) -> None:
    ours, theirs = _parsed(gold), _parsed(answer)
    assume(ours is not None and theirs is not None)
    assert ours is not None
    assert theirs is not None
    assert compare(ours, theirs).equal is compare(theirs, ours).equal


@given(text=scalars)
def test_what_is_parsed_equals_itself_and_what_is_spaced_out(text: str) -> None:
    node = _parsed(text)
    assume(node is not None)
    assert node is not None
    assert compare(node, node) == Verdict(True, "text", "the same")
    spaced = _parsed(text.replace("(", r" \left( ").replace(")", r" \right) ").replace("+", r"\, + \;"))
    assert spaced is not None
    assert compare(node, spaced).equal


@given(text=numbers, off=st.fractions(max_denominator=50))
def test_no_number_equals_one_that_is_off(text: str, off: Fraction) -> None:
    node = _parsed(text)
    value = exact(node) if node is not None else None
    assume(value is not None and off)
    assert value is not None
    assert node is not None
    moved = value + off
    assume(max(math.log2(abs(each) + 1) for each in (moved.numerator, moved.denominator)) < 1000)
    wrong = _parsed(rf"\frac{{{moved.numerator}}}{{{moved.denominator}}}")
    right = _parsed(rf"\frac{{{value.numerator}}}{{{value.denominator}}}")
    assert wrong is not None
    assert right is not None
    assert compare(node, wrong).equal is False
    assert compare(node, right).equal is True
