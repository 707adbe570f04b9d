"""``format`` and ``srl``: what passes, what it scores, and what is logged."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewards
from rewards.errors import ColumnError, OptionError
from rewards.similarity import Levenshtein
from rewards.structure import Format, Srl
from rewards.text import REPLY_RULES, split_reply
from srl_data.prompts import system_prompt

GOOD = "<think>Add them.</think>3 + 4 = 7"
WHOLE = "<think>Add them.</think><solution>3 + 4 = 7</solution>"


@pytest.mark.parametrize(
    ("completion", "options", "value", "parts"),
    [
        # parts: think, solution, placed, filled, thought_chars, action_chars
        (GOOD, {}, 1.0, [1.0, None, 1.0, 1.0, 9.0, 9.0]),
        (WHOLE, {"tags": "think+solution"}, 1.0, [1.0, 1.0, 1.0, 1.0, 9.0, 9.0]),
        (GOOD[len("<think>") :], {"prefilled": True}, 1.0, [1.0, None, 1.0, 1.0, 9.0, 9.0]),
        # after the first broken rule nothing more is known
        ("3 + 4 = 7", {}, 0.0, [0.0, None, None, None, None, None]),
        (GOOD, {"tags": "think+solution"}, 0.0, [1.0, 0.0, None, None, None, None]),
        (f"Sure. {GOOD}", {}, 0.0, [1.0, None, 0.0, None, None, None]),
        ("<think>Add them.</think> ", {}, 0.0, [1.0, None, 1.0, 0.0, None, None]),
        # a tag quoted in the action is a tag
        (f"{GOOD} and </think>", {}, 0.0, [0.0, None, None, None, None, None]),
    ],
)
def test_format(completion: str, options: dict[str, Any], value: float, parts: list[float | None]) -> None:
    scores = Format(**options)([completion])
    assert scores.values == [value]
    assert scores.status == ["ok" if value else "format"]
    assert list(scores.parts) == ["think", "solution", "placed", "filled", "thought_chars", "action_chars"]
    assert [column[0] for column in scores.parts.values()] == parts


def test_every_rule_belongs_to_one_part() -> None:
    from rewards.structure import _GROUPS

    rules = [rule for group in _GROUPS.values() for rule in group]
    assert sorted([*rules]) == sorted(REPLY_RULES)
    assert rules == list(REPLY_RULES)  # and parts are in the order in which rules are looked at


@given(
    st.lists(st.sampled_from(["<think>", "</think>", "<solution>", "</solution>", "t", " "]), max_size=10).map("".join)
)
def test_explain_names_the_rule_that_the_parts_point_at(reply: str) -> None:
    reward = Format(tags="think+solution")
    scores, explained = reward([reply]), reward.explain(reply)
    parts = [column[0] for column in scores.parts.values()][:4]
    if explained.status == "ok":
        assert parts == [1.0] * 4
    else:
        assert parts.index(0.0) == [*map(bool, parts)].index(False)
        assert explained.details["rule"] == split_reply(reply, "think+solution").broken
        assert explained.reason == f"{explained.details['rule']}: {REPLY_RULES[explained.details['rule']]}"


def test_format_asks_for_the_tags_that_the_prompt_asks_for() -> None:
    for tags in ("think", "think+solution"):
        for tag in ("<think>", "</think>", "<solution>", "</solution>"):
            asked = tag in system_prompt(tags)  # type: ignore[arg-type]
            assert asked == (split_reply(WHOLE.replace(tag, ""), tags).broken is not None)  # type: ignore[arg-type]


@pytest.mark.parametrize("reward", [Format(), Srl(similarity="indel", penalty=-0.5)])
def test_no_text_scores_the_lower_bound(reward: Any) -> None:
    scores = reward([None, 7, b"<think>a</think>b", [GOOD], {"content": GOOD}, GOOD], reference=["x"] * 6)
    assert scores.values[:5] == [reward.bounds[0]] * 5
    assert scores.status == ["unparseable_completion"] * 5 + ["ok"]


def test_srl_is_the_ratio_of_the_action_alone() -> None:
    expert = "So 3 + 4 = 7, and the sum is 7."
    actions = ["3 + 4 = 7", "So 3 + 4 = 8, and the sum is 8.", expert]
    replies = [f"<think>{expert} {expert}</think>\n\n{action}\n" for action in actions]
    scores = Srl(similarity="indel")(replies, reference=[expert] * 3)
    assert scores.values == rewards.get("indel")(actions, reference=[expert] * 3).values
    paper = Srl()(replies, reference=[expert] * 3)
    assert paper.values == [SequenceMatcher(None, action, expert, autojunk=False).ratio() for action in actions]


def test_srl_scores() -> None:
    reward = Srl(similarity="levenshtein", penalty=-2.0)
    assert reward.bounds == (-2.0, 1.0)
    scores = reward(
        [GOOD, "3 + 4 = 7", None, GOOD, "<think>t</think>", "<think>t</think>3 + 4 = 7"],
        reference=["3 + 5 = 8", "3 + 4 = 7", "x", None, "", "3 + 4 = 7"],
    )
    assert scores.values == [1 - 2 / 9, -2.0, -2.0, None, -2.0, 1.0]  # an empty action never matches anything
    assert scores.status == ["ok", "format", "unparseable_completion", "unparseable_reference", "format", "ok"]
    assert scores.parts == {
        "format": [1.0, 0.0, None, None, 0.0, 1.0],
        "similarity": [1 - 2 / 9, None, None, None, None, 1.0],
    }


def test_srl_leaves_the_similarity_its_say() -> None:
    scores = Srl(similarity={"name": "indel", "max_cells": 3})([GOOD, "none"], reference=["abc", "abc"])
    assert (scores.values, scores.status) == ([None, -1.0], ["too_large", "format"])
    assert scores.parts == {"format": [1.0, 0.0], "similarity": [None, None]}


@pytest.mark.parametrize(
    ("similarity", "expected"),
    [
        ("levenshtein", 1 - 1 / 3),  # by name
        ({"name": "levenshtein", "unit": "char"}, 1 - 1 / 3),
        ({"name": "levenshtein", "unit": "token"}, 0.0),  # abc and abd: one word for another
        (Levenshtein(unit="line"), 0.0),
    ],
)
def test_srl_takes_any_similarity(similarity: Any, expected: float) -> None:
    for reward in (Srl(similarity=similarity), rewards.get("srl", similarity=similarity)):
        assert reward(["<think>t</think>abc"], reference=["abd"]).values == [pytest.approx(expected)]


def test_bounds_hold_whatever_the_penalty() -> None:
    assert Srl(similarity="indel", penalty=0.0).bounds == (0.0, 1.0)
    assert Srl(similarity="indel", penalty=0.25).bounds == (0.0, 1.0)
    assert Srl(similarity="indel", penalty=2.0).bounds == (0.0, 2.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"similarity": "indle"}, "did you mean 'indel'"),
        ({"similarity": {"name": "indel", "unti": "char"}}, "did you mean 'unit'"),
        ({"similarity": {"unit": "char"}}, "needs a name"),
        ({"similarity": 7}, "option similarity"),
        ({"similarity": Levenshtein}, "is no reward"),
        ({"similarity": "format"}, "reads no column, not the reference alone"),
        ({"penalty": float("nan")}, "option penalty: nan is not a finite number"),
        ({"penalty": float("inf")}, "option penalty"),
        ({"penalty": "-1"}, "option penalty: '-1' is not float"),
        ({"tags": "solution"}, "option tags: 'solution' is not think|think+solution"),
    ],
)
def test_refuses_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises((OptionError, LookupError)) as caught:
        rewards.get("srl", **options)
    assert message in str(caught.value)


def test_a_similarity_is_typed_as_its_name_on_a_command_line() -> None:
    from rewards.catalog import registry

    assert rewards.describe("srl").options[0].type_name == "str | Mapping | Reward"
    assert registry.parse_options("srl", ["similarity=indel", "penalty=-2"]) == {"similarity": "indel", "penalty": -2.0}


def test_srl_explains() -> None:
    reward = Srl(similarity="levenshtein")
    kept = reward.explain(GOOD, reference="3 + 5 = 8")
    assert kept.reason == "levenshtein of the actions: 2 edits between 9 and 9 chars"
    assert kept.details["action"] == "3 + 4 = 7"
    assert reward.explain("7", reference="7").reason == "no_think: there is no <think>"
    assert reward.explain(GOOD, reference=None).status == "unparseable_reference"


def test_a_missing_reference_is_a_mistake_of_the_program() -> None:
    with pytest.raises(ColumnError, match="srl reads the column 'reference'"):
        Srl(similarity="indel")([GOOD])
