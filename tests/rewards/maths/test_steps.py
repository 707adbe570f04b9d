"""What counts as mathematics in a step, and what a step is taken to claim. Expected results are worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards.maths.compare import Conventions
from rewards.maths.expressions import MAX_EXPRESSIONS, read
from rewards.maths.steps import snippets
from tests.strategies import texts

DATA = Path(__file__).parents[3].parent / "shared/data"

PROSE = {
    # signs
    "She sold 48/2 = 24 clips.": ["48/2 = 24"],
    "That makes 3 x 15 = 45, and 45 − 5 = 40.": ["3 * 15 = 45", "45 − 5 = 40"],
    "6 × 7 ÷ 2 = 21": ["6 × 7 ÷ 2 = 21"],
    "2**3 = 8 and 2^3 = 8": ["2**3 = 8", "2^3 = 8"],
    "5+3=8=4*2": ["5+3 = 8 = 4*2"],
    "(3 + 4) * 2 = 14": ["(3 + 4) * 2 = 14"],
    "0.2 * 20 = 4.0, .5 * 4 = 2": ["0.2 * 20 = 4.0", ".5 * 4 = 2"],
    "-3 + 5 = 2": ["-3 + 5 = 2"],
    # words for signs
    "5 times 8 is 40, 40 plus 2 equals 42 and 42 minus 2 is 40.": ["5 * 8 = 40", "40 + 2 = 42", "42 - 2 = 40"],
    "20% of 30 is 6, and 1/3 of the 12 eggs is 4.": ["(20/100) * 30 = 6", "1/3 * 12 = 4"],
    # money, percentages, thousands
    "$780 - $260 = $520": ["780 - 260 = 520"],
    r"\$2.50 * 4 = \$10": ["2.50 * 4 = 10"],
    "5€ + 3€ = 8€": ["5 + 3 = 8"],
    "$80,000 + $50,000 = $130,000": ["80000 + 50000 = 130000"],
    "5000 * 2.5% = 125": ["5000 * (2.5/100) = 125"],
    # units are left out
    "12 eggs - 4 eggs = 8 eggs": ["12 - 4 = 8"],
    "40 students x $6/day = $240": ["40 * 6 = 240"],
    "4 feet / 12 inches/foot = 1/3 foot": ["4 / 12 = 1/3"],
    "2 (blue) + 1 (white) = 3 bolts": ["2 + 1 = 3"],
    "10 square feet of wall * 3 = 30": ["10 * 3 = 30"],
    # mixed numbers
    "8 x 1 1/2 = 12 rolls": ["8 * 1 1/2 = 12"],
    # variables
    "Let x = 5, then 2x + 3 = 13.": ["x = 5", "2x + 3 = 13"],
    "100/5 = 5A/5 or 20 = A": ["100/5 = 5A/5", "20 = A"],
    # Markdown
    "**5 + 3 = 8** and *2*": ["5 + 3 = 8"],
    "- Inner length = 5 - 2 = 3 inches\n- Inner width = 6 - 2 = 4 inches": ["5 - 2 = 3", "6 - 2 = 4"],
    "1. 3 + 4 = 7\n2) 7 * 2 = 14": ["3 + 4 = 7", "7 * 2 = 14"],
    # expressions alone, if they cannot be anything else
    "We take 5 + 3 and 5 - 3.": ["5 + 3", "5 - 3"],
    # a part of the first term is in words, so that the rest of it is not what it is
    "Total = rides × 6 = 10 × 6 = 60": ["10 × 6 = 60"],
    "25 classmates + his 1 teacher + 1 = 27": [],
    "9 = (3/4)*number of novels": [],
    # numbers that are said to be, but are not equal
    "60 mph is 60+12 mph": ["60+12"],
    "3 dozen is 3 * 12": ["3 * 12"],
    "1 hour = 60 minutes, 1.5 minutes = 1.5 * 60 = 90 seconds": ["1.5 * 60 = 90"],
    "6/3 = .5 hours = 30 minutes": ["6/3 = .5"],
    "1 minute and 30 seconds = 60 + 30 = 90 seconds": ["60 + 30 = 90"],
}
NO_ARITHMETIC = [
    "open 24/7",
    "3-4 people, pages 12–15",
    "on 2024-03-05 or 3/5/2024",
    "from 9:30 - 4 to 10:45",
    "call 555-1234",
    "version 1.2.3-4",
    "a ratio of 3:4",
    "and/or, he/she, 1st, 2nd",
    "Step 3: there are 5 apples.",
    "A4 paper, B2B, x86",
    "the 400-meter run",
    "a 3/4 majority",
    "= = + - * / ^ ( ) 5",
    "5",
    "",
]
FORMULAS = {
    r"So $3x = 12$ and \(x = 4\).": ["3x = 12", "x = 4"],
    r"$$a^2 + b^2 = c^2$$": ["a^2 + b^2 = c^2"],
    r"\[ \frac{1}{2} \cdot 10 = 5. \]": [r"\frac{1}{2} \cdot 10 = 5"],
    "\\begin{align*} x &= 3 + 4 \\\\ &= 7 \\end{align*}": ["x = 3 + 4 = 7"],
    "\\[\\begin{aligned} a &= 1, \\\\[2mm] b &= 2 \\end{aligned}\\]": ["a = 1", "b = 2"],
    "$$\\begin{aligned} x &= 3 + 4 \\\\ &= 7 \\end{aligned}$$": ["x = 3 + 4 = 7"],
    "\\[\\begin{split} x &= 3 + 4 \\\\ &= 7 \\end{split}\\]": ["x = 3 + 4 = 7"],
    r"$2x = 6 \implies x = 3$": ["2x = 6", "x = 3"],
    r"\(\sqrt{2} \approx 1.414\)": [r"\sqrt{2}", "1.414"],
    r"\(\boxed{x = 7}\)": ["x = 7"],
    # words are labels or units
    r"\[\text{Total} = 3 \times 5 = 15 \text{ cookies}\]": [r"3 \times 5 = 15"],
    r"\(25 \text{ m}^2 + 5 \text{ m}^2 = 30\,\text{m}^2\)": ["25 + 5 = 30"],
    r"\(10 \text{ km}/\text{h} \times 2 \text{ h} = 20 \text{ km}\)": [r"10 \times 2 = 20"],
    r"\(1 \text{ km} = 1000 \text{ m}\)": [],
    r"\(x = 1 \text{ or } x = 2\)": ["x = 1 or x = 2"],
    # a value in words makes the term unknown
    r"\(\text{price} \times 3 = 2 \times 3 = 6\)": [r"□ \times 3 = 2 \times 3 = 6"],
    # dollars are no formulas
    "He pays $7 each so 5*$7=$35.": ["5*7 = 35"],
    "It costs $5 and $3 more: $5 + $3 = $8.": ["5 + 3 = 8"],
    # single letters are no claims
    "Let $n$ and $x$ be integers.": [],
    "He has <<5 x 12=60>>60 and <<3+4=7>>7.": ["5*12=60", "3+4=7"],
}


@pytest.mark.parametrize(("step", "expected"), [*PROSE.items(), *((text, []) for text in NO_ARITHMETIC)])
def test_arithmetic_in_prose(step: str, expected: list[str]) -> None:
    assert snippets(step) == expected


@pytest.mark.parametrize(("step", "expected"), FORMULAS.items())
def test_formulas(step: str, expected: list[str]) -> None:
    assert [" ".join(each.split()) for each in snippets(step)] == expected


CLAIMS = [
    # step, expressions, equalities
    ("48/2 = 24", ["48/2", "24*"], ["48/2 = 24"]),
    ("2 + 3 = 5 and 10/2 = 5", ["2 + 3", "5*", "10/2"], ["2 + 3 = 5", "10/2 = 5"]),  # 5 once
    ("1 + 2 + 3 = 3 + 3 = 6", ["1 + 2 + 3", "3 + 3", "6*"], ["1 + 2 + 3 = 3 + 3", "3 + 3 = 6"]),
    ("$x = 3 + 4 = 7$", ["x = 3 + 4", "x = 7*"], ["3 + 4 = 7"]),
    ("$7 = 3 + 4 = x$", ["x = 7", "x = 3 + 4*"], ["7 = 3 + 4"]),
    ("$3x = 12$", ["3x = 12*"], []),  # a condition on x
    ("$(x+1)^2 = x^2 + 2x + 1$", ["(x+1)^2", "x^2 + 2x + 1*"], []),  # true of every x
    ("$2x + 3x = 5x = 20$", ["2x + 3x", "5x", "5x = 20*"], []),
    ("$x = 1, y = 2$", ["x = 1*", "y = 2*"], []),
    (r"$x = 1 \text{ or } x = 2$", ["x = 1*", "x = 2*"], []),
    ("$x = 1, 2$", ["x = 1, 2*"], []),
    ("$(x, y) = (1, 2)$", ["(x, y) = (1, 2)*"], []),
    ("$x > 4$ and $0 < y \\le 1$", ["x > 4", "0 < y \\le 1"], []),
    ("$e = 1$, $i = 2$", ["e = 1*", "i = 2*"], []),  # names, for once
    ("$f(2) = 2^2 = 4$", ["f(2) = 2^2", "f(2) = 4*"], ["2^2 = 4"]),
    (r"\(\text{Total} = 2 + 3\)", ["2 + 3"], []),  # no result, since there is no chain
    (r"\(\text{price} \times 3 = 2 \times 3 = 6\)", [r"2 \times 3", "6*"], [r"2 \times 3 = 6"]),
    ("$1,200 / 3 = 400$", ["1,200 / 3", "400*"], ["1,200 / 3 = 400"]),
    ("$5 = 5$", ["5*"], []),  # claims nothing
    (r"$\sum_{k} k = 10$", ["10*"], []),
    ("$n$", [], []),
]


@pytest.mark.parametrize(("step", "expressions", "equalities"), CLAIMS)
def test_claims(step: str, expressions: list[str], equalities: list[str]) -> None:
    found = read(step, Conventions())
    assert [each.text + "*" * each.is_result for each in found.expressions] == expressions
    assert [f"{left.text} = {right.text}" for left, right in found.equalities] == equalities
    assert not found.too_large


def test_what_cannot_be_read_is_told() -> None:
    found = read(r"$\oint f = 3 + 4 = 7$", Conventions())
    assert [each.text for each in found.expressions] == ["3 + 4", "7"]
    assert found.unread == (r"\oint f",)


def test_a_step_over_a_cap_is_not_read() -> None:
    def step(count: int) -> str:
        return ", ".join(f"{number} + 1" for number in range(count))

    assert len(read(step(MAX_EXPRESSIONS), Conventions()).expressions) == MAX_EXPRESSIONS
    found = read(step(MAX_EXPRESSIONS + 1), Conventions())
    assert found.too_large
    assert not found.expressions
    assert read("5 + 3 = 8. " * 4_000, Conventions()).expressions  # the same ones again
    assert read("5 + 3 = 8. " * 90_000, Conventions()).too_large


@given(
    st.one_of(texts, st.lists(st.sampled_from([*"12x=+-*/^().,$%\\ \n", "{", "}", "is", "\\(", "\\)"])).map("".join))
)
def test_any_text_is_read(text: str) -> None:
    for snippet in snippets(text):
        assert snippet.strip()
    found = read(text, Conventions())
    assert len(found.expressions) <= MAX_EXPRESSIONS
    assert read(text, Conventions()) == found


@given(st.lists(st.sampled_from(sorted(PROSE)), min_size=1, max_size=4))
def test_lines_are_read_one_by_one(lines: list[str]) -> None:
    assert snippets("\n".join(lines)) == [each for line in lines for each in PROSE[line]]


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece",
    ["$", "$$", "\\(", "\\[", "\\begin{align}", "<<", "<<1", "1 ", "1 a ", "(", "1+", "a=", "\\text{", "5/3 ", "is "],
)
def test_long_texts_take_linear_time(piece: str) -> None:
    assert len(snippets(piece * (200_000 // len(piece)))) <= 1  # a quadratic pattern would take minutes


@pytest.mark.slow
@pytest.mark.skipif(not DATA.exists(), reason="the shared data is not there")
def test_steps_of_experts_are_read() -> None:
    """Nearly every annotated step of GSM8K holds an expression, and what its annotations say is found."""
    rows = [json.loads(line) for line in (DATA / "gsm8k_train_400.jsonl").read_text().splitlines()]
    steps = [step for row in rows for step in row["answer"].split("\n") if "<<" in step]
    readings = [read(step, Conventions()) for step in steps]
    assert all(reading.expressions for reading in readings)
    assert sum(bool(reading.unread) for reading in readings) <= 3
