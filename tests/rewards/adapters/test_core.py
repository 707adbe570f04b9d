"""What every adapter stands on: which reward is meant, what a completion's text is, what a batch scores."""

from __future__ import annotations

import json
import logging
import pickle
import subprocess
import sys
from collections import UserDict, UserList
from collections.abc import Sequence
from math import inf, isfinite, nan
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewards
from rewards import Scores, Term, compose
from rewards.adapters.core import NotScorable, Unscorable, check_identity, flat, resolve, score, text_of
from rewards.errors import ColumnError, OptionError, ToolkitError, UnknownPlugin
from rewards.types import STATUSES
from tests.strategies import texts

TABLE = {"name": "both", "term": [{"reward": "indel", "weight": 0.5}, {"reward": "token_f1", "weight": 0.5}]}
FILE = 'name = "both"\n[[term]]\nreward = "indel"\nweight = 0.5\n[[term]]\nreward = "token_f1"\nweight = 0.5\n'


# -- which reward ------------------------------------------------------------------------------------------------------


def test_every_form_means_the_same_reward(tmp_path: Path) -> None:
    file = tmp_path / "both.toml"
    file.write_text(FILE)
    made = compose(Term("indel", 0.5), Term("token_f1", 0.5), name="both")
    expected = made(["2x = 8"], reference=["2x = 6"])
    for form in (made, TABLE, file, str(file)):
        found = resolve(form)
        assert (found.name, found(["2x = 8"], reference=["2x = 6"])) == ("both", expected)


def test_a_name_with_options_in_either_place() -> None:
    for found in (
        resolve("indel", unit="line"),
        resolve({"name": "indel", "unit": "line"}),
        resolve({"name": "indel"}, unit="line"),
    ):
        assert found == rewards.get("indel", unit="line")


def test_containers_of_a_configuration_library_are_taken_for_what_they_stand_for() -> None:
    # verl hands over OmegaConf's, which are mappings and sequences, and neither dict nor list
    inner = UserDict({"name": "indel", "unit": "line"})
    assert resolve("srl", similarity=inner).explain("x", reference="y").status == "format"
    table = UserDict({"name": "both", "term": UserList([UserDict({"reward": "indel", "weight": 1.0})])})
    assert resolve(table).name == "both"


@pytest.mark.parametrize(
    ("form", "options", "error", "says"),
    [
        ("srk", {}, UnknownPlugin, "did you mean 'srl'"),
        ("srl", {"similarty": "indel"}, OptionError, "did you mean 'similarity'"),
        (rewards.get("srl"), {"penalty": 0.0}, OptionError, "the reward 'srl' takes no options, and was given penalty"),
        (TABLE, {"unit": "line"}, OptionError, "a table of terms takes no options"),
        ("none.toml", {"unit": "line"}, OptionError, "the file none.toml takes no options"),
        ("none.toml", {}, FileNotFoundError, "none.toml"),
        ({"unit": "line"}, {}, OptionError, "needs a name"),
        (7, {}, OptionError, "7 is no reward"),
        (None, {}, OptionError, "None is no reward"),
    ],
)
def test_what_is_no_reward_says_so(form: Any, options: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        resolve(form, **options)


# -- text --------------------------------------------------------------------------------------------------------------

CALL = {"type": "function", "function": {"name": "edit", "arguments": {"path": "a.py", "line": 3}}}
CALL_TEXT = '{"name": "edit", "arguments": {"line": 3, "path": "a.py"}}'

MESSAGES: dict[str, tuple[Any, str | None]] = {
    "a string": ("<think>a</think>b", "<think>a</think>b"),
    "a message": ([{"role": "assistant", "content": "b"}], "b"),
    "a message alone": ({"role": "assistant", "content": "b"}, "b"),
    "what was said last": ([{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}], "b"),
    "a tool had the last word": ([{"role": "assistant", "content": "a"}, {"role": "tool", "content": "b"}], "a"),
    "parts": (
        [
            {
                "role": "assistant",
                "content": [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}],
            }
        ],
        "a\nb",
    ),
    # as TRL hands over replies of Qwen3: its parser takes the thought out of the text
    "a thought apart": ([{"role": "assistant", "reasoning_content": "a", "content": "b"}], "<think>a</think>b"),
    "a thought and nothing else": (
        [{"role": "assistant", "reasoning_content": "a", "content": ""}],
        "<think>a</think>",
    ),
    "no thought": ([{"role": "assistant", "reasoning_content": None, "content": "b"}], "b"),
    "a call": ([{"role": "assistant", "content": "", "tool_calls": [CALL]}], CALL_TEXT),
    "a call behind words": (
        [{"role": "assistant", "content": "a", "tool_calls": [CALL, CALL]}],
        f"a\n{CALL_TEXT}\n{CALL_TEXT}",
    ),
    "a call as OpenAI sends it": (
        [
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"function": {"name": "edit", "arguments": '{"path": "a.py", "line": 3}'}}],
            }
        ],
        CALL_TEXT,
    ),
    "a call whose arguments are not JSON": (
        [{"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "edit", "arguments": "{"}}]}],
        '{"name": "edit", "arguments": "{"}',
    ),
    "a thought and a call": (
        [{"role": "assistant", "content": "", "reasoning_content": "a", "tool_calls": [CALL]}],
        f"<think>a</think>{CALL_TEXT}",
    ),
    "no assistant": ([{"role": "user", "content": "a"}], None),
    "nothing said": ([{"role": "assistant", "content": None}], None),
    "no messages": ([], None),
    "a number": (3, None),
    "none": (None, None),
    "a list of strings": (["a"], None),
    "bytes": (b"a", None),
}


@pytest.mark.parametrize(("completion", "text"), MESSAGES.values(), ids=MESSAGES)
def test_the_text_of_a_completion(completion: Any, text: str | None) -> None:
    assert text_of(completion) == text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "name", "function", "arguments", "text", "type"]), inner, max_size=3)
    ),
    max_leaves=8,
)
messages = st.fixed_dictionaries(
    {"role": st.sampled_from(["assistant", "tool", ""])},
    optional={"content": json_values, "tool_calls": json_values, "reasoning_content": json_values},
)


