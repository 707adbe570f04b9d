"""Answers that were made to hang, crash, take over or swell whatever compares them: as completions and as gold."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from rewards.maths.errors import Unparseable
from rewards.maths.final import final_answer
from rewards.maths.parse import parse
from rewards.outcome import Outcome
from rewards.types import STATUSES
from tests.rewards.hostile_answers import GOLDS, LIMITS, NEIGHBOURS, inputs, tasks

ROOT = Path(__file__).parents[2]
FOR_EVER = 600  # seconds: no measurement, but the end of a test that hangs
MEMORY_MB = 500  # the inputs themselves, the interpreter and all of mpmath take a quarter of it

RIGHT = {"boxes in boxes", "white space", "line ends"}  # in truth: nothing but that stands around a 7


def test_there_are_many() -> None:
    assert len(inputs()) >= 80
    assert len(inputs()) == len(json.loads((ROOT / "tests/cases/hostile_answers.json").read_text()))


@cache
def run(mode: str, folder: str) -> dict[str, Any]:
    """Score everything in a process of its own, and look at what it left behind."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "error", "-m", "tests.rewards.hostile_answers", mode]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=FOR_EVER)
    assert done.returncode == 0, done.stderr
    assert os.listdir(folder) == []  # no code ran: all of it would write CANARY
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["main", "threads", "asyncio"])
def test_nothing_hangs_nothing_runs_and_neighbours_are_scored(
    mode: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    found = run(mode, str(tmp_path_factory.mktemp(mode)))
    assert found["memory_mb"] < MEMORY_MB
    results = found["results"]
    assert len(results) == len(tasks())
    for result in results:
        assert result["neighbour"], result
        assert result["status"] in STATUSES - {"error", "format"}, result
        if result["role"] == "completion":
            right = result["name"] in RIGHT and result["gold"] == "7"
            assert right or not result["value"], result
            assert result["value"] is not None, result  # there is no way round a score


QUICK = Outcome(**LIMITS)


@pytest.mark.slow
@pytest.mark.parametrize("name", inputs())
def test_a_hostile_completion_never_equals_seven(name: str) -> None:
    text = inputs()[name]
    completions = [rf"\boxed{{{text}}}", r"\boxed{7}"]
    scores = QUICK(completions, answer=["7", "7"])
    assert scores.values == [1.0 if name in RIGHT else 0.0, 1.0]
    assert scores.status[0] in ("ok", "unparseable_completion")


@pytest.mark.parametrize("name", inputs())
def test_hostile_text_is_parsed_or_refused_with_a_reason(name: str) -> None:
    text = inputs()[name]
    final = final_answer(text)
    for each in (text, final.answer if final else ""):
        try:
            parse(each)
        except Unparseable as error:
            assert 0 < len(error.reason) < 200


def test_the_neighbours_are_what_they_are_said_to_be() -> None:
    texts, golds, expected = map(list, zip(*NEIGHBOURS, strict=True))
    assert QUICK(texts, answer=golds).values == expected
    assert QUICK(["no answer"] * len(GOLDS), answer=GOLDS).values == [0.0] * len(GOLDS)
