"""A record and a layout → a :class:`~srl_data.types.Solution`."""

from __future__ import annotations

import json
import math
from collections.abc import Container, Mapping
from typing import Any

from srl_data.errors import Rejected
from srl_data.sources.fields import MISSING, content, find, listed, require_sound, sort_of, speaker, text_of
from srl_data.sources.layout import CHAT_COLUMNS, TRAJECTORY_COLUMNS, Layout, dialect_of
from srl_data.types import Solution

__all__ = ["to_solution"]

_MOST = 2_000  # characters of JSON that one value may have to be kept in `meta`
_MOST_IN_ALL = 16_000
_MOST_DROPPED = 50  # names listed under `dropped_columns`
_MOST_BRACKETS = 200  # deeper nesting breaks those who read `meta` later
_TURNS = frozenset(TRAJECTORY_COLUMNS)


def to_solution(
    record: Mapping[str, Any], layout: Layout, where: str, fallback_id: str, segmenter: str | None = None
) -> Solution:
    r"""Read a record as a solution.

    Agents' trajectories and chats are recognised record by record where a record does not have the layout's
    columns (and the user did not name them), so that mixed files work.

    The columns that are not used become ``meta``, as strict JSON: a number that JSON does not have becomes a
    string (``"NaN"``), half a surrogate pair a replacement character. Values of more than 2,000 characters of
    JSON, and what goes over 16,000 in all, are dropped and named under ``dropped_columns``.

    Args:
        record: One record.
        layout: Where it keeps what.
        where: Its place, ``train.jsonl:17``.
        fallback_id: The id, if the record has none.
        segmenter: The segmenter that is to come: some layouts have a text of its own for ``thinking``.

    Raises:
        Rejected: ``missing_column``, ``wrong_type``, ``empty_problem``, ``empty_text``, ``lone_surrogate``;
            ``no_assistant_message`` or ``no_user_message`` for a chat; the reasons of ``sources.agents``.

    Example:
        >>> layout = Layout("question", "answer", name="gsm8k", marker="####")
        >>> solution = to_solution({"question": "1 + 1?", "answer": "1 + 1 = 2\n#### 2"}, layout, "a.jsonl:1", "a-1")
        >>> solution.id, solution.answer
        ('a-1', '2')
    """
    if layout.name != "custom" and not _TURNS.isdisjoint(record) and not _has_columns(record, layout):
        if dialect := dialect_of(record):
            return _transcript(record, dialect, layout, where, fallback_id)
        for column in CHAT_COLUMNS:
            if isinstance(record.get(column), list):
                return _chat(record, column, layout, where, fallback_id)
    if layout.is_agent:
        raise Rejected("no_trajectory", f"this is no agent trajectory of a known dialect; columns: {listed(record)}")
    if layout.name == "messages":
        raise _missing(record, layout.text, "text")

    problem = _column(record, layout.problem, "problem", "user")
    if layout.context and (context := record.get(layout.context)):
        problem = f"{problem}\n\n{text_of(context, layout.context, 'user')}"
    column = layout.thinking if segmenter == "thinking" and layout.thinking else layout.text
    text = _column(record, column, "text", "assistant")
    answer = _answer(record, layout)
    if answer is None and layout.marker:
        last = text.rstrip().rpartition("\n")[2]
        answer = last.removeprefix(layout.marker).strip() or None if last.startswith(layout.marker) else None
    used = (layout.problem, column, layout.answer, layout.id, layout.context)
    return Solution(_id(record, layout, fallback_id), problem, text, answer, where, _meta(record, used))


def _has_columns(record: Mapping[str, Any], layout: Layout) -> bool:
    if layout.is_agent or layout.name == "messages":
        return False
    return find(record, layout.problem) is not MISSING and find(record, layout.text) is not MISSING


def _transcript(record: Mapping[str, Any], dialect: str, layout: Layout, where: str, fallback_id: str) -> Solution:
    from srl_data.sources import agents

    transcript = agents.transcript(record, dialect)
    problem, text = transcript.problem, transcript.text
    require_sound(problem, "the problem")
    require_sound(text, "the transcript")
    _require_words(problem, text, "the task", "the transcript")
    used = (*TRAJECTORY_COLUMNS, layout.answer, layout.id)
    meta = _meta(record, used)
    meta["dialect"] = dialect
    return Solution(
        _id(record, layout, fallback_id), problem, text, _answer(record, layout), where, meta, tuple(transcript.events)
    )


