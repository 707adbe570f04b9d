"""Measuring models of which one knows what they reply."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from click.testing import CliRunner, Result

import rewards
from rewards.errors import OptionError
from srl_data.cli import main
from srl_data.training.evaluate import evaluate, figures, rows
from srl_data.training.policy import ModelError
from srl_data.training.replies import Answered, Reply
from srl_data.training.sampling import Sampling
from srl_data.training.stage import ConfigError
from srl_data.training.tasks import Task
from tests.srl_data.training import known_models as known

pytestmark = pytest.mark.slow

SHORT = {"solution_tokens": 12, "step_tokens": 12}
OUTCOME = rewards.get("outcome")


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


# -- figures, by hand -------------------------------------------------------------------------------------------------


def _reply(score: float | None, status: str = "ok", *, tokens: int = 5, truncated: bool = False) -> Reply:
    return Reply("x", score, status, {"found": None if status == "format" else 1.0}, tokens, truncated)


def _answered(name: str, *sampled: Reply, greedy: Reply | None = None, problem: str | None = None) -> Answered:
    return Answered(Task(name, (1,), {"problem": problem or name}, ""), (greedy,) if greedy else (), sampled)


def test_a_reply_on_which_the_reward_raised_has_no_parts() -> None:
    lost = Reply("x", None, "error", {}, 5, False)
    found = figures([_answered("a", lost, _reply(1.0))], OUTCOME, Sampling(samples=2), whole=True)["sampled"]
    assert found["unscored"] == {"error": 1}
    assert found["parts"]["found"]["value"] == 1.0


def test_accuracy_and_pass_at_k_by_hand() -> None:
    right, wrong = _reply(1.0), _reply(0.0)
    answered = [
        _answered("a", right, wrong, wrong, wrong, greedy=wrong),
        _answered("b", right, right, wrong, wrong, greedy=right),
        _answered("c", wrong, wrong, wrong, wrong, greedy=wrong),
    ]
    found = figures(answered, OUTCOME, Sampling(samples=4), whole=True)
    assert found["greedy"]["score"]["value"] == pytest.approx(1 / 3, abs=1e-6)
    sampled = {name: figure["value"] for name, figure in found["sampled"].items() if name.startswith("pass@")}
    # of the six pairs: with one right reply 3 hold it, with two all but the one wrong pair, 5; of all four: 1, 1, 0
    assert sampled == {
        "pass@2": pytest.approx((1 / 2 + 5 / 6) / 3, abs=1e-6),
        "pass@4": pytest.approx(2 / 3, abs=1e-6),
    }
    assert found["sampled"]["score"]["value"] == pytest.approx((1 / 4 + 2 / 4 + 0) / 3, abs=1e-6)
    assert (found["prompts"], found["problems"], found["sampled"]["replies"]) == (3, 3, 12)


def test_pass_at_k_is_over_problems() -> None:
    right, wrong = _reply(1.0), _reply(0.0)
    answered = [_answered(f"{at}", wrong, wrong, problem=str(at % 10)) for at in range(20)]
    passed = figures(answered, OUTCOME, Sampling(samples=2), whole=True)["sampled"]["pass@2"]
    assert passed == {"value": 0.0, "low": 0.0, "high": pytest.approx(0.308497, abs=1e-6)}  # that of 0 of 10, not of 20
    answered = [_answered("a", wrong, right, problem="a"), _answered("b", wrong, wrong, problem="a")]
    passed = figures(answered, OUTCOME, Sampling(samples=2), whole=True)["sampled"]["pass@2"]
    assert passed == {"value": 0.5, "low": 0.0, "high": 1.0}


def test_pass_at_k_is_told_for_powers_of_two_and_the_number_of_samples() -> None:
    answered = [_answered("a", *[_reply(0.0)] * 6)]
    found = figures(answered, OUTCOME, Sampling(samples=6), whole=True)["sampled"]
    assert [name for name in found if name.startswith("pass@")] == ["pass@2", "pass@4", "pass@6"]


def test_what_cannot_be_scored_counts_in_no_score() -> None:
    answered = [
        _answered("a", _reply(1.0), _reply(None, "timeout")),  # pass@2 is not known of one
        _answered("b", _reply(0.0), _reply(0.0)),
        _answered("c", _reply(None, "timeout"), _reply(None, "error")),
    ]
    found = figures(answered, OUTCOME, Sampling(samples=2), whole=True)["sampled"]
    assert found["unscored"] == {"error": 1, "timeout": 2}
    assert found["score"]["value"] == pytest.approx(1 / 3, abs=1e-6)
    assert found["pass@2"]["value"] == 0.0


def test_where_nothing_can_be_scored_there_are_no_figures() -> None:
    found = figures([_answered("a", _reply(None, "timeout"))], OUTCOME, Sampling(samples=1), whole=True)["sampled"]
    assert found["score"] is None
    assert found["truncated"]["value"] == 0.0


def test_form_length_and_parts_are_measured() -> None:
    answered = [
        _answered("a#0", _reply(-1.0, "format", tokens=9, truncated=True), _reply(0.5, tokens=3), problem="a"),
        _answered("a#1", _reply(0.0, "unparseable_completion", tokens=3), _reply(0.5, tokens=5), problem="a"),
    ]
    found = figures(answered, rewards.get("srl"), Sampling(samples=2), whole=False)
    assert (found["prompts"], found["problems"]) == (2, 1)
    sampled = found["sampled"]
    assert "greedy" not in found
    assert sampled["score"] == {"value": 0.0, "low": -1.0, "high": 1.0}  # of one problem nothing more is known
    assert sampled["well_formed"]["value"] == 0.5
    assert sampled["truncated"]["value"] == 0.25
    assert sampled["tokens"]["value"] == 5.0
    assert sampled["parts"]["found"]["value"] == 1.0  # a part that is none does not count
    assert not any(name.startswith("pass@") for name in sampled)


@pytest.mark.parametrize(
    "wrong", [{"samples": -1}, {"temperature": 0.0}, {"step_tokens": 0}, {"problems": 0}, {"batch": 0}]
)
def test_sampling_is_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=next(iter(wrong))):
        Sampling(**wrong)


# -- models -----------------------------------------------------------------------------------------------------------


def _value(found: dict[str, Any], *path: str) -> float:
    for name in path:
        found = found[name]
    return float(found["value"])  # type: ignore[arg-type]


def test_a_model_that_tosses_coins() -> None:
    sampling = Sampling(samples=32, **SHORT)
    found, _ = evaluate(known.coin(), known.data(), split="train", sampling=sampling, step_reward="sequence_match")
    # right half of the time; 256 replies have a standard error of 0.03, and training leaves the coin a little uneven
    assert _value(found, "solutions", "sampled", "score") == pytest.approx(0.5, abs=0.12)
    assert _value(found, "solutions", "sampled", "pass@2") == pytest.approx(0.75, abs=0.12)
    assert _value(found, "solutions", "sampled", "pass@8") > 0.95
    assert _value(found, "steps", "sampled", "score") == pytest.approx(0.5, abs=0.12)
    assert (found["steps"]["prompts"], found["steps"]["problems"]) == (2 * known.PROBLEMS, known.PROBLEMS)


def test_a_model_that_knows_and_one_that_does_not() -> None:
    sampling = Sampling(samples=0, **SHORT)
    expert, _ = evaluate(known.expert(), known.data(), split="train", sampling=sampling, step_reward="sequence_match")
    assert (_value(expert, "solutions", "greedy", "score"), _value(expert, "steps", "greedy", "score")) == (1.0, 1.0)
    assert "sampled" not in expert["solutions"]
    fresh, _ = evaluate(known.fresh(), known.data(), split="train", sampling=sampling)
    assert (_value(fresh, "solutions", "greedy", "score"), _value(fresh, "steps", "greedy", "score")) == (0.0, -1.0)
    assert _value(fresh, "steps", "greedy", "well_formed") == 0.0


def test_equal_seeds_give_equal_replies_and_greedy_ones_do_not_depend_on_the_batch() -> None:
    def texts(seed: int, batch: int) -> tuple[list[str], list[str]]:
        sampling = Sampling(samples=4, seed=seed, batch=batch, **SHORT)
        _, replies = evaluate(known.coin(), known.data(), split="train", kinds=["steps"], sampling=sampling)
        found = list(rows(replies["steps"], "steps"))
        return tuple([row["completion"] for row in found if row["drawn"] == drawn] for drawn in ("greedy", "sampled"))  # type: ignore[return-value]

    assert texts(0, 64) == texts(0, 64)
    assert texts(0, 64)[1] != texts(1, 64)[1]
    assert texts(0, 64)[0] == texts(1, 3)[0]


def test_solutions_and_steps_are_of_the_same_problems() -> None:
    sampling = Sampling(samples=1, problems=3, **SHORT)
    told: list[tuple[int, int]] = []
    found, replies = evaluate(
        known.fresh(),
        known.data(),
        split="train",
        sampling=sampling,
        on_progress=lambda done, total: told.append((done, total)),
    )
    chosen = {kind: {each.problem for each in answered} for kind, answered in replies.items()}
    assert chosen["solutions"] == chosen["steps"]
    assert (found["solutions"]["problems"], found["steps"]["prompts"]) == (3, 6)
    assert told[-1] == (18, 18)
    again, _ = evaluate(known.fresh(), known.data(), split="train", sampling=sampling)
    assert again == found


def test_a_problem_with_several_solutions_is_one_problem() -> None:
    sampling = Sampling(samples=1, **SHORT)
    found, replies = evaluate(known.fresh(), known.retold(), split="train", sampling=sampling)
    # asked once each, and `ant` once more: whoever says 2 is right by three of its solutions, and wrong by one
    assert [each.task.id for each in replies["solutions"]][:2] == ["ant-0", "bee-0"]
    assert [each.task.id for each in replies["solutions"] if "ant" in each.task.id] == ["ant-0", "ant-2"]
    assert (found["solutions"]["prompts"], found["solutions"]["problems"]) == (12, 11)
    # none is right, and the interval is that of 11 problems
    assert found["solutions"]["sampled"]["score"]["high"] == pytest.approx(1 - 0.025 ** (1 / 11), abs=0.02)
    # the steps of all 44 solutions: three each, and one more of half of them
    assert (found["steps"]["prompts"], found["steps"]["problems"]) == (22 * 3 + 22 * 4, 11)


def test_some_problems_of_data_with_several_solutions() -> None:
    sampling = Sampling(samples=1, problems=4, **SHORT)
    found, replies = evaluate(known.fresh(), known.retold(), split="train", sampling=sampling)
    chosen = {kind: {each.task.columns["problem"] for each in answered} for kind, answered in replies.items()}
    assert chosen["solutions"] == chosen["steps"]
    assert (len(chosen["steps"]), found["steps"]["prompts"]) == (4, 4 * 14)  # 3 + 4 + 3 + 4 steps of each


def test_problems_that_do_not_fit_are_counted_once() -> None:
    policy = known.fresh()
    problem = "Which way, " + "look left " * 200 + "?"
    solutions = [
        {"id": f"{name}{told}", "problem": asked, "solution": f"look left\nlook right\nwalk {told}", "answer": "2"}
        for name, asked in (("long", problem), ("short", "Which way?"))
        for told in range(3)
    ]
    data = known.segmented("overlong", solutions)
    found, _ = evaluate(policy, data, split="train", sampling=Sampling(samples=1, **SHORT))
    assert (found["solutions"]["prompts"], found["solutions"]["too_long"]) == (1, 1)
    assert (found["steps"]["prompts"], found["steps"]["too_long"]) == (6, 6)


def test_data_without_answers_have_steps_to_look_at() -> None:
    solutions = [{"id": "a", "problem": "Which way?", "solution": "look left\nlook right\nthen walk"}]
    data = known.segmented("unanswered", solutions)
    sampling = Sampling(samples=1, **SHORT)
    found, _ = evaluate(known.fresh(), data, split="train", sampling=sampling)
    assert found["solutions"] == {"left_out": f"{data}, split train: no trajectory has a gold answer"}
    assert found["steps"]["prompts"] == 2
    with pytest.raises(ConfigError, match="no trajectory has a gold answer"):
        evaluate(known.fresh(), data, split="train", kinds=["solutions"], sampling=sampling)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "validation"}, "has no split 'validation'"),
        ({"kinds": ["steps"], "split": "train", "step_reward": {"name": "indel"}, "sampling": 256}, "no room"),
        ({"split": "train", "outcome": "indel"}, "reads 'reference'"),
    ],
)
def test_what_cannot_be_evaluated_is_said_before_any_reply(options: dict[str, Any], message: str) -> None:
    tokens = options.pop("sampling", 12)
    sampling = Sampling(solution_tokens=tokens, step_tokens=tokens)
    with pytest.raises(ConfigError, match=message):
        evaluate(
            known.fresh(),
            known.data(),
            sampling=sampling,
            on_progress=lambda done, total: pytest.fail("late"),
            **options,
        )


def test_a_broken_model_is_named() -> None:
    policy = known.fresh()
    with torch.no_grad():
        next(iter(policy.model.parameters())).fill_(math.nan)
    with pytest.raises(ModelError, match="not finite"):
        evaluate(policy, known.data(), split="train", sampling=Sampling(samples=1, **SHORT))


# -- the command ------------------------------------------------------------------------------------------------------


def _run(*arguments: object, code: int = 0) -> Result:
    short = ["--split", "train", "--solution-tokens", "12", "--step-tokens", "12", "--samples", "2"]
    result = CliRunner().invoke(main, ["evaluate", *map(str, arguments), *short])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


def test_the_command_tells_prompts_from_problems() -> None:
    told = _run(known.saved(known.fresh(), "fresh"), known.retold(), "--on", "solutions").stdout.splitlines()
    assert told[0] == "solutions 12 of 11 problems, reward outcome"


def test_the_command_says_what_it_found(tmp_path: Path) -> None:
    model, data = known.saved(known.expert(), "expert"), known.data()
    output = tmp_path / "sub" / "replies.jsonl"
    told = _run(model, data, "--reward", "sequence_match", "-o", output).stdout.splitlines()
    assert told[0] == "solutions 8, reward outcome"
    assert told[2].split() == ["accuracy", "1.000", "(0.631", "to", "1.000)", *told[2].split()[5:]]
    assert [line.split()[0] for line in told[2:5]] == ["accuracy", "pass@2", "well"]
    assert "steps     16 of 8 problems, reward sequence_match" in told
    replies = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    assert len(replies) == 3 * (known.PROBLEMS + 2 * known.PROBLEMS)
    greedy = [row for row in replies if row["drawn"] == "greedy" and row["kind"] == "steps"]
    assert [row["completion"] for row in greedy[:2]] == list(known.STEPS)
    assert set(replies[0]) == {
        *("kind", "id", "drawn", "sample", "completion", "score", "status", "tokens", "truncated", "part_found"),
    }


def test_the_command_gives_json_and_parquet(tmp_path: Path) -> None:
    model, data = known.saved(known.fresh(), "fresh"), known.data()
    output = tmp_path / "replies.parquet"
    found = json.loads(_run(model, data, "--on", "steps", "--json", "-o", output, "--problems", 2).stdout)
    assert (found["model"], found["split"], found["samples"], found["problems"]) == (model, "train", 2, 2)
    assert found["step_reward"]["name"] == "srl"
    assert found["steps"]["greedy"]["score"] == {"value": -1.0, "low": -1.0, "high": pytest.approx(0.683772, abs=1e-6)}
    table = pq.read_table(output)
    assert table.num_rows == 12
    assert set(table["status"].to_pylist()) == {"format"}
    again = CliRunner().invoke(main, ["score", data, "--completions", str(output), "--json"])
    assert json.loads(again.stdout)["statuses"] == {"format": 12}  # the file is one that `score` reads


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--samples", "many"], 2, "'many' is not"),
        (["--temperature", "0"], 2, "temperature"),
        (["--reward", "outcom"], 2, "outcom"),
        (["--reward", "srl", "--config", __file__], 2, "leave out --reward"),
        (["-o", "replies.csv"], 1, ".jsonl or .parquet"),
    ],
)
def test_a_wrong_call_is_explained_before_a_model_is_loaded(arguments: list[str], code: int, message: str) -> None:
    result = CliRunner().invoke(main, ["evaluate", "no-such-model", "no-such-data", *arguments])
    assert (result.exit_code, message in result.output) == (code, True), result.output


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "replies.jsonl").write_text("mine")
    result = CliRunner().invoke(main, ["evaluate", "no-model", "no-data", "-o", str(tmp_path / "replies.jsonl")])
    assert result.exit_code == 1
    assert "--overwrite" in result.output
    assert (tmp_path / "replies.jsonl").read_text() == "mine"
    model = known.saved(known.fresh(), "fresh")
    _run(model, known.data(), "--on", "steps", "--problems", 1, "-o", tmp_path / "replies.jsonl", "--overwrite")
    assert len((tmp_path / "replies.jsonl").read_text().splitlines()) == 6
    assert [path.name for path in tmp_path.iterdir()] == ["replies.jsonl"]


def test_a_model_that_is_not_there_is_named() -> None:
    result = _run("no/such-model", known.data(), code=1)
    assert "no/such-model" in result.output
