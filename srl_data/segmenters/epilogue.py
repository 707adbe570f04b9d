r"""Where the last step of a numbered write-up ends and its conclusion begins.

Nothing closes a last step but what comes behind it, and that is read by how the steps are written. List items end
where an unindented paragraph concludes (``Therefore, …``, ``---``, a heading). Below headings and ``Step N:`` the
steps' own paragraphs are unindented, too, so that only an unmistakable end counts: ``Answer: 20``, a heading of
the same level or above, a ``\boxed{}`` that stands alone.
"""

from __future__ import annotations

import re
from itertools import pairwise

from srl_data.segmenters.layout import HEADING, RULES
from srl_data.segmenters.markers import Run
from srl_data.segmenters.protect import Protected

__all__ = ["last_step_end"]

_BLOCK = re.compile(r"\n[^\S\n]*+\n(?=\S)")
_ANSWER_LINE = re.compile(
    r"""\n (?= [#>]{0,6}[ ]?[*_]{0,3} (?: (?:[Tt]he[ ])?[Ff]inal[ ][Aa]nswer | Answer | ANSWER )
               [*_]{0,3} [^\S\n]*+ (?: [:：] | $ )
             | \#{4}(?!\#)[ ]*+[-+$€£¥(\\.]*+[0-9][^\n]*+\s*+\Z )""",
    re.MULTILINE | re.VERBOSE,
)
_STRONG = re.compile(
    r"""(?:Therefore|Thus|Hence|So),?[ ](?:the|our|my)[ ](?:final[ ])?answer\b
      | [*_]{0,3}(?:In[ ]conclusion|Conclusion)\b""",
    re.VERBOSE,
)
_WEAK = re.compile(r"[*_]{0,3}(?:Therefore|Thus|Hence|So|In summary)\b|(?:-{3,}|\*{3,}|_{3,})[^\S\n]*+$", re.MULTILINE)
_BOXED_ALONE = re.compile(r"(?:\\\[|\$\$?|\\\()?\s*+\\(?:boxed|fbox)\b[^\n]*+\s*+(?:\\\]|\$\$)?\s*+\Z")
_LOOSE_BODY = re.compile(r"\n[^\S\n]*+\n(?=[^-*+•#\s])(?![(]?[0-9]{1,3}[.)])")


def last_step_end(text: str, run: Run, protected: Protected) -> int:
    """Where the last step ends: the start of the conclusion, or the end of the text.

    Args:
        text: The text, with unix newlines.
        run: The markers of its steps.
        protected: Its protected stretches.
    """
    line_end = text.find("\n", run.markers[-1].end)
    if line_end < 0:
        return len(text)
    end = _conclusion(text, run, protected, line_end)
    body = text[line_end:end].rstrip()
    if body.endswith(RULES):  # a rule above the conclusion, or below everything
        before = body[: body.rfind("\n")]
        if not body[len(before) :].strip(" \t\n-*_") and before.strip() and line_end + len(before) not in protected:
            return line_end + len(before)
    return end


def _conclusion(text: str, run: Run, protected: Protected, line_end: int) -> int:
    last = run.markers[-1]
    first_line = text[last.end : line_end].rstrip(" \t*_")
    must_have_body = last.heading < 7 or last.style == "bold" or not first_line or first_line.endswith(":")

    def usable(start: int) -> bool:
        return start not in protected and not (must_have_body and not text[line_end:start].strip())

    starts = (match.end() for match in _ANSWER_LINE.finditer(text, line_end))
    end = next((start for start in starts if usable(start)), len(text))
    blocks = [match.end() for match in _BLOCK.finditer(text, line_end, end)]
    for start, following in pairwise([*blocks, end]):
        if _concludes(text, start, following, run) and usable(start):
            return start
    return end


def _concludes(text: str, start: int, end: int, run: Run) -> bool:
    if heading := HEADING.match(text, start):
        return len(heading[1]) <= run.markers[-1].heading
    if _STRONG.match(text, start):
        return True
    block = text[start:end]
    if run.markers[-1].rank > 0:
        return bool("\\boxed" in block or _WEAK.match(block)) and not _has_loose_bodies(text, run)
    return bool(_BOXED_ALONE.match(block)) and text[:start].rstrip().endswith((".", "!", "?", ".**", ".*"))


def _has_loose_bodies(text: str, run: Run) -> bool:
    """Whether the steps before the last have unindented paragraphs, so that one of these ends nothing."""
    return any(
        _LOOSE_BODY.search(text, marker.end, start) for marker, start in zip(run.markers, run.starts[1:], strict=False)
    )
