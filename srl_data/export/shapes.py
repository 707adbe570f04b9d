"""A row of a step dataset → a row as a trainer wants it, and what of that row a reward reads.

Every shape has a fixed Arrow schema: types guessed from the first rows go wrong where a column is null for a while,
and the metadata of ``datasets`` are left out, because versions before 4 cannot read those of newer ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from rewards.adapters.openrlhf import decode_label, encode_label
from srl_data.schema import STEPS
from srl_data.segmenters.base import monologue_end

__all__ = ["DATA_SOURCE", "IDS", "SHAPES", "TURNS", "LeftOut", "Row", "Shape", "opening", "require_no_agent", "turns"]

Row = dict[str, Any]

IDS = ("id", "trajectory_id", "step_index")
"""What every row of a step carries, so that a log line leads back to the dataset."""

DATA_SOURCE = "srl"
"""What trainers that group their metrics by the source of a row call ours."""


class LeftOut(Exception):
    """A row has no place in a shape; the message says why, in words that are the same for every such row."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How rows look.

    Attributes:
        table: The table of the step dataset that they are made from.
        schema: The columns and types, given the columns that go along for the reward.
        write: Makes a row from one of the table, its position in the split, the split's name and those columns;
            raises :class:`LeftOut`.
        read: What a reward is given of a row, by the names of the step dataset; nothing if no reward reads it.
        needs: What the trainer reads, as ``path → kind`` (see :mod:`srl_data.insight.doctor`).
    """

    table: Literal["steps", "trajectories"]
    schema: Callable[[Sequence[str]], pa.Schema]
    write: Callable[[Row, int, str, Sequence[str]], Row]
    read: Callable[[Row], Row]
    needs: Mapping[str, str]


_TEXT = pa.string()
_MESSAGES = STEPS.field("prompt").type


def _fields(names: Sequence[str]) -> list[pa.Field]:
    return [STEPS.field(name) for name in dict.fromkeys(names)]


# TRL: a prompt and whatever columns the reward functions take. verifiers' tasks are made from the same rows.


def _flat_schema(prompt: str) -> Callable[[Sequence[str]], pa.Schema]:
    return lambda columns: pa.schema([(prompt, _MESSAGES), *_fields([*IDS, *columns])])


def _flat(prompt: str) -> Callable[[Row, int, str, Sequence[str]], Row]:
    def write(row: Row, at: int, split: str, columns: Sequence[str]) -> Row:
        return {prompt: row["prompt"], **{name: row[name] for name in (*IDS, *columns)}}

    return write


def _read_flat(prompt: str) -> Callable[[Row], Row]:
    return lambda row: {"prompt": row.get(prompt), **{name: row[name] for name in row if name != prompt}}


# verl: ground truth and everything else in two structs.


def _verl_schema(columns: Sequence[str]) -> pa.Schema:
    extra = [pa.field("index", pa.int64()), pa.field("split", _TEXT)]
    extra += _fields([*IDS, *(name for name in columns if name != "reference")])
    return pa.schema(
        [
            ("data_source", _TEXT),
            ("prompt", _MESSAGES),
            ("ability", _TEXT),
            ("reward_model", pa.struct([("style", _TEXT), ("ground_truth", _TEXT)])),
            ("extra_info", pa.struct(extra)),
        ]
    )


def _verl(row: Row, at: int, split: str, columns: Sequence[str]) -> Row:
    rest = {name: row[name] for name in (*IDS, *columns) if name != "reference"}
    return {
        "data_source": DATA_SOURCE,
        "prompt": row["prompt"],
        "ability": "next_step",
        "reward_model": {"style": "rule", "ground_truth": row["reference"]},
        "extra_info": {"index": at, "split": split, **rest},
    }


def _read_verl(row: Row) -> Row:
    truth, extra = row.get("reward_model"), row.get("extra_info")
    return {
        **(extra if isinstance(extra, Mapping) else {}),
        "prompt": row.get("prompt"),
        "reference": truth.get("ground_truth") if isinstance(truth, Mapping) else None,
    }


# OpenRLHF: one string reaches the reward, so it holds JSON.


def _openrlhf_schema(columns: Sequence[str]) -> pa.Schema:
    return pa.schema([("prompt", _MESSAGES), ("label", _TEXT), ("datasource", _TEXT), *_fields(IDS)])


def _openrlhf(row: Row, at: int, split: str, columns: Sequence[str]) -> Row:
    label = encode_label({name: row[name] for name in ("id", *columns)})
    ids = {name: row[name] for name in IDS}
    return {"prompt": row["prompt"], "label": label, "datasource": DATA_SOURCE, **ids}


def _read_openrlhf(row: Row) -> Row:
    return {"prompt": row.get("prompt"), **decode_label(row["label"])}


# SkyRL: an environment's name, and the expert's step, or all of a trajectory's: then a turn is a step.


def _skyrl_schema(columns: Sequence[str]) -> pa.Schema:
    return _skyrl_fields(_TEXT, [], columns)


def _skyrl_turns_schema(columns: Sequence[str]) -> pa.Schema:
    return _skyrl_fields(pa.list_(_TEXT), [("observations", pa.list_(_TEXT))], columns)


def _skyrl_fields(truth: pa.DataType, more: Sequence[tuple[str, pa.DataType]], columns: Sequence[str]) -> pa.Schema:
    spec = pa.struct([("method", _TEXT), ("ground_truth", truth)])
    rest = _fields([*IDS, *(name for name in columns if name != "reference")])
    head = [("data_source", _TEXT), ("prompt", _MESSAGES), ("env_class", _TEXT), ("reward_spec", spec)]
    return pa.schema([*head, *more, *rest])


def _skyrl(row: Row, at: int, split: str, columns: Sequence[str]) -> Row:
    return {
        "data_source": DATA_SOURCE,
        "prompt": row["prompt"],
        "env_class": DATA_SOURCE,
        "reward_spec": {"method": "rule", "ground_truth": row["reference"]},
        **{name: row[name] for name in (*IDS, *columns) if name != "reference"},
    }


_ANSWERED = "The expert's call was:\n\n{call}\n\nIt returned:\n\n{result}\n\nWrite the next call."


def turns(rows: Sequence[Row], split: str, columns: Sequence[str]) -> Row:
    """The rows of one trajectory's steps as one row of SkyRL, with a turn for each step."""
    references = [row["reference"] for row in rows]
    whole = _skyrl(rows[0], 0, split, columns)
    whole["reward_spec"] = {"method": "rule", "ground_truth": references}
    if any(turn["role"] == "assistant" for row in rows for turn in row["prompt"]):  # an agent: it was answered
        answered = [
            _ANSWERED.format(call=call, result=row["prompt"][-1]["content"])
            for call, row in zip(references, rows[1:], strict=False)
        ]
        return {**whole, "observations": answered}
    return {**whole, "observations": None}  # the environment has its own words for it


