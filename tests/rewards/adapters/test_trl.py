"""The reward functions for TRL, called as TRL 1.16 calls them. Inside its trainers: test_trl_trainers.py."""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
import re
from collections import defaultdict
from typing import Any

import pytest

import rewards
from rewards import Term, compose
from rewards.adapters.trl import TrlReward, to_trl, to_trl_async
from rewards.errors import ColumnError, OptionError

REPLIES = ["<think>Undo the +3.</think>2x = 8", "2x = 8", "<think>Hm.</think>8 = 2x", ""]
REFERENCES: list[Any] = ["2x = 8", "2x = 8", "2x = 8", None]


class Logs:
    """What TRL's trainers do with what is logged."""

    reward_func_names = ("srl",)

    def __init__(self, names: list[str] | None = None) -> None:
        self.reward_func_names = names or ["srl"]  # type: ignore[assignment]
        self.columns: dict[str, list[Any]] = defaultdict(list)
        self.metrics: dict[str, list[float]] = defaultdict(list)

    def extra(self, column: str, values: list[Any]) -> None:
        self.columns[column].extend(values)

    def metric(self, name: str, value: float) -> None:
        self.metrics[name].append(value)


def _keywords(logs: Logs, replies: list[Any], references: list[Any]) -> dict[str, Any]:
    """As ``_calculate_rewards`` passes them: all by keyword, lists of one entry per completion."""
    return {
        "prompts": ["Solve 2x + 3 = 11."] * len(replies),
        "completions": replies,
        "completion_ids": [[1, 2, 3]] * len(replies),
        "reference": references,
        "history": [["a"]] * len(replies),
        "trainer_state": object(),
        "log_extra": logs.extra,
        "log_metric": logs.metric,
    }


def _called(function: Any, keywords: dict[str, Any]) -> list[float | None]:
    found = function(**keywords)
    if inspect.isawaitable(found):

        async def wait() -> Any:
            return await found

        return asyncio.run(wait())  # type: ignore[no-any-return]
    return found  # type: ignore[no-any-return]


@pytest.mark.parametrize("make", [to_trl, to_trl_async])
def test_a_batch_and_what_is_logged_of_it(make: Any) -> None:
    logs = Logs()
    assert _called(make("srl"), _keywords(logs, REPLIES, REFERENCES)) == [1.0, -1.0, 0.5, None]
    assert logs.columns == {
        "srl/status": ["ok", "format", "ok", "unparseable_reference"],
        "srl/format": [1.0, 0.0, 1.0, None],
        "srl/similarity": [1.0, None, 0.5, None],
    }
    assert logs.metrics == {
        "srl/format": [pytest.approx(2 / 3)],  # of the three whose form was looked at
        "srl/similarity": [0.75],
        "srl/status/ok": [0.5],
        "srl/status/format": [0.25],
        "srl/status/unparseable_reference": [0.25],
        **{f"srl/status/{name}": [0.0] for name in ("unparseable_completion", "too_large", "timeout", "error")},
    }


@pytest.mark.parametrize("make", [to_trl, to_trl_async])
def test_conversational_completions_score_as_their_texts(make: Any) -> None:
    chats = [[{"role": "assistant", "content": reply}] for reply in REPLIES]
    assert _called(make("srl"), _keywords(Logs(), chats, REFERENCES)) == [1.0, -1.0, 0.5, None]
    parsed = [[{"role": "assistant", "reasoning_content": "Undo the +3.", "content": "2x = 8"}]]
    assert _called(make("srl"), _keywords(Logs(), parsed, ["2x = 8"])) == [1.0]


def test_it_is_told_apart_by_trl_as_sync_or_async() -> None:
    def is_async(function: Any) -> bool:  # as trl.trainer.utils.is_async_callable
        return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(function.__call__)

    assert not is_async(to_trl("srl"))
    assert is_async(to_trl_async("srl"))


