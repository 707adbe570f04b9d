"""Pairs of answers with labels, real and made, and completions: what ``verify.py`` measures on."""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple, TypeAlias

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


class Pair(NamedTuple):
    """A gold answer, what a model wrote, whether that is right, and what kind of answers they are."""

    gold: str
    answer: str
    equal: bool
    kind: str


def real() -> list[Pair]:
    """Models' answers to grade-school problems, with the labels that come with them; none where the data is absent."""
    path = SHARED / "answers_gsm8k_3000.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    rows = [json.loads(line) for line in lines]
    return [Pair(row["gold"], row["pred"], bool(row["expected"]), "gsm8k") for row in rows]


# -- made pairs: a gold answer, the same in another writing, and another answer ---------------------------------------

Made: TypeAlias = tuple[str, str, str]
Maker: TypeAlias = Callable[[random.Random], Made]


def _signed(number: int) -> str:
    return f"+ {number}" if number >= 0 else f"- {-number}"


def _fraction(value: Fraction, command: str = r"\frac") -> str:
    sign = "-" if value < 0 else ""
    return f"{sign}{command}{{{abs(value.numerator)}}}{{{value.denominator}}}"


def _some_fraction(rng: random.Random, below: tuple[int, ...] = (2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 15)) -> Fraction:
    while True:
        value = Fraction(rng.randint(-30, 60), rng.choice(below))
        if value.denominator > 1:
            return value


def _polynomial(coefficients: list[int]) -> str:
    """From the highest power down."""
    terms = []
    for power, factor in zip(range(len(coefficients) - 1, -1, -1), coefficients, strict=True):
        if factor:
            size = "" if abs(factor) == 1 and power else str(abs(factor))
            variable = "" if not power else "x" if power == 1 else f"x^{power}" if power < 10 else f"x^{{{power}}}"
            terms.append(("-" if factor < 0 else "+" if terms else "") + size + variable)
    return "".join(terms) or "0"


def _product(one: list[int], other: list[int]) -> list[int]:
    found = [0] * (len(one) + len(other) - 1)
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            found[i + j] += a * b
    return found


def _square_free(rng: random.Random, most: int = 30) -> int:
    while True:
        number = rng.randint(2, most)
        if all(number % (root * root) for root in range(2, 6)):
            return number


def integer(rng: random.Random) -> Made:
    number = rng.choice([rng.randint(0, 20), rng.randint(10, 999), rng.randint(1000, 2_000_000), -rng.randint(1, 99)])
    gold = f"{number:,}".replace(",", r",\!") if rng.random() < 0.1 else str(number)
    ways = [str(number), f"{number}.0", f"x = {number}", rf"{number}\text{{ cm}}", f"{number:,}", rf"\${abs(number)}"]
    right = rng.choice(ways if number >= 0 else ways[:-1])
    return gold, right, str(rng.choice([number + 1, number - 1, number * 10 + 3, -number - 1, number + 100]))


def fraction(rng: random.Random) -> Made:
    value = _some_fraction(rng)
    by = rng.randint(2, 5)
    ways = [
        _fraction(value, r"\dfrac"),
        _fraction(value, r"\tfrac"),
        f"{value.numerator}/{value.denominator}",
        rf"\frac{{{value.numerator * by}}}{{{value.denominator * by}}}",
    ]
    wrong = [_fraction(-value), _fraction(value + 1), _fraction(1 / value), str(value.numerator)]
    return _fraction(value), rng.choice(ways), rng.choice([each for each in wrong if each != _fraction(value)])


def decimal(rng: random.Random) -> Made:
    number = Fraction(rng.randint(1, 99_999), rng.choice([10, 100, 1000]))
    text = f"{float(number):.3f}"
    return text.rstrip("0").rstrip("."), rng.choice([text, _fraction(number)]), f"{float(number) + 0.01:.3f}"


def percentage(rng: random.Random) -> Made:
    number = rng.randint(1, 99)
    return rf"{number}\%", rng.choice([f"{number}%", str(number), f"{number / 100:.2f}"]), rf"{number + 1}\%"


def degrees(rng: random.Random) -> Made:
    number = rng.randint(1, 179)
    return rf"{number}^\circ", rng.choice([str(number), rf"{number}^{{\circ}}"]), rf"{number + 1}^\circ"


def mixed_number(rng: random.Random) -> Made:
    value = abs(_some_fraction(rng)) + 1
    whole, rest = divmod(value.numerator, value.denominator)
    right = rf"{whole}\frac{{{rest}}}{{{value.denominator}}}"
    return _fraction(value), right, rf"{whole + 1}\frac{{{rest}}}{{{value.denominator}}}"


