"""OpenHands event logs: actions and, matched by ``cause``, what came of them.

An action of the agent is a call. Its name and arguments are those of the tool call that the model wrote
(``tool_call_metadata``); an action without one is written as its own name and arguments, less the bookkeeping
of the harness. A ``message`` of the agent is prose. The first messages of the user are the problem, later ones
user events. Actions that one model response asked for together are parallel calls.

Left out is what the agent neither did nor was answered: state changes, recalled knowledge, the system prompt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from srl_data.calls import render
from srl_data.errors import Rejected
from srl_data.sources.agents.base import Record, Transcript, Writer, as_list, bad, first_text, text_at
from srl_data.sources.agents.calls import json_call
from srl_data.types import Call, Event

__all__ = ["looks", "transcribe"]

_FIELDS = ("events", "history", "trajectory")
_SILENT_ACTIONS = frozenset({"change_agent_state", "condensation", "condensation_request", "null", "recall", "system"})
_SILENT_OBSERVATIONS = frozenset({"agent_state_changed", "condense", "null", "recall"})
_BOOKKEEPING = frozenset(
    {
        "blocking",
        "confirmation_state",
        "hidden",
        "image_urls",
        "impl_source",
        "is_confirmed",
        "keep_prompt",
        "security_risk",
        "thought",
        "translated_ipython_code",
        "wait_for_response",
    }
)


@dataclass(slots=True)
class _Turn:
    """One model response: what it said, the calls it asked for, and for each call the answers to it."""

    response: str | None
    thought: str
    calls: list[Call] = field(default_factory=list)
    answers: list[list[str]] = field(default_factory=list)


def looks(record: Record) -> bool:
    """Whether this is a record of such a kind."""
    events = _events(record)[1]
    return bool(events) and all(
        isinstance(event, Mapping) and "source" in event and ("action" in event or "observation" in event)
        for event in events[:3]
    )


def transcribe(record: Record) -> Transcript:
    """Write the events out.

    Raises:
        Rejected: ``bad_trajectory`` and the reasons of :meth:`Writer.finish`.
    """
    name, events = _events(record)
    if not name:
        raise Rejected("bad_trajectory", f"none of {', '.join(_FIELDS)} is a list of events")
    log = _Log()
    for index, event in enumerate(events):
        where = f"{name}[{index}]"
        if not isinstance(event, Mapping):
            raise bad(where, event, "an event")
        if event.get("observation") is not None:
            log.observe(event, where)
        elif event.get("source") == "user":
            log.listen(event, where)
        else:
            log.act(event, where)
    log.close()
    problem = "\n\n".join(said for said in log.asked if said.strip())
    return log.writer.finish(problem or first_text(record, ("problem_statement", "task", "instance_id")))


class _Log:
    """Reads events one by one. A turn stays open while its response may bring more calls or answers."""

    def __init__(self) -> None:
        self.writer = Writer()
        self.asked: list[str] = []
        self._begun = False  # the agent has spoken: what a user says now is no longer the problem
        self._turn: _Turn | None = None
        self._awaiting: dict[int | str | None, list[str]] = {}  # id of an action of the open turn → its answers

    def observe(self, event: Record, where: str) -> None:
        if text_at(event.get("observation"), f"{where}.observation") in _SILENT_OBSERVATIONS:
            return
        answer = text_at(event.get("content"), f"{where}.content")
        answers = self._awaiting.get(_key(event.get("cause")))
        if answers is not None:
            answers.append(answer)
        else:  # late, or nobody's: it stays where it stands
            self.close()
            self.writer.reply(answer)

    def listen(self, event: Record, where: str) -> None:
        action, arguments = _action(event, where)
        if action in _SILENT_ACTIONS:
            return
        if action == "message":
            said = text_at(arguments.get("content"), f"{where}.args.content")
        else:  # a command that the user ran
            said = render(json_call(action, _without_bookkeeping(arguments), where), "written")
        if not self._begun:
            self.asked.append(said)
        else:
            self.close()
            self.writer.reply(said, user=True)

    def act(self, event: Record, where: str) -> None:
        action, arguments = _action(event, where)
        if action in _SILENT_ACTIONS:
            return
        self._begun = True
        if action == "message":
            self.close()
            self.writer.say(text_at(arguments.get("content"), f"{where}.args.content"))
            return
        response, function, content = _tool_call(event)
        if self._turn is None or response is None or response != self._turn.response:
            self.close()
            thought = content or text_at(arguments.get("thought"), f"{where}.args.thought")
            self._turn = _Turn(response, thought)
        if function is not None:
            call = json_call(function.get("name"), function.get("arguments"), f"{where}.tool_call_metadata.function")
        else:
            call = json_call(action, _without_bookkeeping(arguments), where)
        self._turn.calls.append(call)
        self._turn.answers.append(self._awaiting.setdefault(_key(event.get("id")), []))

    def close(self) -> None:
        """Write the open turn out."""
        turn = self._turn
        if turn is None:
            return
        self.writer.say(turn.thought)
        written = "\n".join(render(call, "written") for call in turn.calls)
        self.writer.add(written, Event("call", 0, len(written), tuple(turn.calls)))
        for answer in chain.from_iterable(turn.answers):
            self.writer.reply(answer)
        self._turn = None
        self._awaiting.clear()


def _events(record: Record) -> tuple[str, list[Any]]:
    """The field that holds the events, and the events; an empty name if there is none."""
    for name in _FIELDS:
        events = as_list(record.get(name))
        if events is not None:
            return name, events
    return "", []


def _action(event: Record, where: str) -> tuple[str, Mapping[str, Any]]:
    action, arguments = event.get("action"), event.get("args")
    if not isinstance(action, str) or not action.strip():
        raise bad(f"{where}.action", action, "an action's name")
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, Mapping):
        raise bad(f"{where}.args", arguments, "an object")
    return action, arguments


def _without_bookkeeping(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if name not in _BOOKKEEPING}


def _tool_call(event: Record) -> tuple[str | None, Mapping[str, Any] | None, str]:
    """What the model wrote: its response's id, the function that this event is for, and the prose beside it.

    The metadata is a courtesy of the harness: where a part of it is missing the event speaks for itself.
    """
    metadata = _mapping(event.get("tool_call_metadata"))
    response = _mapping(metadata.get("model_response"))
    choices = response.get("choices")
    message = _mapping(_mapping(choices[0] if isinstance(choices, list) and choices else None).get("message"))
    calls = message.get("tool_calls")
    wanted = metadata.get("tool_call_id")
    for call in calls if isinstance(calls, list) else ():
        if isinstance(call, Mapping) and call.get("id") == wanted and isinstance(call.get("function"), Mapping):
            name, content = response.get("id"), message.get("content")
            said = content if isinstance(content, str) else ""
            return name if isinstance(name, str) else None, call["function"], said
    return None, None, ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _key(value: Any) -> int | str | None:
    return value if isinstance(value, (int, str)) else None
