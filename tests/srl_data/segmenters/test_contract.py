"""The partition contract, over every segmenter and arbitrary text."""

from __future__ import annotations

import pickle
import time

import pytest
from hypothesis import given, settings

from srl_data import segmenters
from srl_data.errors import Rejected
from srl_data.segmenters.base import Segmenter, check_partition
from srl_data.segmenters.protect import Protected
from srl_data.types import Solution
from tests.strategies import texts

NAMES = segmenters.names()


def _get(name: str) -> Segmenter:
    if name == "sentences":
        pytest.importorskip("spacy", reason="the extra nlp is not installed")
    return segmenters.get(name)


@pytest.mark.parametrize("name", NAMES)
@given(text=texts)
@settings(max_examples=150, deadline=None)
def test_steps_partition_any_text(name: str, text: str) -> None:
    segmenter = _get(name)
    solution = Solution(id="a", problem="?", text=text)
    assert 0.0 <= segmenter.fit(solution) <= 1.0
    try:
        segmentation = segmenter.segment(solution)
    except Rejected as rejected:
        assert rejected.reason
        assert rejected.detail
        return
    check_partition(text, segmentation)
    pieces, end = [segmentation.preamble(text)], segmentation.steps[0].start
    for step in segmentation.steps:
        pieces += [text[end : step.start], text[step.start : step.end]]
        assert not text[end : step.start].strip()
        assert step.action.strip(), "an empty action would reward silence"
        end = step.end
    assert "".join([*pieces, segmentation.epilogue(text)]) == text
    protected = Protected(text, think=name != "thinking" and segmentation.segmenter != "thinking")
    for step in segmentation.steps:
        assert step.start not in protected
        assert step.end not in protected
    assert segmenter.segment(solution) == segmentation, "the same text gives the same steps"


@pytest.mark.parametrize("name", NAMES)
def test_pickles_and_names_itself(name: str) -> None:
    segmenter = _get(name)
    assert segmenter.name == name
    assert isinstance(segmenter, Segmenter)
    assert pickle.loads(pickle.dumps(segmenter)) == segmenter  # noqa: S301


@pytest.mark.parametrize("name", NAMES)
def test_blank_text_is_rejected(name: str) -> None:
    for text in ("", " \n\t\r\n"):
        with pytest.raises(Rejected, match="empty_text"):
            _get(name).segment(Solution(id="a", problem="?", text=text))


HOSTILE = {
    "one line": "a" * 50,
    "spaces": " " * 50,
    "newlines": "\n" * 50,
    "open fences": "```x\n" * 10,
    "open displays": r"\[" * 25,
    "open formulas": r"\(" * 25,
    "open dollars": "$a " * 16,
    "open braces": r"\boxed{" * 8,
    "closers": "}" * 50,
    "ones": "1. " * 16,
    "numbered ones": "\n1. a" * 10,
    "steps": "\nStep 1: " * 5,
    "begins": r"\begin{a}" * 6,
    "thinks": "<think>" * 7,
    "waits": "Wait, " * 8,
    "dots": "a. " * 16,
    "stars": "**" * 25,
    "hashes": "\n#### " * 8,
    "calcs": "<<1+" * 12,
    "tags": "<function=a>" * 4,
    "commas": "1,000," * 8,
    "combining": "e\u0301" * 25,
    "indents": "\n" + "    " * 10 + "1) a",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("pattern", HOSTILE)
def test_time_grows_no_faster_than_the_text(name: str, pattern: str) -> None:
    """Four times the text must not take ten times as long (linear: 4, quadratic: 16), in the process's own CPU time.

    This is a complexity check, not a speed check: it holds on a machine of any speed. A text that takes less than a
    tenth of a second at full size says nothing about growth and passes; a machine that stutters gets a second try.
    """
    segmenter = _get(name)

    def seconds(size: int, tries: int) -> float:
        text = (HOSTILE[pattern] * (size // len(HOSTILE[pattern]) + 1))[:size]
        solution = Solution(id="a", problem="?", text=text)
        best = float("inf")
        for _ in range(tries):
            start = time.process_time()
            segmenter.fit(solution)
            try:
                segmenter.segment(solution)
            except Rejected:
                pass
            best = min(best, time.process_time() - start)
        return best

    def growth(tries: int) -> float:
        large = seconds(200_000, tries)
        return large / seconds(50_000, 3) if large > 0.1 else 1.0

    assert growth(tries=1) < 10 or growth(tries=3) < 10