def radical(rng: random.Random) -> Made:
    a, b, c = rng.randint(2, 12), _square_free(rng), rng.randint(2, 9)
    if rng.random() < 0.5:
        return rf"{a}\sqrt{{{b}}}", rf"\sqrt{{{a * a * b}}}", rf"{b}\sqrt{{{a + b}}}"
    right = rf"\frac{{{a}}}{{{c}}}\sqrt{{{b}}}"
    return rf"\frac{{{a}\sqrt{{{b}}}}}{{{c}}}", right, rf"\frac{{{a}\sqrt{{{b}}}}}{{{c + 1}}}"


def circle(rng: random.Random) -> Made:
    value = _some_fraction(rng) if rng.random() < 0.5 else Fraction(rng.randint(2, 200))
    gold = rf"{value}\pi" if value.denominator == 1 else rf"\frac{{{value.numerator}\pi}}{{{value.denominator}}}"
    right = rf"{value}\cdot\pi" if value.denominator == 1 else rf"{_fraction(value)}\pi"
    return gold, right, rf"{_fraction(value + 1)}\pi"


def point(rng: random.Random) -> Made:
    a, b = _some_fraction(rng), rng.randint(-20, 20)
    return (
        rf"({_fraction(a)}, {b})",
        rf"\left({_fraction(a, chr(92) + 'dfrac')},\ {b}\right)",
        rf"({b}, {_fraction(a)})",
    )


def interval(rng: random.Random) -> Made:
    low = rng.randint(-20, 20)
    high = low + rng.randint(1, 20)
    if rng.random() < 0.5:
        return f"[{low},{high})", rf"\left[{low}, {high}\right)", f"({low},{high}]"
    return (
        rf"(-\infty,{low}]\cup[{high},\infty)",
        rf"[{high},\infty)\cup(-\infty, {low}]",
        rf"(-\infty,{low})\cup({high},\infty)",
    )


def roots(rng: random.Random) -> Made:
    a, b, c = rng.sample(range(-20, 21), 3)
    return f"{a}, {b}", rng.choice([f"{b},{a}", rf"{b}\text{{ and }}{a}"]), f"{a}, {c}"


def polynomial(rng: random.Random) -> Made:
    a, b, c = rng.randint(1, 9), rng.randint(-9, 9), rng.choice([-7, -5, -3, 2, 4, 8])
    return _polynomial([a, b, c]), f"{c} {_signed(b)}x {_signed(a)}x^2", _polynomial([a, b, -c])


def line(rng: random.Random) -> Made:
    a, b = rng.randint(2, 9), rng.randint(1, 9)
    return f"y = {a}x + {b}", f"{a}x + {b} = y", f"y = {a}x + {b + 1}"


def complex_number(rng: random.Random) -> Made:
    a, b = rng.randint(1, 20), rng.randint(2, 20)
    return f"{a} + {b}i", f"{b}i+{a}", f"{a} - {b}i"


def word(rng: random.Random) -> Made:
    one, other = rng.sample(["Monday", "Tuesday", "even", "odd", "ellipse", "parabola", "hyperbola", "Evelyn"], 2)
    return rf"\text{{{one}}}", one, other


def letter(rng: random.Random) -> Made:
    one, other = rng.sample("ABCDE", 2)
    return rf"\text{{({one})}}", one, other


RATIONAL: tuple[Maker, ...] = (*[integer] * 12, *[fraction] * 5, decimal, percentage, degrees, mixed_number)
OTHER: tuple[Maker, ...] = (
    *[radical] * 4, circle, circle, point, point, interval, roots, polynomial, polynomial, line, complex_number, word,
    letter,
)  # fmt: skip


def product_of_factors(rng: random.Random) -> Made:
    lines = [[1, rng.choice([-1, 1]) * rng.randint(1, 9)] for _ in range(rng.randint(3, 5))]
    expanded = [1]
    for factor in lines:
        expanded = _product(expanded, factor)
    gold = "".join(f"(x{_signed(b).replace(' ', '')})" for _, b in lines)
    return gold, _polynomial(expanded), _polynomial([*expanded[:-1], expanded[-1] + 1])


def partial_fractions(rng: random.Random) -> Made:
    a, b = rng.sample(range(1, 12), 2)
    wrong = rf"\frac{{{a - b}}}{{(x-{a})(x+{b})}}"
    return rf"\frac{{1}}{{x-{a}}} - \frac{{1}}{{x-{b}}}", rf"\frac{{{a - b}}}{{(x-{a})(x-{b})}}", wrong


