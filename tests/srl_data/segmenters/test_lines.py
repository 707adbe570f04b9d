"""One action a line: GSM8K, its Socratic form, and what only looks like it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srl_data.errors import Rejected
from srl_data.segmenters.lines import Lines
from srl_data.types import Event, Segmentation, Solution


@dataclass(frozen=True)
class Case:
    name: str
    text: str
    actions: list[str]
    answer: str | None = None
    epilogue: str = ""
    titles: list[str | None] | None = None
    options: dict[str, Any] = field(default_factory=dict)


CASES = [
    Case("gsm8k", "2+2 = <<2+2=4>>4\n4*2 = 8\n#### 8", ["2+2 = <<2+2=4>>4", "4*2 = 8"], "8", "\n#### 8"),
    Case("a_colon_as_the_last_line", "2+2 = 4\nA: 4", ["2+2 = 4"], "4", "\nA: 4"),  # GSM8K's model solutions
    Case("answer_line", "2+2 = 4\n4*2 = 8\n\nAnswer: 8\n", ["2+2 = 4", "4*2 = 8"], "8", "\n\nAnswer: 8\n"),
    Case("a_colon_in_the_middle_is_a_step", "A: 4 apples\nB: 5 apples", ["A: 4 apples", "B: 5 apples"]),
    Case("hashes_in_the_middle_are_a_step", "#### 4\n2+2 = 4", ["#### 4", "2+2 = 4"]),
    Case("blank_lines_and_indentation", "\n  a = 1 \n\n \t\n\tb = 2\n", ["a = 1", "b = 2"], None, "\n"),
    Case("all_three_line_ends", "a = 1\r\nb = 2\rc = 3\nd = 4", ["a = 1", "b = 2", "c = 3", "d = 4"]),
    # str.splitlines would split at each of these
    Case("no_other_line_ends", "a\u2028b\x0bc\x1cd\x85e\nf", ["a\u2028b\x0bc\x1cd\x85e", "f"]),
    Case(
        "a_display_is_one_action", "We add:\n\\[\n2 + 2\n= 4\n\\]\nDone.", ["We add:", "\\[\n2 + 2\n= 4\n\\]", "Done."]
    ),
    Case("a_formula_holds_lines_together", "let $a +\nb$ be 3\nso $a$ is 1", ["let $a +\nb$ be 3", "so $a$ is 1"]),
    Case("prices_do_not", "It costs $5\nor $6 each\n#### 11", ["It costs $5", "or $6 each"], "11", "\n#### 11"),
    Case("code_is_one_action", "Run\n```\na = 1\n\nb = 2\n```\nDone", ["Run", "```\na = 1\n\nb = 2\n```", "Done"]),
    Case(
        "calc_stripped",
        "48/2 = $<<48/2=24>>24.\n<<1+1=2>>\n#### 24",
        ["48/2 = $24.", "<<1+1=2>>"],  # what is nothing but an annotation stays: an empty action rewards silence
        "24",
        "\n#### 24",
        options={"strip_calc": True},
    ),
    Case(
        "socratic",
        "How many in May? ** 24\nIn all? ** 72\n#### 72",
        ["24", "72"],
        "72",
        "\n#### 72",
        ["How many in May?", "In all?"],
    ),
    Case(
        "socratic_without_question_marks",  # seen in GSM8K's own Socratic file
        "Define a variable ** Let x be the coins.\nSimplify ** 2*x=80\nDivide by 2 ** Dividing, x=40",
        ["Let x be the coins.", "2*x=80", "Dividing, x=40"],
        None,
        "",
        ["Define a variable", "Simplify", "Divide by 2"],
    ),
    Case("powers_are_no_questions", "2 ** 3 = 8\nx ** 2 = 4", ["2 ** 3 = 8", "x ** 2 = 4"], titles=[None, None]),
    Case(
        "a_power_in_the_question",
        "What is 2 ** 3? ** 8\nAnd doubled? ** 16",
        ["8", "16"],
        titles=["What is 2 ** 3?", "And doubled?"],
    ),
    Case(
        "socratic_switched_off",
        "How many? ** 24\nIn all? ** 72",
        ["How many? ** 24", "In all? ** 72"],
        titles=[None, None],
        options={"socratic": "no"},
    ),
    Case(
        "socratic_switched_on",
        "area = side ** side times side\nno stars here",
        ["side times side", "no stars here"],
        titles=["area = side", None],
        options={"socratic": "yes"},
    ),
]


def _segment(text: str, **options: Any) -> Segmentation:
    return Lines(**options).segment(Solution(id="a", problem="?", text=text))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case) -> None:
    segmentation = _segment(case.text, **case.options)
    assert [step.action for step in segmentation.steps] == case.actions
    assert segmentation.answer == case.answer
    assert segmentation.epilogue(case.text) == case.epilogue
    if case.titles is not None:
        assert [step.title for step in segmentation.steps] == case.titles


@pytest.mark.parametrize("text", ["just one line", "#### 5", "\n\n  one \n", "\\[\na\n\nb\n\\]"])
def test_one_line_says_nothing_about_steps(text: str) -> None:
    with pytest.raises(Rejected, match="single_line"):
        _segment(text)
    assert Lines().fit(Solution(id="a", problem="?", text=text)) == 0.0


@given(
    st.lists(st.from_regex(r"[a-z0-9=+]([a-z0-9=+ ]{0,20}[a-z0-9=+])?", fullmatch=True), min_size=1, max_size=20),
    st.sampled_from(["\n", "\r\n", "\r", "\n\n", "  \n\t"]),
    st.integers(),
)
def test_lines_in_lines_out(lines: list[str], ending: str, answer: int) -> None:
    segmentation = _segment(ending.join([*lines, f"#### {answer}"]))
    assert [step.action for step in segmentation.steps] == lines
    assert segmentation.answer == str(answer)


FITS = [
    ("gsm8k", "2+2 = <<2+2=4>>4\n#### 4", 0.9, 1.0),
    ("answer below plain lines", "2+2 = 4\n4*2 = 8\n#### 8", 0.9, 1.0),
    ("socratic", "How many? ** 24\nIn all? ** 72", 0.9, 1.0),
    ("plain lines", "2+2 = 4\n4*2 = 8", 0.5, 0.6),
    ("numbered lines are numbered", "Step 1: 2+2 = <<2+2=4>>4\nStep 2: 4*2 = 8\n#### 8", 0.0, 0.45),
    ("paragraphs", "One thing.\n\nAnother thing.\n\nA third.", 0.0, 0.3),
    ("long lines are paragraphs", "word " * 200 + "\n" + "word " * 200, 0.0, 0.3),
    ("code", "Run\n```\na = 1\n```\nDone", 0.0, 0.0),
    ("a display over several lines", "We add:\n\\[\n2 + 2\n\\]\nDone.", 0.0, 0.0),
]


@pytest.mark.parametrize(("text", "least", "most"), [fit[1:] for fit in FITS], ids=[fit[0] for fit in FITS])
def test_fit(text: str, least: float, most: float) -> None:
    assert least <= Lines().fit(Solution(id="a", problem="?", text=text)) <= most


def test_transcripts_are_not_lines() -> None:
    text = "ls\na.txt"
    assert Lines().fit(Solution(id="a", problem="?", text=text, events=(Event("call", 0, 2),))) == 0.0


_LOOSE = st.text(st.sampled_from("ab. \t\n\r\x0b\x85\u2028\u00a0\u0301𝔸#"), max_size=40)


@given(_LOOSE)
def test_lines_end_at_line_feeds_alone(text: str) -> None:
    """No formula, no fence: the steps are what a line holds between its outermost characters that are no space."""
    lines = [match[0].rstrip() for match in re.finditer(r"\S[^\r\n]*", text)]
    try:
        steps = _segment(text).steps
    except Rejected:
        assert len(lines) < 2
        return
    assert [text[step.start : step.end] for step in steps] in (lines, lines[:-1])


_REAL = Path(__file__).parents[3].parent / "shared/data"


@pytest.mark.skipif(not _REAL.is_dir(), reason="the real solutions are not here")
@pytest.mark.parametrize(
    ("file", "column", "mark"),
    [
        ("gsm8k_train_400.jsonl", "answer", "#### "),
        ("gsm8k_socratic_100.jsonl", "answer", "#### "),
        ("gsm8k_model_solutions_150.jsonl", "ground_truth", "A: "),
    ],
)
def test_real_solutions(file: str, column: str, mark: str) -> None:
    """The last line of every record is its answer, the others are its steps; Socratic ones have titles."""
    for line in (_REAL / file).read_text(encoding="utf-8").splitlines():
        text = json.loads(line)[column]
        *lines, last = text.split("\n")
        segmentation = _segment(text)
        assert [text[step.start : step.end] for step in segmentation.steps] == [line.strip() for line in lines]
        assert segmentation.answer == last.removeprefix(mark)
        assert all((step.title is not None) == ("socratic" in file) for step in segmentation.steps)
        assert Lines().fit(Solution(id="a", problem="?", text=text)) >= 0.9
