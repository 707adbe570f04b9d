"""What every reward promises, held against every one that is registered."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rewards
from rewards import Gate, Reward, Scores, Term, compose
from rewards.catalog import registry
from rewards.errors import ColumnError, MissingExtra
from rewards.types import STATUSES
from tests.strategies import texts

STEP = "So \\frac{6}{2} = 3, and 3 + 4 = 7."
REPLY = "<think>Halve it, then add.</think>So 6/2 = 3, and 3 + 4 = 8."
WHOLE = "<think>Halve it.</think><solution>3 + 4 = 7</solution>"
PATCH = "--- a/sum.py\n+++ b/sum.py\n@@ -1 +1 @@\n-return 0\n+return sum(xs)\n"
COMPLETIONS = [
    REPLY,
    STEP,
    WHOLE,
    PATCH,
    f"<think>Sum.</think>```diff\n{PATCH}```",
    "",
    " \n",
    "Halve it.</think>7",
    REPLY,
]
REFERENCES = [STEP, STEP, STEP, PATCH.replace("xs", "ys"), PATCH, STEP, STEP, STEP, ""]

VARIANTS: dict[str, Callable[[], Reward]] = {
    "levenshtein by token": lambda: rewards.get("levenshtein", unit="token", normalize=True),
    "indel by line": lambda: rewards.get("indel", unit="line", workers=2),
    "format with solution": lambda: rewards.get("format", tags="think+solution"),
    "srl by indel": lambda: rewards.get("srl", similarity="indel", penalty=-2),
    "srl by token_f1, prefilled": lambda: rewards.get("srl", similarity="token_f1", prefilled=True),
    "srl of patches": lambda: rewards.get("srl", similarity={"name": "diff_match", "similarity": "indel"}),
    "diff_match by indel": lambda: rewards.get("diff_match", similarity="indel"),
    "outcome, exact": lambda: rewards.get("outcome", percent="exact", units="exact", cache=0),
    "symbolic by form": lambda: rewards.get("symbolic", strictness="form", result_weight=2, consistency_weight=0.5),
    "srl by symbolic": lambda: rewards.get("srl", similarity="symbolic"),
    "a sum": lambda: compose(Term("indel", 0.5), Term("token_f1", -0.5), Term("format", 0.25)),
    "a gate": lambda: Gate("format", compose("indel", "token_f1", name="text")),
    "a gate of patches": lambda: Gate({"name": "diff_match", "similarity": "indel"}, "indel", threshold=0.1),
}
# cosines of one text differ in the last bits with what it is encoded beside
TOLERANCE = {"embedding": 1e-5}


@cache
def _made(name: str) -> Reward:
    return VARIANTS[name]() if name in VARIANTS else rewards.get(name)


def _made_or_skipped(name: str) -> Reward:
    try:
        return _made(name)
    except MissingExtra as error:
        pytest.skip(str(error))


SLOW = {"embedding"}  # a model is loaded
NAMES = [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in registry.names()]


@pytest.fixture(scope="module", params=[*NAMES, *VARIANTS])
def reward(request: pytest.FixtureRequest) -> Reward:
    return _made_or_skipped(request.param)


def _columns(reward: Reward, *references: Any) -> dict[str, list[Any]]:
    """The same entries in every column that the reward reads, and a column that it does not read."""
    entries = {name: [_entry(name, each) for each in references] for name in reward.columns}
    return {**entries, "unread": [None] * len(references)}


def _entry(column: str, reference: Any) -> Any:
    """What a column holds in a row: the reference, or of the step above its answer."""
    return "7" if column == "answer" and reference == STEP else reference


def _scored(reward: Reward, completions: list[Any], references: list[Any]) -> Scores:
    """Scores of a batch, after everything is checked that holds for any batch."""
    given = list(completions), list(references)
    scores = reward(completions, **_columns(reward, *references))
    assert (completions, references) == given  # left as they were
    low, high = reward.bounds
    assert list(scores.parts) == _part_names(reward)
    for column in (scores.values, scores.status, *scores.parts.values()):
        assert len(column) == len(completions)
    for value, status in zip(scores.values, scores.status, strict=True):
        assert status in STATUSES
        if status in ("ok", "format", "unparseable_completion"):
            assert isinstance(value, float)
            assert low <= value <= high
        else:
            assert value is None
    for column in scores.parts.values():
        assert all(value is None or (isinstance(value, float) and math.isfinite(value)) for value in column)
    return scores


@cache
def _part_names(reward: Reward) -> list[str]:
    return list(reward(COMPLETIONS, **_columns(reward, *REFERENCES)).parts)


def _same(reward: Reward, ours: Scores, theirs: Scores) -> bool:
    tolerance = TOLERANCE.get(reward.name, 0.0)

    def near(one: float | None, other: float | None) -> bool:
        return one == other if one is None or other is None else abs(one - other) <= tolerance

    columns = [(ours.values, theirs.values), *((ours.parts[name], theirs.parts[name]) for name in theirs.parts)]
    return ours.status == theirs.status and all(
        near(one, other) for left, right in columns for one, other in zip(left, right, strict=True)
    )


@pytest.mark.parametrize("name", registry.names())
def test_is_what_its_description_says(name: str) -> None:
    made, described = _made_or_skipped(name), rewards.describe(name)
    assert made.name == name
    assert (described.columns, described.bounds) == (made.columns, made.bounds)
    assert described.summary.endswith(".")
    assert all(option.help.endswith(".") for option in described.options)
    assert ">>> " in described.doc  # an example


def test_is_a_reward(reward: Reward) -> None:
    assert isinstance(reward, Reward)
    low, high = reward.bounds
    assert math.isfinite(low)
    assert math.isfinite(high)
    assert low < high
    assert isinstance(reward.columns, tuple)


def test_scores_a_batch(reward: Reward) -> None:
    scores = _scored(reward, COMPLETIONS, REFERENCES)
    assert "ok" in scores.status
    assert len(set(scores.values)) > 1
    assert len(_scored(reward, [], [])) == 0


def test_is_deterministic_and_keeps_the_order(reward: Reward) -> None:
    scores = _scored(reward, COMPLETIONS, REFERENCES)
    assert _scored(reward, COMPLETIONS, REFERENCES) == scores
    turned = _scored(reward, COMPLETIONS[::-1], REFERENCES[::-1])
    backwards = {name: column[::-1] for name, column in turned.parts.items()}
    assert _same(reward, Scores(turned.values[::-1], turned.status[::-1], backwards), scores)
    alone = [_scored(reward, [a], [b]) for a, b in zip(COMPLETIONS, REFERENCES, strict=True)]
    parts = {name: [one.parts[name][0] for one in alone] for name in scores.parts}
    assert _same(reward, Scores([one.values[0] for one in alone], [one.status[0] for one in alone], parts), scores)


def test_takes_any_sequence(reward: Reward) -> None:
    columns = {name: tuple(column) for name, column in _columns(reward, *REFERENCES).items()}
    assert reward(tuple(COMPLETIONS), **columns) == _scored(reward, COMPLETIONS, REFERENCES)


def test_is_thread_safe(reward: Reward) -> None:
    scores = _scored(reward, COMPLETIONS, REFERENCES)
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(_scored, reward, COMPLETIONS, REFERENCES) for _ in range(16)]
        assert all(_same(reward, call.result(), scores) for call in calls)


def test_is_picklable(reward: Reward) -> None:
    again = pickle.loads(pickle.dumps(reward))  # noqa: S301
    assert (again.name, again.bounds, again.columns) == (reward.name, reward.bounds, reward.columns)
    columns = _columns(reward, *REFERENCES)
    assert _same(reward, again(COMPLETIONS, **columns), reward(COMPLETIONS, **columns))


BAD: list[Any] = [None, 7, 0.5, True, b"text", bytearray(b"x"), [REPLY], {"content": REPLY}, float("nan"), object]


def test_a_completion_that_is_no_text_scores_the_lower_bound(reward: Reward) -> None:
    scores = _scored(reward, [*BAD, REPLY], [STEP] * len(BAD) + [STEP])
    if "reference" in reward.columns and scores.status[-1] == "unparseable_reference":
        scores = _scored(reward, [*BAD, PATCH], [PATCH] * len(BAD) + [PATCH])
    assert scores.status[:-1] == ["unparseable_completion"] * len(BAD)
    assert scores.values[:-1] == [reward.bounds[0]] * len(BAD)


def test_a_reference_that_is_no_text_is_not_scored(reward: Reward) -> None:
    if not reward.columns:
        pytest.skip(f"{reward.name} reads no column")
    scores = _scored(reward, [REPLY] * len(BAD), BAD)
    assert set(scores.status) <= {"unparseable_reference", "format"}  # a gate may have closed before
    whole = _scored(reward, [None] * len(BAD), BAD)
    assert set(whole.status) <= {"unparseable_reference", "unparseable_completion"}


def test_odd_characters_are_characters(reward: Reward) -> None:
    for odd in ("\x00", "\ud800", "\udfff\ud800", "a\x00b", "é\u0301", "😀", "\u202e", "\ufeff", "\r\n", "\u2028"):
        completions = [odd, odd + STEP, f"<think>{odd}</think>{odd}", REPLY + odd, PATCH + odd, STEP]
        _scored(reward, completions, [odd, STEP, odd + STEP, STEP, PATCH, odd])


@pytest.mark.slow
def test_a_megabyte_is_scored_or_too_large(reward: Reward) -> None:
    big = "3 + 4 = 7, " * 95_000
    completions = [
        big,
        f"<think>{big}</think>7",
        f"<think>t</think>{big}",
        "a" * 1_000_000,
        "<think>" * 150_000,
        "+" + big,
    ]
    scores = _scored(reward, completions, [STEP] * len(completions))
    assert set(scores.status) <= {"ok", "format", "unparseable_completion", "unparseable_reference", "too_large"}


def test_columns_are_checked(reward: Reward) -> None:
    with pytest.raises(ColumnError, match="one string"):
        reward(REPLY, **_columns(reward, *REPLY))
    for column in reward.columns:
        columns = _columns(reward, *REFERENCES)
        missing = {name: values for name, values in columns.items() if name != column}
        with pytest.raises(ColumnError, match=column):
            reward(COMPLETIONS, **missing)
        for wrong in (REFERENCES[:-1], [*REFERENCES, STEP], [], STEP, None):
            with pytest.raises(ColumnError, match=column):
                reward(COMPLETIONS, **{**columns, column: wrong})
        with pytest.raises(ColumnError, match=column):
            reward([])


def test_explain_agrees_with_the_call(reward: Reward) -> None:
    for completion, reference in product([*COMPLETIONS, "\ud800\x00", None, b"x"], [STEP, PATCH, "", None]):
        scores = _scored(reward, [completion], [reference])
        explained = reward.explain(
            completion, **{name: _entry(name, reference) for name in [*reward.columns, "unread"]}
        )
        assert (explained.value, explained.status) == (scores.values[0], scores.status[0])
        assert explained.reason
        assert "\n" not in explained.reason
        json.dumps(explained.details)
        assert str(explained).startswith(f"{explained.value} ({explained.status}): ")


_any = st.one_of(
    texts,
    st.text(st.characters(), max_size=20),  # lone surrogates too
    st.sampled_from([*COMPLETIONS, STEP, *BAD[:4]]),
    st.tuples(texts, texts).map(lambda pair: f"<think>{pair[0]}</think>{pair[1]}"),
)


@settings(max_examples=30)
@given(batch=st.lists(st.tuples(_any, _any), max_size=5))
def test_any_batch_is_scored(reward: Reward, batch: list[tuple[Any, Any]]) -> None:
    _scored(reward, [a for a, _ in batch], [b for _, b in batch])
