"""Chat messages: three dialects that differ only in where an assistant message keeps its calls.

* ``tool_calls``: as structure, beside the content: OpenAI's ``tool_calls`` and older ``function_call``, or
  Anthropic's content parts of type ``tool_use``. The transcript has them written out as JSON.
* ``function_xml``: in the content, ``<function=…><parameter=…>`` (SWE-smith, SWE-Gym, OpenHands; the format
  that the SRL paper trained on).
* ``mini_swe_agent``: in the content, exactly one fenced shell block.

The user messages before the first assistant message are the problem; system messages there belong to the
harness and are left out. What the agent is told later is an observation if it answers a call (a ``tool``
message, a ``tool_result`` part or, where calls stand in the content, the first user message behind one), else
it is the user's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from srl_data.calls import render
from srl_data.errors import Rejected
from srl_data.sources.agents.base import Record, Transcript, Writer, as_list, bad, first_text, text_at
from srl_data.sources.agents.calls import FoundCall, fenced_calls, json_call, xml_calls
from srl_data.sources.fields import speaker
from srl_data.types import Call, Event

__all__ = ["fenced", "looks_fenced", "looks_structured", "looks_xml", "structured", "xml"]

_FIELDS = ("messages", "conversations", "trajectory")
_ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "tool": "tool",
    "function": "tool",
}
_LABEL = re.compile(r"\s*+(?:OBSERVATION|Observation):[^\S\n]*+\n?")  # a label of the harness, not its answer


@dataclass(frozen=True, slots=True)
class _Message:
    """One message, whatever wire format it came in."""

    role: str
    text: str
    calls: tuple[tuple[str | None, Call], ...]  # id, call
    results: tuple[tuple[str | None, str], ...]  # id of the call that is answered, answer


def looks_structured(record: Record) -> bool:
    """Whether an assistant message holds calls as structure."""
    return any(
        message.get("tool_calls") or message.get("function_call") or _has_tool_use(message.get("content"))
        for message in _assistant(record)
    )


def looks_xml(record: Record) -> bool:
    """Whether an assistant message's content holds a ``<function=``."""
    return any("<function=" in content for content in _contents(record))


def looks_fenced(record: Record) -> bool:
    """Whether most assistant messages hold exactly one fenced command: a chat about shells rarely does."""
    contents = list(_contents(record))
    return sum(len(fenced_calls(content)) for content in contents) * 2 > len(contents)


def structured(record: Record) -> Transcript:
    """Write out messages of dialect ``tool_calls``."""
    return _transcribe(record, None)


def xml(record: Record) -> Transcript:
    """Write out messages of dialect ``function_xml``."""
    return _transcribe(record, xml_calls)


def fenced(record: Record) -> Transcript:
    """Write out messages of dialect ``mini_swe_agent``."""
    return _transcribe(record, fenced_calls)


def _transcribe(record: Record, find: Callable[[str], list[FoundCall]] | None) -> Transcript:
    messages = _read(record)
    first = next((index for index, message in enumerate(messages) if message.role == "assistant"), len(messages))
    asked = [message.text for message in messages[:first] if message.role == "user" and message.text.strip()]
    writer = Writer()
    awaited: list[str | None] | None = None  # ids of the calls that the next replies answer; None behind prose
    replies = [message for message in messages[:first] if message.results]  # answers to calls that were cut off
    for message in messages[first:]:
        if message.role != "assistant":
            replies.append(message)
            continue
        _hear(writer, replies, awaited, in_content=find is not None)
        replies = []
        awaited = _say(writer, message, find)
    _hear(writer, replies, awaited, in_content=find is not None)
    problem = "\n\n".join(asked) or first_text(record, ("problem_statement", "task", "instance_id"))
    return writer.finish(problem)


def _say(writer: Writer, message: _Message, find: Callable[[str], list[FoundCall]] | None) -> list[str | None] | None:
    """Write an assistant message; the ids of its calls, None if it makes none."""
    text = message.text
    if message.calls:
        writer.say(text)
        written = "\n".join(render(call, "written") for _, call in message.calls)
        writer.add(written, Event("call", 0, len(written), tuple(call for _, call in message.calls)))
        return [name for name, _ in message.calls]
    found = find(text) if find else []
    if not found:
        writer.say(text)
        return None
    start, end = found[0].start, found[-1].end
    events = [Event("call", start, end, tuple(each.call for each in found))]
    if text[:start].strip():
        events.insert(0, Event("thought", 0, start))
    if text[end:].strip():
        events.append(Event("thought", end, len(text)))
    writer.add(text, *events)
    return [None] * len(found)


def _hear(writer: Writer, replies: list[_Message], awaited: list[str | None] | None, *, in_content: bool) -> None:
    """Write what stands between two assistant messages; answers to parallel calls in the order of the calls."""
    order = {name: index for index, name in reversed(list(enumerate(awaited or [])))}
    results = [result for message in replies for result in message.results]
    for _, answer in sorted(results, key=lambda result: order.get(result[0], len(order))):
        writer.reply(answer)
    answered = bool(results)
    for message in replies:
        if in_content and awaited is not None and not answered and message.role == "user":
            label = _LABEL.match(message.text)
            writer.reply(message.text, skip=label.end() if label else 0)
            answered = True
        elif message.text.strip():
            writer.reply(message.text, user=True)