def nested_radical(rng: random.Random) -> Made:
    a, b = sorted(rng.sample([2, 3, 5, 6, 7, 10, 11, 13], 2))
    gold = rf"\sqrt{{{a + b}+2\sqrt{{{a * b}}}}}"
    return gold, rf"\sqrt{{{a}}}+\sqrt{{{b}}}", rf"\sqrt{{{b}}}-\sqrt{{{a}}}"


def rational_denominator(rng: random.Random) -> Made:
    a, b = sorted(rng.sample([2, 3, 5, 6, 7, 10, 11, 13], 2))
    k = rng.randint(1, 9)
    right = rf"\frac{{{k}(\sqrt{{{b}}}+\sqrt{{{a}}})}}{{{b - a}}}"
    return rf"\frac{{{k}}}{{\sqrt{{{b}}}-\sqrt{{{a}}}}}", right, right.replace("+", "-")


def double_angle(rng: random.Random) -> Made:
    a, k = rng.randint(2, 9), rng.randint(1, 9)
    gold = rf"{2 * k}\sin({a}x)\cos({a}x)"
    return gold, rf"{k}\sin({2 * a}x)", rf"{k}\cos({2 * a}x)"


def squares_of_trigonometry(rng: random.Random) -> Made:
    a, k = rng.randint(2, 9), rng.randint(2, 9)
    gold = rf"\frac{{{k}}}{{\cos^2({a}x)}}"
    return gold, rf"{k}+{k}\tan^2({a}x)", rf"{k}-{k}\tan^2({a}x)"


def exact_sine(rng: random.Random) -> Made:
    k = 4 * rng.randint(1, 9)
    right = rf"{k // 4}(\sqrt{{6}}-\sqrt{{2}})"
    return rf"{k}\sin\frac{{\pi}}{{12}}", right, right.replace("-", "+")


def logarithm(rng: random.Random) -> Made:
    a, b = rng.sample([2, 3, 5, 7], 2)
    n, m = rng.randint(2, 5), rng.randint(2, 5)
    return rf"\ln {a**n * b**m}", rf"{n}\ln {a} + {m}\ln {b}", rf"{n}\ln {a} + {m + 1}\ln {b}"


def exponential(rng: random.Random) -> Made:
    a, b = rng.randint(2, 9), rng.randint(2, 9)
    return rf"e^{{{a}x}} \cdot e^{{{b}}}", rf"e^{{{a}x+{b}}}", rf"e^{{{a}x-{b}}}"


def quotient_of_complex(rng: random.Random) -> Made:
    a, b, c, d = (rng.randint(1, 9) for _ in range(4))
    size = c * c + d * d
    real, imaginary = Fraction(a * c + b * d, size), Fraction(b * c - a * d, size)
    gold = rf"\frac{{{a}+{b}i}}{{{c}+{d}i}}"
    rest = ("" if imaginary < 0 else "+") + _fraction(imaginary) + "i"
    return gold, _fraction(real) + rest, _fraction(real + 1) + rest


def binomial(rng: random.Random) -> Made:
    n, k = rng.randint(6, 30), rng.randint(2, 5)
    return rf"\binom{{{n}}}{{{k}}}", str(math.comb(n, k)), str(math.comb(n, k) + 1)


def matrix(rng: random.Random) -> Made:
    a, b, c, d = (rng.randint(1, 20) for _ in range(4))
    gold = rf"\begin{{pmatrix}} {a} & {b} \\ \frac{{{c}}}{{2}} & {d} \end{{pmatrix}}"
    right = rf"\begin{{pmatrix}} {a} & {b} \\ {c / 2} & {d} \end{{pmatrix}}"
    return gold, right, rf"\begin{{pmatrix}} {a} & {b} \\ {c} & {d} \end{{pmatrix}}"


def logarithm_of_a_product(rng: random.Random) -> Made:
    a, n = rng.randint(2, 9), rng.randint(2, 5)
    return rf"\ln({a}x^{n}y)", rf"\ln {a} + {n}\ln x + \ln y", rf"\ln {a} + {n + 1}\ln x + \ln y"


def root_of_a_square(rng: random.Random) -> Made:
    a = rng.randint(1, 12)
    return rf"\sqrt{{x^2+{2 * a}x+{a * a}}}", f"|x+{a}|", f"|x-{a}|"


def change_of_base(rng: random.Random) -> Made:
    a, b = rng.sample([2, 3, 5, 6, 7, 10, 11], 2)
    n = rng.randint(2, 9)
    return rf"\log_{{{a}}} {b} \cdot \log_{{{b}}} {a**n}", str(n), str(n + 1)


