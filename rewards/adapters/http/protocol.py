"""Bodies of requests → completions and columns; scores → bodies of answers. Whatever is no such body is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, Field

from rewards.adapters import openrlhf
from rewards.adapters.core import flat
from rewards.adapters.http.guard import Refused
from rewards.errors import ColumnError
from rewards.registry import did_you_mean
from rewards.types import Reward, Scores

__all__ = [
    "Failure",
    "RemoteAnswer",
    "RemoteRequest",
    "ScoreAnswer",
    "ScoreRequest",
    "batch",
    "parse",
    "remote_answer",
    "remote_batch",
]


class ScoreRequest(BaseModel):
    """Completions to score, and the columns that the reward reads."""

    completions: list[str | list[dict[str, Any]]] = Field(description="Texts, or lists of chat messages.")
    columns: dict[str, list[Any]] = Field(
        default_factory=dict,
        description="One entry per completion in each; see /rewards for what a reward reads.",
        examples=[{"reference": ["2x = 8"]}],
    )
    reward: str | None = Field(default=None, description="Which of the served rewards; the first one if not said.")


class ScoreAnswer(BaseModel):
    """Scores in the order of the completions; a score or part is null where there is none."""

    reward: str
    values: list[float | None]
    status: list[str]
    parts: dict[str, list[float | None]]


class RemoteRequest(BaseModel):
    """What OpenRLHF sends. A query is the prompt and the reply to it in one text."""

    query: list[str]
    prompts: list[str]
    labels: list[str] = Field(
        description="JSON objects of the columns, as rewards.adapters.openrlhf.encode_label gives."
    )


class RemoteAnswer(BaseModel):
    """What OpenRLHF reads. Every number is finite, and the keys of extra_logs are always the same."""

    rewards: list[float]
    scores: list[float]
    extra_logs: dict[str, list[float]]


class Failure(BaseModel):
    """Why a request was refused."""

    error: str


class Batch(NamedTuple):
    """What a reward is to score."""

    completions: Sequence[Any]
    columns: dict[str, Sequence[Any]]


def parse(body: bytes) -> dict[str, Any]:
    """The object that a body is in JSON. Lone surrogates are let through: models do write them.

    Raises:
        Refused: If it is not JSON, or another value.
    """
    try:
        found = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:  # of encoding and of syntax, and 5,000 digits; 5,000 brackets
        told = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]
        raise Refused(400, f"the body is not JSON: {told}") from None
    if not isinstance(found, dict):
        raise Refused(422, f"the body is a JSON {type(found).__name__}, and must be an object")
    return found


def batch(content: Mapping[str, Any], reward: Reward, most: int) -> Batch:
    """The completions of a :class:`ScoreRequest`, and the columns that the reward reads.

    Raises:
        Refused: If it is not one, or a column is missing.
    """
    _only(content, ScoreRequest)
    completions = _column(content, "completions", None, most)
    columns = content.get("columns", {})
    if not isinstance(columns, dict):
        raise Refused(422, "columns must be an object of lists, one entry per completion in each")
    for name in reward.columns:
        if name not in columns:
            there = ", ".join(sorted(columns)) or "none"
            raise Refused(
                422,
                f"the reward {reward.name!r} reads the column {name!r}; columns sent: {there}"
                f"{did_you_mean(name, columns)}",
            )
    return Batch(completions, {name: _column(columns, name, len(completions), most) for name in reward.columns})


def remote_batch(content: Mapping[str, Any], reward: Reward, most: int) -> Batch:
    """The completions of a :class:`RemoteRequest`, and the columns that the reward reads, from the labels.

    Raises:
        Refused: If it is not one, or a label lacks a column.
    """
    queries = _texts(content, "query", None, most)
    prompts = _texts(content, "prompts", len(queries), most)
    labels = _column(content, "labels", len(queries), most)
    try:
        rows = [
            {"prompt": prompt, **openrlhf.decode_label(label)} for prompt, label in zip(prompts, labels, strict=True)
        ]
        for name in reward.columns:
            for row in rows:
                if name not in row:
                    there = ", ".join(sorted(row))
                    raise ColumnError(f"the reward {reward.name!r} reads the column {name!r}; a label has {there}")
    except ColumnError as error:
        raise Refused(422, str(error)) from None
    # a query that does not contain its prompt has no reply that is known: None, which scores as no text
    completions = [openrlhf.completion_of(query, prompt) for query, prompt in zip(queries, prompts, strict=True)]
    return Batch(completions, {name: [row[name] for row in rows] for name in reward.columns})


def remote_answer(scores: Scores, unscorable: float) -> dict[str, Any]:
    """Scores as a :class:`RemoteAnswer`.

    Args:
        scores: The scores.
        unscorable: What stands for a score that is missing.
    """
    entries = [flat(scores, at, unscorable if value is None else value) for at, value in enumerate(scores.values)]
    logs = {name: [entry[name] for entry in entries] for name in (entries[0] if entries else ())}
    values = logs.pop("score", [])
    return {"rewards": values, "scores": values, "extra_logs": logs}


def _column(table: Mapping[str, Any], name: str, size: int | None, most: int) -> list[Any]:
    column = table.get(name)
    if not isinstance(column, list):
        told = "is missing" if name not in table else f"is a {type(column).__name__}"
        raise Refused(422, f"{name!r} {told}; it must be a list, [{name}] for a single one")
    if size is not None and len(column) != size:
        raise Refused(422, f"{name!r} has {len(column)} entries for {size} completions")
    if len(column) > most:
        raise Refused(413, f"{len(column)} completions, and there may be {most} in a request: send fewer at a time")
    return column


def _texts(table: Mapping[str, Any], name: str, size: int | None, most: int) -> list[str]:
    column = _column(table, name, size, most)
    if not all(isinstance(each, str) for each in column):
        raise Refused(422, f"{name!r} must be a list of strings")
    return column


def _only(content: Mapping[str, Any], model: type[BaseModel]) -> None:
    for name in content:
        if name not in model.model_fields:
            known = sorted(model.model_fields)
            raise Refused(
                422, f"unknown key {name[:100]!r}; there are {', '.join(known)}{did_you_mean(name[:100], known)}"
            )


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")
