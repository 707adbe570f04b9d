"""Columns of a record: finding one by its path, and reading it as the text that it should be."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from srl_data.errors import Rejected

__all__ = ["MISSING", "find", "listed", "require_sound", "sort_of", "spoken", "text_of"]

MISSING: Final = object()


def find(record: Mapping[str, Any], path: str) -> Any:
    """What stands at a path, or ``MISSING``.

    A column whose very name is the path comes first; otherwise dots lead into objects and numbers into lists.

    Example:
        >>> find({"a": {"b": ["x", "y"]}, "c.d": 1}, "a.b.1"), find({"c.d": 1}, "c.d")
        ('y', 1)
    """
    value = record.get(path, MISSING)
    if value is not MISSING or "." not in path:
        return value
    value = record
    for part in _parts(path):
        if isinstance(value, Mapping):
            value = value.get(part, MISSING)
        elif isinstance(value, list) and part.isdecimal() and len(part) < 10 and int(part) < len(value):
            value = value[int(part)]
        else:
            return MISSING
    return value


def text_of(value: Any, path: str, role: str) -> str:
    """A value as text: a string; strings joined by newlines; what ``role`` says last in a chat.

    Args:
        value: What stands at ``path``.
        path: For the message.
        role: The chat role, ``user`` or ``assistant``, whose words are wanted.

    Raises:
        Rejected: ``wrong_type`` if it is anything else, ``lone_surrogate`` if it is not valid Unicode.
    """
    if not isinstance(value, str):
        if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
            value = "\n".join(value)
        elif (said := spoken(value, role)) is not None:
            value = said
        else:
            raise Rejected("wrong_type", f"column {path} is {sort_of(value)}, not a string")
    require_sound(value, path)
    text: str = value
    return text


def spoken(turns: Any, role: str) -> str | None:
    """What ``role`` says last in a list of chat messages (OpenAI's or ShareGPT's keys); None if nothing."""
    if not isinstance(turns, list):
        return None
    for turn in reversed(turns):
        if isinstance(turn, Mapping) and speaker(turn) == role:
            return content(turn)
    return None


_SPEAKERS = {"human": "user", "gpt": "assistant", "model": "assistant", "bot": "assistant", "chatgpt": "assistant"}


def speaker(turn: Mapping[str, Any]) -> str:
    """Who speaks, in OpenAI's words; empty if that is not said."""
    role = turn.get("role", turn.get("from"))
    return _SPEAKERS.get(role, role) if isinstance(role, str) else ""


def content(turn: Mapping[str, Any]) -> str | None:
    """The text of a message; its text parts, where it has parts, joined by newlines."""
    said = turn.get("content", turn.get("value"))
    if isinstance(said, list):
        parts = [part.get("text") for part in said if isinstance(part, Mapping) and part.get("type") == "text"]
        said = "\n".join(part for part in parts if isinstance(part, str)) if parts else None
    return said if isinstance(said, str) else None


def require_sound(text: str, path: str) -> None:
    """Raise :class:`Rejected` (``lone_surrogate``) unless ``text`` can be written as UTF-8."""
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as error:
        half = ascii(text[error.start])
        raise Rejected("lone_surrogate", f"{path} has half a surrogate pair, {half}, at {error.start}") from error


def sort_of(value: Any) -> str:
    """A value's type as a sentence has it: ``a list``, ``null``.

    Example:
        >>> sort_of([1]), sort_of(True), sort_of(float("nan"))
        ('a list', 'a boolean', 'not a number')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, float) and math.isnan(value):
        return "not a number"
    for types, words in (((int, float), "a number"), (str, "a string"), (list, "a list"), (Mapping, "an object")):
        if isinstance(value, types):
            return words
    return f"a {type(value).__name__}"


def listed(names: Iterable[str], most: int = 20) -> str:
    """Column names for a message, shortened if there are many or they are long.

    Example:
        >>> listed(["a", "b", "c"], most=2)
        'a, b, … (3 in all)'
    """
    names = list(names)
    shown = [name if len(name) <= 40 and name.isprintable() else ascii(name[:40])[1:-1] + "…" for name in names[:most]]
    return ", ".join(shown) + (f", … ({len(names)} in all)" if len(names) > most else "") if names else "none"


@lru_cache(maxsize=256)
def _parts(path: str) -> tuple[str, ...]:
    return tuple(path.split("."))
