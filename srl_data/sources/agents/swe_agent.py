"""SWE-agent's ``.traj`` and SWE-smith's: ``trajectory`` is a list of ``{thought, action, observation}``.

The action is a command line as the environment's shell reads it. The problem is the record's ``task`` or
``problem_statement``, else the first user message that is no demonstration (of ``history``, or of the ``query``
that the first turn was asked with), else ``instance_id``: a name is less than a problem, but it is what some
published sets have, and it is unique, so that splits by problem stay right.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from srl_data.sources.agents.base import Record, Transcript, Writer, as_list, bad, first_text, text_at
from srl_data.sources.agents.calls import plain_call
from srl_data.types import Event

__all__ = ["looks", "transcribe"]


def looks(record: Record) -> bool:
    """Whether this is a record of such a kind."""
    turns = as_list(record.get("trajectory"))
    return turns is not None and bool(turns) and isinstance(turns[0], Mapping) and "action" in turns[0]


def transcribe(record: Record) -> Transcript:
    """Write the trajectory out.

    Raises:
        Rejected: ``bad_trajectory`` and the reasons of :meth:`Writer.finish`.
    """
    turns = as_list(record.get("trajectory"))
    if turns is None:
        raise bad("trajectory", record.get("trajectory"), "a list")
    writer = Writer()
    for index, turn in enumerate(turns):
        where = f"trajectory[{index}]"
        if not isinstance(turn, Mapping):
            raise bad(where, turn, "an object")
        writer.say(text_at(turn.get("thought"), f"{where}.thought"))
        action = text_at(turn.get("action"), f"{where}.action")
        if action.strip():
            writer.add(action, Event("call", 0, len(action), (plain_call(action),)))
        observation = turn.get("observation")
        if observation is not None:
            writer.reply(text_at(observation, f"{where}.observation"))
    return writer.finish(_problem(record, turns))


def _problem(record: Record, turns: list[Any]) -> str:
    first_query = turns[0].get("query") if turns else None  # an object: the turns have been read
    return (
        first_text(record, ("task", "problem_statement"))
        or _first_request(record.get("history"))
        or _first_request(record.get("query"))
        or _first_request(first_query)
        or first_text(record, ("instance_id",))
    )


def _first_request(messages: Any) -> str:
    """The first user message that is not a demonstration; the empty string if there is none."""
    for message in messages if isinstance(messages, list) else ():
        if not isinstance(message, Mapping) or message.get("role") != "user":
            continue
        if message.get("is_demo") or message.get("message_type") == "demonstration":
            continue
        content = message.get("content")
        parts = content if isinstance(content, list) else [{"text": content}]
        fields = [part.get("text") for part in parts if isinstance(part, Mapping)]
        texts = [text for text in fields if isinstance(text, str) and text.strip()]
        if texts:
            return "\n\n".join(texts)
    return ""
