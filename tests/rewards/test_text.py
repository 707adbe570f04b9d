"""Taking replies apart, plain spacing, tokens of mathematics."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards.text import REPLY_RULES, Reply, Tags, normalize, split_reply, tokens, units

BOTH: Tags = "think+solution"


@pytest.mark.parametrize(
    ("text", "tags", "prefilled", "expected"),
    [
        # kept: white space is free around the tags, and is no part of thought or action
        ("<think>t</think>a", "think", False, ("t", "a", None)),
        (" \n<think>\nt t\n</think>\n\n a b \n", "think", False, ("t t", "a b", None)),
        ("<think>t</think><solution>a</solution>", BOTH, False, ("t", "a", None)),
        ("\n<think> t </think>\n<solution>\na\n</solution>\n", BOTH, False, ("t", "a", None)),
        ("t</think>a", "think", True, ("t", "a", None)),
        ("t</think><solution>a</solution>", BOTH, True, ("t", "a", None)),
        # without solution tags asked for, they are a part of the action like any text
        ("<think>t</think><solution>a</solution>", "think", False, ("t", "<solution>a</solution>", None)),
        # what looks like a tag is none: case and spaces count
        ("<think><THINK></think>a < b > c</ think>", "think", False, ("<THINK>", "a < b > c</ think>", None)),
        # a missing or a second tag, in the order of the tags
        ("", "think", False, "no_think"),
        ("a", "think", False, "no_think"),
        ("t</think>a", "think", False, "no_think"),
        ("<think>t", "think", False, "unclosed_think"),
        ("t", "think", True, "unclosed_think"),
        ("<think><think>t</think>a", "think", False, "think_twice"),
        ("<think>t</think>a<think>", "think", False, "think_twice"),
        ("<think>t</think>a", "think", True, "think_twice"),  # the prompt has the first
        ("<think>t</think>a</think>", "think", False, "think_closed_twice"),
        ("<think>t</think>a", BOTH, False, "no_solution"),
        ("<think>t</think><solution>a", BOTH, False, "unclosed_solution"),
        ("<think><solution></think><solution>a</solution>", BOTH, False, "solution_twice"),
        ("<think>t</think><solution>a</solution></solution>", BOTH, False, "solution_closed_twice"),
        # each once, but not so
        ("</think>t<think>a", "think", False, "out_of_order"),
        ("</think>t<think>a", BOTH, False, "no_solution"),  # that each stands there once is looked at first
        ("<solution>a</solution><think>t</think>", BOTH, False, "out_of_order"),
        ("<think>t<solution></think>a</solution>", BOTH, False, "out_of_order"),
        ("<think>t</think></solution>a<solution>", BOTH, False, "out_of_order"),
        ("Sure! <think>t</think>a", "think", False, "text_before_think"),
        ("<think>t</think>So <solution>a</solution>", BOTH, False, "text_outside_solution"),
        ("<think>t</think><solution>a</solution> done", BOTH, False, "text_outside_solution"),
        ("<think> \n</think>a", "think", False, "empty_thought"),
        ("</think>a", "think", True, "empty_thought"),
        ("<think>t</think>", "think", False, "empty_action"),
        ("<think>t</think> \u3000\n", "think", False, "empty_action"),  # an ideographic space is white space too
        ("<think>t</think><solution> </solution>", BOTH, False, "empty_action"),
    ],
)
def test_split_reply(text: str, tags: Tags, prefilled: bool, expected: tuple[str, str, None] | str) -> None:
    wanted = Reply(None, None, expected) if isinstance(expected, str) else Reply(*expected)
    assert split_reply(text, tags, prefilled=prefilled) == wanted
    assert wanted.broken is None or wanted.broken in REPLY_RULES


_BITS = [
    "<think>",
    "</think>",
    "<solution>",
    "</solution>",
    "<think",
    "think>",
    "t",
    " ",
    "\n",
    "x = 1",
    "\x00",
    "\ud800",
]
_NO_TAG = r"((?:(?!</?think>|</?solution>)[\s\S])*)"
_ORACLES = {
    "think": re.compile(r"\s*<think>((?:(?!</?think>)[\s\S])*)</think>((?:(?!</?think>)[\s\S])*)"),
    BOTH: re.compile(rf"\s*<think>{_NO_TAG}</think>\s*<solution>{_NO_TAG}</solution>\s*"),
}


@given(st.lists(st.sampled_from(_BITS), max_size=12).map("".join), st.sampled_from(["think", BOTH]), st.booleans())
def test_split_reply_keeps_what_one_pattern_would(text: str, tags: Tags, prefilled: bool) -> None:
    found = _ORACLES[tags].fullmatch(f"<think>{text}" if prefilled else text)
    whole = found is not None and all(group.strip() for group in found.groups())
    thought, action, broken = split_reply(text, tags, prefilled=prefilled)
    assert (broken is None) == whole
    if whole and found is not None:
        assert (thought, action) == (found[1].strip(), found[2].strip())


@given(st.lists(st.sampled_from(_BITS), max_size=12).map("".join))
def test_a_prefilled_tag_is_as_good_as_a_written_one(text: str) -> None:
    assert split_reply(text, prefilled=True) == split_reply(f"<think>{text}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        (" a \t\n b\u00a0c ", "a b c"),
        (r"3\,cm", "3 cm"),
        (r"a\;b\:c\>d\ e~f", "a b c d e f"),
        (r"a \quad b\qquad c", "a b c"),
        (r"a \, \; ~ b", "a b"),  # a run of them is one gap
        (r"\, a \,", "a"),
        ("a\\\nb", "a b"),  # a backslash before white space is a space
        (r"10,\!000", "10,000"),
        (r"x\!\!y", "x y"),  # between letters it must not make a word, or \alpha\!b a command
        (r"\alpha\!b", r"\alpha b"),
        (r"\int\!\!\int", r"\int\int"),
        (r"a \! b", "a b"),
        (r"\\, b", r"\\, b"),  # a line break and a comma
        (r"\\\, b", r"\\ b"),  # a line break and a thin space
        (r"\quadratic \qquads", r"\quadratic \qquads"),  # commands of somebody's own
        (r"\~n \{ \} \left( \right)", r"\~n \{ \} \left( \right)"),  # commands, but no spacing
        (r"\quad2", "2"),
        ("a\\", "a\\"),
    ],
)
def test_normalize(text: str, expected: str) -> None:
    assert normalize(text) == expected


_SPACING_BITS = [
    "\\",
    ",",
    "!",
    ";",
    " ",
    "~",
    "quad",
    "qquad",
    "q",
    "\n",
    "a",
    "1",
    "{",
    "\\!",
    "\\,",
    "\\quad",
    "\\alpha",
]
spaced = st.one_of(st.text(), st.lists(st.sampled_from(_SPACING_BITS), max_size=15).map("".join))


@given(spaced)
def test_normalizing_twice_is_normalizing_once(text: str) -> None:
    once = normalize(text)
    assert normalize(once) == once


@given(spaced)
def test_normalize_is_what_reading_character_by_character_gives(text: str) -> None:
    assert normalize(text) == _slow_normalize(text)


def _slow_normalize(text: str) -> str:
    """Pieces first (commands, gaps, other characters), then what each run of gaps becomes."""
    text = re.sub(r"\s+", " ", text).strip()
    pieces: list[str] = []
    at = 0
    while at < len(text):
        end = at + 1
        if text[at] == "\\" and end < len(text):
            end += 1
            while re.fullmatch("[A-Za-z]", text[at + 1]) and end < len(text) and re.fullmatch("[A-Za-z]", text[end]):
                end += 1
        pieces.append(text[at:end])
        at = end
    gaps = {" ", "~", "\\,", "\\;", "\\:", "\\>", "\\!", "\\ ", "\\quad", "\\qquad"}
    out, run = "", list[str]()
    for piece in [*pieces, ""]:
        if piece in gaps:
            run.append(piece)
            continue
        closes = bool(run) and set(run) == {"\\!"} and not (out[-1:].isalpha() and piece[:1].isalpha())
        out += ("" if closes or not run else " ") + piece
        run = []
    return out.strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\t", []),
        ("the area is 12", ["the", "area", "is", "12"]),
        ("3.14 1,250 1,234,567.89 .5", ["3.14", "1,250", "1,234,567.89", ".5"]),
        ("It is 12.", ["It", "is", "12", "."]),  # the full stop is not a decimal point
        ("f(1,2)=(3,4567)", ["f", "(", "1", ",", "2", ")", "=", "(", "3", ",", "4567", ")"]),  # no groups of three
        ("1,234,56", ["1,234", ",", "56"]),
        ("12345,678", ["12345", ",", "678"]),  # five digits start no groups of three
        ("1.2.3 v.5", ["1.2", ".", "3", "v", ".", "5"]),
        ("2x+3y", ["2", "x", "+", "3", "y"]),
        ("-7", ["-", "7"]),  # a sign may be an operator
        (
            r"\frac{1}{2}\cdot x_1^{10}",
            ["\\frac", "{", "1", "}", "{", "2", "}", "\\cdot", "x", "_", "1", "^", "{", "10", "}"],
        ),
        (r"a \\ b \{ \, \$5", ["a", "\\\\", "b", "\\{", "\\,", "\\$", "5"]),
        ("a\\", ["a", "\\"]),
        ("x² ½ 10₂", ["x", "²", "½", "10", "₂"]),
        ("naïve Größe", ["naïve", "Größe"]),
        ("答案是12個", ["答", "案", "是", "12", "個"]),  # one character, one word, near enough
        ("<think>", ["<", "think", ">"]),
        ("don't f'(x)", ["don", "'", "t", "f", "'", "(", "x", ")"]),
        ("\x00\ud800😀", ["\x00", "\ud800", "😀"]),
    ],
)
def test_tokens(text: str, expected: list[str]) -> None:
    assert tokens(text) == expected


@given(st.one_of(st.text(), st.text("0123456789.,\\ax²案 \n")))
def test_tokens_joined_are_the_text_without_white_space(text: str) -> None:
    assert "".join(tokens(text)) == "".join(text.split())


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    ["1,234," * 160_000, "1" + ",234" * 250_000 + "5", "\\!" * 500_000, "\\ " * 500_000, "\\" * 1_000_001,
     "<think>" * 140_000, "</think" * 140_000, "~ " * 500_000, "\\q" * 500_000, ".5" * 500_000, "1." * 500_000,
     " " * 1_000_000, "\\quad" * 200_000, "a" * 1_000_000],
    ids=lambda text: repr(text[:7]),
)  # fmt: skip
def test_a_megabyte_made_to_be_slow_is_read(text: str) -> None:
    """Anything worse than linear time would take hours here."""
    assert split_reply(text, BOTH).broken
    assert normalize(normalize(text)) == normalize(text)
    assert sum(map(len, tokens(text))) == len("".join(text.split()))


def test_units() -> None:
    assert units("a  b\n", "char") == "a  b\n"
    assert units(" a  b\n", "char", normalized=True) == "a b"
    assert units("a\\,1.5", "token") == ["a", "\\,", "1.5"]
    assert units("a\\,1.5", "token", normalized=True) == ["a", "1.5"]
    assert units("a\r\n b \n\n", "line") == ["a", " b ", ""]
    assert units("a\r\n b \n\n", "line", normalized=True) == ["a", "b"]
    with pytest.raises(ValueError, match="unit 'word'"):
        units("a", "word")  # type: ignore[arg-type]
