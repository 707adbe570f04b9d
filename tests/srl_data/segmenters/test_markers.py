"""The short cut for plain lists finds what the general way finds, and takes nothing else."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from srl_data.segmenters.layout import unix_newlines
from srl_data.segmenters.markers import find_markers, find_runs, outermost, single_list
from srl_data.segmenters.numbered import Numbered
from srl_data.segmenters.protect import Protected
from srl_data.types import Solution
from tests.strategies import texts

LINES = st.one_of(
    st.integers(0, 4).map(lambda number: f"{number}. "),
    st.sampled_from(
        ["1) ", "  2. ", "(1) ", "Step 2: ", "**3. ", "## ", "# 2", "Part B", "- 2 ", "\\[", "\\]", "", "x"]
    ),
    texts,
)
TITLES = st.sampled_from(
    ["", "**Add**: ", " **Add.** ", "**a*b** ", "***Add*** ", "** Add ** ", "**Add\n** ", "**A** "]
)


@st.composite
def lists(draw: st.DrawFn) -> str:
    """A list from 1 on, so that the short cut has something to take, with other lines strewn in."""
    count = draw(st.integers(1, 4))
    lines = [f"{number}. {draw(TITLES)}{draw(st.sampled_from(['go', 'x = 1', '']))}" for number in range(1, count + 1)]
    for line in draw(st.lists(LINES, max_size=2)):
        lines.insert(draw(st.integers(0, len(lines))), line)
    return "\n".join(lines)


@given(lists() | texts)
@example("1. a\n\\[\n2. b\n\\]\n3. c")  # the 2 is part of a formula
@example("1. a\n# B\n2. b")  # the step starts at the heading over it
@example("1. a\nCase 2\n2. b")
@example("1. a\n2.5 b\n2. c")
@example("01. a\n2. b")
def test_what_the_short_cut_takes_the_general_way_finds_too(text: str) -> None:
    text = unix_newlines(text)
    protected = Protected.at_lines(text)
    run = single_list(text, protected)
    if run is None:
        return
    general = outermost(find_runs(text, find_markers(text, protected), protected))
    assert general is not None
    assert [marker._replace(title=None) for marker in run.markers] == list(general.markers)
    assert (list(run.starts), run.hole) == (list(general.starts), general.hole)


@given(lists())
def test_a_title_seen_in_passing_is_the_title(text: str) -> None:
    """The same list written ``1)`` never takes the short cut."""
    text = unix_newlines(text)
    if single_list(text, Protected.at_lines(text)) is None:
        return
    other = re.sub(r"^([0-9]+)\.", r"\1)", text, flags=re.MULTILINE)
    assert single_list(other, Protected.at_lines(other)) is None

    def titles(written: str) -> list[str | None]:
        return [step.title for step in Numbered().segment(Solution("a", "?", written)).steps]

    assert titles(text) == titles(other)


@pytest.mark.parametrize(
    "text",
    ["1. a\n2. **b**", "so\n\n1. a\n\n2. b\nc", "1.\n2.\na", "\n".join(f"{number}. x" for number in range(1, 130))],
)
def test_plain_lists_are_taken(text: str) -> None:
    assert single_list(text, Protected("")) is not None


@pytest.mark.parametrize(
    "text",
    ["", "a", "1. a", "0. a\n1. b", "2. a\n3. b", "1. a\n3. b", "1. a\n2. b\n1. c", "1. a\n2) b", "1. a\n 2. b\n2. c"],
)
def test_anything_else_is_not(text: str) -> None:
    assert single_list(text, Protected("")) is None
