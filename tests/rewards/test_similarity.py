"""Edit distances and shared tokens, against worked examples, slow oracles and rapidfuzz's own scalar calls."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Indel as ScalarIndel
from rapidfuzz.distance import Levenshtein as ScalarLevenshtein

import rewards
from rewards.errors import OptionError
from rewards.similarity import Indel, Levenshtein, TokenF1
from rewards.text import tokens

DATA = Path(__file__).parents[2].parent / "shared/data"

hostile = st.text(st.characters(), max_size=30)  # lone surrogates and NUL too
close = st.text("ab \\,1", max_size=12)  # so that texts have much in common


@pytest.mark.parametrize(
    ("completion", "reference", "levenshtein", "indel"),
    [
        ("", "", 1.0, 1.0),  # as difflib's ratio
        ("", "abc", 0.0, 0.0),
        ("abc", "abc", 1.0, 1.0),
        ("abc", "xyz", 0.0, 0.0),
        ("kitten", "sitting", 1 - 3 / 7, 1 - 5 / 13),  # k→s, e→i, +g; replacing costs two in the second
        ("ab", "ba", 0.0, 0.5),  # two replaced; or one deleted and one inserted, of four
        ("a\x00b", "ab", 1 - 1 / 3, 1 - 1 / 5),
        ("\ud800", "\ud801", 0.0, 0.0),
        ("😀x", "😁x", 0.5, 0.5),  # a character of the astral planes is one character
    ],
)
def test_worked_examples(completion: str, reference: str, levenshtein: float, indel: float) -> None:
    assert Levenshtein()([completion], reference=[reference]).values == [pytest.approx(levenshtein, abs=1e-15)]
    assert Indel()([completion], reference=[reference]).values == [pytest.approx(indel, abs=1e-15)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 1 - 3 / 9),  # a space more, the comma and the zero less
        ({"normalize": True}, 1 - 2 / 9),  # the comma and the zero
        ({"unit": "token"}, 1 - 1 / 3),  # one number for another
        ({"unit": "line"}, 0.0),
    ],
)
def test_units_and_spacing(options: dict[str, object], expected: float) -> None:
    completion, reference = "x = 1,250", "x  = 125"
    value = rewards.get("levenshtein", **options)([completion], reference=[reference]).values[0]
    assert value == pytest.approx(expected, abs=1e-15)


def test_lines_are_compared_whole() -> None:
    assert Levenshtein(unit="line")(["a\nb\nc"], reference=["a\nx\nc\nd"]).values == [0.5]  # 2 edits, 4 lines


def _slow_distance(a: str, b: str, replacing: int) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        above, row = row, [i]
        for j, y in enumerate(b, start=1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (x != y) * replacing))
    return row[-1]


@given(st.one_of(hostile, close), st.one_of(hostile, close))
def test_distances_are_the_textbook_ones(a: str, b: str) -> None:
    longest, both = max(len(a), len(b)) or 1, len(a) + len(b) or 1
    assert Levenshtein()([a], reference=[b]).values[0] == pytest.approx(1 - _slow_distance(a, b, 1) / longest)
    assert Indel()([a], reference=[b]).values[0] == pytest.approx(1 - _slow_distance(a, b, 2) / both)


@given(
    st.lists(st.tuples(st.one_of(hostile, close), st.one_of(hostile, close)), max_size=12), st.sampled_from([1, 2, -1])
)
def test_a_batch_equals_the_scalar_calls_to_the_last_bit(pairs: list[tuple[str, str]], workers: int) -> None:
    ours, theirs = [a for a, _ in pairs], [b for _, b in pairs]
    for reward, scalar in ((Levenshtein(workers=workers), ScalarLevenshtein), (Indel(workers=workers), ScalarIndel)):
        assert reward(ours, reference=theirs).values == [scalar.normalized_similarity(a, b) for a, b in pairs]
    by_token = Indel(unit="token")(ours, reference=theirs).values
    assert by_token == [ScalarIndel.normalized_similarity(tokens(a), tokens(b)) for a, b in pairs]


def test_real_steps_equal_the_scalar_calls_to_the_last_bit() -> None:
    file = DATA / "gsm8k_model_solutions_150.jsonl"
    if not file.exists():
        pytest.skip(f"no {file.name} here")
    texts = [str(value) for line in file.read_text().splitlines() for value in json.loads(line).values()]
    ours, theirs = texts[:-1], texts[1:]
    for reward, scalar in ((Levenshtein(), ScalarLevenshtein), (Indel(), ScalarIndel)):
        values = reward(ours, reference=theirs).values
        assert values == [scalar.normalized_similarity(a, b) for a, b in zip(ours, theirs, strict=True)]
        assert len(set(values)) > 50


def test_work_is_bounded_pair_by_pair() -> None:
    reward = Levenshtein(max_cells=12)
    scores = reward(["abcd", "abcd", "", "abc"], reference=["abc", "abcd", "x" * 99, "abc"])
    assert scores.values == [0.75, None, 0.0, 1.0]  # 12 cells, 16, none, 9
    assert scores.status == ["ok", "too_large", "ok", "ok"]
    assert "budget" in reward.explain("abcd", reference="abcd").reason


def test_a_megabyte_against_a_megabyte_is_too_large_and_against_a_step_is_not() -> None:
    big = "ab" * 500_000
    scores = Indel()([big, big, big], reference=[big, "ab" * 50, ""])
    assert scores.status == ["too_large", "ok", "ok"]
    assert scores.values == [None, pytest.approx(2 * 100 / 1_000_100), 0.0]


@pytest.mark.parametrize(
    "options", [{"workers": 0}, {"workers": -2}, {"max_cells": -1}, {"unit": "word"}, {"workers": 1.5}]
)
def test_refuses_options(options: dict[str, object]) -> None:
    with pytest.raises(OptionError, match=f"option {next(iter(options))}"):
        rewards.get("indel", **options)


def test_explains_the_edits() -> None:
    explained = Levenshtein().explain("3 + 4 = 7", reference="3 + 5 = 8!")
    assert explained.reason == "3 edits between 9 and 10 chars"
    assert explained.details == {
        "edits": ["replace at 4: '4' → '5'", "insert at 8: '' → '8'", "replace at 8: '7' → '!'"]
    }
    many = Indel().explain("ab" * 50, reference="b" * 50).details["edits"]
    assert len(many) == 21
    assert many[-1] == "and 30 more"
    assert not Levenshtein().explain("a" * 4000, reference="b" * 4000).details  # the edits would take megabytes


@pytest.mark.parametrize(
    ("completion", "reference", "f1", "precision", "recall"),
    [
        ("", "", 1.0, 1.0, 1.0),
        (" ", "\n", 1.0, 1.0, 1.0),  # no tokens either
        ("", "x", 0.0, 0.0, 0.0),
        ("x", "", 0.0, 0.0, 0.0),
        ("x = 1", "1 = x", 1.0, 1.0, 1.0),  # order does not count
        ("x x x", "x", 0.5, 1 / 3, 1.0),  # a multiset: repeating a right token is no gain
        ("x = 1,250", "So x = 1,250", 6 / 7, 1.0, 0.75),
        ("x = 1250", "x = 1,250", 2 / 3, 2 / 3, 2 / 3),  # numbers are compared as written
        ("X", "x", 0.0, 0.0, 0.0),  # two variables
    ],
)
def test_token_f1(completion: str, reference: str, f1: float, precision: float, recall: float) -> None:
    scores = TokenF1()([completion], reference=[reference])
    assert scores.values == [pytest.approx(f1)]
    assert scores.parts == {"precision": [pytest.approx(precision)], "recall": [pytest.approx(recall)]}


def test_token_f1_without_latex_spacing() -> None:
    assert TokenF1()(["3\\,cm"], reference=["3 cm"]).values == [pytest.approx(0.8)]
    assert TokenF1(normalize=True)(["3\\,cm"], reference=["3 cm"]).values == [1.0]


@given(st.one_of(hostile, close), st.one_of(hostile, close))
def test_token_f1_is_the_harmonic_mean_and_symmetric(a: str, b: str) -> None:
    scores = TokenF1()([a, b], reference=[b, a])
    (f1, mirrored), (precision, _), (recall, _) = scores.values, scores.parts["precision"], scores.parts["recall"]
    assert f1 == mirrored
    assert precision is not None
    assert recall is not None
    assert f1 == pytest.approx(2 * precision * recall / (precision + recall) if precision + recall else 0.0)
    shared = (Counter(tokens(a)) & Counter(tokens(b))).total()
    assert precision * len(tokens(a)) == pytest.approx(shared)


def test_token_f1_explains_what_is_missing_and_extra() -> None:
    explained = TokenF1().explain("x = 7 7", reference="y = 7")
    assert explained.reason == "2 tokens shared of 4 written and 3 wanted"
    assert explained.details == {"missing": ["y"], "extra": ["7", "x"]}
