r"""The reward ``outcome``, from completions to scores. What equals what is in ``tests/cases/answers``."""

from __future__ import annotations

import copy
import json
import os
import pickle
import random
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import rewards
from rewards.errors import OptionError
from rewards.outcome import Outcome
from rewards.types import Scores
from rewards.workers import Outcome as Decision
from rewards.workers import Pool

ROOT = Path(__file__).parents[2]
FLOOR = r"\lfloor x + 1 \rfloor"  # what nothing but a worker can compare with another form of it


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    return Outcome()


# completion, gold answer, value, status, the rule that found the answer, and the tier that decided
CASES: list[tuple[str, str, float | None, str, str | None, str | None]] = [
    # where the answer stands; every rule of `rewards.maths.final`
    (r"So it is $\boxed{4}$.", "4", 1.0, "ok", "box", "text"),
    (r"\fbox{\frac{1}{2}} is it.", "0.5", 1.0, "ok", "box", "rational"),
    ("Hence <answer> 12 </answer>", "12", 1.0, "ok", "tag", "text"),
    ("3 + 4 = 7\n#### 7", "7", 1.0, "ok", "hash", "text"),
    ("I add.\nAnswer: $7", "7", 1.0, "ok", "label", "text"),
    ("So the answer is 1,000.", "1000", 1.0, "ok", "phrase", "text"),
    ("I add 3 and 4.\n7", "7", 1.0, "ok", "line", "text"),
    ("(B)", "B", 1.0, "ok", "line", "text"),
    # the monologue does not count, and the last word does
    (r"<think>\boxed{7}</think> So it is \boxed{8}.", "7", 0.0, "ok", "box", "rational"),
    (r"\boxed{8}? No: \boxed{7}.", "7", 1.0, "ok", "box", "text"),
    (r"\boxed{7}? No: \boxed{8}.", "7", 0.0, "ok", "box", "rational"),
    # several answers at once do not win
    ("The answer is 2 or 0.5.", "1/2", 0.0, "ok", "phrase", "rational"),
    (r"\boxed{1} or \boxed{2} or \boxed{3}", "2", 0.0, "ok", "box", "rational"),
    (r"\boxed{A, B, C, D}", "B", 0.0, "ok", "box", "text"),
    # one answer in several forms does, and so do all of several
    (r"\boxed{\frac12 = 0.5}", "1/2", 1.0, "ok", "box", "rational"),
    (r"\boxed{\frac12 = 0.6}", "1/2", 0.0, "ok", "box", "rational"),
    (r"The answer is $x = 2$ or $x = 3$.", "3, 2", 1.0, "ok", "phrase", "rational"),
    # the gold answer may be bare, in dollars, boxed, or in a solution
    (r"\boxed{7}", "$7$", 1.0, "ok", "box", "text"),
    (r"\boxed{7}", r"\boxed{7}", 1.0, "ok", "box", "text"),
    (r"\boxed{7}", "3 + 4 = <<3+4=7>>7\n#### 7", 1.0, "ok", "box", "text"),
    # tiers
    (r"\boxed{(x+1)^2}", "x^2 + 2x + 1", 1.0, "ok", "box", "rational"),
    (r"\boxed{2\sqrt2}", r"\sqrt8", 1.0, "ok", "box", "numeric"),
    (rf"\boxed{{{FLOOR}}}", r"\lfloor x \rfloor + 1", 1.0, "ok", "box", "symbolic"),
    (rf"\boxed{{{FLOOR}}}", r"\lfloor x \rfloor + 2", 0.0, "ok", "box", "numeric"),
    (r"\boxed{\binom{n}{2}}", r"\frac{n^2}{2}", 0.0, "ok", "box", "symbolic"),
    (rf"\boxed{{({FLOOR}, 3)}}", r"(\lfloor x \rfloor + 1, 3)", 1.0, "ok", "box", "symbolic"),
    # the completion's own faults
    ("I do not know, there is nothing to go by.", "7", 0.0, "unparseable_completion", None, None),
    ("", "7", 0.0, "unparseable_completion", None, None),
    (r"\boxed{}", "7", 0.0, "unparseable_completion", None, None),
    (r"\boxed{\int_0^1 f}", "7", 0.0, "unparseable_completion", "box", "text"),
    (r"\boxed{9^{9^{9^{9}}}}", "7", 0.0, "unparseable_completion", "box", "symbolic"),
    (r"\boxed{9^{9^{9^{9}}}}", "x/2", 0.0, "unparseable_completion", "box", "symbolic"),
    (r"\boxed{9^{9^{9^{9}}}}", FLOOR, 0.0, "unparseable_completion", "box", "symbolic"),
    # the dataset's
    (r"\boxed{7}", "", None, "unparseable_reference", "box", None),
    (r"\boxed{7}", r"\int_0^1 f", None, "unparseable_reference", "box", None),
    ("I see no way to do it.\n\nSorry.", r"\int_0^1 f", None, "unparseable_reference", None, None),
    (r"\boxed{7}", "1" * 600, None, "too_large", "box", None),
    (r"\boxed{7}", "9^{9^{9^{9}}}", None, "timeout", "box", "symbolic"),
    (r"\boxed{x<-2 \text{ or } x>2}", "|x|>2", 1.0, "ok", "box", "text"),
    (r"\boxed{x<-2 \text{ or } x>2}", "x^2>4", None, "timeout", "box", "symbolic"),  # one set, and no second guess
    (r"\boxed{x<-2 \text{ or } x>3}", "|x|>2", 0.0, "ok", "box", "rational"),
    # and what is broken in the same way as the gold answer is still the gold answer
    (r"\boxed{9^{9^{9^{9}}}}", "9^{9^{9^{9}}}", 1.0, "ok", "box", "text"),
]