def _chat(record: Mapping[str, Any], column: str, layout: Layout, where: str, fallback_id: str) -> Solution:
    """The last assistant message and the user message that it answers."""
    turns = [turn for turn in record[column] if isinstance(turn, Mapping)]
    last = next((i for i in range(len(turns) - 1, -1, -1) if speaker(turns[i]) == "assistant"), None)
    if last is None:
        raise Rejected("no_assistant_message", f"none of the {len(turns)} messages in {column} is an assistant's")
    asked = next((i for i in range(last - 1, -1, -1) if speaker(turns[i]) == "user"), None)
    if asked is None:
        raise Rejected("no_user_message", f"no user speaks in {column} before the last assistant message")
    earlier = sum(speaker(turn) == "assistant" for turn in turns[:asked])
    if earlier:
        raise Rejected("multi_turn", f"{earlier} assistant messages stand before the last question in {column}")
    said = []
    for index in (asked, last):
        message = content(turns[index])
        if message is None:
            raise Rejected("wrong_type", f"{column}.{index} has no text content")
        require_sound(message, f"{column}.{index}")
        said.append(message)
    problem, text = said
    _require_words(problem, text, f"{column}.{asked}", f"{column}.{last}")
    meta = _meta(record, (column, layout.answer, layout.id))
    return Solution(_id(record, layout, fallback_id), problem, text, _answer(record, layout), where, meta)


def _column(record: Mapping[str, Any], path: str, kind: str, role: str) -> str:
    value = record.get(path)
    if type(value) is not str:
        value = find(record, path)
        if value is MISSING:
            raise _missing(record, path, kind)
        if kind == "problem" and isinstance(value, list) and len(value) > 1 and isinstance(value[0], str):
            raise Rejected("wrong_type", f"column {path} is a list of {len(value)} texts: is this JSON by columns?")
        if value is None or value == []:
            raise Rejected(f"empty_{kind}", f"column {path} is {'null' if value is None else 'an empty list'}")
        value = text_of(value, path, role)
    else:
        require_sound(value, f"column {path}")
    if not value or value.isspace():
        raise Rejected(f"empty_{kind}", f"column {path} has nothing but white space in it")
    text: str = value
    return text


def _missing(record: Mapping[str, Any], path: str, kind: str) -> Rejected:
    return Rejected(
        "missing_column", f"no column {path}; there are {listed(record)}. Name the right one: --map {kind}=COLUMN"
    )


def _require_words(problem: str, text: str, problem_place: str, text_place: str) -> None:
    if not problem.strip():
        raise Rejected("empty_problem", f"{problem_place} has nothing but white space in it")
    if not text.strip():
        raise Rejected("empty_text", f"{text_place} has nothing but white space in it")


def _answer(record: Mapping[str, Any], layout: Layout) -> str | None:
    """The gold answer: a string; a number or boolean as JSON writes it; the one element of a list."""
    if layout.answer is None:
        return None
    value = find(record, layout.answer)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is MISSING or value is None:
        return None
    if not isinstance(value, str):
        if not isinstance(value, (int, float)):
            raise Rejected(
                "wrong_type",
                f"column {layout.answer} is {sort_of(value)}, not one answer; --map answer=… takes a path, too",
            )
        value = json.dumps(value)
    require_sound(value, f"column {layout.answer}")
    return value.strip() or None


def _id(record: Mapping[str, Any], layout: Layout, fallback: str) -> str:
    if layout.id is None:
        return fallback
    value = find(record, layout.id)
    if value is MISSING or value is None or value == "":
        return fallback
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise Rejected("wrong_type", f"column {layout.id} is {sort_of(value)}, not an id")
    name = str(value)
    require_sound(name, f"column {layout.id}")
    return name


def _meta(record: Mapping[str, Any], used: Container[str | None]) -> dict[str, Any]:
    meta: dict[str, Any] = {}
    dropped: list[str] = []
    room = _MOST_IN_ALL
    for name, value in record.items():
        if name in used:
            continue
        kept, size = _kept(value)
        size += len(name)
        if size > _MOST or size > room:
            dropped.append(name)
            continue
        room -= size
        meta[name if name.isascii() else _whole(name)] = kept
    if dropped:
        names = [_whole(name[:100]) for name in dropped[:_MOST_DROPPED]]
        meta["dropped_columns"] = [*names, f"… {len(dropped)} in all"] if len(dropped) > _MOST_DROPPED else names
    return meta


def _kept(value: Any) -> tuple[Any, int]:
    """A value as strict JSON, and about how long that is."""
    kind = type(value)
    if kind is str:
        return value if value.isascii() or len(value) > _MOST else _whole(value), len(value)
    if value is None or kind is bool:
        return value, 4
    if kind is float and math.isfinite(value):
        return value, 8
    if kind is int and value.bit_length() < 64:
        return value, 8
    try:
        written = json.dumps(value, ensure_ascii=False, allow_nan=False, default=str)
    except (ValueError, TypeError, RecursionError):  # a number that JSON does not have, a key that is no string
        try:
            value = _strict(value)
            written = json.dumps(value, ensure_ascii=False)
        except (ValueError, TypeError, RecursionError):
            return None, _MOST + 1
    if len(written) > _MOST or written.count("[") + written.count("{") > _MOST_BRACKETS:
        return None, _MOST + 1
    return json.loads(_whole(written)), len(written)


def _strict(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(item) for item in value]
    if value is None or isinstance(value, (str, int, float)):
        return value
    return str(value)


def _whole(text: str) -> str:
    """The text with a replacement character for each half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)
    return text
