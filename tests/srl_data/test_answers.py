"""Final answers: where solutions state them, and what the verifier makes of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srl_data.answers import agreement, fault, stated_answer
from tests.strategies import texts

STATED = [
    # GSM8K
    ("2+2 = 4\n#### 4", "4"),
    ("2+2 = 4\n#### 1,000\n", "1,000"),
    ("2+2 = 4\r\n#### 4\r\n", "4"),
    ("She makes 18.\nA: 18", "18"),
    ("Step 1: 7\nStep 2: #### 13", "13"),
    # but a heading is no answer, and neither is what GSM8K's marks say in the middle of a text
    ("#### Lemma 1\nLet x be 2.", None),
    ("A: 4 apples\nB: 5 apples", None),
    # boxes
    (r"so \boxed{5}", "5"),
    (r"so $\boxed{\frac{1}{2}}$.", r"\frac{1}{2}"),
    (r"\boxed{1} and then \boxed{2}", "2"),
    (r"\fbox{ 7 }", "7"),
    (r"\boxed{\{0,\;1\}}", r"\{0,\;1\}"),  # escaped braces do not count
    (r"\boxed{\boxed{3}}", "3"),
    (r"\boxed{4} but \boxed{ never closed", "4"),
    (r"\boxed{}", None),
    # labels
    ("Work.\n\nAnswer: 20", "20"),
    ("Work.\n\n**Answer:** $20$.", "20"),
    ("Work.\n\n**Answer: 20**", "20"),
    ("Work.\n\n### Final Answer\n\n\\[ 20 \\]", "20"),
    ("Work.\n\n**Final answer**\n20 apples\n\nBye.", "20 apples"),
    ("Answer: 19\nNo, wait.\nAnswer: 20", "20"),
    ("Answer: \\$20.50", "\\$20.50"),
    ("Answers to such questions: many.", None),
    ("## Answer\n" + "A very long discussion. " * 50, None),
    # of several, the last one counts
    ("\\boxed{19} is wrong.\nAnswer: 20", "20"),
    ("Answer: below.\n\n\\boxed{20}", "20"),
    # a phrase counts where nothing else does
    ("So the answer is 3.5. That was easy.", "3.5"),
    ("Therefore, the final answer is: $x = 2$.", "x = 2"),
    ("the answer is 3, as \\boxed{4} shows", "4"),
    ("We add. We double.", None),
    ("", None),
]


@pytest.mark.parametrize(("text", "answer"), STATED)
def test_stated(text: str, answer: str | None) -> None:
    assert stated_answer(text) == answer


AGREE = [
    ("1,000", "1000", True),
    (r"$\boxed{7}$", "7", True),
    (r"\dfrac{1}{2}", "0.5", True),
    ("18 apples", "18", True),
    ("x = 2", "2", True),
    ("18", "18.0000001", False),
    ("18", "-18", False),
    ("1/3", "0.33", False),
    ("yes", "no", False),
    ("1/0", "3", None),
    (r"\int_0^1 f(x) dx", "3", None),
]


@pytest.mark.parametrize(("gold", "stated", "same"), AGREE)
def test_agreement(gold: str, stated: str, same: bool | None) -> None:
    assert agreement(gold, stated) is same


@pytest.mark.parametrize("gold", ["18", "Paris", r"\frac{1}{2}", "(B)", "x > 3", "18 apples"])
def test_what_can_be_scored(gold: str) -> None:
    assert fault(gold) is None


@pytest.mark.parametrize(
    ("gold", "why"),
    [
        ("", "is empty"),
        ("1/0", "has no value that can be worked out"),
        (r"\int_0^1 f(x) dx", "cannot be read"),
        ("9" * 10_000, "too large"),
    ],
)
def test_what_cannot_be_scored_is_told(gold: str, why: str) -> None:
    assert why in (fault(gold) or "")


@given(texts)
def test_any_text(text: str) -> None:
    """It does not fail, and an answer is made of pieces of the text."""
    answer = stated_answer(text)
    assert answer is None or (answer and set(answer) <= {*text, ",", " "})


_ANSWERS = st.lists(
    st.one_of(
        st.sampled_from(
            [r"\boxed{", r"\fbox{", r"\boxed {7}", r"\boxed{a{b}c}", r"\boxed{\frac12}", "{", "}", "\\", r"\}"]
        ),
        st.sampled_from(["\n", "\nAnswer: 3", "\nAnswer:\n\n4", "\n#### 5", "\nA: 6", "the answer is 8. ", " ", "x"]),
    ),
    max_size=12,
).map("".join)


@given(_ANSWERS)
def test_what_stands_behind_decides(text: str) -> None:
    """A closed box that holds something makes whatever stands before it irrelevant."""
    boxed = text + r" so \boxed{9}"
    assert stated_answer(boxed) == "9"
    assert stated_answer(boxed + "\nIndeed.\n") == "9"
    assert stated_answer(boxed + "\nAnswer: 10\nIndeed.") == "10"
