r"""Agent trajectories: a record in one of several dialects → problem, transcript, events.

A dialect is how a framework stores what its agent did. Each module here knows one family of them, and writes
every trajectory out in the same way: message after message, verbatim, with the stretches named (see
:class:`~srl_data.types.Event`). The ``agent`` segmenter makes steps of these.

====================  ==========================================================================
``openhands``         event list: ``{source, action, args}``, ``{observation, cause, content}``
``swe_agent``         ``trajectory`` of ``{thought, action, observation}`` (SWE-agent, SWE-smith)
``tool_calls``        messages with calls as structure (OpenAI, Anthropic)
``function_xml``      messages with ``<function=…><parameter=…>`` in the content
``mini_swe_agent``    messages with exactly one fenced shell block in the content
====================  ==========================================================================

A record stores one trajectory. Whatever is wrong in it ends as :class:`~srl_data.errors.Rejected`, with the
place named: ``messages[17].content is a number, not a string``.

Example:
    >>> record = {"task": "Find it.", "trajectory": [{"thought": "Look.", "action": "ls\n", "observation": "a.py"}]}
    >>> detect(record)
    'swe_agent'
    >>> transcript(record, "swe_agent").text
    'Look.\n\nls\n\n\na.py'
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from srl_data.errors import Rejected
from srl_data.sources.agents import messages, openhands, swe_agent
from srl_data.sources.agents.base import Record, Transcript
from srl_data.sources.fields import sort_of

__all__ = ["DIALECTS", "Transcript", "detect", "transcript"]


class _Dialect(NamedTuple):
    looks: Callable[[Record], bool]
    transcribe: Callable[[Record], Transcript]


_DIALECTS = {  # in the order in which they are tried: the more telling signs first
    "openhands": _Dialect(openhands.looks, openhands.transcribe),
    "swe_agent": _Dialect(swe_agent.looks, swe_agent.transcribe),
    "tool_calls": _Dialect(messages.looks_structured, messages.structured),
    "function_xml": _Dialect(messages.looks_xml, messages.xml),
    "mini_swe_agent": _Dialect(messages.looks_fenced, messages.fenced),
}
DIALECTS = tuple(_DIALECTS)


def detect(record: Mapping[str, Any]) -> str | None:
    """The dialect that a record looks like, None if none. Cheap; whatever the record holds, it does not raise."""
    if not isinstance(record, Mapping):
        return None
    return next((name for name, dialect in _DIALECTS.items() if dialect.looks(record)), None)


def transcript(record: Mapping[str, Any], dialect: str) -> Transcript:
    """Write a trajectory out.

    Args:
        record: The record, JSON types only.
        dialect: One of ``DIALECTS``.

    Raises:
        ValueError: If there is no such dialect.
        Rejected: ``bad_trajectory`` for a value of the wrong type, ``no_agent_turns`` if the agent makes no call,
            ``empty_problem`` if nothing was asked.
    """
    if dialect not in _DIALECTS:
        raise ValueError(f"unknown dialect {dialect!r}; there are {', '.join(DIALECTS)}")
    if not isinstance(record, Mapping):
        raise Rejected("bad_trajectory", f"the record is {sort_of(record)}, not an object")
    return _DIALECTS[dialect].transcribe(record)