def _read(record: Record) -> list[_Message]:
    for field in _FIELDS:
        items = as_list(record.get(field))
        if items is not None:
            return [_read_message(item, f"{field}[{index}]") for index, item in enumerate(items)]
    raise Rejected("bad_trajectory", f"none of {', '.join(_FIELDS)} is a list of messages")


def _read_message(raw: Any, where: str) -> _Message:
    if not isinstance(raw, Mapping):
        raise bad(where, raw, "a message")
    name = speaker(raw)
    role = _ROLES.get(name)
    if role is None:
        shown = repr(name[:40]) if name else "missing"
        raise Rejected("bad_trajectory", f"{where}.role is {shown}, not one of {', '.join(_ROLES)}")
    texts, calls, results = _read_content(_content(raw), f"{where}.content")
    if role == "assistant":
        reasoning = raw.get("reasoning_content")
        if isinstance(reasoning, str) and reasoning.strip():
            texts.insert(0, reasoning)
        calls += _read_calls(raw, where)
    text = "\n\n".join(texts)
    if role == "tool":
        answers = raw.get("tool_call_id")
        results.append((answers if isinstance(answers, str) else None, text))
        text = ""
    return _Message(role, text, tuple(calls), tuple(results))


def _content(message: Mapping[str, Any]) -> Any:
    present = (message[key] for key in ("content", "value", "text") if message.get(key) is not None)
    return next(present, None)


_Parts = tuple[list[str], list[tuple[str | None, Call]], list[tuple[str | None, str]]]


def _read_content(content: Any, where: str) -> _Parts:
    """Texts, calls and results of a content that is a string, null or a list of parts."""
    texts: list[str] = []
    calls: list[tuple[str | None, Call]] = []
    results: list[tuple[str | None, str]] = []
    for part, here in _parts(content, where):
        if isinstance(part, Mapping) and part.get("type") == "tool_use":
            calls.append((_id(part.get("id")), json_call(part.get("name"), part.get("input"), here)))
        elif isinstance(part, Mapping) and part.get("type") == "tool_result":
            answer = [_part_text(inner, inside) for inner, inside in _parts(part.get("content"), f"{here}.content")]
            results.append((_id(part.get("tool_use_id")), "\n\n".join(filter(None, answer))))
        else:
            texts.append(_part_text(part, here))
    return [text for text in texts if text], calls, results


def _parts(content: Any, where: str) -> list[tuple[Any, str]]:
    if isinstance(content, list):
        return [(part, f"{where}[{index}]") for index, part in enumerate(content)]
    return [(text_at(content, where), where)]


def _part_text(part: Any, where: str) -> str:
    """A part's text; one that is no text (an image, a document) leaves its type, ``[image]``."""
    if isinstance(part, str):
        return part
    if not isinstance(part, Mapping):
        raise bad(where, part, "a content part")
    sort = part.get("type", "text")
    if sort in ("text", "input_text", "output_text"):
        return text_at(part.get("text"), f"{where}.text")
    if sort == "thinking":
        return text_at(part.get("thinking"), f"{where}.thinking")
    return f"[{text_at(sort, f'{where}.type')}]"


def _read_calls(message: Mapping[str, Any], where: str) -> list[tuple[str | None, Call]]:
    items = message.get("tool_calls")
    if items is None:
        items = []
    if not isinstance(items, list):
        raise bad(f"{where}.tool_calls", items, "a list")
    calls = []
    for index, item in enumerate(items):
        here = f"{where}.tool_calls[{index}]"
        if not isinstance(item, Mapping):
            raise bad(here, item, "a call")
        calls.append((_id(item.get("id")), _read_function(item.get("function", item), f"{here}.function")))
    legacy = message.get("function_call")
    if legacy is not None:
        calls.append((None, _read_function(legacy, f"{where}.function_call")))
    return calls


def _read_function(function: Any, where: str) -> Call:
    if not isinstance(function, Mapping):
        raise bad(where, function, "a function")
    return json_call(function.get("name"), function.get("arguments"), where)


def _id(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _assistant(record: Record) -> list[Mapping[str, Any]]:
    for field in _FIELDS:
        items = as_list(record.get(field))
        if items is not None:
            messages = [item for item in items if isinstance(item, Mapping)]
            return [item for item in messages if _ROLES.get(speaker(item)) == "assistant"]
    return []


def _contents(record: Record) -> list[str]:
    """What the assistant said, as far as it is plainly text."""
    contents = []
    for message in _assistant(record):
        content = _content(message)
        parts = content if isinstance(content, list) else [content]
        texts = [part.get("text") if isinstance(part, Mapping) else part for part in parts]
        contents.append("\n\n".join(text for text in texts if isinstance(text, str)))
    return contents


def _has_tool_use(content: Any) -> bool:
    return isinstance(content, list) and any(
        isinstance(part, Mapping) and part.get("type") == "tool_use" for part in content
    )
