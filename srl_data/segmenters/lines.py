"""Solutions with one step a line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from srl_data.answers import stated_answer
from srl_data.errors import Rejected
from srl_data.segmenters.base import behind, monologue_end, require_text
from srl_data.segmenters.layout import unix_newlines
from srl_data.segmenters.protect import Protected
from srl_data.types import Segmentation, Solution, make_step

__all__ = ["Lines"]

_SPANNING = ("$", "\\", "`", "~", "<think>")  # what a stretch that goes on over a line break may begin with
_ANSWER = re.compile(r"\s*+(?:####(?!#)|A:|(?:\*\*)?(?:Final [Aa]nswer|Answer)(?:\*\*)?\s*+:)\s*+\S")
_CALC = re.compile(r"<<[^<>\n]*+>>")
_NUMBERED = re.compile(r"\W{0,4}(?:[Ss]tep\s)?\d{1,3}[.):]\s")
_POWER = re.compile(r"(?:[\d)\]}]|\b\w{1,2}) \*\* (?:[-\d(]|\w{1,2}\b)")  # 2 ** 3, x ** n
_LONG_LINE = 400  # code points; longer lines are paragraphs


@dataclass(frozen=True, slots=True)
class Lines:
    r"""One step a line, as in GSM8K: a closing ``#### answer`` (or ``A: 18``) is the answer and no step.

    Blank lines are skipped. Lines end at ``\n``, ``\r\n`` or ``\r`` and nowhere else, and not inside a formula, a code
    fence or a ``<think>`` block. In Socratic lines, ``question ** step``, the question becomes the title; ``auto``
    takes ``**`` for that where a question mark stands before it, or where every line has it and none is a power.

    Rejects ``single_line``: one line and no answer below it says nothing about steps.

    Example:
        >>> text = "How many in May? ** 48/2 = <<48/2=24>>24\nIn total? ** 48+24 = <<48+24=72>>72\n#### 72"
        >>> segmentation = Lines(strip_calc=True).segment(Solution(id="a", problem="?", text=text))
        >>> [(step.title, step.action) for step in segmentation.steps]
        [('How many in May?', '48/2 = 24'), ('In total?', '48+24 = 72')]
        >>> segmentation.answer
        '72'
    """

    name: ClassVar[str] = "lines"

    strip_calc: Annotated[bool, "drop <<48/2=24>> annotations from the actions (the text keeps them)"] = False
    socratic: Annotated[Literal["auto", "yes", "no"], "whether lines are 'question ** step'"] = "auto"

    def segment(self, solution: Solution) -> Segmentation:
        """Split at the line ends.

        Raises:
            Rejected: If there is but one line.
        """
        source = require_text(solution)
        spans, has_answer = _spans(source)
        lines = [source[start:end] for start, end in spans]
        socratic = self.socratic == "yes" or (self.socratic == "auto" and " ** " in source and _is_socratic(lines))
        steps = []
        for (start, end), line in zip(spans, lines, strict=True):
            title, action = _question(line) if socratic else (None, line)
            if self.strip_calc and "<<" in action:
                action = _CALC.sub("", action).strip() or action
            steps.append(make_step((start, end, action, title, None, None)))
        answer = stated_answer(source[spans[-1][1 if has_answer else 0] :])
        return Segmentation(tuple(steps), self.name, answer)

    def fit(self, solution: Solution) -> float:
        """0.95 for GSM8K's own marks, 0.5 for several lines of moderate length without blank lines, else 0 to 0.3."""
        if solution.events or not solution.text or solution.text.isspace():
            return 0.0
        try:
            spans, has_answer = _spans(solution.text)
        except Rejected:
            return 0.0
        text = unix_newlines(solution.text)
        if "```" in text or "~~~" in text or (len(spans) < 2 and not has_answer):
            return 0.0
        lines = [text[start:end] for start, end in spans]
        if 2 * sum(1 for line in lines if _NUMBERED.match(line)) > len(lines):
            return 0.3  # lines, but numbered ones
        marked = sum(1 for line in lines if "<<" in line or " ** " in line)
        if 2 * marked > len(lines) or (has_answer and _is_gsm8k(text, spans[-1][1], lines)):
            return 0.95
        if any("\n" in line for line in lines):
            return 0.0
        blank = text[spans[0][0] : spans[-1][1]].count("\n") - (len(lines) - 1)
        moderate = max(map(len, lines)) <= _LONG_LINE
        return 0.5 if not blank and moderate else 0.3 if 2 * blank < len(lines) and moderate else 0.1


def _spans(source: str) -> tuple[list[tuple[int, int]], bool]:
    """The steps' spans, and whether an answer line stands below them."""
    text = unix_newlines(source)
    spans = []
    at = 0
    for line in text.split("\n"):
        if bare := line.strip():
            start = at if len(bare) == len(line) else at + len(line) - len(line.lstrip())
            spans.append((start, start + len(bare)))
        at += len(line) + 1
    if any(mark in text for mark in _SPANNING) and (protected := Protected.at_lines(text)).spans:
        spans = _joined(spans, protected)
    spans = behind(text, spans, monologue_end(text))
    if not spans:
        raise Rejected("only_thoughts", "nothing stands behind the <think> block")
    has_answer = len(spans) > 1 and _ANSWER.match(text, spans[-1][0], spans[-1][1]) is not None
    if has_answer:
        spans.pop()
    elif len(spans) == 1:
        raise Rejected("single_line", "the text is one line, so that line ends say nothing about its steps")
    return spans, has_answer


def _joined(spans: list[tuple[int, int]], protected: Protected) -> list[tuple[int, int]]:
    """The lines, those that one protected stretch holds together as one."""
    joined = spans[:1]
    for start, end in spans[1:]:
        if start in protected or joined[-1][1] in protected:
            joined[-1] = joined[-1][0], end
        else:
            joined.append((start, end))
    return joined


def _is_socratic(lines: list[str]) -> bool:
    if any("? ** " in line for line in lines):
        return True
    heads = [line.partition(" ** ")[0] for line in lines if " ** " in line and not _POWER.search(line)]
    return len(heads) == len(lines) and not any("=" in head for head in heads)


def _question(line: str) -> tuple[str | None, str]:
    """A Socratic line's question and step; ``2 ** 3`` within the question does not end it."""
    mark = line.find("? ** ") + 1 or line.find(" ** ")
    question, step = line[:mark].strip(), line[mark:].strip().removeprefix("**").strip()
    return (question, step) if mark > 0 and question and step else (None, line)


def _is_gsm8k(text: str, end: int, lines: list[str]) -> bool:
    """Whether ``####`` or ``A:`` closes a text of plain lines."""
    return text[end:].lstrip().startswith(("####", "A:")) and max(map(len, lines)) <= _LONG_LINE
