"""What may not be split: a table of texts, with what is protected in each."""

from __future__ import annotations

import pytest
from hypothesis import given

from srl_data.segmenters.protect import Protected
from tests.strategies import texts

CASES = [
    # text, protected stretches, why
    (r"a \(x. y\) b", [r"\(x. y\)"], "inline formula"),
    (r"a \[x\] b \[y\]", [r"\[x\]", r"\[y\]"], "displays"),
    ("a $x$ b", ["$x$"], "dollars"),
    ("a $$x\n\ny$$ b", ["$$x\n\ny$$"], "a display may hold a blank line: people write them so"),
    ("pay $5 and $10 now", [], "prices: a closing dollar has no space before it"),
    ("from $5-$10 on", [], "prices: no digit follows a closing dollar"),
    ("She earns $20.\nSo 20*5=$<<20*5=100>>100", [], "prices on two lines, the second with an annotation"),
    (r"costs \$5 and $x$", ["$x$"], "an escaped dollar is none"),
    ("$x\n\ny$", [], "an inline formula ends with its paragraph"),
    (r"\begin{a}\begin{a}x\end{a}\end{a} y", [r"\begin{a}\begin{a}x\end{a}\end{a}"], "nested environments"),
    (r"\begin{a} x \end{b} y", [], "an environment without its end"),
    (r"\[ a \\[2mm] b \]", [r"\[ a \\[2mm] b \]"], "a line break with a distance opens no display"),
    (r"\[ open and \( shut \)", [r"\( shut \)"], "an open display protects nothing"),
    ("```py\na\n\nb\n```\nc", ["```py\na\n\nb\n```"], "a fence"),
    ("````\n```\n````\n", ["````\n```\n````"], "a longer fence holds a shorter one"),
    ("~~~\n```\n~~~\n", ["~~~\n```\n~~~"], "a fence of the other sort inside"),
    ("```\nopen\n\nto the end", ["```\nopen\n\nto the end"], "an open fence runs to the end"),
    ("```a``` is code", [], "three ticks and text behind them are inline code, no fence"),
    ("   1. x\n   ```\n   y\n   ```\n", ["```\n   y\n   ```"], "an indented fence, without its indentation"),
    ("``````````\nx\n``````````", ["``````````\nx\n``````````"], "a very long fence"),
    ("from $x on\n```\necho $a $b$\n```\nend", ["```\necho $a $b$\n```"], "a dollar before a fence takes none from it"),
    ("<think>a\n\nb</think>c", ["<think>a\n\nb</think>"], "a monologue"),
    ("<think>a", ["<think>a"], "an open monologue"),
    ("a</think>b", [], "a monologue's end alone"),
    ("$\n$", [], "a formula does not begin with white space"),
    ("plain", [], "nothing"),
]


@pytest.mark.parametrize(("text", "stretches", "why"), CASES, ids=[why for _, _, why in CASES])
def test_protects(text: str, stretches: list[str], why: str) -> None:
    assert [text[start:end] for start, end in Protected(text).spans] == stretches, why


def test_a_cut_at_either_edge_splits_nothing() -> None:
    inside = Protected("a $x$ b")
    assert [offset for offset in range(8) if offset in inside] == [3, 4]
    assert inside.covering(3) == (2, 5)
    assert inside.outside([0, 2, 3, 5]) == [0, 2, 5]


def test_the_monologue_can_be_opened() -> None:
    assert Protected("<think>a $x$</think>", think=False).spans == [(9, 12)]


@given(texts)
def test_stretches_are_ordered_and_disjoint(text: str) -> None:
    end = 0
    for start, stop in Protected(text).spans:
        assert end <= start < stop <= len(text)
        end = stop


@given(texts)
def test_about_lines_the_short_cut_says_the_same(text: str) -> None:
    whole, lines = Protected(text), Protected.at_lines(text)
    edges = [at for at in range(len(text) + 1) if at in (0, len(text)) or "\n" in text[at - 1 : at + 1]]
    assert [at in lines for at in edges] == [at in whole for at in edges]
