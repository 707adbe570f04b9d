"""Final answers: where solutions state them, and when two are written the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srl_data import answers
from srl_data.answers import same_answer, stated_answer
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


SAME = [
    ("18", "18", True),
    ("18", "18.0", True),
    ("18", " 18. ", True),
    ("0.50", ".5", True),
    ("007", "7", True),
    ("-0", "0", True),
    ("+3", "3", True),
    ("1,000", "1000", True),
    ("1{,}000.50", "1000.5", True),
    ("$1,000", "1000", True),
    (r"\$5.00", "5", True),
    ("€5", "5", True),
    (r"$\boxed{7}$", "7", True),
    (r"\text{ Yes}", "yes", True),
    (r"\dfrac{1}{2}", r"\frac{1}{2}", True),
    (r"\left( 1, 2 \right)", "(1,2)", True),
    ("x = 2", "x=2", True),
    (r"50\%", "50 %", True),
    # not the same, or not without evaluating
    ("50%", "50", False),
    ("50%", "0.5", False),
    ("1/2", "0.5", False),
    ("18", "18.0000001", False),
    ("18", "-18", False),
    ("1,00", "100", False),
    ("18 apples", "18", False),
    ("", "0", False),
    ("1e3", "1000", False),
    ("0x10", "16", False),
    ("nan", "nan", True),  # as words
]


@pytest.mark.parametrize(("first", "second", "same"), SAME)
def test_same(first: str, second: str, same: bool) -> None:
    assert same_answer(first, second) is same
    assert same_answer(second, first) is same


@given(st.integers(-(10**12), 10**12), st.integers(0, 5))
def test_same_number_in_other_notation(number: int, zeros: int) -> None:
    written = f"{number:,}" + ("." + "0" * zeros if zeros else "")
    assert same_answer(written, str(number))
    assert not same_answer(written, str(number + 1))


@given(texts)
def test_any_text(text: str) -> None:
    """Neither fails, an answer is a piece of the text, and every text is the same as itself."""
    answer = stated_answer(text)
    assert answer is None or (answer and answer in text.replace("\r\n", "\n").replace("\r", "\n"))
    assert same_answer(text, text)


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
def test_the_last_box_is_found_from_the_end_as_from_the_start(text: str) -> None:
    """The search looks at the last box first; reading every brace of the text must find the same one."""
    at, content = answers._closed_boxes(text, 0)
    assert answers._boxed(text) == (at, answers._clean(content, longest=len(content)))


@given(_ANSWERS)
def test_what_stands_behind_decides(text: str) -> None:
    """A closed box that holds something makes whatever stands before it irrelevant."""
    boxed = text + r" so \boxed{9}"
    assert stated_answer(boxed) == "9"
    assert stated_answer(boxed + "\nIndeed.\n") == "9"
    assert stated_answer(boxed + "\nAnswer: 10\nIndeed.") == "10"
