"""What the dialects share: the transcript, the writer that builds it, and how a bad record is refused."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from srl_data.errors import Rejected
from srl_data.sources.fields import sort_of
from srl_data.types import Event

__all__ = ["Record", "Transcript", "Writer", "as_list", "bad", "first_text", "text_at"]

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Transcript:
    """A trajectory written out.

    Attributes:
        problem: What was asked.
        text: Every message after the problem, verbatim and in order, a blank line between two.
        events: What the stretches of the text are. Offsets are in code points of ``text``.
    """

    problem: str
    text: str
    events: tuple[Event, ...]


class Writer:
    r"""Builds a transcript message by message.

    Example:
        >>> from srl_data.types import Call
        >>> writer = Writer()
        >>> writer.add("Look around.", Event("thought", 0, 12))
        >>> writer.add("ls", Event("call", 0, 2, (Call("", {"": "ls"}, "plain"),)))
        >>> transcript = writer.finish("Find the bug.")
        >>> transcript.text
        'Look around.\n\nls'
        >>> [(event.kind, event.start, event.end) for event in transcript.events]
        [('thought', 0, 12), ('call', 14, 16)]
    """

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._events: list[Event] = []
        self._length = 0

    def add(self, content: str, *events: Event) -> None:
        """Append a message; the offsets of its events count from its own first character."""
        if content:
            gap = "\n\n" if self._length else ""
            self._pieces += [gap, content]
            self._length += len(gap) + len(content)
        start = self._length - len(content)
        self._events += [replace(event, start=start + event.start, end=start + event.end) for event in events]

    def say(self, content: str) -> None:
        """Append prose of the agent, if there is any."""
        if content.strip():
            self.add(content, Event("thought", 0, len(content)))

    def reply(self, content: str, *, user: bool = False, skip: int = 0) -> None:
        """Append an answer; an empty one still counts as an answer. ``skip`` characters are a mere label."""
        self.add(content, Event("user" if user else "observation", skip, len(content)))

    def finish(self, problem: str) -> Transcript:
        """The transcript.

        Raises:
            Rejected: ``no_agent_turns`` if the agent never called, ``empty_problem`` if nothing was asked.
        """
        if not any(event.calls for event in self._events):
            raise Rejected("no_agent_turns", "the agent makes no call that its environment could have answered")
        if not problem.strip():
            raise Rejected("empty_problem", "no user message before the agent's first turn, no task, no instance_id")
        return Transcript(problem, "".join(self._pieces), tuple(self._events))


def bad(where: str, value: Any, wanted: str) -> Rejected:
    """The refusal of a value that has the wrong type; names the place."""
    return Rejected("bad_trajectory", f"{where} is {sort_of(value)}, not {wanted}")


def text_at(value: Any, where: str) -> str:
    """A text that may be missing.

    Raises:
        Rejected: ``bad_trajectory`` if it is neither a string nor null.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise bad(where, value, "a string")
    return value


def first_text(record: Record, keys: Iterable[str]) -> str:
    """The first of these fields that holds a text which is not blank; the empty string if none does."""
    for key in keys:
        value = record.get(key)
        if isinstance(value, str) and value.strip():
            return value
    return ""


def as_list(value: Any) -> list[Any] | None:
    """A list, or a list stored as JSON in a string (as some Parquet data sets have it); else None."""
    if isinstance(value, str) and value.lstrip()[:1] == "[":
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, list) else None
