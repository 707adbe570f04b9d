"""The generator: what it claims is true, what it writes can be segmented, and what it promises about rows holds."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from click.testing import CliRunner

from rewards.errors import OptionError
from srl_data import segmenters
from srl_data.cli.generate import command
from srl_data.generate import (
    MAX_LEVEL,
    TooFewProblems,
    draw,
    families,
    family_doc,
    generate,
    styles,
    to_row,
)
from srl_data.generate.chain import LIMITS, OPERATIONS, make_chain
from srl_data.generate.check import WrongSolution, check
from srl_data.generate.expr import (
    Call,
    Deriv,
    Expr,
    Integral,
    N,
    Named,
    Neg,
    Num,
    Prod,
    Quot,
    Seq,
    Sym,
    frac,
    poly,
    term,
)
from srl_data.generate.model import Relation, congruent, eq, identity, less, show
from srl_data.generate.notation import write
from srl_data.types import Solution

X = Sym("x")
LEVELS = range(1, MAX_LEVEL + 1)
SEGMENTER = {
    "numbered": "numbered",
    "plain": "numbered",
    "wordy": "numbered",
    "thinking": "numbered",
    "lines": "lines",
    "terse": "lines",
    "prose": "paragraphs",
}


@pytest.mark.slow  # sympy takes its time
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("family", families())
def test_every_claim_and_answer_is_true(family: str, level: int) -> None:
    for index in range(25):  # times ten levels: hundreds a family
        check(draw(family, level, index, seed=1))


@pytest.mark.parametrize("family", families())
def test_check_finds_any_claim_that_is_spoilt(family: str) -> None:
    """A check that lets a wrong claim pass would prove nothing: spoil each claim, one at a time."""
    problem = draw(family, 5, 0)
    more: Expr = X if family in ("derivatives", "integrals") else N(1)  # antiderivatives differ by constants
    for index, step in enumerate(problem.steps):
        for position, formula in enumerate(step.formulas):
            if not isinstance(formula, Relation):
                continue
            wrong = replace(formula, parts=(*formula.parts[:-1], formula.parts[-1] + more))
            formulas = (*step.formulas[:position], wrong, *step.formulas[position + 1 :])
            steps = (*problem.steps[:index], replace(step, formulas=formulas), *problem.steps[index + 1 :])
            with pytest.raises(WrongSolution, match=re.escape(f"step {index + 1} ")):
                check(replace(problem, steps=steps))
    wrong_answer = tuple({name: value + more for name, value in one.items()} for one in problem.solutions)
    with pytest.raises(WrongSolution):
        check(replace(problem, steps=(), solutions=wrong_answer))


def test_check_wants_all_solutions() -> None:
    problem = draw("quadratics", 3, 0)
    with pytest.raises(WrongSolution, match="has the solutions"):
        check(replace(problem, steps=(), solutions=problem.solutions[:1]))


@pytest.mark.parametrize("style", styles())
@pytest.mark.parametrize("family", families())
def test_segmenters_find_the_derivation(family: str, style: str) -> None:
    try:
        segmenter = segmenters.get(SEGMENTER[style])
    except ImportError as error:
        pytest.skip(str(error))
    for level in LEVELS:
        for index in range(4):
            problem = draw(family, level, index, seed=2)
            row = to_row(problem, id="a", family=family, level=level, style=style)
            found = segmenter.segment(Solution(id="a", problem=row["problem"], text=row["solution"]))
            assert len(found.steps) == len(problem.steps), row["solution"]
            assert len(found.steps) > 1, "a single step makes no training row"
            if style in ("numbered", "wordy", "thinking"):
                assert [step.title for step in found.steps] == [step.title for step in problem.steps]
            if style in ("lines", "terse"):
                assert found.answer == row["answer"]


@pytest.mark.parametrize("style", styles())
def test_texts_state_the_answer_and_read_well(style: str) -> None:
    clumsy = re.compile(
        r"\+ -|- -|\b1[xyzk]\b|\{\}|\( | \)|  |(?<!\.)\.\.(?!\.)| [,.;]|\\\(\\\)|\ban? (?:a|an)\b|\(mod 1\)"
        r"|\b1 (?:years|parts|hours|boxes)\b|None|Fraction|Num\("
    )
    for row in generate("all", level=(1, MAX_LEVEL), n=len(families()) * MAX_LEVEL * 2, seed=3, style=style):
        text = row["solution"]
        assert not clumsy.search(text), (clumsy.search(text), text)
        assert not clumsy.search(row["problem"]), row["problem"]
        ending = {"lines": "#### {}", "terse": "#### {}", "plain": " answer is {}."}.get(style, r"\(\boxed{{{}}}\).")
        assert text.endswith(ending.format(row["answer"])), text
        assert row["problem"][0].isupper()
        assert row["problem"][-1] in ".?"


@pytest.mark.parametrize("family", families())
def test_steps_are_told_as_the_styles_expect(family: str) -> None:
    for level in LEVELS:
        for step in (step for index in range(5) for step in draw(family, level, index, seed=4).steps):
            assert re.fullmatch(r"[A-Z][^*:\n]*[^.:\s*]", step.title), "a bold title that no segmenter misreads"
            assert re.fullmatch(r"[A-Z0-9{][^\n*]*\.", step.prose), "sentences on one line"
            assert step.prose.count("{}") == len(step.formulas)
            assert step.formulas or step.unspoken, "terse needs something to show"


def test_annotations_of_lines_are_calculations() -> None:
    """``<<3*4=12>>``: a calculator gives what stands behind the sign, as in GSM8K."""
    count = 0
    for row in generate("all", level=(1, MAX_LEVEL), n=400, seed=5, style="lines"):
        for calculation, result in re.findall(r"<<(.*?)=(.*?)>>", row["solution"]):
            assert re.fullmatch(r"[-+*/()\d]+", calculation)
            exact = re.sub(r"\d+", r"Fraction(\g<0>)", calculation)
            assert eval(exact, {"Fraction": Fraction}) == Fraction(result), (calculation, result)  # noqa: S307
            assert f">>{result}" in row["solution"]
            count += 1
    assert count > 400


def test_first_rows_do_not_depend_on_how_many_follow() -> None:
    few, many = (list(generate(["linear", "word"], level=(2, 4), n=n, seed=6)) for n in (10, 100))
    assert few == many[:10]
    assert [row["id"] for row in few[:7]] == [
        "linear-2-000000",
        "word-2-000000",
        "linear-3-000000",
        "word-3-000000",
        "linear-4-000000",
        "word-4-000000",
        "linear-2-000001",
    ]


def test_rows_do_not_depend_on_their_company() -> None:
    alone = {row["id"]: row for row in generate("gcd", level=6, n=20, seed=7)}
    together = [row for row in generate("all", level=(5, 7), n=len(families()) * 3 * 20, seed=7) if row["id"] in alone]
    assert together == list(alone.values())


def test_problems_do_not_depend_on_the_style() -> None:
    rows = [list(generate("all", level=4, n=26, style=style)) for style in styles()]
    for same in zip(*rows, strict=True):
        assert len({row["problem"] for row in same}) == 1
        assert len({row["id"] for row in same}) == 1
        assert len({row["solution"] for row in same}) == len(styles())


def test_styles_take_turns_within_every_family() -> None:
    rows = list(generate("all", level=(1, 2), n=26 * 4, style=("lines", "prose")))
    assert {(row["family"], row["style"]) for row in rows} == {(f, s) for f in families() for s in ("lines", "prose")}


def test_no_problem_twice() -> None:
    rows = list(generate("all", level=(1, 3), n=13 * 3 * 40, seed=8))
    assert len({row["problem"] for row in rows}) == len(rows)
    assert len({row["id"] for row in rows}) == len(rows)


def test_seeds_differ() -> None:
    one, other = ([row["problem"] for row in generate("chain", level=5, n=20, seed=seed)] for seed in (0, 1))
    assert not set(one) & set(other)


@pytest.mark.parametrize("salt", ["0", "1", "12345"])
def test_same_bytes_whatever_the_hash_seed(salt: str) -> None:
    program = (
        "import hashlib, json; from srl_data.generate import generate, styles;"
        "rows = list(generate('all', level=(1, 10), n=260, seed=9, style=styles()));"
        "print(hashlib.sha256(json.dumps(rows).encode()).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONHASHSEED": salt}, capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    rows = list(generate("all", level=(1, 10), n=260, seed=9, style=styles()))
    import hashlib

    assert done.stdout.strip() == hashlib.sha256(json.dumps(rows).encode()).hexdigest()


@pytest.mark.parametrize("level", LEVELS)
def test_chain_has_the_length_and_size_of_its_level(level: int) -> None:
    for index in range(30):
        problem = draw("chain", level, index, seed=10)
        assert len(problem.steps) == OPERATIONS[level - 1]
        values = [relation.parts[-1] for step in problem.steps for relation in step.relations]
        assert all(isinstance(value, Num) and 0 <= value.value <= LIMITS[level - 1] for value in values)


def test_own_chain() -> None:
    import random

    problem = make_chain(random.Random(0), operations=30, limit=99)
    check(problem)
    assert len(problem.steps) == 30
    assert to_row(problem, id="mine", family="chain", level=10, style="terse")["solution"].count("\n") == 30


@pytest.mark.parametrize("family", families())
def test_levels_get_longer(family: str) -> None:
    def length(level: int) -> int:
        return sum(len(row["solution"]) for row in generate(family, level=level, n=20, style="numbered"))

    assert length(1) < length(5) < length(10)


def test_too_few_problems() -> None:
    with pytest.raises(TooFewProblems, match=r"'factor' at level 1 has no more than about 4\d .*\(100 rows"):
        list(generate("factor", level=1, n=100))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"family": "liner"}, "unknown family 'liner'; there are chain, .*; did you mean 'linear'?"),
        ({"family": []}, "no family is given"),
        ({"style": "numberd"}, "unknown style 'numberd'.*did you mean 'numbered'?"),
        ({"level": 0}, "levels go from 1 to 10"),
        ({"level": 11}, "levels go from 1 to 10"),
        ({"level": (5, 3)}, "the lower one first"),
        ({"n": -1}, "cannot be negative"),
    ],
)
def test_wrong_arguments_are_told_at_once(options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        generate(**options)  # type: ignore[arg-type]  # nothing is drawn yet


@pytest.mark.parametrize("family", families())
def test_every_family_documents_its_levels(family: str) -> None:
    assert re.search(r"\blevel\b", family_doc(family), re.IGNORECASE)


@pytest.mark.parametrize(
    ("formula", "plain", "latex"),
    [
        (term(1, X) + 0, "x + 0", "x + 0"),
        (poly([1, -1, 0], X), "x^2 - x", "x^2 - x"),
        (poly([0, 0], X), "0", "0"),
        (N(20) - N(-5), "20 - (-5)", "20 - (-5)"),
        (N(20) + N(-5), "20 - 5", "20 - 5"),
        (N(3) * -4, "3 * (-4)", r"3 \times (-4)"),
        (term(-3, X + 2), "-3(x + 2)", "-3(x + 2)"),
        (Neg(X + 1) + 2, "-(x + 1) + 2", "-(x + 1) + 2"),
        (N(-3) ** 2, "(-3)^2", "(-3)^2"),
        (Neg(N(3) ** 2), "-3^2", "-3^2"),
        (X**10, "x^10", "x^{10}"),
        (Sym("e") ** term(2, X), "e^(2x)", "e^{2x}"),
        (term(Fraction(3, 4), X), "(3/4)x", r"\frac{3}{4}x"),
        (frac(3, 4) * frac(5, 6), "3/4 * 5/6", r"\frac{3}{4} \times \frac{5}{6}"),
        (frac(3, 4) / frac(5, 6), "(3/4) / (5/6)", r"\frac{3}{4} \div \frac{5}{6}"),
        (N(15) / 3, "15 / 3", r"\frac{15}{3}"),
        (N(-15) / -3, "-15 / (-3)", r"\frac{-15}{-3}"),
        (Quot(N(6), N(8), tight=True), "6/8", r"\frac{6}{8}"),
        (N(20) * 80 / 100, "20 * 80 / 100", r"\frac{20 \times 80}{100}"),
        ((X + 3) / 4, "(x + 3)/4", r"\frac{x + 3}{4}"),
        (N(2) * Call("sqrt", (N(17),)), "2 sqrt(17)", r"2\sqrt{17}"),
        (X * Call("sin", (term(3, X),)), "x sin(3x)", r"x\sin(3x)"),
        (Call("lcm", (N(4), N(6))), "lcm(4, 6)", r"\operatorname{lcm}(4, 6)"),
        (N(2) + N(7) * Named("k", N(3)), "2 + 7k", "2 + 7k"),
        (Deriv(X**2, "x"), "d/dx [x^2]", r"\frac{d}{dx}\left[x^2\right]"),
        (Integral(X + 1, "x", (N(-1), N(12))), "∫_(-1)^12 (x + 1) dx", r"\int_{-1}^{12} (x + 1) \, dx"),
        (Seq((N(-2), N(3)), point=False), "-2, 3", "-2, 3"),
        (Seq((N(-2), N(3)), point=True), "(-2, 3)", "(-2, 3)"),
        (Prod((N(3), X + 2, X - 1)), "3(x + 2)(x - 1)", "3(x + 2)(x - 1)"),
    ],
)
def test_notation(formula: Expr, plain: str, latex: str) -> None:
    assert write(formula, latex=False) == plain
    assert write(formula, latex=True) == latex


@pytest.mark.parametrize(
    ("relation", "plain", "latex"),
    [
        (eq(term(3, X), N(20) - 5, 15), "3x = 20 - 5 = 15", "3x = 20 - 5 = 15"),
        (congruent(17, 5, modulus=12), "17 ≡ 5 (mod 12)", r"17 \equiv 5 \pmod{12}"),
        (less(2, 3), "2 < 3", "2 < 3"),
        (identity(Call("sin", (X,)), Call("sin", (X,))), "sin(x) = sin(x)", r"\sin(x) = \sin(x)"),
    ],
)
def test_relations_as_text(relation: Relation, plain: str, latex: str) -> None:
    assert show(relation, latex=False) == plain
    assert show(relation, latex=True) == latex


def test_cli_writes_jsonl_to_standard_output() -> None:
    result = CliRunner().invoke(command, ["--family", "linear", "--level", "3", "-n", "3", "--check"])
    assert result.exit_code == 0
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert rows == list(generate("linear", level=3, n=3))
    assert list(rows[0]) == ["id", "problem", "solution", "answer", "family", "level", "style"]


def test_cli_takes_several_families_and_styles_and_a_range() -> None:
    arguments = ["-f", "word", "-f", "crt", "-l", "1-2", "-s", "lines", "-s", "terse", "-n", "8", "--seed", "5"]
    result = CliRunner().invoke(command, arguments)
    expected = generate(["word", "crt"], level=(1, 2), n=8, seed=5, style=["lines", "terse"])
    assert result.stdout == "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in expected)
    assert "≡" in CliRunner().invoke(command, ["-f", "crt", "-n", "5"]).stdout, "not escaped"


def test_cli_does_not_overwrite_unasked(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    runner = CliRunner()
    assert runner.invoke(command, ["-n", "2", "-o", str(out)]).exit_code == 0
    before = out.read_bytes()
    refused = runner.invoke(command, ["-n", "3", "-o", str(out)])
    assert refused.exit_code == 2
    assert "--overwrite" in refused.stderr
    assert out.read_bytes() == before
    assert runner.invoke(command, ["-n", "3", "-o", str(out), "--overwrite"]).exit_code == 0
    assert len(out.read_text().splitlines()) == 3
    assert list(tmp_path.iterdir()) == [out], "no draft is left behind"


def test_cli_leaves_nothing_when_it_fails(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, ["-f", "factor", "-l", "1", "-n", "500", "-o", str(tmp_path / "out.jsonl")])
    assert isinstance(result.exception, TooFewProblems)  # which the command group turns into one line
    assert not list(tmp_path.iterdir())
    nowhere = CliRunner().invoke(command, ["-n", "1", "-o", str(tmp_path / "no" / "out.jsonl")])
    assert nowhere.exit_code == 1
    assert "No such file or directory" in nowhere.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--family", "liner"], "did you mean 'linear'?"),
        (["--level", "easy"], "'easy' is neither a level such as 3 nor a range such as 1-5"),
        (["--level", "0"], "levels go from 1 to 10"),
        (["--level", "5-1"], "the lower one first"),
        (["--style", "numberd"], "did you mean 'numbered'?"),
        (["-n", "-1"], "-1 is not in the range"),
    ],
)
def test_cli_says_what_is_wrong(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_cli_lists() -> None:
    everything = CliRunner().invoke(command, ["--list"]).stdout
    assert all(name in everything for name in (*families(), *styles()))
    assert "operations" in CliRunner().invoke(command, ["--list", "-f", "chain"]).stdout


def test_import_is_light() -> None:
    program = "import sys, srl_data.cli.generate, srl_data.generate; print('sympy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert done.stdout == "False\n"
