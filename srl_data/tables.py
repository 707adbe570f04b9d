"""Trajectories → the two Arrow tables, whole columns at a time.

What the rows of ``steps`` hold is said by :func:`srl_data.examples.step_examples`, one row after the other. For
write-ups this module computes the same columns by taking and repeating those of the trajectories, which costs a
fraction; a test holds the two to each other. An agent's rows, few and long, are made one by one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from srl_data.examples import ExampleOptions, contexts, step_examples
from srl_data.prompts import NOTHING_YET, next_step_request, request_opening, system_prompt
from srl_data.schema import STEPS, TRAJECTORIES, hf_schema
from srl_data.types import StepExample, Trajectory

__all__ = ["step_table", "trajectory_table"]

Integers = npt.NDArray[np.int64]
_MOST_BYTES = 2**31 - 1  # what 32-bit offsets reach


_as_json = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode  # json.dumps would make one for each row


def trajectory_table(rows: Sequence[Trajectory]) -> pa.Table:
    """The table ``trajectories``, one row each."""
    steps = [step for row in rows for step in row.segmentation.steps]
    starts, ends, actions, titles, observations, kinds = zip(*steps, strict=True) if steps else [()] * 6
    struct = pa.StructArray.from_arrays(
        [
            _integers(starts),
            _integers(ends),
            _strings(titles),
            _strings(actions),
            _strings(observations),
            _strings(kinds),
        ],
        ["start", "end", "title", "action", "observation", "kind"],
    )
    solutions = [row.solution for row in rows]
    columns = [
        _strings([solution.id for solution in solutions]),
        _strings([solution.problem for solution in solutions]),
        _strings([solution.text for solution in solutions]),
        _strings([row.solution.text[: row.segmentation.steps[0].start] for row in rows]),
        pa.ListArray.from_arrays(_offsets([len(row.segmentation.steps) for row in rows]), struct),
        _strings([row.answer for row in rows]),
        _strings([row.segmentation.segmenter for row in rows]),
        _strings([solution.source for solution in solutions]),
        _strings([_meta(row) for row in rows]),
    ]
    return pa.Table.from_arrays(columns, schema=hf_schema(TRAJECTORIES))


def step_table(rows: Sequence[Trajectory], options: ExampleOptions, table: pa.Table | None = None) -> pa.Table:
    """The table ``steps``: the step examples of all trajectories, in order.

    Args:
        rows: The trajectories.
        options: How rows are made from them.
        table: Their :func:`trajectory_table`, where it is at hand.
    """
    table = trajectory_table(rows) if table is None else table
    columns = {name: _only_chunk(table[name]) for name in ("id", "problem", "steps", "answer", "source")}
    if "call" in columns["steps"].values.field("kind").unique().to_pylist():
        return _from_examples([example for row in rows for example in step_examples(row, options)])
    lengths = np.array([len(row.segmentation.steps) for row in rows], dtype=np.int64)
    counts = lengths if options.include_last else np.maximum(lengths - 1, 0)
    trajectory = np.repeat(np.arange(len(rows)), counts)  # of each row
    index = _ranges(counts)  # of each row's step within its trajectory
    first = np.repeat(np.cumsum(lengths) - lengths, counts)  # of each row's trajectory's steps among all steps
    actions, titles = columns["steps"].values.field("action"), columns["steps"].values.field("title")

    def of_trajectory(name: str) -> pa.Array:
        return columns[name].take(_indices(trajectory))

    ids = of_trajectory("id")
    return pa.Table.from_arrays(
        [
            pc.binary_join_element_wise(ids, _indices(index).cast(pa.string()), _strings(["#"])[0]),
            ids,
            _integers(index),
            _integers(lengths[trajectory]),
            _prompts(_requests(rows, counts.tolist(), options), options),
            actions.take(_indices(first + index)),
            titles.take(_indices(first + index)),
            of_trajectory("problem"),
            pa.ListArray.from_arrays(_offsets(index), actions.take(_indices(np.repeat(first, index) + _ranges(index)))),
            of_trajectory("answer"),
            of_trajectory("source"),
        ],
        schema=hf_schema(STEPS),
    )


def _requests(rows: Sequence[Trajectory], counts: list[int], options: ExampleOptions) -> list[str]:
    """The user message of each row of ``steps``."""
    requests: list[str] = []
    for row, count in zip(rows, counts, strict=True):
        so_far = contexts(row)[:count]
        if options.give_title:
            problem = row.solution.problem
            titles = [step.title for step in row.segmentation.steps]
            requests += [next_step_request(problem, text, title) for text, title in zip(so_far, titles, strict=False)]
        else:
            opening = request_opening(row.solution.problem)
            requests += [opening + (text or NOTHING_YET) for text in so_far]
    return requests


def _prompts(requests: list[str], options: ExampleOptions) -> pa.Array:
    """Each request with the system prompt before it, if there is one, as a list of messages."""
    system = system_prompt(options.tags) if options.system is None else options.system
    turns = 2 if system else 1
    contents = [system] * (turns * len(requests))
    contents[turns - 1 :: turns] = requests
    roles = _strings(["system", "user"][-turns:]).take(_indices(np.tile(np.arange(turns), len(requests))))
    messages = pa.StructArray.from_arrays([roles, _strings(contents)], ["role", "content"])
    return pa.ListArray.from_arrays(_offsets(np.full(len(requests), turns)), messages)


def _from_examples(rows: Sequence[StepExample]) -> pa.Table:
    messages = [message for row in rows for message in row.prompt]
    prompt = pa.StructArray.from_arrays(
        [_strings([message["role"] for message in messages]), _strings([message["content"] for message in messages])],
        ["role", "content"],
    )
    columns = [
        _strings([row.id for row in rows]),
        _strings([row.trajectory_id for row in rows]),
        _integers([row.step_index for row in rows]),
        _integers([row.num_steps for row in rows]),
        pa.ListArray.from_arrays(_offsets([len(row.prompt) for row in rows]), prompt),
        _strings([row.reference for row in rows]),
        _strings([row.title for row in rows]),
        _strings([row.problem for row in rows]),
        pa.ListArray.from_arrays(
            _offsets([len(row.history) for row in rows]), _strings([text for row in rows for text in row.history])
        ),
        _strings([row.answer for row in rows]),
        _strings([row.source for row in rows]),
    ]
    return pa.Table.from_arrays(columns, schema=hf_schema(STEPS))


def _only_chunk(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


# What follows makes arrays from buffers: `pa.array` would import pandas, to ask whether it was given one of its
# columns, and each worker would pay for that.


def _strings(values: Sequence[str | None]) -> pa.Array:
    try:
        return _whole_strings(cast("Sequence[str]", values), None)
    except TypeError:  # there is a None, which is rare; joining tells sooner than looking for it
        present = np.fromiter((value is not None for value in values), np.bool_, len(values))
        return _whole_strings([value or "" for value in values], pa.py_buffer(np.packbits(present, bitorder="little")))


def _whole_strings(values: Sequence[str], present: pa.Buffer | None) -> pa.Array:
    data = "".join(values)
    if data.isascii():
        encoded, lengths = data.encode(), map(len, values)
    else:
        pieces = list(map(str.encode, values))
        encoded, lengths = b"".join(pieces), map(len, pieces)
    if len(encoded) > _MOST_BYTES:
        raise OverflowError(f"{len(encoded)} bytes of text in one column of one batch")
    ends = np.zeros(len(values) + 1, dtype=np.int32)
    np.cumsum(np.fromiter(lengths, np.int32, len(values)), out=ends[1:])
    return pa.StringArray.from_buffers(len(values), pa.py_buffer(ends), pa.py_buffer(encoded), present, -1)


def _integers(values: Sequence[int] | npt.NDArray[np.signedinteger[Any]]) -> pa.Array:
    return pa.Array.from_buffers(pa.int32(), len(values), [None, pa.py_buffer(np.array(values, dtype=np.int32))])


def _indices(values: Integers) -> pa.Array:
    return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(values.astype(np.int64, copy=False))])


def _offsets(lengths: Sequence[int] | Integers) -> pa.Array:
    ends = np.zeros(len(lengths) + 1, dtype=np.int32)
    np.cumsum(lengths, out=ends[1:])
    return _integers(ends)


def _ranges(lengths: Integers) -> Integers:
    """``0 … n−1`` for each length n, one after the other."""
    ends = np.cumsum(lengths)
    ranges: Integers = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - lengths, lengths)
    return ranges


def _meta(row: Trajectory) -> str:
    meta, confidence = row.solution.meta, row.segmentation.confidence
    if confidence is not None:
        meta = {**meta, "auto_confidence": round(confidence, 3)}
    return _as_json(meta) if meta else "{}"
