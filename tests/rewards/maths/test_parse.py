from __future__ import annotations

import pickle
import sys
import threading
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rewards.maths.compare import compare
from rewards.maths.conventions import Conventions
from rewards.maths.grammar import Parser
from rewards.maths.lexer import MAX_CHARS, MAX_DIGITS, tokenize
from rewards.maths.parse import TooLarge, Unparseable, parse
from rewards.maths.tree import (
    ARITY,
    Apply,
    Choice,
    Collection,
    Constant,
    Interval,
    Matrix,
    Node,
    Number,
    Quantity,
    Relation,
    Symbol,
    Text,
    Union,
    is_scalar,
    walk,
)
from tests.strategies import texts

X, Y, PI, I, OO = Symbol("x"), Symbol("y"), Constant("pi"), Constant("i"), Constant("oo")  # noqa: E741


def n(value: Any) -> Number:
    return Number(Fraction(value))


def op(name: str, *args: Node) -> Apply:
    return Apply(name, args)


TREES: dict[str, Node] = {
    # numbers
    "42": n(42),
    "-42": n(-42),
    "007": n(7),
    ".5": n("1/2"),
    "1,234,567": n(1234567),
    "1{,}000": n(1000),
    r"10\,000": n(10000),
    "10 000": n(10000),
    "1.2e3": n(1200),
    "1.2E-3": n("0.0012"),
    r"0.1\overline{6}": n("1/6"),
    "3 1/2": n("7/2"),
    r"3\frac12": n("7/2"),
    "2½": n("5/2"),
    "１２": n(12),
    "31/2": op("div", n(31), n(2)),
    r"3\frac32": op("mul", n(3), op("div", n(3), n(2))),  # no mixed number has a fraction above one
    "$42$.": n(42),
    r"\(42\)": n(42),
    # expressions
    "2x": op("mul", n(2), X),
    "xy": op("mul", X, Y),
    "-x^2": op("neg", op("pow", X, n(2))),
    "x^{-1}": op("pow", X, n(-1)),
    "2^{3^2}": op("pow", n(2), op("pow", n(3), n(2))),
    "1/2/3": op("div", op("div", n(1), n(2)), n(3)),
    r"\sqrt[3]{x}": op("root", X, n(3)),
    r"\sqrt x": op("root", X, n(2)),
    "√2": op("root", n(2), n(2)),
    r"\frac12": op("div", n(1), n(2)),
    r"{3 \over 4}": op("div", n(3), n(4)),
    r"\sin^2 x": op("pow", op("sin", X), n(2)),
    r"\sin^{-1} x": op("arcsin", X),
    r"\sin 2x": op("sin", op("mul", n(2), X)),
    r"\sin x \cos x": op("mul", op("sin", X), op("cos", X)),
    r"\log_2 8": op("log", n(8), n(2)),
    r"\log x": op("log", X, n(10)),
    r"\binom{5}{2}": op("binomial", n(5), n(2)),
    "5!": op("factorial", n(5)),
    "|x|": op("abs", X),
    r"\lfloor x \rfloor": op("floor", X),
    "2π": op("mul", n(2), PI),
    "3+4i": op("add", n(3), op("mul", n(4), I)),
    r"x_1": Symbol("x_1"),
    r"x_{12}": Symbol("x_12"),
    "f(x)": Symbol("f(x)"),
    r"f\left(x\right)": Symbol("f(x)"),
    "y''": Symbol("y''"),
    "x²": op("pow", X, n(2)),
    # several values
    "1, 2": Collection("bare", (n(1), n(2))),
    "1 and 2": Collection("bare", (n(1), n(2))),
    r"\pm 3": Collection("bare", (n(3), n(-3))),
    r"(1, 2)": Collection("tuple", (n(1), n(2))),
    r"\{1, 2\}": Collection("set", (n(1), n(2))),
    "[1, 2, 3]": Collection("list", (n(1), n(2), n(3))),
    r"\emptyset": Collection("set", ()),
    "[1, 2]": Interval(n(1), n(2), True, True),
    r"[0, \infty)": Interval(n(0), OO, True, False),
    r"(0,1)\cup(2,3)": Union((Interval(n(0), n(1), False, False), Interval(n(2), n(3), False, False))),
    r"\begin{pmatrix}1\\[4pt]2\end{pmatrix}": Matrix(((n(1),), (n(2),))),
    r"\begin{pmatrix}1&2\\3&4\end{pmatrix}": Matrix(((n(1), n(2)), (n(3), n(4)))),
    # statements
    "x = 3": Relation((X, n(3)), ("=",)),
    r"1 < x \le 2": Relation((n(1), X, n(2)), ("<", "<=")),
    r"x \in [0,1]": Relation((X, Interval(n(0), n(1), True, True)), ("in",)),
    r"\{x : x > 3\}": Relation((X, n(3)), (">",)),
    r"\{x \in \mathbb{R} | x > 3\}": Relation((X, n(3)), (">",)),
    r"\begin{cases} x = 3, \\[2pt] y = 4 \end{cases}": Collection(
        "bare", (Relation((X, n(3)), ("=",)), Relation((Y, n(4)), ("=",)))
    ),
    r"x \equiv 3 \pmod{7}": Relation((X, Quantity(n(3), "mod 7")), ("=",)),
    "3 (mod 7)": Quantity(n(3), "mod 7"),
    # units
    "50%": Quantity(n(50), "%"),
    "50 percent": Quantity(n(50), "%"),
    "$18.00": Quantity(n(18), "$"),
    "5 cm": Quantity(n(5), "cm"),
    r"25 \text{ cm}^2": Quantity(n(25), "cm^2"),
    "60 km/h": Quantity(n(60), "km/h"),
    r"60 \frac{\text{km}}{\text{h}}": Quantity(n(60), "km/h"),
    r"60\ \mathrm{m} \cdot \mathrm{s}^{-1}": Quantity(n(60), "m*s^-1"),
    "90°": Quantity(n(90), "°"),
    "12 apples": Quantity(n(12), "apples"),
    # words
    "(B)": Choice("B"),
    r"\text{B}": Choice("B"),
    r"\text{no solution}": Collection("set", ()),
    r"\text{not enough}": Text("not enough"),
    "Monday": Text("monday"),
}


