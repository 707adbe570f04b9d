"""Chat messages → the text that the model wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

__all__ = ["text_of"]


def text_of(completion: Any) -> str | None:
    r"""The text of a completion: a string as it is, of chat messages what the assistant said last.

    A message becomes the text that the model wrote, so far as that can be known: chat parsers take thoughts and tool
    calls out of it (TRL does, with Qwen's and GLM's templates), and a reward that looks for ``<think>`` would find
    every reply at fault.

    * ``reasoning_content`` (or ``reasoning``, ``thinking``) comes first, inside ``<think>`` and ``</think>``. A reply
      that has its thoughts apart is never ``prefilled``.
    * ``content`` follows; of a list its text parts, joined by newlines.
    * ``tool_calls`` come last, a line each: ``{"name": …, "arguments": {…}}``, arguments sorted, as
      ``srl-data segment`` writes the calls of agents.

    Returns:
        The text; None if the completion is neither a string nor a list of messages, or the assistant says nothing.

    Example:
        >>> text_of([{"role": "assistant", "content": "2x = 8"}])
        '2x = 8'
        >>> text_of([{"role": "assistant", "reasoning_content": "Undo the +3.", "content": "2x = 8"}])
        '<think>Undo the +3.</think>2x = 8'
        >>> text_of(None) is None
        True
    """
    if type(completion) is list and len(completion) == 1:  # a plain reply, by far the most frequent: a quick way
        message = completion[0]
        if type(message) is dict and len(message) == 2 and message.get("role") == "assistant":
            content = message.get("content")
            if type(content) is str:
                return content
    if isinstance(completion, str):
        return completion
    if isinstance(completion, Mapping):
        return _said(completion)
    if not isinstance(completion, (list, tuple)):
        return None
    for message in reversed(completion):
        if isinstance(message, Mapping) and message.get("role") == "assistant":
            return _said(message)
    return None


_THOUGHTS = ("reasoning_content", "reasoning", "thinking")


def _said(message: Mapping[str, Any]) -> str | None:
    content = message.get("content")
    if isinstance(content, (list, tuple)):
        texts = [part.get("text") for part in content if isinstance(part, Mapping) and part.get("type") == "text"]
        content = "\n".join(text for text in texts if isinstance(text, str)) if texts else None
    said = content if isinstance(content, str) else None
    calls = message.get("tool_calls")
    if isinstance(calls, (list, tuple)) and calls:
        said = "\n".join([*([said] if said else []), *map(_call, calls)])
    for name in _THOUGHTS:
        thought = message.get(name)
        if isinstance(thought, str) and thought:
            return f"<think>{thought}</think>{said or ''}"
    return said


def _call(call: Any) -> str:
    """A tool call in canonical form; whatever else stands there as it is, for the reward to judge."""
    inner = call.get("function", call) if isinstance(call, Mapping) else call
    if not isinstance(inner, Mapping):
        return str(inner)
    arguments = inner.get("arguments", {})
    if isinstance(arguments, str):  # as OpenAI's servers send them; what is not JSON stays a text
        with suppress(ValueError, RecursionError):
            arguments = json.loads(arguments)
    try:
        return f'{{"name": {_json(inner.get("name"))}, "arguments": {_json(arguments)}}}'
    except (TypeError, ValueError, RecursionError):  # keys of several types, a cycle: none of that came from JSON
        return str(call)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
