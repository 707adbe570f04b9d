"""Whole columns at a time give what the rows one by one give."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from srl_data.errors import Rejected
from srl_data.examples import ExampleOptions, step_examples
from srl_data.schema import STEPS, TRAJECTORIES, hf_schema
from srl_data.segmenters.lines import Lines
from srl_data.segmenters.numbered import Numbered
from srl_data.tables import step_table, trajectory_table
from srl_data.types import Segmentation, Solution, Step, Trajectory
from tests.strategies import characters, texts

SPACE = st.text(" \t\n\r\u00a0\u2003", max_size=3)
BODY = st.text(characters, min_size=1, max_size=12).filter(lambda text: not text.isspace())
NAME = st.none() | st.text(characters, max_size=5)


@st.composite
def trajectories(draw: st.DrawFn) -> Trajectory:
    """A write-up cut anywhere, white space between its steps; some actions are not what was written."""
    text = draw(texts) + draw(SPACE)
    steps = []
    for body in draw(st.lists(BODY, min_size=1, max_size=5)):
        start = len(text)
        text += body
        action = draw(st.just(body) | BODY)
        steps.append(Step(start, len(text), action, draw(NAME), kind=draw(st.sampled_from([None, "derive"]))))
        text += draw(SPACE)
    meta = draw(st.dictionaries(st.text(characters, max_size=3), st.none() | st.integers() | st.booleans(), max_size=2))
    problem, answer, source = draw(texts), draw(NAME), draw(st.text(characters, max_size=5))
    solution = Solution(draw(st.text(characters, max_size=4)), problem, text, answer, source, meta)
    confidence = draw(st.none() | st.floats(0, 1))
    return Trajectory(solution, Segmentation(tuple(steps), "made up", draw(NAME), confidence))


def _agent(*calls: str) -> Trajectory:
    """An agent's run: the last call is not answered."""
    text = "\n".join(calls)
    steps = []
    for call in calls:
        start = text.index(call)
        observation = f"output of {call}" if call != calls[-1] else None
        steps.append(Step(start, start + len(call), call, observation=observation, kind="call"))
    return Trajectory(Solution("run", "Mend it.", text), Segmentation(tuple(steps), "agent"))


OPTIONS = st.builds(
    ExampleOptions,
    include_last=st.booleans(),
    give_title=st.booleans(),
    tags=st.sampled_from(["think", "think+solution"]),
    system=st.sampled_from([None, "", "Go on. 𝔸"]),
)


def _rows(found: list[Trajectory], options: ExampleOptions) -> list[dict[str, Any]]:
    return [asdict(row) for trajectory in found for row in step_examples(trajectory, options)]


@given(st.lists(trajectories(), max_size=4), OPTIONS)
def test_the_table_is_the_step_examples(found: list[Trajectory], options: ExampleOptions) -> None:
    table = step_table(found, options)
    assert table.to_pylist() == _rows(found, options)
    assert table.schema.equals(hf_schema(STEPS), check_metadata=True)
    assert step_table(found, options, trajectory_table(found)).equals(table)


@given(st.lists(texts, max_size=4), st.sampled_from([Lines(), Lines(strip_calc=True), Numbered()]), OPTIONS)
def test_the_same_of_segmented_texts(found: list[str], segmenter: Lines | Numbered, options: ExampleOptions) -> None:
    segmented = []
    for text in found:
        solution = Solution("a", "?", text)
        try:
            segmented.append(Trajectory(solution, segmenter.segment(solution)))
        except Rejected:
            continue
    assert step_table(segmented, options).to_pylist() == _rows(segmented, options)


@pytest.mark.parametrize("window", [0, 1, 2])
@pytest.mark.parametrize("options", [ExampleOptions(), ExampleOptions(include_last=True, system="")])
def test_agents_keep_their_window(options: ExampleOptions, window: int) -> None:
    options = replace(options, window=window)
    found = [_agent("ls", "cat a", "rm b", "done"), _agent("only")]
    table = step_table(found, options)
    assert table.to_pylist() == _rows(found, options)
    assert table.schema.equals(hf_schema(STEPS), check_metadata=True)


def test_agents_and_write_ups_in_one_table() -> None:
    write_up = Trajectory(
        Solution("w", "1+1?", "1+1\n=2"), Segmentation((Step(0, 3, "1+1"), Step(4, 6, "=2")), "lines")
    )
    found = [write_up, _agent("ls", "done"), write_up]
    assert step_table(found, ExampleOptions()).to_pylist() == _rows(found, ExampleOptions())


def test_actions_that_were_stripped_stand_in_the_context_and_the_history() -> None:
    solution = Solution("g", "1+1, doubled?", "1+1=<<1+1=2>>2\n2*2=<<2*2=4>>4\n#### 4")
    trajectory = Trajectory(solution, Lines(strip_calc=True).segment(solution))
    last = step_table([trajectory], ExampleOptions(include_last=True)).to_pylist()[-1]
    assert last["prompt"][-1]["content"] == "### Problem\n1+1, doubled?\n\n### Solution so far\n1+1=2"
    assert (last["history"], last["reference"]) == (["1+1=2"], "2*2=4")


@pytest.mark.parametrize("found", [[], [Trajectory(Solution("a", "?", "x"), Segmentation((Step(0, 1, "x"),), "one"))]])
def test_no_rows_are_a_table_all_the_same(found: list[Trajectory]) -> None:
    """One step alone makes no row: there is nothing behind it."""
    table = step_table(found, ExampleOptions())
    assert table.num_rows == 0
    assert table.schema.equals(hf_schema(STEPS), check_metadata=True)
    assert trajectory_table(found).num_rows == len(found)


@given(st.lists(trajectories(), max_size=3))
def test_a_trajectory_s_row_is_the_trajectory(found: list[Trajectory]) -> None:
    table = trajectory_table(found)
    assert table.schema.equals(hf_schema(TRAJECTORIES), check_metadata=True)
    for row, trajectory in zip(table.to_pylist(), found, strict=True):
        solution, segmentation = trajectory.solution, trajectory.segmentation
        assert (row["id"], row["problem"], row["text"]) == (solution.id, solution.problem, solution.text)
        assert row["preamble"] == segmentation.preamble(solution.text)
        assert [Step(**step) for step in row["steps"]] == list(segmentation.steps)
        assert (row["answer"], row["segmenter"], row["source"]) == (trajectory.answer, "made up", solution.source)


@pytest.mark.parametrize(
    ("meta", "confidence", "expected"),
    [
        ({}, None, "{}"),
        ({"b": 1, "a": "é"}, None, '{"a": "é", "b": 1}'),
        ({"b": 1}, 0.98765, '{"auto_confidence": 0.988, "b": 1}'),
    ],
)
def test_meta_is_sorted_json(meta: dict[str, Any], confidence: float | None, expected: str) -> None:
    solution = Solution("a", "?", "x", meta=meta)
    table = trajectory_table([Trajectory(solution, Segmentation((Step(0, 1, "x"),), "one", confidence=confidence))])
    assert table["meta"] == pa.chunked_array([[expected]])
