"""``sequence_match``: the paper's similarity as a reward."""

from __future__ import annotations

import difflib
import json
import pickle
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewards
from rewards import sequence
from rewards.errors import ColumnError, OptionError
from rewards.ratcliff import Engine, engines
from rewards.sequence import SequenceMatch
from rewards.text import tokens
from rewards.types import Scores
from tests.rewards.ratcliff_pairs import hostile, pairs, steps

BY_ENGINE = pytest.mark.parametrize("engine", list(engines()), ids=lambda engine: engine.label.split()[0])


def ratio(completion: object, reference: object, autojunk: bool = False) -> float:
    return difflib.SequenceMatcher(None, completion, reference, autojunk).ratio()  # type: ignore[arg-type]


# -- the number -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("autojunk", [False, True])
def test_it_is_difflibs_ratio_of_completion_and_reference_in_this_order(autojunk: bool) -> None:
    batch = list(pairs(400, seed=7))
    completions, references = map(list, zip(*batch, strict=True))
    scores = SequenceMatch(autojunk=autojunk)(completions, reference=references)
    assert scores.values == [ratio(*pair, autojunk) for pair in batch]
    assert set(scores.status) == {"ok"}
    swapped = SequenceMatch(autojunk=autojunk)(references, reference=completions)
    assert swapped.values != scores.values


def test_autojunk_is_off_unless_asked_for() -> None:
    """The cliff at 200 characters: with autojunk, four changed numbers cost more than half of the score."""
    reference = ("First, add the two numbers on the left to get 12. " * 5)[:200]
    completion = reference.replace("12", "13")
    assert SequenceMatch()([completion], reference=[reference]).values == [ratio(completion, reference)]
    assert SequenceMatch().autojunk is False
    assert ratio(completion, reference) > 0.9
    assert SequenceMatch(autojunk=True)([completion], reference=[reference]).values == [
        ratio(completion, reference, autojunk=True)
    ]
    assert ratio(completion, reference, autojunk=True) < 0.5


@BY_ENGINE
def test_every_engine_serves_every_option(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequence, "_ENGINE", engine)
    rng = random.Random(2)
    completions, references = (rng.choices(steps(), k=30) for _ in range(2))
    assert rewards.describe("sequence_match").engine == engine.label
    for autojunk in (False, True):
        scores = SequenceMatch(autojunk=autojunk)(completions, reference=references)
        assert scores.values == [ratio(*pair, autojunk) for pair in zip(completions, references, strict=True)]
        scores = SequenceMatch(autojunk=autojunk, unit="token")(completions, reference=references)
        assert scores.values == [
            ratio(tokens(ours), tokens(theirs), autojunk) for ours, theirs in zip(completions, references, strict=True)
        ]


# -- units and spacing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "completion", "reference", "expected"),
    [
        # 120 and 12 share two characters of five, but no token
        pytest.param("char", "120", "12", 2 * 2 / 5, id="characters"),
        pytest.param("token", "120", "12", 0.0, id="a number is one token"),
        # x = \frac { 1 } { 2 } against x = \frac { 1 } { 3 }: 8 of 9 tokens
        pytest.param("token", r"x=\frac{1}{2}", r"x = \frac{1}{3}", 2 * 8 / 18, id="tokens know no spacing"),
        pytest.param("line", "a\nb\nc", "a\nB\nc", 2 * 2 / 6, id="lines"),
        pytest.param("line", "a\r\nb", "a\nb\n", 1.0, id="line ends do not count"),
        pytest.param("line", "", "", 1.0, id="no lines"),
        pytest.param("token", " \n ", "", 1.0, id="no tokens"),
        pytest.param("token", "new words", "other things", 0.0, id="what the reference has not matches nothing"),
    ],
)
def test_units(unit: str, completion: str, reference: str, expected: float) -> None:
    reward = rewards.get("sequence_match", unit=unit)
    assert reward([completion], reference=[reference]).values == [expected]


def test_unknown_units_of_a_completion_do_not_match_each_other_nor_the_first_of_the_reference() -> None:
    """They all become one number, which no unit of the reference has."""
    reward = SequenceMatch(unit="token")
    assert reward(["p q r", "p p p"], reference=["one two three", "two"]).values == [0.0, 0.0]


@pytest.mark.slow
def test_more_kinds_of_units_than_there_are_characters_is_too_large() -> None:
    many = " ".join(map(str, range(0x110000)))
    scores = SequenceMatch(unit="token")(["1 2", "1 2", many], reference=["1 2", many, "1 2"])
    assert scores.status == ["ok", "too_large", "ok"]
    assert scores.values == [1.0, None, 2 * 2 / (0x110000 + 2)]


@pytest.mark.parametrize(
    ("completion", "reference"),
    [("a  b\n c", "a b c"), (r"3\,cm\quad x", "3 cm x"), (" x ", "x"), ("a~b", "a b")],
)
def test_normalize_makes_spacing_plain(completion: str, reference: str) -> None:
    assert SequenceMatch(normalize=True)([completion], reference=[reference]).values == [1.0]
    assert SequenceMatch()([completion], reference=[reference]).values == [ratio(completion, reference)]
    assert ratio(completion, reference) < 1