@pytest.mark.parametrize(("text", "tree"), TREES.items(), ids=TREES)
def test_a_text_is_read_as_this_tree(text: str, tree: Node) -> None:
    assert parse(text) == tree


TWO_WAYS = {
    "1/xy": "1/(xy) or y/x",
    r"\sqrt12": "TeX draws the root of 1, and a 2; people mean the root of 12",
    r"\frac112": "1/1 times 2, or 1/12, or 11/2",
    "x2": "x^2, x_2 or 2x",
    "5!!": "a double factorial, or one of one",
    "3 4": "two numbers",
    "2 [3]": "a product, or a number and a list",
    "2 [x, 3]": "a product, or a number and a list",
    r"\log(x, 2)": "which of them is the base",
}
NOT_KNOWN = [
    "",
    "$$",
    "()",
    "{}",
    "1 +",
    "+",
    "(1",
    "1)",
    r"\frac{1}{",
    r"\int_0^1 x\,dx",
    r"\sum_{k=1}^n k",
    r"\lim_{x\to 0} x",
    r"\frac{dy}{dx}",
    r"\unknown",
    "x = ",
    "= 3",
    "1 ? 2",
    "import os; os.system('true')",
    "__import__('os')",
    "lambda: 0",
    r"\begin{pmatrix}1&2\\3\end{pmatrix}",
    r"\begin{cases}1\\2\end{cases}",
    r"\begin{cases}x & x > 0 \\ 0 & x \le 0\end{cases}",
    r"\begin{cases}x = 1",
    r"\begin{cases}x < 1\\x > 3\end{cases}",  # not one or the other
    r"\begin{cases}x = 1\\x = 3\end{cases}",
    r"\begin{cases}x = \pm 1\\y = 3\end{cases}",
    r"\{2k | k \in \mathbb{Z}\}",  # the head says more than the condition
    r"\{x \in \mathbb{Z} | x > 3\}",
    r"\{y | x > 3\}",
    r"1 + 2[x]",  # a bracket, or rounded down
    "x1^2 + x2^2",
    "2^3 25",
    "2^3 1/2",
    "x^-1_0",
    r"5\text{ m} \cdot x",
    r"5\text{ m}^2^3",
    r"5\text{ m}^{2}^{-3}",
    r"3 \pmod{}",
    r"3 \pmod{7",
    "3 (mod 7",
    r"\bar{12}",
    r"\angle 5",
    r"x^{\prime",
    r"\{x | x\}",
    r"\{x | x > 3",
    "x[1, 2]",
    "We find that x = 3",
    "\ud800",
    "\x00",
]


@pytest.mark.parametrize("text", [*TWO_WAYS, *NOT_KNOWN], ids=repr)
def test_what_is_not_sure_is_not_read(text: str) -> None:
    with pytest.raises(Unparseable) as raised:
        parse(text)
    assert not isinstance(raised.value, TooLarge)
    assert raised.value.reason
    assert len(raised.value.reason) < 80


@pytest.mark.parametrize(
    "text",
    [
        "1" * (MAX_DIGITS + 1),
        "1" * 10**6,
        "1.5e999999999999",
        "1e5000",
        "x+" * 600 + "x",
        "(" * 50 + "x" + ")" * 50,
        "{" * 10_000,
        "2^" * 10_000 + "2",
        "\\sqrt" * 700 + "2",
        "\\frac{1}{" * 100 + "x" + "}" * 100,
        "1" + "/2" * 400,
        "a" * (MAX_CHARS + 1),
        "\\sin" * 100 + " x",
        "ﷺ1" * 1300,
    ],
    ids=lambda text: repr(text[:20]),
)
def test_what_is_over_a_cap_says_so(text: str) -> None:
    with pytest.raises(TooLarge):
        parse(text)


