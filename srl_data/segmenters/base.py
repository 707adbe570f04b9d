"""What every segmenter promises, and the few helpers that they share.

A segmentation is a *partition*: every step is ``text[start:end]``, steps are ordered and disjoint, and nothing
but white space lies between them. What lies before the first step is the preamble, what lies behind the last
the epilogue. A segmenter that cannot do this for a text raises :class:`~srl_data.errors.Rejected`; it never
passes a text on as one big step because it did not know better.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import ClassVar, Protocol, runtime_checkable

from srl_data.errors import Rejected
from srl_data.types import Segmentation, Solution

__all__ = ["Segmenter", "check_partition", "cut", "require_text"]


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