@pytest.mark.parametrize(("completion", "gold", "value", "status", "rule", "tier"), CASES)
def test_scores_and_explains(
    outcome: Outcome, completion: str, gold: str, value: float | None, status: str, rule: str | None, tier: str | None
) -> None:
    scores = outcome([completion], answer=[gold])
    assert (scores.values, scores.status) == ([value], [status])
    assert scores.parts == {"found": [0.0 if rule is None else 1.0]}
    explained = outcome.explain(completion, answer=gold)
    assert (explained.value, explained.status) == (value, status)
    assert explained.reason
    assert (explained.details.get("rule"), explained.details.get("tier")) == (rule, tier)


@pytest.mark.parametrize(
    ("gold", "fault"),
    [
        (r"(-\infty, 0) \cup [1, \infty)", None),
        (r"x \ge 2", None),
        ("n!", None),
        (r"\binom{2n}{n} \cdot \frac{k!(n-k)!}{n!}", None),
        (r"\frac{1}{2004!}", None),
        (r"\frac{4^{2024}}{\binom{4048}{2024}}", None),
        (r"\text{Tuesday}", None),
        ("", "the gold answer is empty"),
        (r"\int f", "the gold answer cannot be read: \\int has no meaning here"),
        ("1/0", "the gold answer has no value that can be worked out"),
        ("(0, 1/0)", "the gold answer has no value that can be worked out"),
        ("9^{9^{9^{9}}}", "the gold answer has no value that can be worked out"),
    ],
)
def test_a_gold_answer_that_cannot_be_scored_against_is_at_fault(
    outcome: Outcome, gold: str, fault: str | None
) -> None:
    assert outcome.fault(gold) == fault


@pytest.mark.parametrize("pair", json.loads((ROOT / "tests/cases/wrong_answers.json").read_text()), ids=str)
def test_a_wrong_answer_is_never_right(outcome: Outcome, pair: dict[str, str]) -> None:
    """What a reading too kind would take for the gold answer; some of it once did, or ended the whole batch."""
    scores = outcome([rf"\boxed{{{pair['answer']}}}", r"\boxed{7}"], answer=[pair["gold"], "7"])
    assert scores.values[0] != 1.0
    assert scores.status[0] != "error"
    assert scores.values[1] == 1.0


@pytest.mark.parametrize(
    "reply",
    ["It is not $5$", "It cannot be $5$", "six or $5$", "minus $5$", "twice $5$", "at most $5$", "We do not get $5$"],
)
def test_words_before_a_formula_are_not_passed_over(outcome: Outcome, reply: str) -> None:
    assert outcome([reply], answer=["5"]).values == [0.0]


def test_several_answers_are_named_as_the_reason(outcome: Outcome) -> None:
    assert outcome.explain("The answer is 2 or 3.", answer="2").reason == "several answers, and not all are right"
    assert outcome.explain("Well.\n\nI see no way.", answer="2").reason == "no final answer was found"


def test_a_batch_is_scored_like_its_members(outcome: Outcome) -> None:
    cases = list(CASES)
    random.Random(0).shuffle(cases)
    scores = outcome([case[0] for case in cases], answer=[case[1] for case in cases])
    assert scores.values == [case[2] for case in cases]
    assert scores.status == [case[3] for case in cases]


