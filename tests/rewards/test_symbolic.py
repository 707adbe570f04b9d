"""``symbolic``: F1 over expressions, worked out by hand; consistency; and what hostile steps come to."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewards
from rewards.errors import OptionError
from rewards.maths.matching import matching
from rewards.maths.parse import parse
from rewards.maths.shape import shape
from rewards.symbolic import Symbolic

DATA = Path(__file__).parents[2].parent / "shared/data"


def _one(completion: str, reference: str, **options: Any) -> tuple[float | None, ...]:
    """Value, precision, recall and consistency."""
    scores = Symbolic(**options)([completion], reference=[reference])
    return scores.values[0], *(scores.parts[name][0] for name in ("precision", "recall", "consistency"))


# completion, reference, value, precision, recall, consistency
HAND_WORKED: list[tuple[str, str, float, float, float, float | None]] = [
    ("48/2 = 24", "She sold 48/2 = <<48/2=24>>24 clips.", 1, 1, 1, 1),
    ("24 is half of 48, 0.5 * 48 = 24", "48/2 = 24", 1, 1, 1, 1),  # equal in value
    ("48 / 2 = 25", "48/2 = 24", 1 / 2, 1 / 2, 1 / 2, 0),
    ("$24$", "48/2 = 24", 2 / 3, 1, 1 / 2, None),  # one of {48/2, 24}
    ("48/2 = 24 and 7 + 2 = 9", "48/2 = 24", 2 / 3, 1 / 2, 1, 1),  # two of {48/2, 24, 7 + 2, 9}
    ("24 * 2 = 50", "48 + 24 = <<48+24=72>>72, and 2 * 24 = 48", 1 / 3, 1 / 2, 1 / 4, 0),
    ("7 + 2 = 9", "48/2 = 24", 0, 0, 0, 1),
    # one expression is paired once, however often it would fit
    ("$1 + 1$", "1 + 1 = 2 = 4 - 2", 1 / 2, 1, 1 / 3, None),
    # formulas
    (r"$\frac{x^2 - 1}{x - 1}$", "$x + 1$", 1, 1, 1, None),
    (r"$\sin^2 x + \cos^2 x$", "$1$", 1, 1, 1, None),
    (r"$x^2 + 2x + 1 = (x + 1)^2$", r"$(1 + x)^2$", 2 / 3, 1 / 2, 1, None),
    # statements: about x, up to a factor, and equal to the value that they state
    ("$6x = 24$, so $x = 4$", "$3x = 12$ and $x = 4$", 1, 1, 1, None),
    ("$y = 4$", "$x = 4$", 0, 0, 0, None),
    ("$y = 4$", "$4$", 1, 1, 1, None),
    ("$x > 4$", "$4 < x$", 1, 1, 1, None),
    ("$x \\ge 4$", "$x > 4$", 0, 0, 0, None),
    ("$x = 3 + 4 = 7$", "$x = 7$", 1 * 2 * 0.5 / 1.5, 1 / 2, 1, 1),
    # 3 is equal to x = 3 and to y = 3, which are not equal: who takes the first that fits gets one pair, not two
    ("$3$ and $x = 3$", "$x = 3$ and $y = 3$", 1, 1, 1, None),
    ("$x = 3$ and $3$", "$y = 3$ and $x = 3$", 1, 1, 1, None),
    # percentages and units
    ("20% of 30 is 6", "0.2 * 30 = 6", 1, 1, 1, 1),
    (r"\(15 \text{ cookies} + 1 = 16\)", "15 + 1 = 16 cookies", 1, 1, 1, 1),
    # an equality of the completion that is true or false; three of four hold
    ("1+1=2, 1+2=3, 1+3=4, 12 × 7 = 85", "$12 \\times 7 = 84$", 2 * (1 / 8) * (1 / 2) / (5 / 8), 1 / 8, 1 / 2, 3 / 4),
]


@pytest.mark.parametrize(("completion", "reference", "value", "precision", "recall", "consistency"), HAND_WORKED)
def test_scores(
    completion: str, reference: str, value: float, precision: float, recall: float, consistency: float | None
) -> None:
    assert _one(completion, reference) == pytest.approx((value, precision, recall, consistency))
    swapped = _one(reference, completion)
    assert swapped[:3] == pytest.approx((value, recall, precision))


@pytest.mark.parametrize(
    ("completion", "holds"),
    [
        ("12 * 7 = 84", True),
        ("12 * 7 = 85", False),
        (r"$\sqrt{8} = 2\sqrt{2}$", True),
        (r"$\sqrt{8} = 4$", False),
        (r"$\sqrt{2 + \sqrt{3}} = \frac{\sqrt{6} + \sqrt{2}}{2}$", True),
        # rounded, cut off, and as computers print; but not further off
        ("2/3 * 10 = 6.67", True),
        ("2/3 * 10 = 6.66", True),
        ("2/3 * 10 = 6.65", False),
        ("2/3 * 10 = 6.68", False),
        ("1.87 * 9 = 16.830000000000002", True),
        ("-2/3 * 10 = -6.67", True),
        ("-2/3 * 10 = -6.68", False),
        (r"$\sqrt{2} = 1.414$", True),
        (r"$\sqrt{2} = 1.415$", False),
        ("200 / 3 = 66", False),  # no decimal, nothing is rounded
        # too much to work out: what cannot be confirmed does not hold
        ("$9^{9^{9^{9}}} = 1$", False),
    ],
)
def test_consistency(completion: str, holds: bool) -> None:
    assert _one(completion, "1 + 1 = 2", cpu_s=0.5)[3] == float(holds)


def test_rounding_is_an_option() -> None:
    assert _one("2/3 * 10 = 6.67", "1 + 1 = 2", rounding=False)[3] == 0
    assert _one("2/3 * 10 = 6.67", "1 + 1 = 2", rounding=False, rel_tol=1e-3)[3] == 1
    # and is about equalities, not about what is paired
    assert _one("$6.67$", r"$\frac{20}{3}$")[0] == 0
    assert _one("$6.67$", r"$\frac{20}{3}$", rel_tol=1e-3)[0] == 1


def test_consistency_enters_the_score_if_asked() -> None:
    completion, reference = "48/2 = 24 = 25 - 1 = 23", "48/2 = 24 = 25 - 1"
    # three of four are paired, all three of the reference; two of three equalities hold
    f1 = 2 * 0.75 / 1.75
    assert _one(completion, reference)[0] == pytest.approx(f1)
    assert _one(completion, reference, consistency_weight=0.5)[0] == pytest.approx(f1 * (1 - 0.5 / 3))
    assert _one(completion, reference, consistency_weight=1.0)[0] == pytest.approx(f1 * 2 / 3)
    assert _one("$24$", reference, consistency_weight=1.0)[0] == _one("$24$", reference)[0]  # none, none that fails


def test_results_may_weigh_more() -> None:
    # of {48/2, 24*}, the one or the other
    for weight in (0.5, 1.0, 3.0):
        total = 1 + weight
        found = _one("$24$", "48/2 = 24", result_weight=weight)
        # 24 may be paired with the one or the other: the heavier
        assert found[1:3] == pytest.approx((1, max(1.0, weight) / total))
    # a wrong result costs more; 48/2 still has the value of the right one
    assert _one("48/2 = 25", "48/2 = 24", result_weight=3)[1:3] == pytest.approx((1 / 4, 3 / 4))
    assert _one("48/2 = 25", "48/2 = 24", result_weight=3, strictness="form")[1:3] == pytest.approx((1 / 4, 1 / 4))


@pytest.mark.parametrize(
    ("completion", "reference", "value", "form"),
    [
        ("2 * 12 = 24", r"$12 \cdot 2 = 24$", 1, 1),
        ("12 + 12 = 24", "2 * 12 = 24", 1, 1 / 2),
        (r"$\frac{80}{100} \times 10 = 8$", "10 * 80/100 = 8", 1, 1),
        ("10 - 4 = 6", "-4 + 10 = 6", 1, 1),
        ("4 - 10 = -6", "10 - 4 = 6", 0, 0),
        ("$2x = 6$", "$x = 3$", 1, 0),
        ("$6 = 2x$", "$x \\cdot 2 = 6$", 1, 1),
        ("0.5 * 8 = 4", "1/2 * 8 = 4", 1, 1 / 2),
    ],
)
def test_strictness(completion: str, reference: str, value: float, form: float) -> None:
    assert _one(completion, reference)[0] == pytest.approx(value)
    assert _one(completion, reference, strictness="form")[0] == pytest.approx(form)


@pytest.mark.parametrize(
    ("completion", "reference", "status", "value"),
    [
        ("1 + 1 = 2", "We think about it.", "unparseable_reference", None),
        ("1 + 1 = 2", "", "unparseable_reference", None),
        ("1 + 1 = 2", r"$\oint f$", "unparseable_reference", None),
        ("1 + 1 = 2", ", ".join(f"{each} + 1" for each in range(65)), "too_large", None),
        ("1 + 1 = 2", "1 + 1 = 2. " * 10_000, "too_large", None),
        ("I do not know.", "1 + 1 = 2", "unparseable_completion", 0.0),
        (r"$\oint f$", "1 + 1 = 2", "unparseable_completion", 0.0),
        (", ".join(f"{each} + 1" for each in range(65)), "1 + 1 = 2", "unparseable_completion", 0.0),
        ("1 + 1 = 2. " * 10_000, "1 + 1 = 2", "unparseable_completion", 0.0),
        ("$9^{9^{9^{9}}}$ and 1 + 1 = 2", "1 + 1 = 2", "ok", 2 * (2 / 3) / (5 / 3)),
    ],
)
def test_statuses(completion: str, reference: str, status: str, value: float | None) -> None:
    reward = Symbolic()
    scores = reward([completion], reference=[reference])
    assert scores.status == [status]
    assert scores.values == [value if value is None else pytest.approx(value)]
    explained = reward.explain(completion, reference=reference)
    assert (explained.status, explained.value) == (status, scores.values[0])


@pytest.mark.parametrize(
    "options",
    [
        {"result_weight": 0},
        {"result_weight": float("inf")},
        {"consistency_weight": -0.1},
        {"consistency_weight": 1.5},
        {"consistency_weight": float("nan")},
        {"rel_tol": -1},
        {"rel_tol": float("nan")},
        {"cache": -1},
        {"workers": 0},
        {"cpu_s": 0},
        {"memory_mb": 0},
        {"strictness": "loose"},
    ],
)
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=next(iter(options))):
        rewards.get("symbolic", **options)


def test_explain() -> None:
    explained = Symbolic().explain(r"$\oint f$, 2*24 = 50, 1+1 = 2", reference="24 * 2 = 48")
    assert dict(explained.details) == {
        "paired": ["24 * 2 ~ 2*24"],
        "missing": ["48"],
        "extra": ["50", "1+1", "2"],
        "not equal": ["2*24 = 50"],
        "left out": [r"\oint f"],
    }
    assert explained.reason == "25% of the completion's expressions are paired, 50% of the reference's"


HOSTILE = [
    "$" + "(" * 10_000 + "1",
    "$9^{9^{9^{9^{9}}}} = 10^{10^{10}}$",
    "$1000000000! = 999999999!$",
    "1" * 100_000 + " + 1 = 2",
    "$" + "x+" * 5_000 + "x$",
    "$" + " = ".join(["x"] * 2_000) + "$",
    ", ".join(f"$\\sin({n}x)^{{{n}}} + \\sqrt{{{n}x}}$" for n in range(2, 60)),
    ", ".join(f"$x^{{{n}}} + y = {n}^x$" for n in range(2, 60)),
    r"$\sum_{k=1}^{10^{100}} k! = \int_0^\infty e^{e^x} dx$",
    "__import__('os').system('true') = 1 + 1",
    "\ud800 1 + 1 = 2 \x00",
    "1 + 1 = 2 " * 4_000,
    "<<" * 20_000,
    "\\[" * 20_000,
    "$$" * 20_000,
    "1 + (" * 9_000,
    "1 a b c " * 5_000,
]


@pytest.mark.slow
def test_hostile_steps_are_scored() -> None:
    """As completions all have a score, as references none raises; and their neighbours are what they are."""
    reward = Symbolic(cpu_s=0.5)
    plain = ["1 + 1 = 2"] * len(HOSTILE)
    scores = reward([*HOSTILE, *plain], reference=[*plain, *plain])
    assert all(value is not None and 0 <= value <= 1 for value in scores.values)
    assert scores.values[len(HOSTILE) :] == [1.0] * len(HOSTILE)
    turned = reward(plain, reference=HOSTILE)
    assert set(turned.status) <= {"ok", "unparseable_reference", "too_large", "timeout"}


@pytest.mark.slow
@pytest.mark.parametrize("step", HOSTILE)
def test_hostile_steps_against_themselves(step: str) -> None:
    scores = Symbolic(cpu_s=0.5)([step], reference=[step])
    assert scores.values[0] in (None, 1.0)


def test_from_threads_and_from_asyncio() -> None:
    reward = Symbolic(cpu_s=0.5)
    batch = [completion for completion, *_ in HAND_WORKED] + HOSTILE[:2]
    references = [reference for _, reference, *_ in HAND_WORKED] + ["1 + 1 = 2"] * 2
    expected = reward(batch, reference=references)
    with ThreadPoolExecutor(8) as threads:
        calls = [threads.submit(reward, batch, reference=references) for _ in range(8)]
        assert all(call.result() == expected for call in calls)

    async def scored() -> list[Any]:
        return await asyncio.gather(*(asyncio.to_thread(reward, batch, reference=references) for _ in range(4)))

    assert all(each == expected for each in asyncio.run(scored()))


# -- pairing ----------------------------------------------------------------------------------------------------------

_TABLES = st.integers(0, 5).flatmap(
    lambda width: st.lists(
        st.tuples(st.sets(st.integers(0, width)).map(sorted), st.sampled_from([1.0, 2.0, 5.0])), max_size=5
    )
)


@given(_TABLES)
def test_matching_is_the_best_there_is(rows: list[tuple[list[int], float]]) -> None:
    partners, weights = [row for row, _ in rows], [weight for _, weight in rows]
    found = matching(partners, weights)
    taken = [other for other in found if other is not None]
    assert len(set(taken)) == len(taken)
    assert all(other is None or other in row for row, other in zip(partners, found, strict=True))
    best = 0.0
    for order in permutations(range(max(6, len(rows)))):  # every way to hand out the right side
        paired = [at for at, other in enumerate(order[: len(rows)]) if other in partners[at]]
        best = max(best, sum(weights[at] for at in paired))
    assert sum(weight for weight, other in zip(weights, found, strict=True) if other is not None) == best


_TREES = st.recursive(
    st.sampled_from(["2", "3", "x", "y"]),
    lambda inner: st.tuples(inner, st.sampled_from("+*"), inner),
    max_leaves=6,
)


def _written(tree: Any, turned: bool) -> str:
    if isinstance(tree, str):
        return tree
    left, sign, right = tree
    a, b = _written(left, turned), _written(right, turned)
    return f"({b}) {sign} ({a})" if turned else f"({a}) {sign} ({b})"


@given(_TREES)
def test_shape_does_not_mind_the_order(tree: Any) -> None:
    assert shape(parse(_written(tree, False))) == shape(parse(_written(tree, True)))


@given(st.permutations([text for text, *_ in HAND_WORKED[:6]]))
def test_the_order_of_what_is_said_does_not_matter(lines: list[str]) -> None:
    whole = "\n".join(lines)
    assert _one(whole, "48/2 = 24 and 7 + 2 = 9") == pytest.approx(
        _one("\n".join(sorted(lines)), "48/2 = 24 and 7 + 2 = 9")
    )


# -- real steps -------------------------------------------------------------------------------------------------------


def _rows(name: str) -> list[dict[str, Any]]:
    if not (DATA / name).exists():
        pytest.skip(f"{name} is not there")
    return [json.loads(line) for line in (DATA / name).read_text().splitlines()]


@pytest.mark.slow
def test_a_real_step_is_like_itself() -> None:
    steps = [step for row in _rows("gsm8k_train_400.jsonl") for step in row["answer"].split("\n")]
    scores = Symbolic()(steps, reference=steps)
    assert set(zip(scores.values, scores.status, strict=True)) == {(1.0, "ok"), (None, "unparseable_reference")}
    claims = [each for each in scores.parts["consistency"] if each is not None]
    assert sum(each < 1 for each in claims) / len(claims) < 0.005  # experts slip, too


@pytest.mark.slow
def test_solutions_of_the_same_problem_are_more_alike() -> None:
    rows = _rows("gsm8k_model_solutions_150.jsonl")
    reward = Symbolic()
    right = [(row["ground_truth"], row["175b_verification"]["solution"]) for row in rows]
    own = reward([ours for _, ours in right], reference=[theirs for theirs, _ in right]).values
    other = reward([ours for _, ours in right], reference=[theirs for theirs, _ in right[1:] + right[:1]]).values
    assert sum(a > b for a, b in zip(own, other, strict=True) if a is not None and b is not None) > 0.8 * len(rows)