def test_signs_need_no_depth() -> None:
    assert parse("-" * 901 + "7") == n(-7)


DEEP = [
    "(" * 14 + "x" + ")" * 14,
    "1" + "/x" * 50,
    "(" * 14 + "x" + "^2)" * 14,
    r"\frac{1}{1+" * 14 + "x" + "}" * 14,
    "x" + "/x" * 30 + "+(" * 12 + "x" + "/x" * 18 + ")" * 12,
    r"\sqrt" * 29 + " x",
]


@pytest.mark.parametrize("text", DEEP, ids=lambda text: text[:20])
def test_the_deepest_trees_overflow_nothing(text: str) -> None:
    results: list[Any] = []

    def use(frames: int) -> None:
        if frames:
            return use(frames - 1)
        tree = parse(text)
        other = parse(text.replace("x", "y"))
        results.extend([hash(tree), repr(tree), pickle.loads(pickle.dumps(tree)) == tree])  # noqa: S301
        results.append(compare(tree, other).equal)
        return None

    thread = threading.Thread(target=use, args=(sys.getrecursionlimit() // 4,))
    thread.start()
    thread.join()
    assert results[2:3] == [True]
    assert results[3] is not True


def test_conventions_say_how_to_read() -> None:
    comma = Conventions(decimal_comma=True)
    assert parse("3,5", comma) == n("7/2")
    assert parse("1.234,5", comma) == n("1234.5")
    assert parse("(1,5; 2)", comma) == Collection("tuple", (n("3/2"), n(2)))
    assert parse(r"\log x", Conventions(log_base="e")) == op("log", X, Constant("e"))


BITS = [*"{}()[]^_&|!%$,;:=<-+/*", r"\{", r"\}", r"\frac", r"\pm", r"\sin", r"\sqrt", r"\over", r"\text{", r"\left"]


@settings(max_examples=500, deadline=None)
@given(
    texts
    | st.lists(
        st.sampled_from(
            [
                *TREES,
                *TWO_WAYS,
                *NOT_KNOWN,
                *[
                    r"\frac{",
                    r"}",
                    r"{",
                    r"(",
                    r")",
                    r"[",
                    r"]",
                    r"\{",
                    r"\}",
                    r"^",
                    r"_",
                    r"&",
                    r"|",
                    r"!",
                    r"%",
                    r"$",
                    r",",
                    r";",
                    r":",
                    r"=",
                    r"<",
                    r"-",
                    r"+",
                    r"/",
                    r"*",
                    r"\pm",
                    r"\sin",
                ],
            ]
        ),
        max_size=6,
    ).map("".join),
    st.booleans(),
)
@example("\\", False)
@example("$", True)
def test_any_text_is_a_sound_tree_or_unparseable(text: str, comma: bool) -> None:
    try:
        tree = parse(text, Conventions(decimal_comma=comma))
    except Unparseable:
        return
    for node in walk(tree):
        match node:
            case Apply(name, args):
                least, most = ARITY[name]
                assert least <= len(args) <= (most or len(args))
                assert all(map(is_scalar, args))
            case Matrix(rows):
                assert rows
                assert len({len(row) for row in rows}) == 1
            case Relation(terms, ops):
                assert len(terms) == len(ops) + 1 >= 2
            case Quantity(value, unit):
                assert is_scalar(value)
                assert unit
    assert pickle.loads(pickle.dumps(tree)) == tree  # noqa: S301
    assert hash(tree) == hash(parse(text, Conventions(decimal_comma=comma)))


@settings(deadline=None)
@given(st.integers(-(10**20), 10**20), st.integers(0, 12))
def test_numbers_are_what_python_reads(whole: int, decimals: int) -> None:
    text = f"{whole}." + "7" * decimals if decimals else str(whole)
    assert parse(text) == Number(Fraction(text))
    if not decimals:
        assert parse(f"{whole:,}") == Number(Fraction(whole))


def test_tokens_know_whether_space_stands_before_them() -> None:
    tokens = tokenize(r"3 1/2\left(x\,y", Conventions())
    assert [token.spaced for token in tokens if token.text in "312xy"] == [False, True, False, False, True, False]


@given(
    st.sampled_from(
        [
            "{}",
            "-{}",
            "{}.{}",
            "-{}.5",
            "{}/{}",
            "-{}/{}",
            r"\frac{{{}}}{{{}}}",
            r"-\dfrac{{{}}}{{{}}}",
            "{:,}",
            "-{:,}.25",
        ]
    ),
    st.integers(0, 10**9) | st.integers(0, 20),
    st.integers(0, 99),
)
def test_the_quick_ways_are_the_grammars(form: str, first: int, second: int) -> None:
    text = form.format(first, second)
    conventions = Conventions()
    assert parse(text) == Parser(tokenize(text, conventions), conventions).answer()