def test_the_parts_are_the_same_for_an_empty_batch(outcome: Outcome) -> None:
    assert outcome([], answer=[]) == Scores([], [], {"found": []})


def test_what_is_no_text_has_a_status(outcome: Outcome) -> None:
    scores = outcome([None, r"\boxed{7}", r"\boxed{7}"], answer=["7", None, 7])  # type: ignore[list-item]
    assert scores.values == [0.0, None, None]
    assert scores.status == ["unparseable_completion", "unparseable_reference", "unparseable_reference"]
    assert outcome.explain(r"\boxed{7}", answer=None).status == "unparseable_reference"


# options, completion, gold, value with them and without
OPTIONS: list[tuple[dict[str, Any], str, str, float, float]] = [
    ({"percent": "exact"}, r"\boxed{50}", r"50\%", 0.0, 1.0),
    ({"percent": "ignore"}, r"\boxed{0.5}", r"50\%", 0.0, 1.0),
    ({"units": "exact"}, r"\boxed{5}", r"5 \text{ cm}", 0.0, 1.0),
    ({"units": "ignore"}, r"\boxed{5 \text{ kg}}", r"5 \text{ cm}", 1.0, 0.0),
    ({"rel_tol": 0.01}, r"\boxed{3.14}", r"\pi", 1.0, 0.0),
    ({"rel_tol": 0.01}, r"\boxed{3.1}", r"\pi", 0.0, 0.0),
    ({"ordered": True}, r"\boxed{2, 1}", "1, 2", 0.0, 1.0),
    ({"log_base": "e"}, r"\boxed{\log e}", "1", 1.0, 0.0),
    ({"decimal_comma": True}, r"\boxed{3,5}", r"\frac{7}{2}", 1.0, 0.0),
    ({"prefilled": True}, r"\boxed{7}, I think", "7", 0.0, 1.0),
    ({"prefilled": True}, r"\boxed{8}?</think>\boxed{7}", "7", 1.0, 1.0),
]


@pytest.mark.parametrize(("options", "completion", "gold", "value", "plain"), OPTIONS)
def test_options(
    outcome: Outcome, options: dict[str, Any], completion: str, gold: str, value: float, plain: float
) -> None:
    assert Outcome(**options)([completion], answer=[gold]).values == [value]
    assert outcome([completion], answer=[gold]).values == [plain]


