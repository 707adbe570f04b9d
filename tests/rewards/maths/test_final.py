"""Where completions state their final answer."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards.maths.final import RULES, clean, final_answer, is_value, marked_answer, spoken
from tests.strategies import texts

CASES: list[tuple[str, str | None, tuple[str, ...]]] = [
    # boxes
    (r"so \boxed{5}", "box", ("5",)),
    (r"so $\boxed{\frac{1}{2}}$.", "box", (r"\frac{1}{2}",)),
    (r"\fbox{ 7 }", "box", ("7",)),
    (r"\boxed 7$", "box", ("7",)),
    (r"\boxed{\{0,\;1\}}", "box", (r"\{0,\;1\}",)),  # escaped braces do not count
    (r"\boxed{\boxed{3}}", "box", ("3",)),
    (r"\boxed{4} but \boxed{ never closed", "box", ("4",)),
    (r"\boxed{4}. Write it as \boxed{}.", "box", ("4",)),
    (r"\boxed{\text{(B) }42}", "box", (r"\text{(B) }42",)),
    (r"\boxed{$12$}", "box", ("12",)),
    (r"\\boxed{5} is a line break and a word", None, ()),
    (r"\boxed{}", None, ()),
    # the last one counts: a model may correct itself
    (r"\boxed{1} and then \boxed{2}", "box", ("2",)),
    (r"We get \boxed{1}. Wait, that is wrong: \boxed{2}.", "box", ("2",)),
    # joined boxes are one statement
    (r"\boxed{2} or \boxed{3}", "box", ("2", "3")),
    ("$\\boxed{42}$.\n\n$\\boxed{43}$", "box", ("42", "43")),
    (r"$\boxed{1}$, $\boxed{2}$ and $\boxed{3}$", "box", ("1", "2", "3")),
    (r"\boxed{1} \text{ or } \boxed{2}", "box", ("1", "2")),
    (r"\boxed{5} and \boxed{5}", "box", ("5",)),
    (r"\boxed{1}, so the next one is \boxed{2} or \boxed{3}", "box", ("2", "3")),
    # tags
    ("<answer>5</answer>", "tag", ("5",)),
    ("<answer>\n The answer is $x = 5$.\n</answer>\n", "tag", ("x = 5",)),
    (r"<answer>So \boxed{5}</answer>", "box", ("5",)),
    ("<answer>4</answer> no <answer>5</answer>", "tag", ("5",)),
    ("<answer></answer> <answer> </answer>", None, ()),
    ("<answer>4</answer> and then <answer></answer>", "tag", ("4",)),
    ("5</answer>", None, ()),
    # GSM8K's mark
    ("2+2 = 4\n#### 4", "hash", ("4",)),
    ("2+2 = 4\r\n#### 1,000\r\n", "hash", ("1,000",)),
    ("Step 1: 7\nStep 2: #### 13", "hash", ("13",)),
    ("#### 4\nI am sure of it now.", "hash", ("4",)),
    ("#### 4\nI checked.\n#### Lemma\nA lemma.", "hash", ("4",)),
    ("#### Lemma 1\nLet x be 2.", None, ()),  # a heading
    ("#### 2. The second step\nLet x be 2.", None, ()),
    ("#### 2.\nLet x be 2.", None, ()),
    ("####### 4\nLet x be 2.", None, ()),
    # labels
    ("She makes 18.\nA: 18", "label", ("18",)),
    ("Work.\n\nAnswer: 20", "label", ("20",)),
    ("Work.\n\n**Answer:** $20$.", "label", ("20",)),
    ("Work.\n\n**Answer**: **20**", "label", ("20",)),
    ("Work.\n\n### Final Answer\n\n\\[ 20 \\]", "label", ("20",)),
    ("Work.\n\n**Final answer**\n20 apples\n\nBye.", "label", ("20 apples",)),
    ("Work.\n\\textbf{Answer:} 20", "label", ("20",)),
    ("The correct answer: B", "label", ("B",)),
    ("- Answer：20", "label", ("20",)),  # a full-width colon
    ("Answer: 19\nNo, wait.\nAnswer: 20", "label", ("20",)),
    ("Answer: \\$20.50", "label", ("\\$20.50",)),
    ("Answer: 42. I added the two.", "label", ("42",)),
    ("Answer: 42, because I added the two.", "label", ("42",)),
    ("Answer: Washington, D.C.", "label", ("Washington, D.C",)),
    ("Answer: $42$ or $43$", "label", ("42", "43")),
    ("Answer: $50$ apples", "label", ("50 apples",)),
    ("Answer: $5 and $3", "label", ("$5 and $3",)),  # money is no formula
    ("Final Answer: The final answer is $7$. I hope it is correct.", "label", ("7",)),
    ("## Answer\n" + "A very long discussion. " * 50 + "\n\nBye.", None, ()),
    ("My answers\n\nare: many, and more of them than would go on a line.", None, ()),
    # of several marks, the one that stands last
    ("\\boxed{19} is wrong.\nAnswer: 20", "label", ("20",)),
    ("Answer: below.\n\n\\boxed{20}", "box", ("20",)),
    ("#### 19\nAnswer: 20", "label", ("20",)),
    ("<answer>19</answer>\n#### 20", "hash", ("20",)),
    # a phrase counts where there is no mark, wherever it stands
    ("the answer is 3, as \\boxed{4} shows", "box", ("4",)),
    ("\\boxed{4}, so the answer is 3", "box", ("4",)),
    ("So the answer is 3.5. That was easy.", "phrase", ("3.5",)),
    ("Therefore, the final answer is: $x = 2$.", "phrase", ("x = 2",)),
    ("The answer is **B**.", "phrase", ("B",)),
    ("The correct answer is (B) 42.", "phrase", ("(B) 42",)),
    ("The answer is $42$ or 43.", "phrase", ("42", "43")),
    ("The answer is 42 or 43.", "phrase", ("42 or 43",)),
    ("The answer is 42 because 6 times 7 is.", "phrase", ("42",)),
    ("The answer is 5, not 6.", "phrase", ("5",)),
    ("The answer is not 5.", "phrase", ("not 5",)),
    ('The answer is "5".', "phrase", ("5",)),
    ("The answer is “yes”.", "phrase", ("yes",)),
    ("The answer is about 3.5 meters.", "phrase", ("3.5 meters",)),
    ("The answer is\n\n$$\\frac{1}{2}$$", "phrase", (r"\frac{1}{2}",)),
    ("The answer to the question is 7.", "phrase", ("7",)),
    ("The answer is 1. The answer is 2.", "phrase", ("2",)),
    ("The correct option is B.", "phrase", ("B",)),
    ("The correct choice is **(C)**, since 2 < 3.", "phrase", ("(C)",)),
    ("The correct choice is A triangle, which has three corners and not four.", None, ()),
    ("The answer is 42, so the right option is D", "phrase", ("D",)),
    ("The right option is D, as the answer is 42.", "phrase", ("42",)),
    ("So the correct choice is B because it is even.\nI hope that helps you a lot.", "phrase", ("B",)),
    ("Is there an answer is what I ask, and I ask it here at length.", None, ()),
    # the last line, if it is only a value
    ("We add.\n42", "line", ("42",)),
    ("We add.\n\n**72**\n", "line", ("72",)),
    ("We add.\n$72", "line", ("$72",)),
    ("We add.\n$x = 5$", "line", ("x = 5",)),
    ("We add.\n= 72", "line", ("72",)),
    ("We add.\n72 apples.", "line", ("72 apples",)),
    ("We add.\n5 cm^2", "line", ("5 cm^2",)),
    ("We add.\n$\\text{the lot}$", "line", (r"\text{the lot}",)),
    ("We add.\n\\[\n x = 5\n\\]", "line", ("x = 5",)),
    ("We add.\n$$\nx = 5\n$$", "line", ("x = 5",)),
    ("Which is it?\n(B)", "line", ("(B)",)),
    ("Is it prime?\nNo.", "line", ("No",)),
    ("We add.\nSo it must be 72.", None, ()),
    ("We add.\nThat was all.", None, ()),
    # a whole reply that is one short line
    ("Paris", "reply", ("Paris",)),
    (r"The solution is $x \le 5$.", "reply", (r"x \le 5",)),
    (r"We get \(x = 5\)", "reply", ("x = 5",)),
    ("Of 2 it is $5$", "reply", ("Of 2 it is $5$",)),  # which of the two
    ("Either $4$ or else $5$", "reply", ("Either $4$ or else $5$",)),
    ("Queen Elizabeth the First.", "reply", ("Queen Elizabeth the First",)),
    ("We add. We double.", None, ()),
    ("I have thought about it for long and give up", None, ()),
    # the monologue has no say
    (r"<think>\boxed{3}</think>I do not know what to make of all this, sorry.", None, ()),
    (r"<think>\boxed{3}</think>\boxed{4}", "box", ("4",)),
    (r"\boxed{3} or so</think>\boxed{4}", "box", ("4",)),
    (r"<think>a</think>\boxed{4}<think>No, \boxed{5}", "box", ("4",)),
    (r"<think>\boxed{3}", None, ()),
    ("<think>x</think>\n\n7", "line", ("7",)),
    ("", None, ()),
    (" \n\n ", None, ()),
]


@pytest.mark.parametrize(("text", "rule", "answers"), CASES)
def test_final_answer(text: str, rule: str | None, answers: tuple[str, ...]) -> None:
    found = final_answer(text)
    assert (found.rule if found else None, found.answers if found else ()) == (rule, answers)


def test_every_rule_has_cases() -> None:
    assert {rule for _, rule, _ in CASES} == {*RULES, None}


def test_inside_the_monologue_from_the_start() -> None:
    assert final_answer(r"So \boxed{3}") is not None
    assert final_answer(r"So \boxed{3}", prefilled=True) is None
    assert final_answer(r"So \boxed{3}</think>\boxed{4}", prefilled=True) == final_answer(r"\boxed{4}")


VALUES = [
    *["42", "-3.5", "1,000", "$5", "\\$5", "50%", "50\\%", "1/2", "3 1/2", "x", "x = 3", "x^2 - 1", "(1, 2)", "[0, 1)"],
    *[
        "\\frac{1}{2}",
        "\\{1, 2\\}",
        "(A)",
        "B",
        "B) 42",
        "2 or 3",
        "x \\ge 5",
        "72 apples",
        "3 m/s",
        "5 cm^2",
        "½",
        "π",
    ],
    *["yes", "No", "TRUE", "sqrt(2)", "2:3", "12:30", "\\text{east}" if False else "\\pi", "∞", "10 square feet"],
]
NO_VALUES = [
    "",
    " ",
    "so 42",
    "Add them.",
    "The end",
    "east",
    "---",
    "***",
    "$$",
    "=",
    "x" * 301,
    "ab",
    "3 plus 4 is 7",
]


@pytest.mark.parametrize(
    ("text", "value"), [*((each, True) for each in VALUES), *((each, False) for each in NO_VALUES)]
)
def test_is_value(text: str, value: bool) -> None:
    assert is_value(text) is value


BITS = st.lists(
    st.one_of(
        st.sampled_from(
            [r"\boxed{", r"\fbox{", r"\boxed{7}", r"\boxed 7$", r"\boxed{a{b}c}", "{", "}", "\\", r"\}", " or ", "$"]
        ),
        st.sampled_from(["\n", "\nAnswer: 3", "\nAnswer:\n\n4", "\n#### 5", "\nA: 6", "the answer is 8. ", " ", "x"]),
        st.sampled_from(["<answer>", "</answer>", "<think>", "</think>", "\\[", "\\]", "$$", "İ", "\r\n"]),
    ),
    max_size=14,
).map("".join)


@given(texts | BITS)
def test_an_answer_is_a_piece_of_what_is_said(text: str) -> None:
    found = final_answer(text)
    said = spoken(text)
    assert len(said) <= len(text)
    if found:
        assert found.answers
        assert found.rule in RULES
        for answer in found.answers:
            assert answer == answer.strip()
            assert all(piece in said for piece in answer.split())
    assert final_answer(text) == found


@given(texts | BITS)
def test_what_stands_behind_decides(text: str) -> None:
    """A closed box that holds something makes whatever stands before it irrelevant."""
    boxed = text.replace("</think>", "").replace("<think>", "") + r" so it must be \boxed{9}"
    assert final_answer(boxed).answers == ("9",)  # type: ignore[union-attr]
    assert final_answer(boxed + "\nIndeed.\n").answers == ("9",)  # type: ignore[union-attr]
    assert final_answer(boxed + "\nAnswer: 10\nIndeed.").answers == ("10",)  # type: ignore[union-attr]
    assert final_answer("<think>" + boxed + "</think> That is it, all of it, and more than that.") is None


def _slow_boxes(text: str) -> list[tuple[int, str]]:
    """Every closed box by the definition: from its brace, count braces up to where it closes."""
    found = []
    for at in range(len(text)):
        for name in (r"\boxed{", r"\fbox{"):
            if text.startswith(name, at) and not _escaped(text, at):
                depth, here = 1, at + len(name)
                while here < len(text) and depth:
                    if text[here] == "\\":
                        here += 1
                    elif text[here] in "{}":
                        depth += 1 if text[here] == "{" else -1
                    here += 1
                if not depth:
                    found.append((at, text[at + len(name) : here - 1]))
    return found


def _escaped(text: str, at: int) -> bool:
    return (at - len(text[:at].rstrip("\\"))) % 2 == 1


@given(BITS)
def test_the_last_box_that_holds_something_is_found(text: str) -> None:
    text = spoken(text)
    filled = [(at, content) for at, content in _slow_boxes(text) if content.strip()]
    found = marked_answer(text)
    if filled and found and found.rule == "box" and r"\boxed 7$" not in text:
        assert found.answers[-1] == clean(filled[-1][1]) or len(found.answers) > 1


HUGE = {
    "boxes": "\\boxed{1}, " * 20_000,
    "open boxes": "\\boxed{" * 40_000,
    "nested boxes": "\\boxed{" * 20_000 + "}" * 20_000,
    "empty boxes": "\\boxed{}" * 30_000,
    "boxes far apart": ("\\boxed{1}" + "x" * 61) * 3_000,
    "tags": "<answer>" * 30_000,
    "closing tags": "</answer>" * 30_000,
    "empty tags": "<answer></answer>" * 15_000,
    "hashes": "#" * 200_000,
    "hash lines": "####\n" * 40_000,
    "headings": "#### a heading that is no value\n" * 8_000,
    "answers": "answer" * 40_000,
    "labels": "Answer:\n" * 30_000,
    "labels in one line": "Answer: " * 30_000,
    "phrases": "the answer is " * 20_000,
    "choices": "the correct choice is the right option " * 10_000,
    "phrases without an end": "the answer to " * 20_000,
    "spaces": " " * 200_000 + "x",
    "spaces before labels": (" " * 500 + "Answer") * 500,
    "line breaks": "\n" * 200_000 + "x",
    "stars": "*" * 200_000,
    "dollars": "the answer is " + "$" * 200_000,
    "spans": "the answer is " + "$1$ or " * 30_000,
    "an open span": "the answer is $" + "1" * 200_000,
    "digits": "9" * 200_000,
    "backslashes": "\\" * 200_001 + "boxed{1}",
    "thoughts": "<think>" * 30_000,
    "closed thoughts": "</think>" * 30_000,
    "displays": "\\[" * 90_000 + "\n\\]",
    "letters that grow": "İ" * 100_000 + "\nAnswer: 5",
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", HUGE)
def test_the_work_is_linear(kind: str) -> None:
    """Twice the text, about twice the calls that the interpreter makes into regexes and loops; here: events."""

    def work(text: str) -> int:
        count = 0

        def trace(_frame: object, event: str, _argument: object) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        sys.setprofile(trace)
        try:
            final_answer(text)
        finally:
            sys.setprofile(None)
        return count

    text = HUGE[kind]
    final_answer(text)
    assert work(text + text) <= 3 * work(text) + 200
