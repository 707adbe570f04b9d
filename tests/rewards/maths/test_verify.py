from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings

from rewards.maths.conventions import Conventions
from rewards.maths.memory import Memory
from rewards.maths.parse import parse
from rewards.maths.verify import judge, read_gold
from tests.strategies import texts

PLAIN = Conventions()


@pytest.mark.parametrize(
    ("gold", "text", "letter", "words"),
    [
        ("42", "42", None, "42"),
        (" $42$ ", "42", None, "42"),
        (r"so it is $\boxed{\frac12}$", r"\frac12", None, ""),
        ("16 - 7 = 9\n#### 9", "9", None, ""),
        ("Sixteen less seven are nine.\nA: 9", "9", None, ""),
        ("<answer>9</answer>", "9", None, ""),
        ("B", "B", "B", ""),
        ("(B) 42", "(B) 42", "B", "42"),
        (r"\textbf{(B)}\ 42", r"\textbf{(B)}\ 42", "B", "42"),
        ("New York", "New York", None, "new york"),
        ("x", "x", None, ""),  # a variable, which is not X
    ],
)
def test_a_gold_answer_is_read(gold: str, text: str, letter: str | None, words: str) -> None:
    read = read_gold(gold, PLAIN)
    assert (read.text, read.letter, read.words, read.fault) == (text, letter, words, None)


@pytest.mark.parametrize(
    ("gold", "fault"),
    [
        ("", "unparseable_reference"),
        ("   ", "unparseable_reference"),
        (r"\boxed{}", "unparseable_reference"),
        (r"\int_0^1 f", "unparseable_reference"),
        ("Sixteen less seven are nine.\nSo nine it is.", "unparseable_reference"),  # a solution without an answer
        ("word " * 100 + "7", "unparseable_reference"),
        ("x" * 5000 + "+1", "too_large"),
        ("1e99999", "too_large"),
    ],
)
def test_a_gold_answer_that_nothing_can_be_compared_with_says_why(gold: str, fault: str) -> None:
    read = read_gold(gold, PLAIN)
    assert read.fault == fault
    assert "gold answer" in read.reason


@pytest.mark.parametrize(
    ("gold", "answer", "equal", "reason"),
    [
        ("1/2", "1/2", True, "written like the gold answer"),
        ("B", "(B) 42", True, "choice B"),
        ("B", "C", False, "choice C, not B"),
        ("(B) 42", "(B) 43", False, "different numbers"),
        ("B", "42", False, "not choice B"),
        ("1/2", "0.5 or 2", False, "several answers, and not all are right"),
        ("1/2", "0.5, 2/4", True, "several forms of the gold answer"),
        ("1/2", "0.5 = 2/4", True, "the same number"),
        ("5", "m + n = 5", True, "several forms of the gold answer"),
        ("5", "m + n = 2 + 3 = 5", True, "several forms of the gold answer"),
        ("5", "m + n = 2 + 4 = 5", False, "several answers, and not all are right"),
        ("5", "2m + n = 5", False, "different functions"),  # a line
        ("m + n = 5", "5", False, "different functions"),  # an equation that is asked for is not met by a number
        ("1/2", "0.5 = 0.6", False, "different numbers"),
        (r"\sqrt 2", r"\sqrt 2 \approx 1.41", True, "the same"),  # what is exact counts
        (r"\sqrt 2", r"1.41 \approx \sqrt 2", False, "the values differ"),
        (r"\sqrt e", r"\sqrt e \approx 1.65", True, "the same"),  # no name, though there are letters alone
        ("e", r"e \approx 2.718", True, "the same"),
        (r"\log e", r"\log_{10} e \approx 0.434", True, "the same"),
        (r"\frac ab \approx 0.5", r"\frac ab", True, "the same"),
        (r"e \approx 2.718", "2.7182", False, "different functions"),
        ("1.41", r"x \approx 1.41", True, "the same"),
        ("1/2", r"\int f", False, r"the answer cannot be read: \int has no meaning here"),
        ("Monday", r"\int f", False, "other words"),
        ("42", "forty-two", False, "different words"),
    ],
)
def test_an_answer_is_judged_for_a_reason(gold: str, answer: str, equal: bool, reason: str) -> None:
    judged = judge(read_gold(gold, PLAIN), answer, PLAIN)
    assert (judged.equal, judged.reason, judged.pairs) == (equal, reason, ())
    assert judged.readable is ("cannot be read" not in reason)


def test_what_takes_a_worker_says_which_pairs() -> None:
    one = judge(read_gold("n!", PLAIN), "n (n-1)!", PLAIN)
    assert (one.equal, one.tier, one.pairs) == (None, "symbolic", ((parse("n!"), parse("n (n-1)!")),))
    two = judge(read_gold("n!", PLAIN), "n!, n (n-1)!", PLAIN)
    assert two.pairs == ((parse("n!"), parse("n (n-1)!")),)  # the other form is the same
    assert judge(read_gold("n!", PLAIN), "n (n-1)!, (1, 2)", PLAIN).pairs == ()  # one of them is wrong


@settings(max_examples=300, deadline=None)
@given(texts, texts)
def test_any_two_texts_are_judged(gold: str, answer: str) -> None:
    read = read_gold(gold, PLAIN)
    if read.fault:
        assert read.fault in ("unparseable_reference", "too_large")
        return
    judged = judge(read, answer, PLAIN)
    assert judged.equal in (True, False) or judged.pairs
    assert judge(read, read.text, PLAIN).equal is True


# -- memory -----------------------------------------------------------------------------------------------------------


def test_a_memory_forgets_what_was_not_asked_for_longest() -> None:
    memory: Memory[int] = Memory(2)
    for number, name in enumerate("ab"):
        memory.keep((name,), number)
    assert memory.recall(("a",)) == 0
    memory.keep(("c",), 2)
    assert [memory.recall((name,)) for name in "abc"] == [0, None, 2]


def test_a_memory_keeps_no_long_keys_and_may_have_no_room() -> None:
    memory: Memory[int] = Memory(2)
    memory.keep(("a" * 5000,), 1)
    nothing: Memory[int] = Memory(0)
    nothing.keep(("a",), 1)
    assert len(memory) == len(nothing) == 0


def test_threads_share_a_memory() -> None:
    memory: Memory[int] = Memory(50)
    wrong = []

    def use(seed: int) -> None:
        for number in range(5000):
            key = (number * 7 + seed) % 97
            memory.keep((str(key),), key)
            found = memory.recall((str((key + 13) % 97),))
            if found not in (None, (key + 13) % 97):
                wrong.append(found)

    threads = [threading.Thread(target=use, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(memory) <= 50
