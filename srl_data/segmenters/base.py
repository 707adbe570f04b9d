"""What every segmenter promises, and the few helpers that they share.

A segmentation is a *partition*: every step is ``text[start:end]``, steps are ordered and disjoint, and nothing
but white space lies between them. What lies before the first step is the preamble, what lies behind the last
the epilogue. A segmenter that cannot do this for a text raises :class:`~srl_data.errors.Rejected`; it never
passes a text on as one big step because it did not know better.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import ClassVar, Protocol, runtime_checkable

from srl_data.errors import Rejected
from srl_data.types import Segmentation, Solution

__all__ = ["Segmenter", "behind", "check_partition", "cut", "monologue_end", "require_text"]

_MONOLOGUE = re.compile(r"\s*+<think>")


@runtime_checkable
class Segmenter(Protocol):
    """A plug-in that splits a solution into steps. Instances are immutable, picklable and thread-safe."""

    name: ClassVar[str]

    def segment(self, solution: Solution) -> Segmentation:
        """Split a solution.

        Raises:
            Rejected: If the text does not fit this segmenter's format.
        """
        ...

    def fit(self, solution: Solution) -> float:
        """How well the text fits this segmenter's format, 0 (not at all) to 1 (unmistakably). Cheap."""
        ...


def require_text(solution: Solution) -> str:
    """The solution's text.

    Raises:
        Rejected: ``empty_text`` if there is nothing but white space in it.
    """
    if not solution.text or solution.text.isspace():
        raise Rejected("empty_text", "the solution is empty")
    return solution.text


def cut(text: str, starts: Iterable[int], end: int | None = None) -> list[tuple[int, int]]:
    """Spans from each start to the next, white space trimmed from both sides, empty ones dropped.

    Args:
        text: The text that is cut.
        starts: Increasing offsets at which a step begins.
        end: Where the last step ends; the text's end if None.

    Example:
        >>> cut("one. two. ", [0, 5])
        [(0, 4), (5, 9)]
    """
    bounds = [*starts, len(text) if end is None else end]
    spans = []
    for left, right in pairwise(bounds):
        piece = text[left:right]
        body = piece.strip()
        if body:
            start = left + len(piece) - len(piece.lstrip())
            spans.append((start, start + len(body)))
    return spans


def monologue_end(text: str) -> int:
    """Where a leading ``<think>…</think>`` ends; 0 if there is none.

    What a model thinks before it answers is no step of its answer, and it mostly gives the answer away.

    Example:
        >>> monologue_end("<think>6?</think>It is 6."), monologue_end("It is 6.")
        (17, 0)
    """
    opening = _MONOLOGUE.match(text)
    closing = text.find("</think>", opening.end()) if opening else -1
    return closing + len("</think>") if closing >= 0 else 0


def behind(text: str, spans: list[tuple[int, int]], offset: int) -> list[tuple[int, int]]:
    """What lies behind an offset of some trimmed spans.

    Example:
        >>> behind("one two. three.", [(0, 8), (9, 15)], 3)
        [(4, 8), (9, 15)]
    """
    if not offset:
        return spans
    clipped = [(start + len(text[start:end]) - len(text[start:end].lstrip()), end) for start, end in
               ((max(start, offset), end) for start, end in spans) if start < end]  # fmt: skip
    return [(start, end) for start, end in clipped if start < end]


def check_partition(text: str, segmentation: Segmentation) -> None:
    """Raise ``ValueError`` unless the steps partition the text as the contract says.

    The pipeline runs it on every record, since a plug-in of somebody else's may break the promise.
    """
    steps, length = segmentation.steps, len(text)
    if not steps:
        raise ValueError("no steps")
    behind = steps[0].start
    if behind < 0:
        raise ValueError(f"the first step starts at {behind}")
    for number, (start, end, _action, _title, _observation, _kind) in enumerate(steps, start=1):
        if not behind <= start < end <= length:
            raise ValueError(f"step {number} is text[{start}:{end}], the step before ends at {behind}")
        if start > behind and not text[behind:start].isspace():
            gap = text[behind:start]
            raise ValueError(f"text[{behind}:{start}] before step {number} is not white space: {gap[:40]!r}")
        behind = end