def _read_skyrl(row: Row) -> Row:
    spec = row.get("reward_spec")
    rest = {name: row[name] for name in row if name != "reward_spec"}
    return {**rest, "reference": spec.get("ground_truth") if isinstance(spec, Mapping) else None}


# Whole solutions: supervised fine-tuning, and process supervision.


def _sft_schema(columns: Sequence[str]) -> pa.Schema:
    return pa.schema([("messages", _MESSAGES), ("id", _TEXT)])


def _sft(row: Row, at: int, split: str, columns: Sequence[str]) -> Row:
    return {"messages": _conversation(row), "id": row["id"]}


def _conversation(row: Row) -> list[Row]:
    """A write-up as one answer, to the letter; an agent's run turn by turn, as it happened."""
    turns = [{"role": "user", "content": row["problem"]}]
    if not _is_agent(row):
        return [*turns, {"role": "assistant", "content": row["text"]}]
    said = row["preamble"].strip()
    for at, step in enumerate(row["steps"]):
        turns.append({"role": "assistant", "content": f"{said}\n\n{step['action']}" if said else step["action"]})
        said = ""
        if at + 1 < len(row["steps"]):
            turns.append({"role": "user", "content": step["observation"] or "(no output)"})
    return turns


def _prm_schema(columns: Sequence[str]) -> pa.Schema:
    return pa.schema(
        [("prompt", _TEXT), ("completions", pa.list_(_TEXT)), ("labels", pa.list_(pa.bool_())), ("id", _TEXT)]
    )


def _prm(row: Row, at: int, split: str, columns: Sequence[str]) -> Row:
    require_no_agent(row)
    steps = [step["action"] for step in row["steps"]]
    prompt = "\n\n".join(text for text in (row["problem"], opening(row)) if text)
    return {"prompt": prompt, "completions": steps, "labels": [True] * len(steps), "id": row["id"]}


def opening(row: Row) -> str:
    """What a write-up says before its first step, but for a monologue that was not meant to be seen."""
    begin, first = monologue_end(row["text"]), row["steps"][0]["start"]
    text: str = row["text"]
    return text[begin:first].strip() if begin <= first else ""


def require_no_agent(row: Row) -> None:
    """Raise :class:`LeftOut` for an agent's run."""
    if _is_agent(row):
        raise LeftOut("an agent's run: process supervision has no place for what the environment answered")


def _is_agent(row: Row) -> bool:
    return any(step["kind"] == "call" for step in row["steps"])


def _nothing(row: Row) -> Row:
    return {}


_FLAT = Shape("steps", _flat_schema("prompt"), _flat("prompt"), _read_flat("prompt"), {"prompt": "messages"})

_SKYRL = {"prompt": "messages", "env_class": "text", "reward_spec.ground_truth": "text or texts"}

TURNS = "skyrl-turns"
"""SkyRL's rows with a turn for each step."""

SHAPES: dict[str, Shape] = {
    "trl": _FLAT,
    "verl": Shape(
        "steps",
        _verl_schema,
        _verl,
        _read_verl,
        {
            "data_source": "text",
            "prompt": "messages",
            "reward_model.ground_truth": "text",
            "extra_info.index": "integer",
        },
    ),
    "openrlhf": Shape("steps", _openrlhf_schema, _openrlhf, _read_openrlhf, {"prompt": "messages", "label": "label"}),
    "skyrl": Shape("steps", _skyrl_schema, _skyrl, _read_skyrl, _SKYRL),
    TURNS: Shape("steps", _skyrl_turns_schema, _skyrl, _read_skyrl, _SKYRL),
    "swift": Shape(
        "steps", _flat_schema("messages"), _flat("messages"), _read_flat("messages"), {"messages": "messages"}
    ),
    "verifiers": _FLAT,
    "prm": Shape(
        "trajectories", _prm_schema, _prm, _nothing, {"prompt": "text", "completions": "texts", "labels": "labels"}
    ),
    "sft": Shape("trajectories", _sft_schema, _sft, _nothing, {"messages": "conversation"}),
}
