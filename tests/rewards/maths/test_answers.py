"""The corpus of judged answers: pairs of a gold answer and a stated one, whether they are equal, and why.

A case may name conventions, which are options of the reward, and say that it holds in one order only (``oneway``):
where the two sides mean different things in a gold answer and in a stated one, or where only an answer can be read.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rewards.outcome import Outcome

FOLDER = Path(__file__).parents[2] / "cases/answers"
CASES: list[tuple[str, dict[str, Any]]] = [
    (path.stem, case) for path in sorted(FOLDER.glob("*.json")) for case in json.loads(path.read_text("utf-8"))
]
ORDERED = [
    pytest.param(gold, answer, case, id=f"{kind}: {gold} | {answer}")
    for kind, case in CASES
    for gold, answer in (
        [(case["gold"], case["answer"])]
        if case.get("oneway") or "rel_tol" in case.get("convention", {})  # which is relative to the gold answer
        else [(case["gold"], case["answer"]), (case["answer"], case["gold"])]
    )
]


def completion(answer: str) -> str:
    return f"I think about it.\n#### {answer}"


@pytest.mark.parametrize(("gold", "answer", "case"), ORDERED)
def test_the_verdict_is_the_judged_one(gold: str, answer: str, case: dict[str, Any]) -> None:
    explanation = Outcome(**case.get("convention", {})).explain(completion(answer), answer=gold)
    assert explanation.value == float(case["equal"]), (case["why"], explanation)


@pytest.mark.parametrize("kind", sorted({kind for kind, _ in CASES}))
def test_a_batch_gets_the_same_scores(kind: str) -> None:
    cases = [case for each, case in CASES if each == kind and "convention" not in case]
    scores = Outcome()([completion(case["answer"]) for case in cases], answer=[case["gold"] for case in cases])
    assert scores.values == [float(case["equal"]) for case in cases]


def test_the_corpus_is_as_large_as_it_says() -> None:
    assert len(CASES) >= 400
    assert sum(not case["equal"] for _, case in CASES) >= 150


def test_no_case_stands_twice_and_each_has_a_reason() -> None:
    keys = [(case["gold"], case["answer"], json.dumps(case.get("convention", {}))) for _, case in CASES]
    assert len(set(keys)) == len(keys)
    assert all(case["why"].strip() for _, case in CASES)
    assert all(case.keys() <= {"gold", "answer", "equal", "why", "convention", "oneway"} for _, case in CASES)
