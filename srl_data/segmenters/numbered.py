"""Solutions in numbered steps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, ClassVar

from srl_data.answers import stated_answer
from srl_data.errors import Rejected
from srl_data.segmenters.base import require_text
from srl_data.segmenters.epilogue import last_step_end
from srl_data.segmenters.layout import RULES, unix_newlines, without_rule
from srl_data.segmenters.markers import Marker, Run, find_markers, find_runs, outermost, single_list
from srl_data.segmenters.protect import Protected
from srl_data.types import Segmentation, Solution, make_step

__all__ = ["Numbered"]

_SENTENCE_INSIDE = re.compile(r"[^.\d][.!?] [A-Z]")
_MOST_STEPS = 998
_LONGEST_TITLE = 100  # code points of a first line that may be a title though nothing marks it as one
_LONGEST_MARKED_TITLE = 200  # the same where a colon at its end does

_OPEN_END = re.compile(
    r"\b(?:is|are|be|ha[sd]|have|gives?|gets?|that|the|an?|and|or|of|to|by|in|as|for|with|where|so)\Z"
)
"""Words that end no title: the line runs on into the formula or the line below."""


@dataclass(frozen=True, slots=True)
class Numbered:
    r"""Solutions in numbered steps: ``1. **Title**: …``, ``1)``, ``Step 1: …``, ``### 1. …``, ``**1. Title**``.

    The format of the SRL paper (arXiv 2510.25992, section 3.1): an action is a step as written, number and title
    included, a rule (``---``) below it left out. Only numbers that go on from 1 (or 0) at one and the same level open
    steps; lists inside a step stay inside. :func:`~srl_data.segmenters.markers.find_runs` says how restarting numbers
    are read. The preamble stays before the first step; a conclusion behind the last one (``Therefore, …``,
    ``Answer: 20``, ``\boxed{20}``) becomes the epilogue.

    Rejects ``no_numbered_steps``, ``does_not_start_at_one`` and ``missing_number``.

    Example:
        >>> text = "We add.\n\n1. **Apples**: 2 + 3 = 5\n2. **Price**: 5 * 2 = 10\n\nAnswer: 10"
        >>> segmentation = Numbered().segment(Solution(id="a", problem="?", text=text))
        >>> [(step.title, step.action) for step in segmentation.steps]
        [('Apples', '1. **Apples**: 2 + 3 = 5'), ('Price', '2. **Price**: 5 * 2 = 10')]
        >>> segmentation.answer
        '10'
    """

    name: ClassVar[str] = "numbered"

    titles: Annotated[bool, "find the steps' titles"] = True
    epilogue: Annotated[bool, "keep a conclusion behind the last step out of it"] = True

    def segment(self, solution: Solution) -> Segmentation:
        """Split at the numbers.

        Raises:
            Rejected: If there are no two steps, the first number is above 1, or a number is missing.
        """
        source = require_text(solution)
        text = unix_newlines(source)
        protected = Protected.at_lines(text)
        run = _run(text, protected)
        end = last_step_end(text, run, protected) if self.epilogue else len(text)
        steps = []
        for marker, start, limit in zip(run.markers, run.starts, [*run.starts[1:], end], strict=True):
            action = source[start:limit].rstrip()
            stop = start + len(action)
            if action.endswith(RULES):
                action = without_rule(action)
            title = (marker.title or _title(text, marker, stop)) if self.titles else None
            steps.append(make_step((start, stop, action, title, None, None)))
        # a box or an "answer" in an earlier step is one of that step's results, not the solution's
        return Segmentation(tuple(steps), self.name, stated_answer(source[run.starts[-1] :]))

    def fit(self, solution: Solution) -> float:
        """0.95 where the steps make up most of the text, less where they do not, 0 where it would be rejected."""
        if solution.events or not solution.text or solution.text.isspace():
            return 0.0
        text = unix_newlines(solution.text)
        protected = Protected.at_lines(text)
        try:
            run = _run(text, protected)
        except Rejected:
            return 0.0
        end = last_step_end(text, run, protected)
        last = end - run.starts[-1]
        if run.markers[0].rank and last > 4 * (end - last - run.starts[0]) + 400:
            return 0.4  # a short list, then a long text: likely a plan and then the solution
        share = (end - run.starts[0]) / len(text)
        return 0.95 if share >= 0.5 else 0.45 + share


def _run(text: str, protected: Protected) -> Run:
    if run := single_list(text, protected):
        return _checked(run)
    markers = find_markers(text, protected)
    run = outermost(find_runs(text, markers, protected))
    if run is None:
        found = f"the only one is {_line(text, markers[0])!r}" if markers else "no line starts like '1.' or 'Step 1:'"
        raise Rejected("no_numbered_steps", f"a numbered solution has two steps or more; {found}")
    first = run.markers[0]
    if first.number > 1:
        raise Rejected("does_not_start_at_one", f"the first numbered line is {_line(text, first)!r}")
    if run.hole:
        marker, expected = run.hole
        raise Rejected("missing_number", f"expected step {expected}, found {_line(text, marker)!r}")
    return _checked(run)


def _checked(run: Run) -> Run:
    if len(run.markers) >= _MOST_STEPS:  # markers have three digits: what is behind would drown in the last step
        raise Rejected(
            "too_many_numbers", f"{len(run.markers)} numbered steps or more; at most {_MOST_STEPS - 1} are read"
        )
    return run


def _line(text: str, marker: Marker) -> str:
    line = text[marker.start : marker.start + 60].partition("\n")[0].rstrip()
    return line if len(line) < 60 else line[:57] + "..."


def _title(text: str, marker: Marker, step_end: int) -> str | None:
    """What a step calls itself on its first line.

    That is a heading, what is bold at the start, or else a line that looks like a title and has a body below it.
    """
    line_end = text.find("\n", marker.end, step_end)
    if line_end < 0:
        line_end = step_end
    line = text[marker.end : line_end].strip()
    if marker.heading < 7:
        return _plain(line)
    if marker.bold:
        return _plain(line.partition("**" if "**" in line else "__")[0])
    if line.startswith("**") and (close := line.find("**", 2)) > 0:
        return _plain(line[2:close])
    return _plain(line) if _is_title(line, text[line_end:step_end].lstrip(), marker) else None


def _is_title(line: str, body: str, marker: Marker) -> bool:
    if not body:
        return False
    if _SENTENCE_INSIDE.search(line):
        return False
    if line.endswith((":", ":**", "：")):
        return len(line) <= _LONGEST_MARKED_TITLE
    if len(line) > _LONGEST_TITLE or "=" in line or body[0].islower() or _OPEN_END.search(line):
        return False
    if line.endswith((".", "。")):
        return marker.style == "step" and ". " not in line
    return not line.endswith((",", ";", "!", "?", "…"))


def _plain(title: str) -> str | None:
    """A title without the markup and the colon or full stop around it."""
    bare = title.strip().strip("*_# ").removesuffix("\\")
    if not bare.endswith("..."):
        bare = bare.rstrip(":：.").rstrip("*_ ")
    return bare or None
