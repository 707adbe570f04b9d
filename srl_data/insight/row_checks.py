"""Does a row have what a trainer, and the reward behind it, will look for?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rewards.adapters.openrlhf import decode_label
from rewards.errors import ColumnError
from srl_data.export.shapes import Row, Shape

__all__ = ["faults"]


def faults(row: Row, shape: Shape) -> Iterator[tuple[str, str]]:
    """What a trainer, or the reward behind it, would not find where it looks."""
    for path, kind in shape.needs.items():
        value: Any = row
        for name in path.split("."):
            if not isinstance(value, Mapping) or name not in value:
                yield f"there is no {path}", f"`srl-data export` writes it; or rename your column ({_listed(row)})"
                break
            value = value[name]
        else:
            fault = _KINDS[kind](value)
            if fault:
                yield f"{path} {fault}", _MENDS.get(kind, "`srl-data export` writes rows that are sound")


def _listed(row: Row) -> str:
    return f"there are {', '.join(list(row)[:8])}" if row else "the row is empty"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        return f"is {_sort(value)}, not a text"
    return "" if value.strip() else "is an empty text"


def _messages(value: Any) -> str:
    if isinstance(value, str):
        return "is a text, not a list of messages: the chat template would not be applied"
    fault = _turns(value)
    return fault or ("ends with the assistant: nothing is left to write" if value[-1]["role"] == "assistant" else "")


def _conversation(value: Any) -> str:
    fault = _turns(value)
    return fault or ("" if value[-1]["role"] == "assistant" else "does not end with the assistant: nothing to learn")


def _turns(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return f"is {_sort(value)}, not a list of messages"
    for turn in value:
        if not isinstance(turn, Mapping) or not isinstance(turn.get("role"), str):
            return "has a message without a role"
        if not isinstance(turn.get("content"), (str, list)):
            return f"has a message whose content is {_sort(turn.get('content'))}"
    return ""


def _texts(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return f"is {_sort(value)}, not a list of texts"
    return next((f"has an entry that {fault}" for each in value if (fault := _text(each))), "")


def _label(value: Any) -> str:
    try:
        decode_label(value)
    except ColumnError:
        return "is not a JSON object of the reward's columns"
    return ""


def _labels(value: Any) -> str:
    sound = isinstance(value, list) and value and all(isinstance(each, bool) for each in value)
    return "" if sound else "is not a list of true and false"


def _integer(value: Any) -> str:
    return "" if isinstance(value, int) and not isinstance(value, bool) else f"is {_sort(value)}, not an integer"


def _sort(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return "an empty list" if value == [] else names.get(type(value), f"a {type(value).__name__}")


_KINDS: dict[str, Callable[[Any], str]] = {
    "messages": _messages,
    "conversation": _conversation,
    "text": _text,
    "texts": _texts,
    "text or texts": lambda value: _texts(value) if isinstance(value, list) else _text(value),
    "label": _label,
    "labels": _labels,
    "integer": _integer,
}
_MENDS = {
    "label": "`srl-data export --to openrlhf` writes it; your own with rewards.adapters.openrlhf.encode_label",
    "messages": 'as in [{"role": "user", "content": "…"}]; `srl-data export` writes it',
}
