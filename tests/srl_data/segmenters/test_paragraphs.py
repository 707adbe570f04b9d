"""Paragraphs, and what belongs together across a blank line."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from srl_data.errors import Rejected
from srl_data.segmenters.base import check_partition
from srl_data.segmenters.paragraphs import Paragraphs
from srl_data.types import Event, Segmentation, Solution


@dataclass(frozen=True)
class Case:
    name: str
    text: str
    actions: list[str]
    titles: list[str | None] | None = None
    preamble: str = ""
    options: dict[str, Any] = field(default_factory=dict)


CASES = [
    Case("blank_lines", "One.\nStill one.\n\nTwo.", ["One.\nStill one.", "Two."]),
    Case("white_space_on_blank_lines", "One.\n \t\n\n  Two.\n\n", ["One.", "Two."], preamble=""),
    Case("carriage_returns", "One.\r\n\r\nTwo.\r\rThree.", ["One.", "Two.", "Three."]),
    # \x0b and \u2028 are white space, but they end no line
    Case("no_other_line_ends", "One.\n\u2028\nTwo.\x0b\x0bStill two.", ["One.", "Two.\x0b\x0bStill two."]),
    # displays
    Case("display_with_blank_line_inside", "A.\n\n\\[\na\n\nb\n\\]\n\nB.", ["A.", "\\[\na\n\nb\n\\]", "B."]),
    Case("display_behind_a_colon", "We get:\n\n$$x = 1$$\n\nDone.", ["We get:\n\n$$x = 1$$", "Done."]),
    Case("display_behind_an_open_sentence", "Set\n\n\\[ t = 1 . \\]\n\nNext.", ["Set\n\n\\[ t = 1 . \\]", "Next."]),
    Case(
        "sentence_goes_on_behind_the_display",
        "Let\n\n\\begin{align}\na\n\\end{align}\n\nwhere a is 1.\n\nNext.",
        ["Let\n\n\\begin{align}\na\n\\end{align}\n\nwhere a is 1.", "Next."],
    ),
    Case(
        "chain_of_displays",
        "So\n\n\\[a\\]\n\n\\[b\\]\n\nand\n\n\\[c\\]\n\nX.",
        ["So\n\n\\[a\\]\n\n\\[b\\]\n\nand\n\n\\[c\\]", "X."],
    ),
    Case("display_behind_a_full_stop", "It is so.\n\n\\[a\\]\n\nX.", ["It is so.", "\\[a\\]", "X."]),
    Case("lower_case_behind_prose_is_its_own", "Two things.\n\nfirst, this.", ["Two things.", "first, this."]),
    Case(
        "displays_apart",
        "We get:\n\n$$x = 1$$\n\nwhich ends it.",
        ["We get:", "$$x = 1$$", "which ends it."],
        options={"join_displays": False},
    ),
    # code
    Case("code_with_blank_lines_inside", "A.\n\n```\na\n\nb\n```\n\nB.", ["A.", "```\na\n\nb\n```", "B."]),
    Case("code_needs_no_blank_lines", "A.\n```\na\n```\nB.", ["A.", "```\na\n```", "B."]),
    Case("code_behind_a_colon", "Run:\n\n```\na\n```\n\nB.", ["Run:\n\n```\na\n```", "B."]),
    Case(
        "code_in_a_list_item", "- Run.\n  ```\n  a\n  ```\n- Read.\n\nB.", ["- Run.\n  ```\n  a\n  ```\n- Read.", "B."]
    ),
    Case(
        "code_and_its_output",
        "```python\na\n```\n```output\n18\n```\nSo 18.",
        ["```python\na\n```\n```output\n18\n```", "So 18."],
    ),
    Case("open_fence_runs_to_the_end", "A.\n\n```\na\n\nb\n", ["A.", "```\na\n\nb"]),
    Case("thoughts_stay_whole", "A.\n\n<think>a\n\nb</think>\n\nB.", ["A.", "<think>a\n\nb</think>", "B."]),
    # headings and rules
    Case(
        "headings_head_what_follows",
        "### 1. Start ###\n\nWe add.\n\n**Next:**\n\nWe double.\n\nAnd stop.",
        ["### 1. Start ###\n\nWe add.", "**Next:**\n\nWe double.", "And stop."],
        ["1. Start", "Next", None],
    ),
    Case(
        "heading_without_blank_line",
        "**Boys:**\n- 5\n\n## Girls\n6",
        ["**Boys:**\n- 5", "## Girls\n6"],
        ["Boys", "Girls"],
    ),
    Case("headings_in_a_row", "# A\n\n## B\n\nx\n\ny", ["# A\n\n## B\n\nx", "y"], ["B", None]),
    Case("heading_at_the_end", "x\n\ny\n\n## Nothing follows", ["x", "y\n\n## Nothing follows"], [None, None]),
    Case("bold_words_are_no_heading", "**All** is well.\n\nBye.", ["**All** is well.", "Bye."], [None, None]),
    Case("rules", "---\n\nA.\n\n---\n\nB.\n\n* * *", ["A.\n\n---", "B.\n\n* * *"], preamble="---\n\n"),
]


def _segment(text: str, **options: Any) -> Segmentation:
    return Paragraphs(**options).segment(Solution(id="a", problem="?", text=text))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case) -> None:
    segmentation = _segment(case.text, **case.options)
    assert [step.action for step in segmentation.steps] == case.actions
    assert segmentation.preamble(case.text) == case.preamble
    if case.titles is not None:
        assert [step.title for step in segmentation.steps] == case.titles


def test_answer_is_the_one_that_the_text_states() -> None:
    assert _segment("We add.\n\nSo $\\boxed{5}$.").answer == "5"
    assert _segment("We add.\n\nDone.").answer is None


@pytest.mark.parametrize(
    "text",
    [
        "One line.",
        "One\nparagraph.",
        "## Heading\n\nand its paragraph.",
        "We get:\n\n\\[a\\]",
        "One.\n\n---",
        "---\n\n---",
    ],
)
def test_one_paragraph_is_no_step(text: str) -> None:
    with pytest.raises(Rejected, match="single_paragraph"):
        _segment(text)
    assert Paragraphs().fit(Solution(id="a", problem="?", text=text)) == 0.0


FITS = [
    ("three paragraphs", "A.\n\nB.\n\nC.", 0.5, 0.7),
    ("two could be anything", "A.\n\nB.", 0.1, 0.45),
    ("code and its result", "```\na\n```\nSo 18.", 0.5, 0.7),
]


@pytest.mark.parametrize(("text", "least", "most"), [fit[1:] for fit in FITS], ids=[fit[0] for fit in FITS])
def test_fit(text: str, least: float, most: float) -> None:
    assert least <= Paragraphs().fit(Solution(id="a", problem="?", text=text)) <= most


def test_transcripts_are_not_paragraphs() -> None:
    text = "A.\n\nB.\n\nC."
    assert Paragraphs().fit(Solution(id="a", problem="?", text=text, events=(Event("call", 0, 2),))) == 0.0


_REAL = Path(__file__).parents[3].parent / "shared/data"


@pytest.mark.skipif(not _REAL.is_dir(), reason="the real solutions are not here")
@pytest.mark.parametrize(
    ("file", "column"),
    [("deepseekmath_v2_proofs_10.jsonl", "proof"), ("tora_code34b_gsm8k_100.jsonl", "response")],
)
def test_real_solutions(file: str, column: str) -> None:
    """Proofs full of displays, and programs with their output: no step is a bare display, heading, rule or output."""
    for line in (_REAL / file).read_text(encoding="utf-8").splitlines():
        text = json.loads(line)[column]
        segmentation = _segment(text)
        check_partition(text, segmentation)
        for step in segmentation.steps:
            assert not step.action.startswith(("---", "```output"))
            assert step.action.count("\n") or not step.action.startswith("#")