@given(
    batch=st.lists(st.tuples(st.text("ab 1\n\\,", max_size=30), st.text("ab 1\n\\,", max_size=30)), max_size=6),
    unit=st.sampled_from(["char", "token", "line"]),
    normalize=st.booleans(),
    autojunk=st.booleans(),
)
def test_a_batch_is_its_pairs_one_by_one(
    batch: list[tuple[str, str]], unit: str, normalize: bool, autojunk: bool
) -> None:
    reward = rewards.get("sequence_match", unit=unit, normalize=normalize, autojunk=autojunk)
    scores = reward([pair[0] for pair in batch], reference=[pair[1] for pair in batch])
    assert scores.values == [reward([ours], reference=[theirs]).values[0] for ours, theirs in batch]
    assert all(value is not None and 0 <= value <= 1 for value in scores.values)


# -- bad input --------------------------------------------------------------------------------------------------------


def test_what_is_not_text_has_a_status() -> None:
    scores = SequenceMatch()(["a", None, 3, "a"], reference=["a", "a", "a", None])  # type: ignore[list-item]
    assert scores.status == ["ok", "unparseable_completion", "unparseable_completion", "unparseable_reference"]
    assert scores.values == [1.0, 0.0, 0.0, None]


def test_an_empty_batch() -> None:
    assert SequenceMatch()([], reference=[]) == Scores([], [])


@pytest.mark.parametrize("columns", [{}, {"reference": ["a"]}, {"reference": "ab"}])
def test_a_programmers_mistake_raises(columns: dict[str, list[str]]) -> None:
    with pytest.raises(ColumnError):
        SequenceMatch()(["a", "b"], **columns)


def test_threads_are_not_negative() -> None:
    with pytest.raises(OptionError, match="threads"):
        SequenceMatch(threads=-1)


@BY_ENGINE
def test_over_the_budget_is_too_large(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequence, "_ENGINE", engine)
    monkeypatch.setattr(engine, "budget", 3000)
    hard = hostile(500)["growing runs"]
    for options in ({}, {"normalize": True}, {"unit": "char", "threads": 2}):
        scores = rewards.get("sequence_match", **options)(["ab", hard[0]], reference=["ac", hard[1]])
        assert scores == Scores([0.5, None], ["ok", "too_large"])
    told = SequenceMatch().explain(hard[0], reference=hard[1])
    assert (told.value, told.status) == (None, "too_large")


@pytest.mark.parametrize("threads", [0, 1, 7])
def test_pickled_it_is_the_same(threads: int) -> None:
    reward = SequenceMatch(autojunk=True, unit="token", normalize=True, threads=threads)
    again = pickle.loads(pickle.dumps(reward))  # noqa: S301
    assert again == reward
    assert again(["x = 3"], reference=["x = 4"]) == reward(["x = 3"], reference=["x = 4"])


# -- explaining -------------------------------------------------------------------------------------------------------


def test_blocks_are_told_with_their_places() -> None:
    told = SequenceMatch().explain("so 3 + 4 = 7", reference="3 + 5 = 8")
    # "3 + " and " = " are in both
    assert told.reason == "blocks match 7 of 12 chars, and of 9 in the reference: 2·7/21"
    assert told.details["blocks"] == ["'3 + ' at 3, in the reference at 0", "' = ' at 8, in the reference at 5"]
    json.dumps(dict(told.details))


def test_blocks_of_other_units_count_units() -> None:
    told = SequenceMatch(unit="token").explain("x is 12", reference="so x is 13")
    assert told.details["blocks"] == ["['x', 'is'] at 0, in the reference at 1"]


def test_neighbouring_blocks_are_told_as_one() -> None:
    """autojunk extends blocks to both sides, which can leave two of them back to back."""
    told = SequenceMatch().explain("abcabc", reference="abcabc")
    assert told.details["blocks"] == ["'abcabc' at 0, in the reference at 0"]


def test_many_blocks_are_cut_short() -> None:
    told = SequenceMatch().explain("a-b-" * 60, reference="a+b+" * 60)
    assert len(told.details["blocks"]) == 51
    assert told.details["blocks"][-1] == "and 70 more"


def test_hostile_text_is_explained_without_blocks() -> None:
    told = SequenceMatch().explain("a" * 8000, reference="aaaaaaaaab" * 800)
    assert (told.value, told.status) == (0.9, "ok") or told.status == "too_large"
    assert told.details == {}


@pytest.mark.parametrize("unit", ["char", "token", "line"])
def test_two_empty_texts(unit: str) -> None:
    told = rewards.get("sequence_match", unit=unit).explain("", reference="")
    assert (told.value, told.reason) == (1.0, f"no {unit}s on either side")
