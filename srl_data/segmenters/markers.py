"""Step markers (``1.``, ``Step 1:``, ``### 1.``): finding them, and choosing those that open steps.

A write-up holds more numbers than steps: plans, sub-lists, cases, wrapped lines that begin with a number. Markers
are therefore sorted into *levels*, one for each way of writing them and each indentation; the numbers of a level
are read as lists, some of them inside others; and one level is chosen.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count, repeat
from typing import NamedTuple, cast

from srl_data.segmenters.layout import PART
from srl_data.segmenters.protect import Protected

__all__ = ["Marker", "Run", "find_markers", "find_runs", "outermost", "single_list"]

_STEP = r"(?:[Ss]tep|STEP)[^\S\n]++"
_MARKER = re.compile(
    rf"""
    \n (?P<indent>[ \t]*+)
    (?: (?P<hashes>\#{{1,6}}) [^\S\n]++ (?P<heading_bold>[*_]{{1,3}})?
        (?: (?P<heading_step>{_STEP}) (?P<n1>[0-9]{{1,3}}) (?! \w | [.,][0-9] )
          | [(]? (?P<n2>[0-9]{{1,3}}) (?= [.):](?![0-9]) | [^\S\n]++[^\W0-9] | [^\S\n]++[–—-][^\S\n] ) )
      | (?:[-+*•][ ]++)? (?P<step_bold>[*_]{{1,3}})? (?P<step>{_STEP}) (?P<n3>[0-9]{{1,3}})
        (?(step_bold) (?! \w | [.,][0-9] ) | (?= [^\S\n]*+ (?: [:.)–—-](?![0-9]) | $ ) ) )
      | (?P<bold>\*\*|__) [(]? (?P<n4>[0-9]{{1,3}}) (?= [.):] (?! [0-9] ) )
      | (?P<open>[(]?) (?P<n5>[0-9]{{1,3}}) (?= (?P<close>[.)]) (?: \s | \*\* | \Z ) )
    )
    (?P<closing> [.):]* [*_]{{0,3}} [^\S\n]*+ (?: [.):]++ | [–—-](?=[^\S\n]) )? )
    """,
    re.MULTILINE | re.VERBOSE,
)
_SINGLE = re.compile(
    r"""\n (?: ([1-9][0-9]{0,2}) \. (?=\s) (?: [^\S\n]*+ \*\* ([^\s*_\#] [^*\n]* [^\s*_\#\\:：.]) \*\* )?
          | [^A-Za-z0-9\n]*+ (?: [0-9] | [Ss]tep | STEP | Part | PART | Case | CASE | Section | SECTION )
          | [ \t]*+ \# )""",
    re.VERBOSE,
)
"""A line of a plain ``1. **Title** …`` list: number and bare title. Then all that may be a marker of another sort or
may open a part."""
_COUNT = [str(number) for number in range(1, 1000)]
_INDENT = 2  # columns of indentation that make another level; " 9." and "10." stand at the same one
_DEEPEST = 8  # levels of indentation that are told apart
_OPEN_LISTS = 8  # how many unfinished lists back a number may belong to


class Marker(NamedTuple):
    """One marker.

    Attributes:
        start: Offset of its line's first character that is no white space.
        end: Offset behind the marker and the punctuation that belongs to it.
        number: The number.
        style: ``h1`` to ``h6`` for headings, with a ``s`` behind for ``### Step 1``; ``step``; ``bold`` for
            ``**1. …**``; ``1.``, ``1)`` or ``(1)`` for list items.
        indent: Levels of indentation.
        bold: Whether the marker stands within bold text (``**Step 1: …**``) that is still open behind it.
        title: A title in bold right behind the marker, where it was seen in passing.
    """

    start: int
    end: int
    number: int
    style: str
    indent: int
    bold: bool
    title: str | None = None

    @property
    def rank(self) -> int:
        """How strongly the style says "step": 0 for headings and ``Step``, then list items, then ``(1)``."""
        return 0 if self.style[0] in "hsb" else 1 if self.style != "(1)" else 2

    @property
    def heading(self) -> int:
        """The heading's level; 7, below them all, for what is no heading."""
        return int(self.style[1]) if self.style[0] == "h" else 7


_make_marker = cast(
    "Callable[[tuple[int, int, int, str, int, bool, str | None]], Marker]", partial(tuple.__new__, Marker)
)


class Run(NamedTuple):
    """Markers of one level that open steps.

    Attributes:
        markers: In order.
        starts: Where each of their steps starts, which is before the marker where a heading stands over it.
        hole: A marker at which a number is missing, with the number that was expected.
    """

    markers: Sequence[Marker]
    starts: Sequence[int]
    hole: tuple[Marker, int] | None


def single_list(text: str, protected: Protected) -> Run | None:
    r"""The run of a text whose markers are ``1.``, ``2.``, … at the margin, and nothing else.

    Most write-ups are no more than that. There is nothing to choose in them, and this finds their run in a fraction
    of the time that :func:`find_markers`, :func:`find_runs` and :func:`outermost` take, which would find the same.

    Returns:
        The run; None where any line looks like another marker or a new part, and the three have to be asked.

    Example:
        >>> single_list("1. a\n2. b", Protected("")).starts
        [0, 5]
        >>> single_list("1. a\n  1) b\n2. c", Protected("")) is None
        True
    """
    matches = list(_SINGLE.finditer("\n" + text))
    numbers = [match[1] for match in matches]
    if len(numbers) < 2 or numbers != _COUNT[: len(numbers)]:
        return None
    starts = [match.start() for match in matches]
    if protected.spans and any(start in protected for start in starts):
        return None
    ends = [match.end(1) for match in matches]  # of the number in the shifted text, so behind the full stop
    titles = [match[2] for match in matches]
    values = zip(starts, ends, count(1), repeat("1."), repeat(0), repeat(False), titles)
    markers = list(map(_make_marker, values))
    return Run(markers, starts, None)


def find_markers(text: str, protected: Protected) -> list[Marker]:
    r"""Every marker at the start of a line, outside protected stretches.

    Args:
        text: The text, with unix newlines.
        protected: Its protected stretches.

    Example:
        >>> [(marker.number, marker.style) for marker in find_markers("1. a\n  1) b\n## Step 1", Protected(""))]
        [(1, '1.'), (1, '1)'), (1, 'h2s')]
    """
    found = []
    for match in _MARKER.finditer("\n" + text):  # a pattern that starts with a literal is twice as fast as with ^
        indent, hashes, _, heading_step, n1, n2, step_bold, step, n3, bold, n4, opened, n5, closed, closing = (
            match.groups()
        )
        start = match.start() + len(indent)
        if protected.spans and start in protected:
            continue
        if hashes:
            style = f"h{len(hashes)}s" if heading_step else f"h{len(hashes)}"
            depth = 0
        else:
            style = "step" if step else "bold" if bold else "(1)" if opened else f"1{closed}"
            if opened and closed != ")":
                continue
            depth = min(len(indent.expandtabs(4)) // _INDENT, _DEEPEST) if indent else 0
        end = match.end("n5") if n5 else match.end() - 1
        still_bold = bool(step_bold or bold) and "*" not in closing and "_" not in closing
        found.append(Marker(start, end, int(n1 or n2 or n3 or n4 or n5), style, depth, still_bold))
    return found


def find_runs(text: str, markers: Sequence[Marker], protected: Protected) -> list[Run]:
    """One run for each level that has two markers or more, in order of appearance.

    A level's numbers are read as lists. A 1 begins a list, any other number continues the latest list that waits
    for it, and what has come since belongs inside that list's current item. What that leaves open:

    - ``1 2 [1 2] 3``: the 3 could be the inner list's. It is the outer's, since more steps are lost otherwise.
    - ``1 2 3 1 2``: the second list is a new part, and its items are further steps, if a heading or a line such as
      ``Part B`` or ``Case 2`` stands before it; without one it is a sub-list of step 3.
    - ``1 2 3 1 2 3``: if the first list has a line an item, and text leads from it to the second, it is a plan.
    - ``1 2 4``: a hole. ``1 2 2 3``: the second 2 belongs to the text of step 2.
    """
    levels: dict[tuple[str, int], list[Marker]] = {}
    for marker in markers:
        levels.setdefault((marker.style, marker.indent), []).append(marker)
    parts = [(match.end(), len(match[1] or "")) for match in PART.finditer(text) if match.end() not in protected]
    return [_run(text, level, parts) for level in levels.values() if len(level) > 1]


def outermost(runs: Sequence[Run]) -> Run | None:
    """The run that cuts a write-up into its steps.

    Runs that lie within one step of another are out, headings and ``Step`` go before list items (a numbered plan
    often stands before the steps themselves), and else the first one is it. A run that does not begin at 0 or 1
    counts only if it is of headings or ``Step``, or if there is no other, so that the caller can reject it.
    """
    if len(runs) == 1 and len(runs[0].markers) > 1:
        return runs[0]
    usable = [run for run in runs if len(run.markers) > 1 or run.hole]
    proper = [run for run in usable if run.markers[0].number <= 1 or run.markers[0].rank == 0] or usable
    free = [run for run in proper if not any(_inside(run, other) for other in proper if other is not run)]
    return min(free, key=lambda run: (run.markers[0].rank, run.markers[0].start), default=None)


def _inside(inner: Run, outer: Run) -> bool:
    """Whether a run lies within one step of another: before its next marker, or indented under its last."""
    starts = [marker.start for marker in outer.markers]
    gap = bisect_right(starts, inner.markers[0].start)
    if gap == 0 or gap != bisect_right(starts, inner.markers[-1].start):
        return False
    return gap < len(starts) or inner.markers[0].indent > outer.markers[0].indent


def _run(text: str, level: Sequence[Marker], headings: Sequence[tuple[int, int]]) -> Run:
    level = _without_strays(level)
    parts = _parts(level, headings) if headings else []
    if not parts and level[-1].number - level[0].number == len(level) - 1 and _counts_up(level):
        return Run(level, [marker.start for marker in level], None)  # mostly nothing needs to be untangled
    lists, hole = _lists(level)
    chosen = lists[0]
    for following in lists[1:]:
        first, previous = level[following[0]], level[following[0] - 1]
        if bisect_right(parts, first.start) > bisect_right(parts, previous.start):
            chosen += following
            continue
        if (
            following[0] == chosen[-1] + 1
            and len(following) == len(chosen) > 1
            and _is_plan(text, level, chosen, first)
        ):
            chosen = following
            continue
        expected = level[chosen[-1]].number + 1
        goes_on = [index for index in following if level[index].number >= expected]
        if goes_on and _is_bold(text, level[goes_on[0]]) == _is_bold(text, level[chosen[0]]):
            chosen += goes_on
    return Run([level[index] for index in chosen], _starts(text, level, chosen, parts), hole)


def _is_plan(text: str, level: Sequence[Marker], chosen: Sequence[int], after: Marker) -> bool:
    """Whether a list is but the plan of the equally long one after it: a line an item, then text that leads over."""
    ends = [level[index].start for index in chosen[1:]]
    items = [text[level[index].end : end].strip() for index, end in zip(chosen, ends, strict=False)]
    if any("\n" in item for item in items):
        return False
    last, _, lead = text[level[chosen[-1]].end : after.start].partition("\n\n")
    lead = lead.strip("\n")
    return "\n" not in last.strip() and bool(lead) and not lead[0].isspace()


def _without_strays(level: Sequence[Marker]) -> Sequence[Marker]:
    """The level without numbers before its first list that begin no list: a wrapped line's ``15. Then``."""
    for index, marker in enumerate(level):
        if marker.number <= 1 or (index + 1 < len(level) and level[index + 1].number == marker.number + 1):
            return level[index:]
    return level


def _counts_up(level: Sequence[Marker]) -> bool:
    return all(marker.number == number for number, marker in enumerate(level, start=level[0].number))


def _parts(level: Sequence[Marker], headings: Sequence[tuple[int, int]]) -> list[int]:
    """Where new parts begin, as seen from a level: at a heading above it that is none of its markers."""
    own = {marker.start for marker in level}
    above = level[0].heading
    return [start for start, hashes in headings if hashes < above and start not in own]


def _lists(level: Sequence[Marker]) -> tuple[list[list[int]], tuple[Marker, int] | None]:
    """Read a level's numbers as lists of indices: the first list, and those behind it that no list encloses."""
    opened: list[list[int]] = [[0]]
    for index in range(1, len(level)):
        number = level[index].number
        latest = opened[-1]
        if level[latest[-1]].number == number - 1:
            latest.append(index)
        elif number <= 1:
            opened.append([index])
        else:
            depth = _waiting(level, opened, number)
            if depth is not None:
                opened[depth].append(index)
                del opened[depth + 1 :]
            elif number > (expected := level[opened[0][-1]].number + 1):
                return opened, (level[index], expected)
    return opened, None


def _waiting(level: Sequence[Marker], opened: Sequence[list[int]], number: int) -> int | None:
    """The latest open list whose next number this is. The outermost is always asked, of the others the last few."""
    for depth in range(len(opened) - 1, max(0, len(opened) - _OPEN_LISTS), -1):
        if level[opened[depth][-1]].number == number - 1:
            return depth
    return 0 if level[opened[0][-1]].number == number - 1 else None


def _is_bold(text: str, marker: Marker) -> bool:
    return marker.bold or text[marker.end : marker.end + 4].lstrip().startswith(("**", "__"))


def _starts(text: str, level: Sequence[Marker], chosen: Sequence[int], parts: Sequence[int]) -> list[int]:
    """Where the steps start: at a heading that stands right above the marker or begins a new part, else there."""
    starts = [level[index].start for index in chosen]
    if parts:
        for position, index in enumerate(chosen[1:], start=1):
            marker = level[index]
            nearest = bisect_right(parts, marker.start) - 1
            if nearest >= 0 and parts[nearest] > level[index - 1].start:
                line_end = text.find("\n", parts[nearest])
                if marker.number <= 1 or not text[line_end : marker.start].strip():
                    starts[position] = parts[nearest]
    return starts
