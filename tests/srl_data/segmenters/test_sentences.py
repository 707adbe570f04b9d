"""Prose into sentences. In cases/segmenters/sentences.json the mark ¦ stands where a cut is expected."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from rewards.errors import MissingExtra
from srl_data import segmenters
from srl_data.errors import Rejected
from srl_data.segmenters import sentences
from srl_data.types import Event, Segmentation, Solution

pytest.importorskip("spacy", reason="the extra nlp is not installed")

GROUPS = json.loads((Path(__file__).parents[2] / "cases/segmenters/sentences.json").read_text(encoding="utf-8"))
CASES = [(group, text) for group, marked in GROUPS.items() for text in marked]


def _solution(text: str) -> Solution:
    return Solution(id="a", problem="?", text=text)


def _segment(text: str, **options: Any) -> Segmentation:
    return sentences.Sentences(**options).segment(_solution(text))


def _actions(text: str, **options: Any) -> list[str]:
    return [step.action for step in _segment(text, **options).steps]


@pytest.mark.parametrize(("group", "marked"), CASES)
def test_boundaries(group: str, marked: str) -> None:
    expected = [piece.strip() for piece in marked.split("¦") if piece.strip()]
    try:
        found = _actions(marked.replace("¦", ""))
    except Rejected as rejected:
        assert rejected.reason == "no_sentences"
        found = [marked]
    assert found == expected, group


def test_every_line_if_wanted() -> None:
    assert _actions("one\ntwo\r\nthree", newlines="all") == ["one", "two", "three"]
    assert _actions("Yes.\nso\n\\[\nx\n\\]\nholds", newlines="all") == [
        "Yes.",
        "so\n\\[\nx\n\\]\nholds",
    ]  # one sentence


def test_only_marked_sentences_if_wanted() -> None:
    text = "He has 3 * 4 = 12 shells She has 5. So they have 17."
    assert _actions(text) == ["He has 3 * 4 = 12 shells", "She has 5.", "So they have 17."]
    assert _actions(text, clauses=False) == ["He has 3 * 4 = 12 shells She has 5.", "So they have 17."]


def test_reasons_apart_if_wanted() -> None:
    text = "It is 10. This is because 5 + 5 = 10."
    assert _actions(text) == [text]
    assert _actions(text, reasons=False) == ["It is 10.", "This is because 5 + 5 = 10."]


@pytest.mark.parametrize(
    ("text", "actions", "answer"),
    [
        ("One. Two.\n#### 1,234", ["One.", "Two."], "1,234"),
        ("One. Two.\nA: 18\n", ["One.", "Two."], "18"),
        ("One. Two.\r\n\r\n**Final Answer:** 18", ["One.", "Two."], "18"),
        ("One. The answer is 7.", ["One.", "The answer is 7."], "7"),
        ("One.\n#### 5\nTwo.", ["One.", "#### 5", "Two."], "5"),  # not the last line: a step too
        ("Answer: 5. Two.", ["Answer: 5.", "Two."], "5"),
    ],
)
def test_answer_line_is_no_step(text: str, actions: list[str], answer: str | None) -> None:
    segmentation = _segment(text)
    assert [step.action for step in segmentation.steps] == actions
    assert segmentation.answer == answer


@pytest.mark.parametrize("text", ["x = 5", "no end here,\nnone here", "... !!! ?", "| a | b |", "```\na. B\n```"])
def test_without_a_sentence_there_is_nothing_to_split(text: str) -> None:
    with pytest.raises(Rejected, match="no_sentences"):
        _segment(text)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 1_100_000 + ". So it is.",
        "(" * 300_000 + " So. It is.",
        "a. " * 70_000 + "So it is. Yes.",
        "a." * 90_000 + " B. So.",
    ],
    ids=["one long word", "brackets", "letters", "dots"],
)
def test_texts_that_are_too_much_for_a_tokenizer(text: str) -> None:
    assert _actions(text)


@pytest.mark.parametrize(
    ("text", "fit"),
    [
        ("He has 5 apples. She has 7 pears. They have 12 fruits.", 0.55),  # one flowing paragraph
        ("He has 5 apples. She has 7 pears.", 0.3),
        ("He has 5 apples. She has 7 pears.\n\nThey have 12 fruits.", 0.3),  # paragraphs know better
        ("He has 5 apples", 0.0),
        ("1. He has 5 apples. She has 7.\n2. They have 12 fruits.", 0.0),
        ("Step 1: He has 5 apples. She has 7.", 0.0),
        ("| a. b | c. d |\n|---|---|\n| ee. | ff. |", 0.0),
        ("Run it. Then look.\n```\nx\n```", 0.0),
        ("<think>One thing. Two things.</think>", 0.0),
        ("", 0.0),
    ],
)
def test_fit_never_outbids_a_format_that_shows(text: str, fit: float) -> None:
    assert sentences.Sentences().fit(_solution(text)) == fit


def test_an_agents_transcript_is_no_prose() -> None:
    transcript = Solution(id="a", problem="?", text="One thing. Two things. Three.", events=(Event("thought", 0, 9),))
    assert sentences.Sentences().fit(transcript) == 0.0


def test_says_which_extra_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentences, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install 'srl-data\[nlp\]'"):
        segmenters.get("sentences")


@pytest.mark.slow
def test_spacy_loads_with_the_first_text() -> None:
    code = """
import sys
from srl_data import segmenters
from srl_data.types import Solution
segmenter = segmenters.get("sentences")
assert "spacy" not in sys.modules
segmenter.segment(Solution("a", "?", "Mr. X ran. So."))
assert "spacy" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])


def test_threads_share_one_pipeline() -> None:
    texts = [
        f"Mr. {name}{n} ate {n}.5 pies. So {name}{n} slept, e.g. well." for n in range(60) for name in ("Abe", "Bo")
    ]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(_actions, texts)) == [_actions(text) for text in texts]
