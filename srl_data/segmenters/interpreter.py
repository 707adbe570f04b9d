r"""Write-ups that call an interpreter: prose, a code block, an ``output`` block, and so on.

This is the format of ToRA (arXiv 2309.17452) and of tool-integrated reasoning after it.
"""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import NamedTuple

from srl_data.segmenters.protect import Protected
from srl_data.types import Call, Event

__all__ = ["events_in_text", "output_in"]

_OPENER = re.compile(r"[^\S\n]*```(?P<language>[^`\n]*)\n")
_PYTHON = frozenset({"python", "py"})
_BLANK_LINES = re.compile(r"(?:[^\S\n]*+\n)*+")


class _Fence(NamedTuple):
    start: int
    end: int
    language: str
    code: str  # what stands between the fences
    closed: bool


def events_in_text(text: str) -> tuple[Event, ...]:
    r"""Take a plain write-up apart: prose is thought, code a call, its output an observation.

    A code block is a call if an ``output`` block follows it, nothing but white space between; a Python block at
    the very end of a text that has such a pair is a call too, the last one, not answered. Every other block is
    prose. A block counts only where it stands by itself: not within a formula or ``<think>``. Between events there
    are blank lines only. Empty if there is no such pair.

    Example:
        >>> text = "Add.\n```python\nprint(1 + 2)\n```\n```output\n3\n```\nIt is 3."
        >>> [(event.kind, text[event.start : event.end]) for event in events_in_text(text)][1]
        ('call', '```python\nprint(1 + 2)\n```')
        >>> [event.kind for event in events_in_text(text)]
        ['thought', 'call', 'observation', 'thought']
    """
    if "```output" not in text:
        return ()
    fences = _fences(text)
    events: list[Event] = []
    end = 0  # of what the events cover so far
    for fence, following in zip_longest(fences, fences[1:]):
        if fence.language == "output":
            if events and events[-1].kind != "thought" and _adjoin(text, end, fence.start):
                events.append(Event("observation", fence.start, fence.end))
                end = fence.end
            continue
        if not fence.closed or not fence.code.strip():
            continue
        if following is not None and following.language == "output":
            is_call = _adjoin(text, fence.end, following.start)
        else:
            is_call = bool(events) and fence.language in _PYTHON and _adjoin(text, fence.end, len(text))
        if is_call:
            events += _thought(text, end, fence.start)
            events.append(Event("call", fence.start, fence.end, (Call("", {"": fence.code}, "plain"),)))
            end = fence.end
    return (*events, *_thought(text, end, len(text))) if events else ()


def output_in(block: str) -> str:
    r"""What stands in an ``output`` block.

    Example:
        >>> output_in("```output\n3\n```")
        '3'
    """
    return next((fence.code for fence in _fences(block) if fence.language == "output"), block)


def _fences(text: str) -> list[_Fence]:
    fences = []
    for start, end in Protected(text).spans:
        opener = _OPENER.match(text, start, end)
        if opener is None:
            continue
        last_line = max(text.rfind("\n", start, end), opener.end() - 1)
        closed = text[last_line + 1 : end].strip().startswith("```")
        code = text[opener.end() : last_line if closed else end]
        fences.append(_Fence(start, end, opener["language"].strip().lower(), code, closed))
    return fences


def _adjoin(text: str, start: int, end: int) -> bool:
    return not text[start:end].strip()


def _thought(text: str, start: int, end: int) -> list[Event]:
    """The prose of a stretch, from its first line that is not blank; none if there is no such line."""
    blank = _BLANK_LINES.match(text, start, end)
    first = blank.end() if blank else start
    return [Event("thought", first, end)] if text[first:end].strip() else []
