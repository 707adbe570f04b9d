"""One completion at a time, from many threads: every caller gets its own score, and one row's fault is its own."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards.adapters.core import NotScorable, flat, score
from rewards.adapters.scorer import Scorer, shared
from rewards.compose import Gate
from rewards.errors import ColumnError, OptionError, ToolkitError
from rewards.types import Explanation, Scores
from tests.strategies import texts

TEXTS = st.one_of(texts, st.none())


class Counting:
    """Scores a completion by its length, remembers its batches, and waits to be let through."""

    name = "counting"
    bounds = (0.0, 1000.0)
    columns = ("reference",)

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.entered = threading.Semaphore(0)
        self.gate = threading.Semaphore(0)

    def __call__(self, completions: Sequence[str], /, **columns: Sequence[Any]) -> Scores:
        self.batches.append(list(completions))
        self.entered.release()
        assert self.gate.acquire(timeout=30)
        return Scores([float(len(each)) for each in completions], ["ok"] * len(completions))

    def explain(self, completion: str, /, **columns: Any) -> Explanation:
        raise NotImplementedError


@given(completion=TEXTS, reference=TEXTS)
def test_is_the_reward_itself(completion, reference):
    scorer = Scorer("srl")
    scores = score(scorer.reward, [completion], {"reference": [reference]})
    assert scorer(completion, {"reference": reference}) == flat(
        scores, 0, scores.values[0] if scores.values[0] is not None else -1.0
    )


def test_callers_that_come_meanwhile_are_served_together():
    reward = Counting()
    scorer = Scorer(reward)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(scorer, "x", {"reference": ""})
        assert reward.entered.acquire(timeout=30)  # it is being scored: who comes now has to wait
        others = [pool.submit(scorer, "x" * length, {"reference": ""}) for length in range(2, 9)]
        while len(scorer._waiting) < 7:
            threading.Event().wait(0.001)
        for _ in range(2):
            reward.gate.release()
        assert first.result(30)["score"] == 1.0
        assert [each.result(30)["score"] for each in others] == [2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    assert [len(batch) for batch in reward.batches] == [1, 7]


def test_many_threads_get_each_its_own():
    scorer = Scorer("indel")
    pairs = [("ab" * (at % 7), "ab" * (at % 5) + "c" * (at % 3)) for at in range(2000)]
    expected = scorer.reward([ours for ours, _ in pairs], reference=[theirs for _, theirs in pairs]).values
    with ThreadPoolExecutor(32) as pool:
        found = list(pool.map(lambda pair: scorer(pair[0], {"reference": pair[1]})["score"], pairs))
    assert found == expected


def test_a_row_without_the_column_fails_alone():
    reward = Counting()
    scorer = Scorer(reward)
    with pytest.raises(ColumnError, match=r"'counting' reads the column 'reference'.*it has answer"):
        scorer("x", {"answer": "4"})
    reward.gate.release()
    assert scorer("x", {"reference": ""})["score"] == 1.0
    assert reward.batches == [["x"]]


def test_a_reward_that_raises_gives_a_status():
    class Raising(Counting):
        def __call__(self, completions: Sequence[str], /, **columns: Sequence[Any]) -> Scores:
            if "bad" in completions:
                raise ZeroDivisionError("division by zero")
            return Scores([0.0] * len(completions), ["ok"] * len(completions))

    entry = Scorer(Raising())("bad", {"reference": ""})
    assert (entry["status/error"], entry["scored"], entry["score"]) == (1.0, 0.0, 0.0)


def test_a_reward_that_breaks_its_contract_is_an_error_for_every_caller():
    class Short(Counting):
        def __call__(self, completions: Sequence[str], /, **columns: Sequence[Any]) -> Scores:
            return Scores([], [])

    with pytest.raises(ToolkitError, match="gave 0 scores for 1"):
        Scorer(Short())("x", {"reference": ""})


@pytest.mark.parametrize(
    ("unscorable", "expected"),
    [
        (None, -1.0),  # the lower bound of srl: nothing is gained by what cannot be scored
        (0.25, 0.25),
        (0, 0.0),
    ],
)
def test_what_stands_for_a_missing_score(unscorable, expected, caplog):
    entry = Scorer("srl", unscorable=unscorable)("<think>a</think>b", {"reference": None})
    assert (entry["score"], entry["scored"], entry["status/unparseable_reference"]) == (expected, 0.0, 1.0)
    assert "unparseable_reference 1; they are given" in caplog.text


def test_raise():
    with pytest.raises(NotScorable, match="unparseable_reference"):
        Scorer("srl", unscorable="raise")("<think>a</think>b", {"reference": None})


@pytest.mark.parametrize("unscorable", [float("nan"), float("inf"), "zero", True])
def test_a_bad_policy(unscorable):
    with pytest.raises(OptionError, match="neither a finite number nor 'raise'"):
        Scorer("srl", unscorable=unscorable)


def test_pickles():
    scorer = pickle.loads(pickle.dumps(Scorer("srl", similarity="indel", unscorable=0.5)))  # noqa: S301
    assert scorer("<think>a</think>b", {"reference": "b"})["score"] == 1.0
    assert scorer("<think>a</think>b", {"reference": None})["score"] == 0.5


def test_shared_is_one_for_the_same_settings():
    made = shared("srl", similarity={"name": "indel", "unit": "token"})
    assert made is shared("srl", similarity={"name": "indel", "unit": "token"})
    assert made is not shared("srl", similarity={"name": "indel", "unit": "char"})
    assert shared("srl", penalty=-1.0) is not shared("srl", penalty=-2.0)
    lenient, strict = Gate("format", "indel", score=0.0), Gate("format", "indel", score=-1.0)
    assert repr(lenient) == repr(strict)
    assert shared(lenient) is shared(lenient)
    assert shared(lenient).reward is lenient
    assert shared(strict).reward is strict


def test_shared_is_made_once_by_many_threads():
    with ThreadPoolExecutor(16) as pool:
        made = set(pool.map(lambda _: id(shared("srl", penalty=-0.125)), range(64)))
    assert len(made) == 1
