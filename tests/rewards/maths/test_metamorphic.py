"""What must not change a verdict does not: spaces, sizes of brackets, styles of fractions, the order of terms.

And what must, does: another digit on one side of an equal pair. Over the corpus of judged answers, and over generated
expressions, which are written down in two ways each.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewards.maths.compare import Conventions, compare
from rewards.maths.parse import Unparseable, parse
from rewards.maths.tree import Apply, Collection, Node, Relation, Union
from rewards.outcome import Outcome

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parents[2] / "cases/answers"
CASES: list[dict[str, Any]] = [
    case for path in sorted(FOLDER.glob("*.json")) for case in json.loads(path.read_text("utf-8"))
]
WORDS = json.loads((FOLDER / "words_and_choices.json").read_text("utf-8"))
MATHS = [case for case in CASES if "oneway" not in case and case not in WORDS]
SIGN = re.compile(r"(?<![<>!=:eE\\])(\+|=)(?![=])")  # neither a part of a longer sign nor of an exponent
BRACKETS = re.compile(r"(?<!\\left)(?<!\\right)(?<!\\)(?<!big)([()\[\]])")


def sized(text: str) -> str:
    if r"\sqrt[" in text:  # brackets of another kind
        return text
    return BRACKETS.sub(lambda found: (r"\left" if found[1] in "([" else r"\right") + found[1], text)


CHANGES: dict[str, Callable[[str], str]] = {
    "spaces around": lambda text: f"  {text} ",
    "spaces around signs": lambda text: SIGN.sub(r" \1  ", text),
    "thin spaces around signs": lambda text: SIGN.sub(r"\\,\1\\,", text),
    "brackets that grow": sized,
    "display style": lambda text: text.replace(r"\frac", r"\dfrac"),
    "text style": lambda text: text.replace(r"\frac", r"\tfrac"),
    "dollars": lambda text: text if "$" in text else f"${text}$",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("sides", ["gold", "answer", "both"])
def test_what_changes_only_the_looks_changes_no_verdict(change: Callable[[str], str], sides: str) -> None:
    batches: dict[str, list[tuple[str, str, float]]] = {}
    for case in MATHS:
        gold, answer = case["gold"], case["answer"]
        if change is CHANGES["dollars"] and (r"\text" in gold + answer or "**" in gold + answer):
            continue  # words in a formula are a product of letters; Markdown stands outside of formulas
        gold = change(gold) if sides != "answer" else gold
        answer = change(answer) if sides != "gold" else answer
        conventions = json.dumps(case.get("convention", {}))
        batches.setdefault(conventions, []).append((gold, f"#### {answer}", float(case["equal"])))
    for conventions, batch in batches.items():
        golds, completions = [pair[0] for pair in batch], [pair[1] for pair in batch]
        values = Outcome(**json.loads(conventions))(completions, answer=golds).values
        assert [pair for pair, value in zip(batch, values, strict=True) if value != pair[2]] == []


def shuffled(node: Node, draw: random.Random) -> Node:
    """The same mathematics with what commutes in another order."""

    def mixed(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
        return tuple(draw.sample([shuffled(each, draw) for each in nodes], len(nodes)))

    match node:
        case Apply(("add" | "mul" | "gcd" | "lcm" | "min" | "max") as op, args):
            return Apply(op, mixed(args))
        case Apply(op, args):
            return Apply(op, tuple(shuffled(each, draw) for each in args))
        case Collection(("set" | "bare") as kind, items):
            return Collection(kind, mixed(items))
        case Collection(kind, items):
            return Collection(kind, tuple(shuffled(each, draw) for each in items))
        case Union(parts):
            return Union(mixed(parts))
        case Relation(terms, ops):
            return Relation(tuple(shuffled(each, draw) for each in terms), ops)
        case _:
            return node


def test_the_order_of_what_commutes_changes_no_verdict() -> None:
    draw = random.Random(7)
    wrong, looked_at = [], 0
    for case in MATHS:
        conventions = Conventions(**case.get("convention", {}))
        try:
            gold, answer = parse(case["gold"], conventions), parse(case["answer"], conventions)
        except Unparseable:
            continue
        before = compare(gold, answer, conventions).equal
        if conventions.ordered or before is None:
            continue
        for _ in range(3):
            looked_at += 1
            after = compare(shuffled(gold, draw), shuffled(answer, draw), conventions).equal
            if after is not before:
                wrong.append((case["gold"], case["answer"], before, after))
    assert not wrong
    assert looked_at > 1500


# what may say the same with another digit: 5 choose 3, i^6, e^{8πi/3}, the floor of 3.8, one of two in {1, 2, 2}
MAY_STAY = re.compile(r"binom|floor|ceil|gcd|i\^|\\pi i|1,2,2|\\sin|\\cos|\\tan")


def test_another_digit_always_makes_a_difference() -> None:
    draw = random.Random(11)
    completions, golds = [], []
    for case in CASES:
        if case in WORDS or not case["equal"] or case.get("convention") or MAY_STAY.search(case["answer"]):
            continue
        places = [found.start() for found in re.finditer("[0-9]", case["answer"])]
        for place in draw.sample(places, min(3, len(places))):
            digit = draw.choice([each for each in "123456789" if each != case["answer"][place]])
            completions.append(f"#### {case['answer'][:place]}{digit}{case['answer'][place + 1 :]}")
            golds.append(case["gold"])
    values = Outcome()(completions, answer=golds).values
    assert not [pair for *pair, value in zip(golds, completions, values, strict=True) if value != 0.0]
    assert len(values) > 400


# -- generated expressions --------------------------------------------------------------------------------------------

small = st.integers(1, 99).map(lambda value: ("number", value))
names = st.sampled_from("xyzabn").map(lambda name: ("name", name))
trees = st.recursive(
    small | names,
    lambda inner: (
        st.tuples(st.just("sum"), st.lists(inner, min_size=2, max_size=3))
        | st.tuples(st.just("product"), st.lists(inner, min_size=2, max_size=3))
        | st.tuples(st.just("power"), inner, st.integers(2, 4))
        | st.tuples(st.just("fraction"), inner, small)
        | st.tuples(st.just("root"), st.integers(2, 30).map(lambda value: ("number", value)))
    ),
    max_leaves=8,
)


def written(tree: Any, draw: random.Random) -> str:
    """One of the many ways to write an expression down."""

    def spaced(text: str) -> str:
        return draw.choice([text, f" {text} ", rf"\,{text}\,", f"{text} "])

    def bracketed(inner: Any) -> str:
        opens, closes = draw.choice([("(", ")"), (r"\left(", r"\right)"), ("( ", " )"), (r"\bigl(", r"\bigr)")])
        return opens + written(inner, draw) + closes

    match tree:
        case ("number", int(value)):
            return draw.choice([str(value), f"{{{value}}}", f"{value}.0", rf"\frac{{{2 * value}}}{{2}}"])
        case ("name", str(name)):
            return name
        case ("sum", parts):
            return spaced("+").join(bracketed(each) for each in draw.sample(parts, len(parts)))
        case ("product", parts):
            sign = draw.choice([spaced(r"\cdot "), spaced("*"), "", spaced(r"\times ")])
            return sign.join(bracketed(each) for each in draw.sample(parts, len(parts)))
        case ("power", base, exponent):
            return bracketed(base) + draw.choice([f"^{{{exponent}}}", f"^{exponent}", f"**{exponent}", f"^ {exponent}"])
        case ("fraction", above, below):
            command = draw.choice([r"\frac", r"\dfrac", r"\tfrac"])
            return f"{command}{{{written(above, draw)}}}{{{written(below, draw)}}}"
        case ("root", inner):
            return draw.choice([r"\sqrt{%s}", r"\sqrt {%s}", "sqrt(%s)", r"(%s)^{1/2}"]) % written(inner, draw)
    raise AssertionError(tree)


@settings(max_examples=200, deadline=None)
@given(trees, st.randoms(use_true_random=False))
def test_two_ways_to_write_an_expression_are_equal(tree: Any, draw: random.Random) -> None:
    one, other = written(tree, draw), written(tree, draw)
    assert compare(parse(one), parse(other)).equal is True, (one, other)


@settings(max_examples=200, deadline=None)
@given(trees, small, small, st.randoms(use_true_random=False))
def test_another_term_makes_a_difference(tree: Any, first: Any, second: Any, draw: random.Random) -> None:
    one, other = (written(("sum", [tree, ("fraction", term, ("number", 97))]), draw) for term in (first, second))
    assert compare(parse(one), parse(other)).equal is (first == second), (one, other)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.fractions(-20, 20, max_denominator=9), min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_a_set_has_no_order_and_a_tuple_has_one(values: list[Fraction], draw: random.Random) -> None:
    mixed = draw.sample(values, len(values))
    as_set, as_tuple = (
        compare(parse(opens + ",".join(map(str, values)) + closes), parse(opens + ", ".join(map(str, mixed)) + closes))
        for opens, closes in ((r"\{", r"\}"), ("(", ")"))
    )
    assert as_set.equal is True
    assert as_tuple.equal is (values == mixed)
