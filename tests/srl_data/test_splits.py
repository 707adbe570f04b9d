"""Duplicates, clashing ids and the holdout, against slow and obvious oracles."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from srl_data.splits import Resolution, key, normalise_problem, parse_holdout, record_keys, resolve

Record = tuple[str, str, str]  # id, problem, text


def _resolve(records: list[Record], **options: float) -> Resolution:
    keys = np.array([record_keys(*record, splitting=True) for record in records], np.uint64)
    keys = keys.reshape(len(records), 9)
    return resolve(keys, lambda index: records[index][1], **options)  # type: ignore[arg-type]


_record = st.tuples(st.sampled_from("ab"), st.sampled_from(["p?", "q?", "P ?"]), st.sampled_from(["s", "t"]))


@given(st.lists(_record, max_size=12))
def test_the_first_of_equal_records_is_kept(records: list[Record]) -> None:
    found = _resolve(records).duplicate_of.tolist()
    for index, record in enumerate(records):
        earlier = [at for at in range(index) if records[at][1:] == record[1:]]
        assert found[index] == (earlier[0] if earlier else -1)


@given(st.lists(_record, max_size=12))
def test_ids_become_unique(records: list[Record]) -> None:
    resolution = _resolve(records)
    names = [
        f"{record[0]}-{number}" if number else record[0]
        for record, number, duplicate in zip(
            records, resolution.suffix.tolist(), resolution.duplicate_of.tolist(), strict=True
        )
        if duplicate < 0
    ]
    assert len(set(names)) == len(names)


def test_duplicates_can_be_kept() -> None:
    assert _resolve([("a", "p", "s")] * 2, keep_duplicates=True).duplicate_of.tolist() == [-1, -1]  # type: ignore[arg-type]


@pytest.mark.parametrize(("count", "holdout", "expected"), [(100, 7, 7), (100, 0.05, 5), (3, 10, 3), (0, 5, 0)])
def test_holds_out_as_many_as_asked(count: int, holdout: float, expected: int) -> None:
    records = [(str(at), f"What is {at} squared?", "s") for at in range(count)]
    assert int(_resolve(records, holdout=holdout).held_out.sum()) == expected


def test_the_holdout_depends_on_the_problems_and_not_on_their_order() -> None:
    records = [(str(at), f"What is {at} squared?", "s") for at in range(200)]
    shuffled = random.Random(0).sample(records, len(records))
    held = [
        {record[1] for record, out in zip(order, _resolve(order, holdout=20).held_out.tolist(), strict=True) if out}
        for order in (records, shuffled)
    ]
    assert held[0] == held[1]


@pytest.mark.parametrize("seed", range(5))
def test_no_problem_and_no_near_duplicate_straddles(seed: int) -> None:
    rng = random.Random(seed)
    problems = []
    for at in range(150):
        words = [f"w{rng.randrange(40)}" for _ in range(20)]
        base = f"A shop has {at} things and sells {at % 7}: " + " ".join(word.replace("w", "v") for word in words)
        problems.append(base)
        if rng.random() < 0.4:
            problems.append(base.upper() + " !")  # equal but for case and punctuation
        if rng.random() < 0.4:
            problems.append(base.replace("A shop has", "One shop has"))  # near: one word of many
    records = [(str(at), problem, str(at)) for at, problem in enumerate(problems)]
    held = _resolve(records, holdout=30).held_out.tolist()
    home: dict[str, set[bool]] = {}
    for record, out in zip(records, held, strict=True):
        home.setdefault(normalise_problem(record[1]).replace("one shop", "a shop"), set()).add(out)
    assert all(len(splits) == 1 for splits in home.values())
    assert 30 - 6 < sum(held) <= 30, "whole clusters, so at most a cluster short"


def test_another_number_makes_another_problem() -> None:
    text = "Tom has {} apples and gives half of them to Ann. How many apples does Tom have left in the end?"
    records = [(str(at), text.format(at), "s") for at in range(50)]
    assert int(_resolve(records, holdout=5).held_out.sum()) == 5


def test_a_cluster_larger_than_the_holdout_stays_in_training() -> None:
    records = [(str(at), "The same problem?", str(at)) for at in range(10)]
    assert not _resolve(records, holdout=5).held_out.any()


def test_a_crowd_of_boilerplate_is_no_cluster() -> None:
    boiler = "Solve the following problem with care and write the answer on the last line. "
    rng = random.Random(0)
    records = [
        (str(at), boiler + " ".join("".join(rng.choices("abcdefgh", k=6)) for _ in range(20)), "s") for at in range(300)
    ]
    assert int(_resolve(records, holdout=10).held_out.sum()) == 10


def test_keys_are_the_same_everywhere() -> None:
    assert (key("a"), key("a", "b")) == (0xE6C632B61E964E1F, 0x682E47A7D38D0378)
    assert key("a", "b") != key("ab")
    assert len(Counter(key(str(at)) for at in range(1000))) == 1000


@pytest.mark.parametrize(("text", "value"), [("60", 60), ("0", 0), ("0.05", 0.05)])
def test_reads_a_holdout(text: str, value: float) -> None:
    assert parse_holdout(text) == value
    assert isinstance(parse_holdout(text), type(value))


@pytest.mark.parametrize("text", ["-1", "1.5", "1.0", "many", "nan", ""])
def test_refuses_a_holdout(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        parse_holdout(text)
