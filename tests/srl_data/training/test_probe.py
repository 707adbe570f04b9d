"""What a probe says of models of which one knows what they reply."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from math import sqrt
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

import rewards
from rewards.errors import OptionError
from srl_data.cli import main
from srl_data.insight.probe import probe, read_solutions, read_steps
from srl_data.insight.regime import Rule
from srl_data.training.replies import Answered, Asked, Reply
from srl_data.training.sampling import Sampling
from srl_data.training.stage import ConfigError
from srl_data.training.tasks import Task
from tests.srl_data.training import known_models as known

pytestmark = pytest.mark.slow

SHORT = {"solution_tokens": 12, "step_tokens": 12}
FOUR = Sampling(samples=4)


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


# -- figures, by hand -------------------------------------------------------------------------------------------------


def _answered(name: str, scores: list[float | None], broken: int = 0, problem: str | None = None) -> Answered:
    """Rollouts of these scores; the first few with a broken form."""
    replies = [
        Reply("x", score, "timeout" if score is None else "format" if at < broken else "ok", {}, 3, at == 0)
        for at, score in enumerate(scores)
    ]
    return Answered(Task(name, (1,), {"problem": problem or name}, ""), (), tuple(replies))


def _asked(reward: str, kind: Any) -> Asked:
    return Asked(FOUR.stage(kind, "steps", 512), rewards.get(reward), [], too_long=7)


def test_problems_are_never_sometimes_or_always_solved() -> None:
    answered = [
        _answered("a", [0.0, 0.0, 0.0, 0.0]),
        _answered("b", [0.0, 0.0, 0.0, 0.0]),
        _answered("c", [1.0, 0.0, 0.0, 0.0]),
        _answered("d", [1.0, 1.0, 1.0, 1.0]),
        _answered("e", [1.0, None, 0.0, 0.0]),  # what the missing one would be worth, nobody knows
    ]
    found = read_solutions(answered, _asked("outcome", "solutions"), FOUR)
    signal = found.signal
    assert (signal.never.value, signal.mixed.value, signal.always.value) == (0.5, 0.25, 0.25)
    assert signal.accuracy.value == 5 / 16
    assert (found.right, found.problems, found.unscored, found.too_long) == ((2, 1, 0, 0, 1), 4, 1, 7)
    assert found.truncated.value == 0.25


def test_a_problem_with_two_gold_answers_is_one_problem() -> None:
    answered = [_answered(f"{at}", [0.0, 0.0, 0.0, 0.0], problem=f"{at % 10}") for at in range(20)]
    found = read_solutions(answered, _asked("outcome", "solutions"), FOUR)
    assert (found.problems, found.right) == (10, (20, 0, 0, 0, 0))
    assert found.signal.never.low == pytest.approx(0.025 ** (1 / 10))  # 10 of 10
    assert found.signal.accuracy.high == pytest.approx(1 - 0.025 ** (1 / 10))


def test_steps_vary_within_reach() -> None:
    answered = [
        _answered("a#0", [1.0, 0.2, 0.2, 0.2], problem="a"),  # learns
        _answered("a#1", [0.3, 0.1, 0.1, 0.1], problem="a"),  # varies, far from the expert's
        _answered("b#0", [-1.0, 0.9, 0.9, 0.9], broken=1, problem="b"),  # varies by a broken form alone
        _answered("b#1", [-1.0, -1.0, -1.0, 0.9], broken=3, problem="b"),  # one well-formed rollout is no group
        _answered("c#0", [0.9, 0.9, 0.9, 0.9], problem="c"),  # near, and all alike
        _answered("c#1", [0.5, None, None, None], problem="c"),  # one score is no group
    ]
    found = read_steps(answered, _asked("srl", "steps"), Rule(), FOUR)
    signal = found.signal
    assert [each.value for each in (signal.varying, signal.varying_well_formed, signal.reachable)] == [0.8, 0.4, 0.2]
    assert signal.right.value == 1 / 20
    assert signal.well_formed.value == 16 / 20
    # the deviation of 1, .2, .2, .2 from their mean .4: √((.36 + 3·.04)/4) = √.12
    assert found.spreads == pytest.approx((sqrt(0.12), sqrt(0.0075), 0, 0, 0))
    assert found.best == (1.0, 0.3, 0.9, 0.9, 0.9)
    assert (found.problems, found.unscored, found.reward) == (3, 1, "srl")
    assert found.score.value == pytest.approx((0.4 + 0.15 + 0.425 - 0.525 + 0.9) / 5)


def test_thresholds_of_a_step_are_options() -> None:
    answered = [_answered("a#0", [0.3, 0.1, 0.1, 0.1], problem="a")]

    def reachable(**thresholds: float) -> float:
        return read_steps(answered, _asked("srl", "steps"), Rule(**thresholds), FOUR).signal.reachable.value

    assert (reachable(), reachable(near=0.3), reachable(near=0.3, epsilon=0.09)) == (0.0, 1.0, 0.0)


def test_a_step_without_a_well_formed_rollout_has_no_best() -> None:
    found = read_steps([_answered("a#0", [-1.0] * 4, broken=4)], _asked("srl", "steps"), Rule(), FOUR)
    assert (found.best, found.signal.reachable.value) == ((None,), 0.0)


def test_where_nothing_can_be_scored_there_is_nothing_to_say() -> None:
    lost = [_answered("a", [None] * 4)]
    with pytest.raises(ConfigError, match="'outcome'"):
        read_solutions(lost, _asked("outcome", "solutions"), FOUR)
    with pytest.raises(ConfigError, match="'srl'"):
        read_steps(lost, _asked("srl", "steps"), Rule(), FOUR)


# -- models -----------------------------------------------------------------------------------------------------------

ORDERS = {"expert": (), "coin": ("rlvr",), "walker": ("srl", "rlvr"), "fresh": ("sft", "srl", "rlvr")}


@pytest.mark.parametrize("name", ORDERS)
def test_the_order_for_a_model_that_is_known(name: str) -> None:
    policy = getattr(known, name)()
    found = probe(policy, known.data(), sampling=Sampling(samples=16, **SHORT), step_reward="sequence_match")
    assert found.advice.order == ORDERS[name]
    assert found.solutions is not None
    assert found.steps is not None
    assert found.solutions.problems == known.PROBLEMS
    assert len(found.steps.spreads) == 2 * known.PROBLEMS


def test_a_model_that_tosses_coins_at_steps() -> None:
    found = probe(known.walker(), known.data(), sampling=Sampling(samples=16, **SHORT), step_reward="sequence_match")
    assert found.solutions is not None
    assert found.steps is not None
    assert found.solutions.signal.never.value == 1.0
    # `xyz` and the expert's step have no letter in common: rewards are 0 or 1, their deviation near 1/2
    assert found.steps.signal.reachable.value > 0.9
    assert found.steps.signal.right.value == pytest.approx(0.5, abs=0.15)


def test_the_form_that_the_reward_wants_comes_first() -> None:
    found = probe(known.walker(), known.data(), sampling=Sampling(samples=4, **SHORT))  # which never writes <think>
    assert found.advice.order == ("sft", "srl", "rlvr")
    assert "form" in found.advice.because
    assert found.steps is not None
    assert found.steps.signal.well_formed.value == 0.0


def test_a_problem_with_several_solutions_is_probed_once() -> None:
    found = probe(known.fresh(), known.retold(), sampling=Sampling(samples=2, **SHORT))
    assert found.solutions is not None
    assert found.steps is not None
    assert (found.solutions.problems, sum(found.solutions.right)) == (11, 12)  # one has two gold answers
    assert (found.steps.problems, len(found.steps.spreads)) == (11, 154)
    # all are never solved: the interval is that of 11, of which one counts twice
    assert found.solutions.signal.never.low == pytest.approx(0.025 ** (1 / 11), abs=0.02)


def test_of_one_kind_only() -> None:
    sampling = Sampling(samples=2, problems=2, **SHORT)
    found = probe(known.fresh(), known.data(), kinds=["steps"], sampling=sampling)
    assert (found.solutions, found.left_out, found.advice.order) == (None, {}, ("sft", "srl"))


def test_a_single_rollout_cannot_vary() -> None:
    with pytest.raises(OptionError, match="samples"):
        probe(known.fresh(), known.data(), sampling=Sampling(samples=1))


# -- the command ------------------------------------------------------------------------------------------------------

OPTIONS = ["--solution-tokens", "12", "--step-tokens", "12", "--reward", "sequence_match"]


def test_the_command_prints_a_table_and_draws(tmp_path: Path) -> None:
    model, picture = known.saved(known.walker(), "walker"), tmp_path / "probe.svg"
    run = CliRunner().invoke(main, ["probe", model, known.data(), *OPTIONS, "--plot", str(picture)])
    assert run.exit_code == 0, run.output
    lines = [re.sub(r"\s+", " ", line).strip() for line in run.stdout.splitlines()]
    assert lines[0] == "solutions 8 problems, 8 rollouts each"
    assert lines[1] == "never right 100.0% (63% to 100%) RLVR is silent"
    assert "suggests srl → rlvr" in lines
    assert "problems solved now and then: 0.0% < 25%; too close to call: probe more problems" in lines  # of 8 problems
    assert "</svg>" in picture.read_text(encoding="utf-8")
    assert "wrote" in run.stderr


def test_the_command_gives_json() -> None:
    model = known.saved(known.walker(), "walker")
    run = CliRunner().invoke(main, ["probe", model, known.data(), *OPTIONS, "--json", "--on", "steps", "--speaks", "1"])
    found = json.loads(run.stdout)
    assert found["rule"]["speaks"] == 1.0
    assert (found["problems"], found["samples"], found["split"]) == (100, 8, "train")
    assert found["solutions"] is None
    assert found["steps"]["signal"]["reachable"]["value"] > 0.9
    assert found["advice"]["checks"][0]["what"] == "steps that vary within reach"


@pytest.mark.parametrize("ending", [".png", ".pdf"])
def test_a_picture_of_steps_or_solutions_alone(ending: str, tmp_path: Path) -> None:
    from srl_data.insight.probe_plot import draw

    sampling = Sampling(samples=2, problems=2, **SHORT)
    draw(probe(known.fresh(), known.data(), kinds=["steps"], sampling=sampling), tmp_path / f"a{ending}")
    draw(probe(known.fresh(), known.data(), kinds=["solutions"], sampling=sampling), tmp_path / f"b{ending}")
    assert (tmp_path / f"a{ending}").stat().st_size > 1000
    assert (tmp_path / f"b{ending}").stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--plot", "probe.txt"], 1, ".svg, .png, .pdf"),
        (["--plot", "no/such/folder/probe.svg"], 1, "no folder"),
        (["--speaks", "1.5"], 2, "speaks"),
        (["--near", "close"], 2, "'close' is not"),
        (["--samples", "-1"], 2, "samples"),
    ],
)
def test_a_wrong_call_is_explained_before_a_model_is_loaded(arguments: list[str], code: int, message: str) -> None:
    run = CliRunner().invoke(main, ["probe", "no-such-model", "no-such-data", *arguments])
    assert (run.exit_code, message in run.output) == (code, True), run.output


def test_without_matplotlib_the_plot_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.delitem(sys.modules, "srl_data.insight.probe_plot", raising=False)
    run = CliRunner().invoke(main, ["probe", "no-such-model", "no-such-data", "--plot", "probe.svg"])
    assert run.exit_code == 1
    assert "pip install 'srl-data[report]'" in run.output


WITHOUT = """
import sys
for name in ("torch", "transformers", "matplotlib"):
    sys.modules[name] = None
from srl_data.cli import main
main(sys.argv[1:])
"""


@pytest.mark.parametrize("name", ["probe", "evaluate"])
def test_help_needs_no_extra_and_the_rest_says_which(name: str) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", WITHOUT, name, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert run("--help").returncode == 0
    called = run("a-model", "some-data")
    assert called.returncode == 1
    assert f"Error: {name} needs torch, which is not installed: pip install 'srl-data[train]'" in called.stderr