@pytest.mark.parametrize("make", [to_trl, to_trl_async])
def test_pickled_and_copied_it_is_the_same(make: Any) -> None:
    function = make("srl", similarity="indel", log=False)
    for twin in (pickle.loads(pickle.dumps(function)), copy.deepcopy(function)):  # noqa: S301
        assert (twin.__name__, twin.log, type(twin)) == ("srl_indel", False, type(function))
        logs = Logs(["srl_indel"])
        assert _called(twin, _keywords(logs, REPLIES, REFERENCES)) == [1.0, -1.0, 0.5, None]
        assert not logs.columns
        assert not logs.metrics


def test_without_anything_to_log_with() -> None:
    # older versions, Unsloth, Axolotl, and a look at it in a notebook
    assert to_trl("srl")(["?"], ["<think>a</think>b"], reference=["b"]) == [1.0]
    assert to_trl("srl")([], [], reference=[]) == []


def test_a_reward_that_reads_the_prompt_finds_trls() -> None:
    reward = compose(Term("indel", columns={"reference": "prompt"}))
    assert to_trl(reward)(prompts=["ab"], completions=["ab"]) == [1.0]


def test_a_missing_column_is_told_without_trls_own_keywords() -> None:
    keywords = _keywords(Logs(), ["a"], ["b"])
    keywords["solution"] = keywords.pop("reference")
    with pytest.raises(ColumnError, match=r"'reference', which .* it has history, prompt, solution$"):
        to_trl("srl")(**keywords)


NAMES: list[tuple[Any, dict[str, Any], str]] = [
    ("srl", {}, "srl"),
    ("srl", {"similarity": "indel"}, "srl_indel"),
    ("srl", {"similarity": rewards.get("indel")}, "srl_indel"),
    ("srl", {"penalty": -0.5}, "srl_penalty_-0.5"),
    ({"name": "indel", "unit": "line"}, {}, "indel_line"),
    ({"name": "indel"}, {"unit": "token", "normalize": True}, "indel_token_normalize_True"),
    (rewards.get("indel", unit="line"), {}, "indel"),
    (compose("indel", name="my reward (2)"), {}, "my_reward_2"),
    (compose("indel", name="2nd"), {}, "reward_2nd"),
    ({"name": "both", "term": [{"reward": "indel"}]}, {}, "both"),
]


@pytest.mark.parametrize(("reward", "options", "name"), NAMES, ids=[name for *_, name in NAMES])
def test_names_are_valid_keys_and_tell_options_apart(reward: Any, options: dict[str, Any], name: str) -> None:
    assert to_trl(reward, **options).__name__ == name
    assert re.fullmatch(r"[A-Za-z_][\w.-]*", name)


def test_a_name_of_ones_own() -> None:
    assert to_trl("srl", name="step").__name__ == "step"
    for bad in ("a/b", "a b", "1a", "é"):
        with pytest.raises(OptionError, match="a metric's name"):
            to_trl("srl", name=bad)


def test_two_of_one_name_in_one_trainer_are_refused() -> None:
    keywords = _keywords(Logs(["srl", "other", "srl"]), ["a"], ["b"])
    with pytest.raises(OptionError, match=r"2 reward functions are called 'srl': give to_trl\(…, name=…\)"):
        to_trl("srl")(**keywords)


def test_no_score_can_be_infinite_in_trls_float32() -> None:
    with pytest.raises(OptionError, match="may reach 1e\\+39: inf in TRL"):
        to_trl(compose(Term("indel", 1e39)))


def test_a_part_called_status_does_not_get_into_its_column() -> None:
    logs = Logs(["sum"])
    reward = compose(Term("indel", name="status"), name="sum")
    assert to_trl(reward)(**_keywords(logs, ["a", "b"], ["a", "a"])) == [1.0, 0.0]
    assert logs.columns == {"sum/status": ["ok", "ok"], "sum/part/status": [1.0, 0.0]}


def test_it_says_what_it_is() -> None:
    assert repr(to_trl(compose("indel", name="one"))) == "<one for TRL: <one: 1 × indel>>"
    assert isinstance(to_trl_async("srl"), TrlReward)