def test_options_hold_in_workers_too() -> None:
    parts = r"\boxed{(3.1416, \lfloor x \rfloor + 1)}", rf"(\pi, {FLOOR})"
    assert Outcome(rel_tol=0.001)([parts[0]], answer=[parts[1]]).values == [1.0]
    assert Outcome()([parts[0]], answer=[parts[1]]).values == [0.0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rel_tol": -0.1}, "rel_tol"),
        ({"rel_tol": float("nan")}, "rel_tol"),
        ({"rel_tol": float("inf")}, "rel_tol"),
        ({"cache": -1}, "cache"),
        ({"workers": 0}, "workers"),
        ({"cpu_s": 0.0}, "cpu_s"),
        ({"memory_mb": 0}, "memory_mb"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Outcome(**options)


def test_is_made_by_name() -> None:
    made = rewards.get("outcome", percent="exact", rel_tol=0.5)
    assert made == Outcome(percent="exact", rel_tol=0.5)
    assert (made.name, made.bounds, made.columns) == ("outcome", (0.0, 1.0), ("answer",))


# --- memory ------------------------------------------------------------------------------------------------------


class Counted:
    """Counts the tasks that go to workers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tasks = 0
        real = Pool.map

        def counting(pool: Pool, tasks: Any) -> list[Decision]:
            given = list(tasks)
            self.tasks += len(given)
            return real(pool, given)

        monkeypatch.setattr(Pool, "map", counting)


def test_a_pair_is_decided_once(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)
    reward = Outcome()
    hard = rf"\boxed{{{FLOOR}}}", r"\lfloor x \rfloor + 1"
    for _ in range(3):
        assert reward([hard[0]] * 8, answer=[hard[1]] * 8).values == [1.0] * 8
    assert counted.tasks == 1
    forgetful = Outcome(cache=0)
    for _ in range(3):
        forgetful([hard[0]] * 8, answer=[hard[1]] * 8)
    assert counted.tasks == 4  # once in each call


def test_what_is_remembered_is_bounded() -> None:
    reward = Outcome(cache=100)
    for start in range(0, 1000, 100):
        numbers = [str(number) for number in range(start, start + 100)]
        reward([rf"\boxed{{{number}.5}}" for number in numbers], answer=numbers)
        reward([r"\boxed{" + "9" * 100_000 + "}"], answer=["9" * 100_000])  # too long to be kept
    for memory in (reward._memory, reward._golds):
        assert len(memory) <= 100
        assert all(len(text) <= 2_000 for key in memory._values for text in key)


# --- threads, processes ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_many_threads_get_what_one_gets() -> None:
    reward = Outcome(workers=2, cache=20)  # small, so that threads drive each other's out
    cases = [case for case in CASES if "9^{9" not in case[0] + case[1]]  # these take as long as they may, every time
    completions, golds = [case[0] for case in cases], [case[1] for case in cases]
    expected = reward(completions, answer=golds)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: reward(completions, answer=golds), range(16)))
    assert all(scores == expected for scores in found)


def test_pickled_it_is_the_same_without_its_memories() -> None:
    reward = Outcome(percent="exact", workers=2)
    reward([r"\boxed{7}"], answer=["7"])
    for other in (pickle.loads(pickle.dumps(reward)), copy.deepcopy(reward)):  # noqa: S301
        assert other == reward
        assert hash(other) == hash(reward)
        assert len(other._memory) == 0
        assert other([r"\boxed{50}"], answer=[r"50\%"]).values == [0.0]


def test_a_worker_that_is_killed_from_outside_costs_nobody_a_score(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = Pool.map

    def killed_at_first(pool: Pool, tasks: Any) -> list[Decision]:
        calls.append(len(tasks))
        if len(calls) == 1:
            return [Decision("error", None, "the worker was killed from outside")] * len(tasks)
        return real(pool, tasks)

    monkeypatch.setattr(Pool, "map", killed_at_first)
    reward = Outcome()
    assert reward([rf"\boxed{{{FLOOR}}}"] * 2, answer=[r"\lfloor x \rfloor + 1"] * 2).values == [1.0, 1.0]
    assert calls == [1, 1]


SCRIPT = rf"""
import os, signal
from rewards.outcome import Outcome
handlers = [signal.getsignal(each) for each in signal.valid_signals()]
reward = Outcome()
pair = [r"\boxed{{{FLOOR}}}"], [r"\lfloor x \rfloor + 1"]
assert reward(pair[0], answer=pair[1]).values == [1.0]
child = os.fork()
if not child:
    again = Outcome(cache=0)(pair[0], answer=pair[1]).values == [1.0]
    os._exit(0 if again else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert Outcome(cache=0)(pair[0], answer=pair[1]).values == [1.0]
assert [signal.getsignal(each) for each in signal.valid_signals()] == handlers
print("done")
"""


@pytest.mark.slow
@pytest.mark.parametrize("way", ["a script", "an option", "standard input", "a script beside a rewards.py"])
def test_works_however_python_is_started(tmp_path: Path, way: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)  # without a guard: workers do not run the script
    arguments, given = {
        "a script": ([str(script)], None),
        "an option": (["-c", SCRIPT], None),
        "standard input": (["-"], SCRIPT),
        "a script beside a rewards.py": (["-P", str(script)], None),
    }[way]
    if "beside" in way:
        (tmp_path / "rewards.py").write_text("raise SystemExit('the wrong one')")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore:.*multi-threaded:DeprecationWarning", *arguments],
        input=given,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.stdout, run.stderr, run.returncode) == ("done\n", "", 0)


def test_works_in_ipython(tmp_path: Path) -> None:
    pytest.importorskip("IPython")
    run = subprocess.run(
        [sys.executable, "-m", "IPython", "--quick", "--no-banner", "-c", SCRIPT],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "IPYTHONDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "done" in run.stdout, run.stderr


@pytest.mark.slow
def test_works_within_a_ray_actor() -> None:
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        actor = ray.remote(Outcome).remote()
        scores = ray.get(actor.__call__.remote([rf"\boxed{{{FLOOR}}}"], answer=[r"\lfloor x \rfloor + 1"]))
        assert scores.values == [1.0]
    finally:
        ray.shutdown()


def test_the_tests_do_not_change_signals() -> None:
    before = {each: signal.getsignal(each) for each in signal.valid_signals()}
    Outcome(cache=0)([r"\boxed{9^{9^{9^9}}}"], answer=["x"])
    assert {each: signal.getsignal(each) for each in signal.valid_signals()} == before
