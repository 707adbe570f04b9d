"""``auto`` picks the right format on texts that leave no doubt, and refuses where none fits."""

from __future__ import annotations

import pytest

from rewards.errors import UnknownPlugin
from srl_data import segmenters
from srl_data.errors import Rejected
from srl_data.segmenters.auto import Auto
from srl_data.types import Call, Event, Solution

NUMBERED = "Let us see.\n\n1. **Add**: 1 + 2 = 3\n\n2. **Double**: 2 × 3 = 6\n\nAnswer: 6"
HEADINGS = "### Step 1: Add\nWe add 1 and 2.\n\n### Step 2: Double\nWe double 3.\n\nAnswer: 6"
LINES = "Ann has 1 + 2 = <<1+2=3>>3 apples.\nTwice that is 3 * 2 = <<3*2=6>>6.\n#### 6"
SOCRATIC = "How many has Ann? ** She has 1+2=<<1+2=3>>3.\nHow many is twice that? ** 3*2=<<3*2=6>>6\n#### 6"
PROSE = (
    "First we look at the two numbers and add them, which gives three.\n\n"
    "Next we take this sum and double it, so that six comes out.\n\n"
    "This is what was asked for, and so the answer is 6."
)
THINKING = (
    "<think>\nOkay, so I need to add one and two first, and that is three as everybody knows by heart.\n\n"
    "Wait, it asks for twice the sum and not for the sum itself, so I have to go on from there.\n\n"
    "So twice three is six, and that should be what they want to see in the end, I suppose.\n\n"
    "Let me check this again: one and two make three, three and three make six. It holds.\n</think>\n\nThe answer is 6."
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (NUMBERED, "numbered"),
        (HEADINGS, "numbered"),
        (LINES, "lines"),
        (SOCRATIC, "lines"),
        (PROSE, "paragraphs"),
        (THINKING, "thinking"),
    ],
    ids=["numbered", "headings", "lines", "socratic", "paragraphs", "thinking"],
)
def test_picks(text: str, expected: str) -> None:
    segmentation = Auto().segment(Solution(id="a", problem="?", text=text))
    assert segmentation.segmenter == expected
    assert segmentation.confidence is not None
    assert segmentation.confidence >= 0.5
    plain = segmenters.get(expected).segment(Solution(id="a", problem="?", text=text))
    assert segmentation.steps == plain.steps


def test_a_transcript_is_an_agents_whatever_it_looks_like() -> None:
    call = Call("", {"": "ls"}, "plain")
    events = (Event("call", 0, 2, (call,)), Event("observation", 3, 11))
    segmentation = Auto().segment(Solution(id="a", problem="?", text="ls\n1. a\n2. b", events=events))
    assert (segmentation.segmenter, segmentation.confidence) == ("agent", 1.0)


@pytest.mark.parametrize("text", ["42", "A single line without any step in it", "{}" * 40])
def test_refuses_what_fits_nothing(text: str) -> None:
    with pytest.raises(Rejected, match="no_format_fits") as caught:
        Auto().segment(Solution(id="a", problem="?", text=text))
    assert "paragraphs 0.00" in caught.value.detail


def test_chooses_among_those_that_were_named() -> None:
    with pytest.raises(Rejected, match="no_format_fits"):
        Auto(among=("lines",)).segment(Solution(id="a", problem="?", text=NUMBERED))
    with pytest.raises(UnknownPlugin, match="did you mean 'lines'"):
        Auto(among=("line",))


def test_code_that_checks_numbered_steps_does_not_make_an_agent() -> None:
    text = "1. Add: 4.\n\n2. Check:\n\n```python\nprint(2+2)\n```\n```output\n4\n```\n\n3. So it is 4."
    segmentation = Auto().segment(Solution(id="a", problem="?", text=text))
    assert (segmentation.segmenter, len(segmentation.steps)) == ("numbered", 3)


@pytest.mark.parametrize("name", ["lines", "paragraphs", "sentences"])
def test_thoughts_before_the_answer_are_no_step(name: str) -> None:
    if name == "sentences":
        pytest.importorskip("spacy", reason="the extra nlp is not installed")
    text = "<think>\nIt is 14. Sure.\n</think>\n3 + 4 is 7.\n\n7 times 2 is 14."
    segmentation = segmenters.get(name).segment(Solution(id="a", problem="?", text=text))
    assert [step.action for step in segmentation.steps] == ["3 + 4 is 7.", "7 times 2 is 14."]
    assert segmentation.preamble(text) == "<think>\nIt is 14. Sure.\n</think>\n"