@given(st.lists(messages | json_values, max_size=3))
def test_no_message_is_too_strange(completion: list[Any]) -> None:
    assert isinstance(text_of(completion), (str, type(None)))


def test_what_never_came_from_json_is_no_trouble_either() -> None:
    loop: dict[Any, Any] = {}
    loop["again"] = loop
    for arguments in (loop, {1: 2, "a": 3}, {"a": object()}, {(1, 2): 3}):
        text = text_of([{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": arguments}}]}])
        assert text is not None
        assert "f" in text


# -- scores ------------------------------------------------------------------------------------------------------------


def test_a_batch_of_messages_scores_as_its_texts() -> None:
    reward = rewards.get("srl")
    replies = ["<think>Undo.</think>2x = 8", "2x = 8", ""]
    references = ["2x = 8", "2x = 8", None]
    chats = [[{"role": "assistant", "content": reply}] for reply in replies]
    expected = reward(replies, reference=references)
    columns = {"reference": references, "prompt": None, "answer": 7}  # what it does not read may be anything
    assert score(reward, chats, columns) == score(reward, replies, columns) == expected


def test_a_missing_column_is_named_beside_those_there_are() -> None:
    with pytest.raises(ColumnError, match="'reference', which the dataset does not have; it has answer, prompt"):
        score(rewards.get("srl"), ["a"], {"prompt": ["a"], "answer": ["b"]})
    with pytest.raises(ColumnError, match="1 completions, but 2 entries in 'reference'"):
        score(rewards.get("srl"), ["a"], {"reference": ["a", "b"]})


class Faulty:
    """Fails on one text; ``broken`` fails always, on nothing too."""

    name, bounds, columns = "faulty", (0.0, 1.0), ("reference",)

    def __call__(self, completions: Sequence[str], /, **columns: Sequence[Any]) -> Scores:
        if "bad" in completions:
            raise RuntimeError("no")
        values: list[float | None] = [1.0 for _ in completions]
        return Scores(values, ["ok" for _ in completions], {"half": [0.5 for _ in completions]})

    def explain(self, completion: str, /, **columns: Any) -> Any:
        raise NotImplementedError


def test_a_reward_that_raises_costs_one_completion_and_says_why(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        scores = score(Faulty(), ["a", "bad", "b"], {"reference": ["", "", ""]})
    assert scores == Scores([1.0, None, 1.0], ["ok", "error", "ok"], {"half": [0.5, None, 0.5]})
    assert "RuntimeError: no" in caplog.text


class Short(Faulty):
    """Gives a score too few."""

    def __call__(self, completions: Sequence[str], /, **columns: Sequence[Any]) -> Scores:
        return super().__call__(completions[1:], **columns)


def test_a_reward_that_always_raises_costs_every_score() -> None:
    class Broken(Faulty):
        """Also on nothing, which says what parts there are."""

        def __call__(self, completions: Sequence[str], /, **columns: Sequence[Any]) -> Scores:
            raise KeyError("x")

    assert score(Broken(), ["a", "b"], {"reference": ["", ""]}) == Scores([None, None], ["error", "error"], {})


def test_a_list_is_no_scores() -> None:
    class Plain(Faulty):
        def __call__(self, completions: Sequence[str], /, **columns: Sequence[Any]) -> Any:
            return [1.0 for _ in completions]

    with pytest.raises(ToolkitError, match="'faulty' gave a list, not Scores, for 2 completions"):
        score(Plain(), ["a", "b"], {"reference": ["", ""]})


def test_a_score_too_few_is_no_matter_of_luck() -> None:
    with pytest.raises(ToolkitError, match="'faulty' gave 1 scores for 2 completions"):
        score(Short(), ["a", "b"], {"reference": ["", ""]})


# -- what has no score -------------------------------------------------------------------------------------------------

MIXED = Scores([0.5, None, None], ["ok", "timeout", "unparseable_reference"], {"similarity": [0.5, None, 0.25]})


def test_a_number_for_what_has_none_is_never_silent(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert Unscorable(-1)(MIXED) == [0.5, -1.0, -1.0]
    assert "2 of 3 completions have no score: unparseable_reference 1, timeout 1; they are given -1" in caplog.text
    with pytest.raises(NotScorable, match="2 of 3"):
        Unscorable("raise")(MIXED)
    assert pickle.loads(pickle.dumps(Unscorable(0.5))) == Unscorable(0.5)  # noqa: S301


@pytest.mark.parametrize("policy", [nan, inf, True, None, "skip", "0"])
def test_what_is_no_policy(policy: Any) -> None:
    with pytest.raises(OptionError, match="neither a finite number nor 'raise'"):
        Unscorable(policy)


def test_flat_has_the_same_finite_numbers_for_every_completion() -> None:
    rows = [flat(MIXED, at) for at in range(3)]
    assert len({tuple(row) for row in rows}) == 1
    assert all(type(value) is float and isfinite(value) for row in rows for value in row.values())
    assert [row["score"] for row in rows] == [0.5, 0.0, 0.0]
    assert [row["scored"] for row in rows] == [1.0, 0.0, 0.0]
    assert [row["similarity"] for row in rows] == [0.5, 0.0, 0.25]
    assert [row["known/similarity"] for row in rows] == [1.0, 0.0, 1.0]
    assert [{name for name, value in row.items() if name.startswith("status/") and value} for row in rows] == [
        {f"status/{status}"} for status in MIXED.status
    ]
    assert {name for name in rows[0] if name.startswith("status/")} == {f"status/{status}" for status in STATUSES}
    assert flat(MIXED, 1, -1.0)["score"] == -1.0


def test_no_part_takes_the_place_of_the_score() -> None:
    scores = Scores([0.5], ["ok"], {"score": [0.1], "scored": [0.2], "status/ok": [0.3]})
    found = flat(scores, 0)
    assert (found["score"], found["scored"], found["status/ok"]) == (0.5, 1.0, 1.0)
    assert (found["part/score"], found["part/scored"], found["part/status/ok"]) == (0.1, 0.2, 0.3)


# -- whose rewards -----------------------------------------------------------------------------------------------------


def test_this_package_is_itself() -> None:
    check_identity()


def test_another_module_of_the_name_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rewards", json)
    with pytest.raises(ImportError, match=r"'rewards' is .*json.__init__\.py, and not the package of srl-data"):
        check_identity()


@pytest.mark.parametrize("module", ["core", "trl", "dynamic_sampling"])
def test_adapters_load_no_trainer_and_nothing_heavy(module: str) -> None:
    heavy = "('trl', 'torch', 'numpy', 'datasets', 'rapidfuzz')"
    code = f"import sys, rewards.adapters.{module}; print([name for name in {heavy} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout.strip()) == (0, "[]"), run.stderr
