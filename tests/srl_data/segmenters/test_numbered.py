"""What ``numbered`` makes of the ways in which people and models number their steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srl_data.errors import Rejected
from srl_data.segmenters.base import check_partition
from srl_data.segmenters.layout import unix_newlines, without_rule
from srl_data.segmenters.numbered import Numbered
from srl_data.types import Solution

_ROOT = Path(__file__).parents[3]
# Each case: the text's lines, why it is there, and either the reject's reason or the steps as
# [title, first line, last line] with the answer that the text states.
CASES: list[dict[str, Any]] = json.loads((_ROOT / "tests/cases/segmenters/numbered.json").read_text(encoding="utf-8"))


def _solution(text: str) -> Solution:
    return Solution(id="a", problem="?", text=text)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case(case: dict[str, Any]) -> None:
    lines = case["lines"]
    solution = _solution("\n".join(lines))
    segmenter = Numbered(**case.get("options", {}))
    if reason := case.get("rejected"):
        assert segmenter.fit(solution) == 0.0
        with pytest.raises(Rejected) as caught:
            segmenter.segment(solution)
        assert caught.value.reason == reason
        return
    segmentation = segmenter.segment(solution)
    check_partition(solution.text, segmentation)
    expected = [(title, "\n".join(lines[first : last + 1]).strip()) for title, first, last in case["steps"]]
    assert [(step.title, solution.text[step.start : step.end]) for step in segmentation.steps] == expected
    assert [step.action for step in segmentation.steps] == [without_rule(text) for _, text in expected]
    assert [solution.text[step.start : step.end] for step in segmentation.steps] == [action for _, action in expected]
    assert segmentation.answer == case["answer"]
    assert segmenter.fit(solution) > 0.0


def test_reject_names_the_line() -> None:
    """The detail is what a person needs to mend this very record."""
    with pytest.raises(Rejected, match=r"expected step 3, found '4\. Add the rest'"):
        Numbered().segment(_solution("1. a\n2. b\n4. Add the rest"))


STYLES = {
    "dot": "{n}. step",
    "bold title": "{n}. **Title**: step",
    "parenthesis": "{n}) step",
    "step": "Step {n}: step",
    "bold step": "**Step {n}:** step",
    "heading": "### {n}. Title\nstep",
    "heading step": "## Step {n}\nstep",
    "bold": "**{n}. Title**\nstep",
}


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
@given(count=st.integers(2, 30), first=st.integers(0, 1), gap=st.sampled_from(["\n", "\n\n", "\r\n", "\r", " \n\t\n"]))
def test_every_style_at_any_length(style: str, count: int, first: int, gap: str) -> None:
    written = [style.format(n=number) for number in range(first, first + count)]
    segmentation = Numbered().segment(_solution("Preamble." + gap + gap.join(written)))
    assert [step.action for step in segmentation.steps] == written


def test_fit_tells_solutions_from_lists_in_prose() -> None:
    steps = "1. **A**: 2 + 3 = 5\n2. **B**: 5 * 2 = 10\n\nAnswer: 10"
    assert Numbered().fit(_solution("Work:\n\n" + steps)) >= 0.9
    # a short list and then a long text is a plan, or an enumeration in an essay
    assert Numbered().fit(_solution("1. x\n2. y\n\n" + "We now compute at length. " * 40)) < 0.5
    assert Numbered().fit(_solution("")) == 0.0


@given(st.text())
def test_unix_newlines_keeps_offsets(text: str) -> None:
    flat = unix_newlines(text)
    assert len(flat) == len(text)
    assert "\r" not in flat
    assert flat.split("\n") == [line + " " * (ending == "\r\n") for line, ending in _lines(text)]


def _lines(text: str) -> list[tuple[str, str]]:
    """Lines and their ends, by the book: one character at a time."""
    lines, line, index = [], "", 0
    while index < len(text):
        ending = "\r\n" if text.startswith("\r\n", index) else text[index] if text[index] in "\r\n" else ""
        if ending:
            lines.append((line, ending))
            line = ""
        else:
            line += text[index]
        index += len(ending) or 1
    return [*lines, (line, "")]


_REAL = _ROOT.parent / "shared/data"


@pytest.mark.skipif(not _REAL.is_dir(), reason="the real solutions are not here")
@pytest.mark.parametrize(
    ("file", "column", "rejects"),
    [
        # an empty response, and one in plain paragraphs
        ("deepseek_v3_gsm8k_numbered_100.jsonl", "response", {"29": "no_numbered_steps", "66": "empty_text"}),
        ("deepseekmath_v2_proofs_10.jsonl", "proof", {}),
        ("mr_gsm8k_step_errors_150.jsonl", "model_output_steps", {}),
        # all in plain paragraphs
        (
            "qwen2.5_7b_gsm8k_100.jsonl",
            "response",
            dict.fromkeys(("14", "31", "38", "52", "54", "83"), "no_numbered_steps"),
        ),
    ],
)
def test_real_solutions(file: str, column: str, rejects: dict[str, str]) -> None:
    found = {}
    for number, line in enumerate((_REAL / file).read_text(encoding="utf-8").splitlines()):
        value = json.loads(line)[column]
        text = "\n".join(value) if isinstance(value, list) else value or ""
        try:
            segmentation = Numbered().segment(_solution(text))
        except Rejected as rejected:
            found[str(number)] = rejected.reason
            continue
        check_partition(text, segmentation)
        if isinstance(value, list):  # this data set comes with its steps
            assert [step.action for step in segmentation.steps] == [step.strip() for step in value]
    assert found == rejects


def test_a_rule_between_steps_is_no_part_of_the_action() -> None:
    segmentation = Numbered().segment(_solution("1. **A** x\n\n---\n\n2. **B** y"))
    assert [(step.start, step.end, step.action) for step in segmentation.steps] == [
        (0, 15, "1. **A** x"),
        (17, 27, "2. **B** y"),
    ]


def test_a_box_in_an_earlier_step_is_not_the_answer() -> None:
    text = "1. **A** so \\(\\boxed{3}\\) is odd\n\n2. **B** which was to be shown"
    assert Numbered().segment(_solution(text)).answer is None


@pytest.mark.parametrize("header", ["**(b)**", "(b)", "**Second half**", "Verification:\n"])
def test_a_header_begins_a_new_part(header: str) -> None:
    text = f"1. Find x.\n2. Find y.\n\n{header}\n1. Check x.\n2. Check y.\n3. All good."
    assert len(Numbered().segment(_solution(text)).steps) == 5


def test_more_numbers_than_markers_have_digits_are_refused() -> None:
    text = "".join(f"{number}. compute\n" for number in range(1, 1500))
    with pytest.raises(Rejected, match="too_many_numbers"):
        Numbered().segment(_solution(text))


def test_a_sentence_inside_makes_no_title() -> None:
    text = "Step 1: The bag has 5 servings. So the total is:\n5 * 2 = 10\nStep 2: Halve it.\n10 / 2 = 5"
    assert [step.title for step in Numbered().segment(_solution(text)).steps] == [None, "Halve it"]
