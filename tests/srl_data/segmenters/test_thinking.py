"""Monologues into moves. The long ones, with the moves that a reader would make, are in cases/segmenters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rewards.errors import OptionError
from srl_data import segmenters
from srl_data.errors import Rejected
from srl_data.segmenters.discourse import find_markers
from srl_data.segmenters.protect import Protected
from srl_data.segmenters.thinking import Thinking
from srl_data.types import Event, Segmentation, Solution

MONOLOGUES = json.loads((Path(__file__).parents[2] / "cases/segmenters/thinking.json").read_text(encoding="utf-8"))


def _segment(text: str, **options: Any) -> Segmentation:
    return Thinking(**options).segment(Solution(id="a", problem="?", text=text))


def _fit(text: str) -> float:
    return Thinking().fit(Solution(id="a", problem="?", text=text))


def _text(case: dict[str, Any]) -> str:
    return case["preamble"] + "".join(move["text"] + move["then"] for move in case["moves"]) + case["epilogue"]


@pytest.mark.parametrize("name", MONOLOGUES)
def test_monologue(name: str) -> None:
    case = MONOLOGUES[name]
    text = _text(case)
    segmentation = _segment(text)
    found = [(step.kind, step.title, step.action) for step in segmentation.steps]
    assert found == [(move["kind"], move["title"], move["text"]) for move in case["moves"]], case["why"]
    assert segmentation.preamble(text) == case["preamble"]
    assert segmentation.epilogue(text) == case["epilogue"]
    assert segmentation.answer == case["answer"]


MARKERS = [
    ("Wait, that is odd.", "backtrack", "wait"),
    ("But wait: 3 is odd.", "backtrack", "but wait"),
    ("Hmmmm... 3 is odd.", "backtrack", "hmm"),
    ("Oh no, I lost a sign.", "backtrack", "oh no"),
    ("No, 3 is odd.", "backtrack", "no"),
    ("Hold on. Is it?", "backtrack", "hold on"),
    ("Actually, it is even.", "backtrack", "actually"),
    ("So actually it is even.", "backtrack", "actually"),
    ("Alternatively, use induction.", "backtrack", "alternatively"),
    ("Another way to see it is this.", "backtrack", "another way"),
    ("Maybe try a smaller case.", "backtrack", "maybe try"),
    ("What if n is even?", "backtrack", "what if"),
    ("Let's try another approach.", "backtrack", "let's try"),
    ("Let me re-examine the sign.", "backtrack", "let me re-examine"),
    ("Let me check.", "verify", "let me check"),
    ("So, let me check.", "verify", "let me check"),
    ("Let me just double-check that.", "verify", "let me just double-check"),
    ("Let me  verify.", "verify", "let me verify"),
    ("Let’s verify it.", "verify", "let's verify"),
    ("I should confirm this.", "verify", "i should confirm"),
    ("To verify, take n = 1.", "verify", "to verify"),
    ("Plugging it back gives 4 = 4.", "verify", "plugging it back"),
    ("Plugging back gives 4 = 4.", "verify", "plugging back"),
    ("Is that right?", "verify", "is that right"),
    ("First, expand.", "plan", "first"),
    ("Okay, so first expand.", "plan", "first"),
    ("Let me think.", "plan", "let me think"),
    ("Let's start with n = 1.", "plan", "let's start"),
    ("I need to find x.", "plan", "i need to"),
    ("So we need to find x.", "plan", "we need to"),
    ("Okay, so there are 3 bags.", "plan", "okay so"),
    ("The plan is simple.", "plan", "the plan"),
    ("To find x, isolate it.", "plan", "to find"),
    ("So x = 2.", "derive", "so"),
    ("**So** x = 2.", "derive", "so"),
    ("- Then x = 2.", "derive", "then"),
    ("Therefore, x = 2.", "derive", "therefore"),
    ("Since x > 0, x = 2.", "derive", "since"),
    ("Which means x = 2.", "derive", "which means"),
    ("That gives x = 2.", "derive", "that gives"),
    ("now x = 2.", "derive", "now"),  # a text or a line may start in lower case
    ("Waiting time is 3 minutes.", None, None),
    ("No solutions exist.", None, None),
    ("Socks cost $3.", None, None),
    ("So-called roots.", None, None),
    ("Firstborn.", None, None),
    ("The first one.", None, None),
    ("I check nothing.", None, None),
]


@pytest.mark.parametrize(("sentence", "kind", "title"), MARKERS, ids=[case[0] for case in MARKERS])
def test_marker(sentence: str, kind: str | None, title: str | None) -> None:
    expected = [] if kind is None else [(kind, title)]
    for before in ("", "It is x + 1.\n", "It is x + 1. "):
        text = before + sentence
        if before.endswith(" ") and sentence[0].islower():
            expected = []  # within a line a sentence starts with a capital: "approx. so" opens nothing
        found = [m for m in find_markers(text, 0, len(text), Protected(text)) if m.start >= len(before)]
        assert [(marker.kind, marker.title) for marker in found] == expected
        assert all(marker.start == len(before) for marker in found)


def test_marker_inside_a_sentence_opens_nothing() -> None:
    text = "It is so, and then, wait, we say actually. Let x be 1"
    assert list(find_markers(text, 0, len(text), Protected(text))) == []


def test_short_move_goes_on_unless_it_turns() -> None:
    text = "So a = 1. Then b = 2. Wait, b = 3. Hmm, yes. Let me check. So it is."
    assert [step.action for step in _segment(text).steps] == [
        "So a = 1. Then b = 2.",  # a short derivation goes on over "then"
        "Wait, b = 3. Hmm, yes.",  # a turn opens a move, a second one of the same kind does not
        "Let me check. So it is.",  # nor does "so", which is no turn
    ]
    assert len(_segment(text, min_chars=0).steps) == 6


def test_paragraphs_can_be_left_to_markers() -> None:
    text = "So a = 1.\n\nThe second paragraph holds no marker.\n\nThe third one neither."
    assert len(_segment(text, min_chars=10).steps) == 3
    assert len(_segment(text, min_chars=10, paragraphs=False).steps) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<think></think>The answer is 3.", "empty_thinking"),
        ("<think>\n\n</think>\n\nSo it is 3.", "empty_thinking"),  # markers in the write-up are no thoughts
        ("</think> So it is 3.", "empty_thinking"),
        ("<think>", "empty_thinking"),
        ("<think>It is 3, I say.</think>", "no_moves"),
        ("Just a sentence.", "no_moves"),
        ("<think>So 1.</think> a <think>So 2.</think>", "several_think_blocks"),
        ("So 0.</think> a <think>So 2.", "several_think_blocks"),
    ],
)
def test_rejected(text: str, reason: str) -> None:
    with pytest.raises(Rejected) as caught:
        _segment(text)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("text", "actions"),
    [
        ("<think>So 1. Wait, 2.", ["So 1.", "Wait, 2."]),  # cut off: runs to the end of the text
        ("<think>\n</think>\n<think>So 1.</think> 1", ["So 1."]),  # an empty block is none
        ("<think>So a <think> tag.</think> 1", ["So a <think> tag."]),  # a tag in a block is a mention
        ("Sure! <think>So 1.</think> 1", ["So 1."]),  # what stands before the tag is preamble
        ("<think>So 1.</think> Wait, no.</think> 1", ["So 1."]),  # the first closing tag closes
        ("<think>\n```\n</think>\n```\nSo 1.</think> 1", ["```\n</think>\n```\nSo 1."]),  # a tag in code is code
    ],
)
def test_which_text_is_the_monologue(text: str, actions: list[str]) -> None:
    assert [step.action for step in _segment(text).steps] == actions


def test_answer_is_the_write_ups_if_it_states_one() -> None:
    assert _segment(r"<think>So \boxed{1}. Wait.</think> The answer is 2.").answer == "2"
    assert _segment(r"<think>So \boxed{1}. Wait.</think> That was it.").answer == "1"
    assert _segment("<think>So 1. Wait.</think> That was it.").answer is None


BARE = _text(MONOLOGUES["bare monologue"])
TURNING = "So it is 3. Wait, it is 4. Hmm, that depends on n. Let me check n = 2. Alternatively, use induction. " * 8
PROSE = "So it is 3. Then we add 4. Therefore the sum is 7. Since 7 is odd, the claim holds. " * 8


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        (_text(MONOLOGUES["linear equation"]), 0.9, 1.0),
        (_text(MONOLOGUES["crlf"]), 0.5, 0.9),  # tags, two markers
        ("<think>" + TURNING, 0.9, 1.0),
        (TURNING, 0.6, 0.8),  # no tags, so not quite as sure
        (PROSE, 0.0, 0.0),  # any proof says "so" and "then"
        (BARE, 0.0, 0.0),  # too short to tell
        ("<think></think>" + TURNING, 0.0, 0.0),  # nothing was thought
        ("<think>It is 3.</think>3", 0.0, 0.0),
        ("", 0.0, 0.0),
        (" \n", 0.0, 0.0),
    ],
)
def test_fit(text: str, low: float, high: float) -> None:
    assert low <= _fit(text) <= high


def test_an_agents_transcript_is_no_monologue() -> None:
    transcript = Solution(id="a", problem="?", text="<think>" + TURNING, events=(Event("thought", 0, 9),))
    assert Thinking().fit(transcript) == 0.0


def test_options_are_checked() -> None:
    with pytest.raises(OptionError, match="min_chars: -1 is negative"):
        segmenters.get("thinking", min_chars=-1)
