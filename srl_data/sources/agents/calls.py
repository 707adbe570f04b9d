"""Calls, read out of an agent's messages."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from srl_data.errors import Rejected
from srl_data.sources.agents.base import bad
from srl_data.sources.fields import sort_of
from srl_data.types import Call

__all__ = ["FoundCall", "fenced_calls", "json_call", "plain_call", "xml_calls"]

_DEEPEST = 100  # levels of nesting in arguments; far from the interpreter's limit, further from any real tool
_XML = re.compile(r"<(?P<start>function|parameter)=(?P<name>[^<>\n]{1,200})>|</(?P<end>function|parameter)>")
_FENCE = re.compile(r"^```(?P<language>[^`\n]*)$", re.MULTILINE)
_SHELLS = frozenset({"bash", "sh", "shell", "mswea_bash_command"})


class FoundCall(NamedTuple):
    """A call and where it stands in its message."""

    start: int
    end: int
    call: Call


def plain_call(command: str) -> Call:
    """A command line, or code."""
    return Call("", {"": command}, "plain")


def json_call(name: Any, arguments: Any, where: str) -> Call:
    r"""A call that stands in a record as structure: an OpenAI ``function``, an Anthropic ``tool_use``.

    Arguments come as an object or as JSON text. Text that is no JSON is what the model really wrote: it is kept
    as it is, alone under the name ``""``. Missing arguments are none.

    Raises:
        Rejected: ``bad_trajectory`` if the name is no text, or an argument is not a JSON value.

    Example:
        >>> json_call("bash", '{"command": "ls"}', "").arguments, json_call("bash", '{"command": "l', "").arguments
        ({'command': 'ls'}, {'': '{"command": "l'})
    """
    if not isinstance(name, str) or not name.strip():
        raise bad(f"{where}.name", name, "a tool's name")
    if arguments is None or (isinstance(arguments, str) and not arguments.strip()):
        return Call(name, {}, "json")
    if isinstance(arguments, str):
        value: Any = arguments
        try:
            parsed = json.loads(arguments)
            if _fault(parsed) is None:
                value = parsed
        except (ValueError, RecursionError):
            pass  # not JSON: the text itself is the argument
    else:
        value = arguments
        fault = _fault(value)
        if fault:
            raise Rejected("bad_trajectory", f"{where}.arguments {fault}")
    return Call(name, dict(value) if isinstance(value, Mapping) else {"": value}, "json")


def _fault(value: Any) -> str | None:
    """Why this value could not be written as JSON; None if it can. No recursion: depth is what it guards against."""
    level: list[Any] = [value]
    for _ in range(_DEEPEST):
        below: list[Any] = []
        for item in level:
            if isinstance(item, Mapping):
                below += [*item.keys(), *item.values()]
                if not all(isinstance(key, str) for key in item):
                    return "has a key that is not a string"
            elif isinstance(item, list):
                below += item
            elif isinstance(item, str):
                if not item.isascii() and any("\ud800" <= char <= "\udfff" for char in item):
                    return "holds a lone surrogate"
            elif item is not None and not isinstance(item, (bool, int, float)):
                return f"holds {sort_of(item)}"
        if not below:
            return None
        level = below
    return f"is nested more than {_DEEPEST} deep"


def xml_calls(text: str) -> list[FoundCall]:
    r"""The calls written as ``<function=NAME><parameter=KEY>VALUE</parameter>…</function>``.

    One pass over the tags. A value ends at the *last* ``</parameter>`` before the next opening tag or
    ``</function>``, so it may hold that tag itself; tags inside a value that is not yet closed are part of it.
    A call whose ``</function>`` is missing (some agents stop generating there) counts if all its values are
    closed; one that breaks off within a value does not count and is prose. Values are verbatim, line breaks at
    their ends included; of two arguments with one name the last counts.

    Example:
        >>> found = xml_calls("Look.\n<function=bash>\n<parameter=command>ls</parameter>\n</function>")
        >>> found[0].start, found[0].call.name, found[0].call.arguments
        (6, 'bash', {'command': 'ls'})
    """
    found: list[FoundCall] = []
    call: _OpenCall | None = None
    for tag in _XML.finditer(text):
        if call is not None and call.inside_value:
            if tag["end"] == "parameter":
                call.closer = tag
            if call.closer is None or call.closer is tag:
                continue
            call.close_value(text)
        if tag["start"] == "function":
            if call is not None and call.arguments:
                found.append(call.found(call.end))
            call = _OpenCall(tag)
        elif call is not None and tag["start"] == "parameter":
            call.key, call.head = tag["name"].strip(), tag.end()
        elif call is not None and tag["end"] == "function":
            found.append(call.found(tag.end()))
            call = None
    if call is not None:
        if call.closer is not None:
            call.close_value(text)
        if not call.inside_value and (call.arguments or not text[call.end :].strip()):
            found.append(call.found(call.end))
    return found


class _OpenCall:
    """A ``<function=…>`` whose end has not been seen."""

    def __init__(self, tag: re.Match[str]) -> None:
        self.name, self.start, self.end = tag["name"].strip(), tag.start(), tag.end()
        self.arguments: dict[str, str] = {}
        self.key: str | None = None  # of the value that is open
        self.head = 0  # where that value begins
        self.closer: re.Match[str] | None = None  # the tag that might end it

    @property
    def inside_value(self) -> bool:
        return self.key is not None

    def close_value(self, text: str) -> None:
        if self.key is not None and self.closer is not None:
            self.arguments[self.key] = text[self.head : self.closer.start()]
            self.end = self.closer.end()
            self.key = self.closer = None

    def found(self, end: int) -> FoundCall:
        return FoundCall(self.start, end, Call(self.name, self.arguments, "xml"))


def fenced_calls(text: str) -> list[FoundCall]:
    """The one command of a message whose agent must write exactly one fenced shell block.

    None or several are a format error to such an agent's environment, which runs nothing: so no call here either.
    The block ends at the next line that begins with a fence, as the environment reads it.
    """
    blocks: list[tuple[int, int, int, int]] = []  # start, start and end of the command, end
    position = 0
    while (opener := _FENCE.search(text, position)) is not None:
        closing = text.find("\n```", opener.end())
        if closing == -1:
            break
        position = closing + len("\n```")
        if opener["language"].strip() in _SHELLS:
            head = opener.end() + 1
            blocks.append((opener.start(), head, max(closing, head), position))
    if len(blocks) != 1:
        return []
    start, head, tail, end = blocks[0]
    command = text[head:tail]
    return [FoundCall(start, end, plain_call(command))] if command.strip() else []
