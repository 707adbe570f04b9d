"""A reasoning model's monologue, cut into moves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

from rewards.errors import OptionError
from srl_data.answers import stated_answer
from srl_data.errors import Rejected
from srl_data.segmenters.base import cut, require_text
from srl_data.segmenters.discourse import Kind, Marker, find_markers
from srl_data.segmenters.layout import unix_newlines
from srl_data.segmenters.protect import Protected
from srl_data.types import Segmentation, Solution, Step

__all__ = ["Thinking"]

_TAG = re.compile(r"</?think>")
_PARAGRAPH = re.compile(r"\n[^\S\n]*+\n\s*+")
# what a paragraph may begin with that goes on with the one before: a display, code, a table, a list
_CONTINUES = re.compile(r"\\\[|\\begin\{|\$\$|```|~~~|\||[-*•+]\s|\(?[0-9a-z]{1,3}[.)]\s|[=<>≤≥]")
_TURNS = frozenset({"verify", "backtrack"})
_LONG = 600  # code points; a shorter text without tags is no monologue
_TURNS_APART = 1000  # code points; a monologue turns at least this often


@dataclass(frozen=True, slots=True)
class _Move:
    start: int
    kind: Kind
    title: str | None


@dataclass(frozen=True, slots=True)
class Thinking:
    r"""A long ``<think>`` monologue into moves: plan, derive, verify, backtrack.

    A move starts with a sentence that opens with a discourse marker (``Wait``, ``Let me check``, ``So``), which
    becomes its title, or with a paragraph; ``kind`` tells what sort of move it is. What stands around the tags is
    preamble and epilogue, and the answer is taken from the write-up behind ``</think>``. A monologue without tags
    is the whole text; a lone ``</think>`` ends one whose opening tag was part of the prompt.

    Example:
        >>> text = "<think>\nWe need to find 3 * 14. So it is 32. Wait, 3 * 14 = 42.\n</think>\nAnswer: 42"
        >>> segmentation = Thinking(min_chars=20).segment(Solution(id="a", problem="?", text=text))
        >>> [(step.kind, step.title, step.action) for step in segmentation.steps]  # doctest: +NORMALIZE_WHITESPACE
        [('plan', 'we need to', 'We need to find 3 * 14.'), ('derive', 'so', 'So it is 32.'),
         ('backtrack', 'wait', 'Wait, 3 * 14 = 42.')]
        >>> segmentation.answer
        '42'
    """

    name: ClassVar[str] = "thinking"

    min_chars: Annotated[
        int, "a move shorter than this goes on over markers and paragraphs, unless it turns to verify or backtrack"
    ] = 80
    paragraphs: Annotated[bool, "whether a paragraph of min_chars or more opens a move even without a marker"] = True

    def __post_init__(self) -> None:
        if self.min_chars < 0:
            raise OptionError(f"option min_chars: {self.min_chars} is negative")

    def segment(self, solution: Solution) -> Segmentation:
        """Split a monologue.

        Raises:
            Rejected: ``empty_text``; ``empty_thinking`` if there is nothing between the tags;
                ``several_think_blocks`` if more than one block holds text, since moves of one monologue would end up
                around the write-up of another; ``no_moves`` if no sentence opens with a discourse marker.
        """
        source = require_text(solution)
        text, protected = unix_newlines(source), Protected(source, think=False)
        start, end = _monologue(text, protected)
        markers = list(find_markers(text, start, end, protected))
        if not markers:
            raise Rejected("no_moves", "no sentence opens with a discourse marker such as So, Wait or Let me check")
        moves = list(self._moves(text, start, end, markers, protected))
        spans = cut(text, [move.start for move in moves], end)
        steps = tuple(
            Step(left, right, source[left:right], move.title, kind=move.kind)
            for move, (left, right) in zip(moves, spans, strict=True)
        )
        return Segmentation(steps, self.name, stated_answer(source[end:]) or stated_answer(source[start:end]))

    def fit(self, solution: Solution) -> float:
        """0.95 for a tagged block with markers (0.7 if these are few), 0.6 to 0.8 for a bare text full of turns."""
        text = unix_newlines(solution.text)
        tagged = _TAG.search(text) is not None
        if solution.events or text.isspace() or (len(text) < _LONG and not tagged):
            return 0.0
        protected = Protected(text, think=False)
        try:
            start, end = _monologue(text, protected)
        except Rejected:
            return 0.0
        markers = list(find_markers(text, start, end, protected))
        if tagged and (start or end < len(text)):
            return 0.95 if len(markers) >= 3 else 0.7 if markers else 0.0
        turns = sum(marker.kind in _TURNS for marker in markers)
        if turns < 3 or turns * _TURNS_APART < end - start:
            return 0.0
        return min(0.8, 0.54 + 0.02 * turns)

    def _moves(self, text: str, start: int, end: int, markers: list[Marker], protected: Protected) -> Iterator[_Move]:
        """The moves, the first one at the monologue's first word; one that opens with no marker sets out: a plan."""
        start += len(text[start:end]) - len(text[start:end].lstrip())
        openings = [_Move(*marker) for marker in markers]
        if self.paragraphs:
            taken = {move.start for move in openings}
            found = _paragraphs(text, start, end, self.min_chars, protected)
            openings += [_Move(at, "derive", None) for at in found if at not in taken]
            openings.sort(key=lambda move: move.start)
        current = _Move(start, "plan", None)
        for opening in openings:
            if opening.start == start:
                current = opening
            elif opening.start - current.start >= self.min_chars or (
                opening.kind in _TURNS and opening.kind != current.kind
            ):
                yield current
                current = opening
        yield current


def _paragraphs(text: str, start: int, end: int, least: int, protected: Protected) -> Iterable[int]:
    """Where the paragraphs of at least that many code points start that do not go on with the one before."""
    breaks = [match for match in _PARAGRAPH.finditer(text, start, end) if match.end() not in protected]
    for number, match in enumerate(breaks):
        next_start = breaks[number + 1].start() if number + 1 < len(breaks) else end
        follows = text[max(start, match.start() - 1) : match.start()] in (":", ",", ";")
        if next_start - match.end() >= least and not follows and not _CONTINUES.match(text, match.end()):
            yield match.end()


def _monologue(text: str, protected: Protected) -> tuple[int, int]:
    """Where the monologue starts and ends: between the tags, or the whole text if there are none."""
    blocks: list[tuple[int, int]] = []
    opened: int | None = None
    tags = [tag for tag in _TAG.finditer(text) if tag.start() not in protected and tag.end() not in protected]
    for tag in tags:
        if tag[0] == "<think>":
            opened = tag.end() if opened is None else opened  # one inside a block is a mention
        elif opened is not None or not blocks:
            blocks.append((opened or 0, tag.start()))
            opened = None
    if opened is not None or not tags:
        blocks.append((opened or 0, len(text)))
    filled = [(start, end) for start, end in blocks if text[start:end].strip()]
    if not filled:
        raise Rejected("empty_thinking", "there is nothing between <think> and </think>")
    if len(filled) > 1:
        raise Rejected("several_think_blocks", f"{len(filled)} <think> blocks hold text, at {[at for at, _ in filled]}")
    return filled[0]