def power_of_two(rng: random.Random) -> Made:
    a, b = rng.randint(2, 9), rng.randint(1, 9)
    return rf"2^{{{a}x+{b}}}", rf"{2**b} \cdot {2**a}^x", rf"{2**b} \cdot {2 ** (a + 1)}^x"


def quotient_of_factorials(rng: random.Random) -> Made:
    a = rng.randint(2, 9)
    return rf"\frac{{(n+{a})!}}{{(n+{a - 2})!}}", f"(n+{a})(n+{a - 1})", f"(n+{a + 1})(n+{a})"


def both_roots(rng: random.Random) -> Made:
    a, b, c = rng.randint(1, 9), _square_free(rng), rng.randint(2, 9)
    gold = rf"\frac{{{a}\pm\sqrt{{{b}}}}}{{{c}}}"
    right = rf"\frac{{{a}-\sqrt{{{b}}}}}{{{c}}}, \frac{{{a}+\sqrt{{{b}}}}}{{{c}}}"
    return gold, right, rf"\frac{{{a}+\sqrt{{{b}}}}}{{{c}}}, \frac{{{a + 1}-\sqrt{{{b}}}}}{{{c}}}"


HARD: tuple[Maker, ...] = (
    product_of_factors, partial_fractions, nested_radical, rational_denominator, double_angle, squares_of_trigonometry,
    exact_sine, logarithm, exponential, quotient_of_complex, binomial, matrix, both_roots, logarithm_of_a_product,
    root_of_a_square, change_of_base, power_of_two, quotient_of_factorials,
)  # fmt: skip


def _pairs(makers: Iterator[Maker], count: int, rng: random.Random) -> list[Pair]:
    """Distinct pairs, right and wrong ones alike many."""
    found: dict[tuple[str, str], Pair] = {}
    for maker in makers:
        gold, right, wrong = maker(rng)
        equal = len(found) % 2 == 0
        answer = right if equal else wrong
        found.setdefault((gold, answer), Pair(gold, answer, equal, maker.__name__))
        if len(found) == count:
            break
    return list(found.values())


def competition(count: int, seed: int = 0) -> list[Pair]:
    """Answers as competition problems have them: four of five are rational numbers, as in MATH's test set."""
    rng = random.Random(seed)
    makers = iter(lambda: rng.choice(RATIONAL if rng.random() < 0.81 else OTHER), None)
    return _pairs(makers, count, rng)  # type: ignore[arg-type]


def hard(count: int, seed: int = 1) -> list[Pair]:
    """Pairs that take algebra: products, partial fractions, nested radicals, trigonometry, logarithms, ..."""
    rng = random.Random(seed)
    return _pairs(iter(lambda: rng.choice(HARD), None), count, rng)  # type: ignore[arg-type]


# -- completions ------------------------------------------------------------------------------------------------------


def completions(prompts: int, each: int, characters: int = 400) -> tuple[list[str], list[str]]:
    """A step's worth of reinforcement learning: completions of about that length, and their gold answers.

    Three prompts of four have GSM8K's golds with the answers that models gave; the others are made, a quarter of
    these hard. Within a group, answers repeat, as samples of one model do.
    """
    rng = random.Random(2)
    texts = _write_ups()
    theirs: dict[str, list[str]] = {}
    for pair in real():
        theirs.setdefault(pair.gold, []).append(pair.answer)
    made = [*competition(prompts), *hard(prompts)]
    written: list[str] = []
    golds: list[str] = []
    for number in range(prompts):
        if theirs and number % 4:
            gold = rng.choice(list(theirs))
            answers = theirs[gold]
        else:
            pair = made[(number // 4) % prompts + (prompts if number % 16 == 0 else 0)]
            gold, answers = pair.gold, [pair.gold, pair.answer]
        for _ in range(each):
            end = rf" So the final answer is $\boxed{{{rng.choice(answers)}}}$."
            written.append(rng.choice(texts)[: characters - len(end)] + end)
            golds.append(gold)
    return written, golds


_ANNOTATION = re.compile(r"<<[^<>]*>>|####[^\n]*")


def _write_ups() -> list[str]:
    path = SHARED / "gsm8k_model_solutions_150.jsonl"
    if path.exists():
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        found = [value["solution"] for row in rows for value in row.values() if isinstance(value, dict)]
    else:
        from srl_data.generate import generate

        found = [row["solution"] for row in generate(n=200, level=(3, 8), seed=0, style="lines")]
    clean = [_ANNOTATION.sub("", text).strip() for text in found]
    return [(text + "\n" + other)[:2000] for text, other in zip(clean, reversed(clean), strict=True)]
