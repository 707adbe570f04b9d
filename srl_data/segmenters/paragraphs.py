"""Solutions in paragraphs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, ClassVar

from srl_data.answers import stated_answer
from srl_data.errors import Rejected
from srl_data.segmenters.base import behind, cut, monologue_end, require_text
from srl_data.segmenters.layout import unix_newlines
from srl_data.segmenters.protect import Protected
from srl_data.types import Segmentation, Solution, Step

__all__ = ["Paragraphs"]

_BLANK_LINE = re.compile(r"\n[^\S\n]*+(?=\n)")
_RULE = re.compile(r"(?:(?:-\s?){3,}+|(?:\*\s?){3,}+|(?:_\s?){3,}+|(?:=\s?){3,}+)\Z")
_HEADING = re.compile(r"\#{1,6}[^\S\n]++([^\n]++)\Z")
_BOLD_LINE = re.compile(r"\*\*([^\n*]++)\*\*[:：.]?\Z")
_DISPLAY = re.compile(r"(?:\\\[|\$\$|\\begin\{)")
_DISPLAY_END = re.compile(r"(?:\\\]|\$\$|\\end\{[^{}\n]{1,40}\})[.,;:]?\Z")
_FENCES = ("```", "~~~")
_OUTPUT = re.compile(r"(?:`{3,}|~{3,})[^\S\n]*+(?:output|stdout|result)s?\b")
_CONTINUES = re.compile(r"[a-z,;.)]")  # a paragraph that begins so goes on with the sentence of the display above


@dataclass(frozen=True, slots=True)
class Paragraphs:
    r"""Paragraphs, one step each: what blank lines separate.

    A display formula, a code fence and a ``<think>`` block stay whole, blank lines in them or not. A fence that is
    not indented is a paragraph of its own, together with the ``output`` fence right below it. A heading joins the
    paragraph below it and is its title (``### Title``, ``**Title**`` alone on a line); a rule (``---``) joins the
    paragraph above, and one that opens the text is preamble.

    With ``join_displays`` a display between blank lines joins the sentence that it belongs to: the paragraph above if
    that leads to it (it ends in a colon, a comma or without punctuation), and the paragraph below if that goes on
    with it (it begins in lower case). Code joins a paragraph that ends in a colon.

    Rejects ``single_paragraph``.

    Example:
        >>> text = "First we add:\n\n\\[ 2 + 3 = 5 \\]\n\nand get five.\n\nThen we double it: 10."
        >>> for step in Paragraphs().segment(Solution(id="a", problem="?", text=text)).steps:
        ...     print(repr(step.action))
        'First we add:\n\n\\[ 2 + 3 = 5 \\]\n\nand get five.'
        'Then we double it: 10.'
    """

    name: ClassVar[str] = "paragraphs"

    join_displays: Annotated[
        bool, "join a display formula (or code, behind a colon) to the sentence that it belongs to"
    ] = True

    def segment(self, solution: Solution) -> Segmentation:
        """Split at blank lines.

        Raises:
            Rejected: If there is but one paragraph.
        """
        source = require_text(solution)
        steps = [
            Step(start, end, source[start:end], title) for start, end, title in _paragraphs(source, self.join_displays)
        ]
        if len(steps) < 2:
            raise Rejected("single_paragraph", "no blank line divides the text into steps")
        return Segmentation(tuple(steps), self.name, stated_answer(source))

    def fit(self, solution: Solution) -> float:
        """0.6 for three paragraphs or more, or code and text; 0.4 for two of text; 0 for one or a transcript."""
        if solution.events or not solution.text or solution.text.isspace():
            return 0.0
        steps = _paragraphs(solution.text, self.join_displays)
        if len(steps) < 2:
            return 0.0
        return 0.6 if len(steps) > 2 or solution.text.startswith(_FENCES, steps[0][0]) else 0.4


def _paragraphs(source: str, join_displays: bool) -> list[tuple[int, int, str | None]]:
    """Start, end and title of each step; none if the text is nothing but rules."""
    text = unix_newlines(source)
    blocks = behind(source, cut(source, [0, *_breaks(text, Protected(source))]), monologue_end(source))
    steps: list[tuple[int, int, str | None]] = []
    headings: tuple[int, str] | None = None  # where the headings above the coming paragraph begin, and the last one
    above = ""
    for start, end in blocks:
        block = text[start:end]
        title = _heading(block)
        if title is not None:
            headings = (headings[0] if headings else start), title
        elif _RULE.match(block):
            if steps and not headings:
                steps[-1] = steps[-1][0], end, steps[-1][2]
        elif headings:
            own = _heading(block.partition("\n")[0].rstrip())
            steps.append((headings[0], end, own or headings[1]))
            headings = None
        elif steps and (_OUTPUT.match(block) or (join_displays and _belongs(above, block))):
            steps[-1] = steps[-1][0], end, steps[-1][2]
        else:
            steps.append((start, end, _heading(block.partition("\n")[0].rstrip())))
        above = block
    if headings:  # nothing follows that they could head
        if steps:
            steps[-1] = steps[-1][0], blocks[-1][1], steps[-1][2]
        else:
            steps.append((headings[0], blocks[-1][1], headings[1]))
    return steps


def _breaks(text: str, protected: Protected) -> list[int]:
    """Where blocks may begin: at blank lines, and before and behind a fence that stands at the margin."""
    breaks = protected.outside(match.end() for match in _BLANK_LINE.finditer(text))
    for start, end in protected.spans:
        if text.startswith(_FENCES, start) and (start == 0 or text[start - 1] == "\n"):
            breaks += [start, end]
    return sorted(breaks)


def _heading(block: str) -> str | None:
    """The title, if this is a heading and nothing else."""
    match = _HEADING.match(block) or _BOLD_LINE.match(block)
    return (match[1].strip(" \t#*_").rstrip(":：.") or None) if match else None


def _belongs(above: str, block: str) -> bool:
    """Whether a block goes on with the sentence of the one above it, one of them being a display or code."""
    if block.startswith(_FENCES):
        return above.rstrip("*_").endswith((":", "："))
    if _DISPLAY.match(block):
        return not above.rstrip("*_").endswith((".", "!", "?", "。", *_FENCES)) or above.endswith("...")
    return bool(_DISPLAY_END.search(above[-60:]) and _CONTINUES.match(block))
