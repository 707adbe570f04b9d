"""A run: what it leaves, what it refuses before it begins, and that stopping it changes nothing."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers.utils import logging as transformers_logging

from rewards import Explanation, Scores
from rewards.errors import ToolkitError
from srl_data import pipeline
from srl_data.generate import generate
from srl_data.options import SegmentOptions
from srl_data.training import checkpoint, prepare
from srl_data.training.config import Config, from_table
from srl_data.training.logs import Log, NoLog, read_log
from srl_data.training.optimiser import NotFinite, Optimiser
from srl_data.training.policy import Policy
from srl_data.training.processes import Processes
from srl_data.training.runner import run
from srl_data.training.stage_run import StageRun
from srl_data.training.tasks import load_tasks

SFT = {"method": "sft", "on": "steps", "steps": 4, "prompts": 4, "lr": 1e-3}
SRL = {"method": "srl", "reward": "sequence_match", "steps": 3, "prompts": 2, "max_new_tokens": 8, "lr": 1e-3}


@pytest.fixture
def configured(steps: Path, model: Path, tmp_path: Path) -> Callable[..., Config]:
    """A configuration of these stages on the small dataset."""

    def make(*stages: dict[str, Any], output: str = "run", **options: Any) -> Config:
        table = {"model": str(model), "output": str(tmp_path / output), "device": "cpu", "save_every": 2} | options
        return from_table(table | {"stage": [{"data": str(steps)} | stage for stage in stages]})

    return make


def _log(config: Config) -> list[dict[str, Any]]:
    """The log without what depends on the machine's mood."""
    records = read_log(Path(config.output) / "log.jsonl")
    return [{name: value for name, value in each.items() if name != "tokens_per_second"} for each in records]


def _weights(folder: Path) -> torch.Tensor:
    return torch.cat([each.flatten() for each in Policy.load(folder, device="cpu").trained().values()])


# -- what it leaves ---------------------------------------------------------------------------------------------------


def test_a_run_leaves_models_and_a_log(configured: Callable[..., Config], capfd: pytest.CaptureFixture[str]) -> None:
    config = configured(SFT, SRL)
    bars = transformers_logging.is_progress_bar_enabled()
    folder = run(config)
    assert transformers_logging.is_progress_bar_enabled() is bars
    assert capfd.readouterr().err == ""  # no bars, and no terminal for the table
    assert folder == Path(config.output) / "model"
    names = ["checkpoint", "config.json", "lock", "log.jsonl", "model", "sft", "srl"]
    assert sorted(path.name for path in folder.parent.iterdir()) == names
    assert from_table(_as_file(json.loads((folder.parent / "config.json").read_text()))) == config
    assert torch.equal(_weights(folder), _weights(folder.parent / "srl"))
    assert not torch.equal(_weights(folder), _weights(folder.parent / "sft"))
    log = _log(config)
    assert [record["event"] for record in log] == (
        ["run", "stage", *["update"] * 4, "stage_done", "stage", *["update"] * 3, "stage_done", "done"]
    )
    assert log[0]["prompts"] == "plain text: there is no chat template"
    assert {"reward", "reward_std", "keep_rate", "entropy", "length", "grad_norm", "tokens"} <= set(log[-3])


def _as_file(table: dict[str, Any]) -> dict[str, Any]:
    """A configuration's table in the form of the file, which leaves out what is not set."""
    stages = [{name: value for name, value in each.items() if value is not None} for each in table.pop("stages")]
    return {name: value for name, value in table.items() if value is not None} | {"stage": stages}


def test_the_seed_decides_everything(configured: Callable[..., Config]) -> None:
    logs = []
    for output, seed in (("a", 1), ("b", 1), ("c", 2)):
        torch.manual_seed(len(output + str(seed)))  # whatever state the process is in
        torch.rand(seed)
        config = configured(SRL, output=output, seed=seed)
        run(config)
        logs.append(_log(config))
    assert logs[0] == logs[1]
    assert logs[0] != logs[2]


def test_a_model_that_is_there_already_is_trained(configured: Callable[..., Config], policy: Policy) -> None:
    config = configured(SFT, model="mine")
    run(config, policy)
    assert torch.equal(
        _weights(Path(config.output) / "model"), torch.cat([x.flatten() for x in policy.trained().values()])
    )


def test_adapters_are_trained_and_merged(configured: Callable[..., Config]) -> None:
    pytest.importorskip("peft")
    config = configured(SFT | {"lr": 1e-2}, SRL | {"kl": 0.1}, lora={"rank": 2})
    folder = run(config)
    log = _log(config)
    assert 0 < log[0]["trained"] < log[0]["parameters"] / 2
    assert not torch.equal(_weights(folder), _weights(Path(config.model)))


# -- the best is handed on --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "options", "best", "last"),
    [
        # scores before the first update and after each: which are the weights that the stage gives, after how many
        ([0.1, 0.2, 0.9, 0.3, 0.4], {}, 2, 4),
        ([0.1, 0.2, 0.3, 0.4, 0.5], {}, 4, 4),
        ([0.9, 0.2, 0.3, 0.4, 0.5], {}, 0, 4),  # training made it worse
        ([0.0, 0.0, 0.0, 0.0, 0.0], {}, 4, 4),  # among equals, the one that was trained longest
        ([0.1, 0.9, 0.3, 0.4, 0.5], {"patience": 2}, 1, 3),
        ([0.1, 0.1, 0.1, 0.1, 0.1], {"patience": 3}, 3, 3),
        ([0.1, 0.2, 0.9], {"validate_every": 3}, 4, 4),  # before, after 3, and at the end although 4 is not a third
    ],
)
def test_the_best_validation_is_handed_on(
    values: list[float],
    options: dict[str, Any],
    best: int,
    last: int,
    configured: Callable[..., Config],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left = iter(values)
    monkeypatch.setattr(StageRun, "_validation", lambda self: next(left))  # a script in place of the scores
    after: dict[int, torch.Tensor] = {}
    note = StageRun._note

    def noted(self: StageRun, update: Any, rate: float) -> None:
        after[update.step] = torch.cat([each.flatten() for each in self._policy.trained().values()])
        note(self, update, rate)

    monkeypatch.setattr(StageRun, "_note", noted)
    config = configured(SFT | {"validate_every": 1} | options)
    after[0] = _weights(Path(config.model))
    folder = run(config)
    assert max(after) == last
    assert torch.equal(_weights(folder), after[best])
    done = next(record for record in _log(config) if record["event"] == "stage_done")
    assert done["best_step"] == best
    assert not list(folder.parent.glob("*.best-*"))


def test_of_the_best_only_two_are_kept(configured: Callable[..., Config], monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the last checkpoint, which a resumed run goes back to, and the newest: the disk holds no more."""
    better = iter(range(100))
    monkeypatch.setattr(StageRun, "_validation", lambda self: float(next(better)))
    config = configured(SFT | {"name": "a", "validate_every": 1}, SFT | {"validate_every": 1}, save_every=3)
    folder, seen = Path(config.output), []
    validate = StageRun._validate

    def validated(self: StageRun) -> None:
        validate(self)
        seen.append(sorted(path.name for path in folder.glob("*.pt")))

    monkeypatch.setattr(StageRun, "_validate", validated)
    run(config)
    held = ["a.best-0.pt", "a.best-1.pt", "a.best-2.pt", "a.best-3.pt", "a.best-4.pt"]
    assert seen[:5] == [held[:1], held[:2], [held[0], held[2]], [held[0], held[3]], held[3:]]
    assert seen[5:7] == [[*held[3:], "sft.best-0.pt"], ["sft.best-0.pt", "sft.best-1.pt"]]


def test_the_warm_up_is_a_share_of_the_updates(
    configured: Callable[..., Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 2 updates of 2 epochs of 2 minibatches half: over the first 4 of 8 steps of the optimiser."""
    rates: list[float] = []
    step = Optimiser.step

    def stepping(self: Optimiser, weight: float = 1.0) -> float:
        rates.append(self.rate)
        return step(self, weight)

    monkeypatch.setattr(Optimiser, "step", stepping)
    twice = {"epochs": 2, "minibatches": 2, "clip": [0.2, 0.2], "min_std": "none", "steps": 2}
    run(configured(SRL | twice | {"lr": 1.0e-3, "warmup": 0.5}))
    assert rates == pytest.approx([0.25e-3, 0.5e-3, 0.75e-3, *[1e-3] * 5])


def test_a_validation_is_the_rewards_mean_over_greedy_replies(configured: Callable[..., Config]) -> None:
    config = configured(SRL | {"validate_every": 3, "validation": 5, "steps": 3})
    run(config)
    found = [record for record in _log(config) if record["event"] == "validation"]
    assert [record["step"] for record in found] == [0, 3]
    assert all(0 <= record["value"] <= 1 for record in found)
    assert found[1]["best"] == max(record["value"] for record in found)


def test_validation_rows_are_of_many_problems(configured: Callable[..., Config], policy: Policy) -> None:
    """The first 6 rows are the steps of two of the four."""
    config = configured(SRL | {"validate_every": 1, "validation": 6})
    (stage,) = prepare.prepare(config, policy)
    first = load_tasks(stage.stage, policy, "validation")[0][:6]
    assert len({task.columns["trajectory_id"] for task in first}) == 2
    assert len({task.columns["trajectory_id"] for task in stage.validation}) == 4


def test_a_reply_without_a_score_is_the_worst_in_a_validation(
    configured: Callable[..., Config], policy: Policy, tmp_path: Path
) -> None:
    class Reluctant:
        name, bounds, columns = "reluctant", (-0.5, 1.0), ()

        def __call__(self, completions: Sequence[str], /, **_: Any) -> Scores:
            values = [1.0 if at == 0 else None for at in range(len(completions))]
            return Scores(values, ["ok" if value else "timeout" for value in values], {})

        def explain(self, completion: str, /, **_: Any) -> Explanation:
            raise NotImplementedError

    config = configured(SRL | {"validate_every": 3, "validation": 4})
    (stage,) = prepare.prepare(config, policy)
    prepared = replace(stage, reward=Reluctant())
    stage_run = StageRun(config, {}, policy, NoLog(), Processes(), 0, prepared)
    assert stage_run._validation() == pytest.approx((1.0 - 0.5 * 3) / 4)


# -- stopped and gone on with -----------------------------------------------------------------------------------------

STAGES = [
    SFT | {"validate_every": 3},
    SRL | {"kl": 0.1, "validate_every": 2, "validation": 2, "patience": 9, "steps": 4},
    SRL | {"name": "clipped", "advantage": "running", "clip": [0.2, 0.2], "epochs": 2, "minibatches": 2},
]


class _Stopped(BaseException):
    pass


def _stop_after(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    update = Log.update
    left = [count]

    def stopping(self: Log, *arguments: Any) -> None:
        update(self, *arguments)
        left[0] -= 1
        if not left[0]:
            raise _Stopped

    monkeypatch.setattr(Log, "update", stopping)


def _run_until(count: int, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        _stop_after(count, patch)
        with pytest.raises(_Stopped):
            run(config)


@pytest.mark.slow
def test_a_run_that_was_stopped_anywhere_ends_the_same(
    configured: Callable[..., Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = configured(*STAGES, output="whole")
    run(whole)
    for after in range(1, 12):  # 4 + 4 + 3 updates
        config = configured(*STAGES, output=f"stopped-{after}")
        _run_until(after, config, monkeypatch)
        run(config, resume=True)
        assert _log(config) == _log(whole), after
        for name in ("sft", "srl", "clipped", "model"):
            assert torch.equal(_weights(Path(config.output) / name), _weights(Path(whole.output) / name)), after
        shutil.rmtree(config.output)


@pytest.mark.slow
def test_a_run_may_be_stopped_again_and_again(
    configured: Callable[..., Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, config = configured(*STAGES, output="whole", save_every=1), configured(*STAGES, save_every=1)
    run(whole)
    resume = False
    for _ in range(30):
        with monkeypatch.context() as patch:
            _stop_after(2, patch)  # of which one is done again, since it stops before it is saved
            try:
                run(config, resume=resume)
                break
            except _Stopped:
                resume = True
    assert _log(config) == _log(whole)


_SCRIPT = """
import sys, torch
torch.set_num_threads(1)
from srl_data.training.config import read
from srl_data.training.runner import run
run(read(sys.argv[1]), resume=len(sys.argv) > 2)
"""


@pytest.mark.slow
def test_a_run_that_was_killed_ends_the_same(
    configured: Callable[..., Config], steps: Path, model: Path, tmp_path: Path
) -> None:
    stage = SRL | {"steps": 300, "lr": 1e-4}
    file = tmp_path / "run.toml"
    lines = [f"{name} = {json.dumps(value)}" for name, value in (stage | {"data": str(steps)}).items()]
    top = {"model": str(model), "output": str(tmp_path / "killed"), "device": "cpu", "save_every": 7}
    file.write_text("\n".join([*(f"{name} = {json.dumps(value)}" for name, value in top.items()), "[[stage]]", *lines]))
    log = tmp_path / "killed" / "log.jsonl"
    process = subprocess.Popen([sys.executable, "-c", _SCRIPT, str(file)])
    while not log.exists() or log.read_bytes().count(b"\n") < 12:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert len(read_log(log)) < 300
    subprocess.run([sys.executable, "-c", _SCRIPT, str(file), "resume"], check=True)
    config = configured(stage, output="killed", save_every=7)
    whole = configured(stage, output="whole", save_every=7)
    run(whole)
    assert _log(config) == _log(whole)


def test_a_finished_run_is_not_done_again(configured: Callable[..., Config]) -> None:
    config = configured(SFT)
    folder = run(config)
    before = (folder.parent / "log.jsonl").read_bytes()
    assert run(config, resume=True) == folder
    assert (folder.parent / "log.jsonl").read_bytes() == before


# -- refused before the first update ----------------------------------------------------------------------------------


def _refused(config: Config, message: str, **how: Any) -> None:
    existed = Path(config.output).exists()
    with pytest.raises(ToolkitError, match=message):
        run(config, **how)
    assert Path(config.output).exists() == existed  # nothing was written


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"data": "nowhere"}, "there is no folder nowhere"),
    ({"reward": "sequence_mtach"}, "stage 'srl': reward: .* did you mean 'sequence_match'"),
    ({"reward": {"name": "srl", "similarty": "indel"}}, "stage 'srl': reward: .* did you mean 'similarity'"),
    ({"reward": "none.toml"}, "stage 'srl': reward: .*none.toml"),
    ({"method": "rlvr", "reward": "srl"}, "stage 'rlvr': the reward 'srl' reads 'reference'; there are answer, id"),
    # a step is no patch, so that there is nothing to compare with in any row
    ({"reward": "diff_match"}, "cannot score the experts' own replies: unparseable_reference in all of the first"),
    ({"reward": {"name": "srl", "prefilled": True}}, "'srl': the prompt does not end with <think>, .*prefilled=false"),
    ({"max_new_tokens": 512}, "leaves no room for a prompt in the model's context of 512 tokens"),
    ({"max_new_tokens": 500}, r"all \d+ prompts and max_new_tokens = 500 are longer than the model's context of 512"),
    ({"max_prompt_tokens": 3}, "or prompts than 3 tokens"),
]


@pytest.mark.parametrize(("change", "message"), REFUSED)
def test_a_stage_that_cannot_begin_is_refused(
    change: dict[str, Any], message: str, configured: Callable[..., Config]
) -> None:
    _refused(configured(SFT, SRL | change), message)  # although the first one could


def test_a_dataset_without_validation_is_refused_if_that_is_wanted(
    configured: Callable[..., Config], tmp_path: Path
) -> None:
    from srl_data import pipeline
    from srl_data.options import SegmentOptions

    source = tmp_path / "one.jsonl"
    source.write_text(json.dumps({"id": "a", "problem": "1 + 2 + 3?", "solution": "1 + 2 = 3\n3 + 3 = 6"}) + "\n")
    pipeline.segment([str(source)], tmp_path / "one", SegmentOptions(segmenter="lines"))
    stage = SRL | {"data": str(tmp_path / "one"), "validate_every": 1}
    _refused(configured(stage), "no split 'validation', only train; srl-data segment --holdout makes one")
    _refused(
        configured({"method": "rlvr", "data": str(tmp_path / "one"), "steps": 1}), "no trajectory has a gold answer"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "no/where"}, "the model 'no/where' cannot be loaded"),
        ({"device": "abacus"}, "the model cannot be put on the device 'abacus'"),
    ],
)
def test_a_model_that_cannot_be_had_is_named(
    options: dict[str, Any], message: str, configured: Callable[..., Config]
) -> None:
    _refused(configured(SFT, **options), message)


def test_a_model_folder_that_is_broken_is_named(configured: Callable[..., Config], model: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(model, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"nonsense")
    _refused(configured(SFT, model=str(broken)), "the model .*broken.* cannot be loaded")


def test_a_logger_that_is_not_there_is_refused(
    configured: Callable[..., Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "trackio", None)
    _refused(configured(SFT, log_to=["trackio"]), "trackio is not installed")


def test_a_folder_in_use_is_left_alone(configured: Callable[..., Config], tmp_path: Path) -> None:
    config = configured(SFT)
    folder = Path(config.output)
    folder.mkdir()
    (folder / "thesis.tex").touch()
    _refused(config, r"is no run's and not empty \(thesis\.tex\)")
    (folder / "thesis.tex").unlink()
    (folder / "sft.best-0.pt").touch()
    _refused(config, r"is no run's and not empty \(sft\.best-0\.pt\)")
    (folder / "lock").touch()
    (folder / "log.jsonl").write_text("{}\n")  # of a run that was killed before its first checkpoint
    run(config)
    assert _log(config)[0]["event"] == "run"
    _refused(config, "holds a run already: --resume goes on with it")
    _refused(configured(SFT, output="new"), "has no checkpoint to go on from", resume=True)
    _refused(configured(SFT | {"lr": 1.0}), "stage 1: lr: 1.0 instead of 0.001", resume=True)
    file = tmp_path / "file"
    file.touch()
    _refused(configured(SFT, output="file"), "file is a file")
    _refused(configured(SFT, output="file/below"), "file is a file")


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_again(configured: Callable[..., Config]) -> None:
    """So that whoever restarts it with --resume until it is done comes to an end."""
    config = configured(SFT)
    folder = Path(config.output)
    folder.mkdir()
    (folder / "lock").touch()
    (folder / "config.json").write_text("{")
    run(config, resume=True)
    assert _log(config)[0]["event"] == "run"


def test_two_runs_do_not_share_a_folder(configured: Callable[..., Config], monkeypatch: pytest.MonkeyPatch) -> None:
    config = configured(SFT)
    _run_until(1, config, monkeypatch)
    with (Path(config.output) / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _refused(config, "another run is at work", resume=True)
    run(config, resume=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_refused(configured: Callable[..., Config], tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        _refused(configured(SFT), "no right to write")
    finally:
        tmp_path.chmod(0o700)


def test_a_disk_without_room_is_refused(configured: Callable[..., Config], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare.shutil, "disk_usage", lambda path: SimpleNamespace(free=1_000_000))
    # 0.04 million weights of 4 bytes: a model for each stage and the last, twice weights and moments, in all 1.4 MiB
    _refused(configured(SFT, SRL), r"has 1\.0 MiB left, the run needs 1\.4")


def test_a_run_that_goes_on_needs_no_room_for_what_it_has(
    configured: Callable[..., Config], monkeypatch: pytest.MonkeyPatch, policy: Policy
) -> None:
    config = configured(SFT, SRL)
    need = prepare._bytes_needed(config, policy)
    _run_until(3, config, monkeypatch)
    own = sum(path.stat().st_size for path in Path(config.output).rglob("*") if path.is_file())
    monkeypatch.setattr(prepare.shutil, "disk_usage", lambda path: SimpleNamespace(free=need - own))
    run(config, resume=True)


def test_weights_that_are_frozen_are_refused(configured: Callable[..., Config], policy: Policy) -> None:
    policy.model.requires_grad_(False)
    with pytest.raises(ToolkitError, match="no weight of the model can be trained"):
        run(configured(SFT), policy)


def test_imitating_steps_does_not_go_before_a_reward_that_wants_tags(configured: Callable[..., Config]) -> None:
    """Experts' steps have no <think>: a model that has learnt to write them breaks the form in every reply."""
    wanting = SRL | {"reward": "srl"}
    both = configured(SFT | {"name": "first"}, wanting)
    _refused(both, "stage 'srl': the reward 'srl' wants a form .* stage 'first'")
    run(configured(wanting | {"steps": 1}))
    run(configured(SFT | {"on": "solutions", "steps": 1}, wanting | {"steps": 1}, output="solutions"))


def test_other_data_and_another_reward_are_not_gone_on_with(
    configured: Callable[..., Config], monkeypatch: pytest.MonkeyPatch, steps: Path, tmp_path: Path
) -> None:
    """The configuration names folders and files; what is in them counts."""
    data, reward = tmp_path / "data", tmp_path / "reward.toml"
    shutil.copytree(steps, data)
    reward.write_text('[[term]]\nreward = "indel"\n')
    config = configured(SRL | {"data": str(data), "reward": str(reward)})
    _run_until(2, config, monkeypatch)
    reward.write_text('[[term]]\nreward = "token_f1"\n')
    message = "stage 'srl': the data in .*, the model's files or the reward's have changed"
    _refused(config, message, resume=True)
    reward.write_text('[[term]]\nreward = "indel"\n')
    rows = generate("chain", level=(2, 3), n=28, seed=1, style="lines")
    (tmp_path / "others.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    others = SegmentOptions(segmenter="lines", holdout=4)
    pipeline.segment([str(tmp_path / "others.jsonl")], data, others, overwrite=True)
    _refused(config, message, resume=True)
    with pytest.raises(ToolkitError, match=message):
        prepare.look(config, resume=True)
    shutil.rmtree(data)
    shutil.copytree(steps, data)
    run(config, resume=True)


def test_adapters_do_not_go_on_over_another_model(
    configured: Callable[..., Config], monkeypatch: pytest.MonkeyPatch, model: Path, tmp_path: Path
) -> None:
    """Their checkpoint does not hold the model, which the configuration names."""
    pytest.importorskip("peft")
    base = tmp_path / "base"
    shutil.copytree(model, base)
    config = configured(SFT, model=str(base), lora={"rank": 2})
    _run_until(3, config, monkeypatch)
    other = Policy.load(base, device="cpu")
    with torch.no_grad():
        next(other.model.parameters()).add_(1.0)
    other.save(base)
    _refused(config, "stage 'sft': the data in .*, the model's files or the reward's have changed", resume=True)
    shutil.rmtree(base)
    shutil.copytree(model, base)
    run(config, resume=True)


@pytest.mark.parametrize("modules", ["nosuch", ["nosuch", "neither"]])
def test_adapters_that_fit_nothing_are_refused(modules: Any, configured: Callable[..., Config]) -> None:
    pytest.importorskip("peft")
    _refused(configured(SFT, lora={"modules": modules}), "lora: Target modules .*nosuch")


def test_a_layers_name_is_a_name(configured: Callable[..., Config]) -> None:
    """To peft it would be a pattern of whole paths, which none fits."""
    pytest.importorskip("peft")
    trained = prepare.load_policy(configured(SFT, lora={"modules": "q_proj"})).trained()
    assert trained
    assert all(".q_proj.lora" in name for name in trained)


def test_a_checkpoint_of_another_machine_is_refused(
    configured: Callable[..., Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configured(SFT)
    _run_until(3, config, monkeypatch)
    path = Path(config.output) / "checkpoint" / "state.json"
    state = json.loads(path.read_text())
    path.write_text(json.dumps(state | {"processes": 2}))
    _refused(config, "the checkpoint was made with processes 2, this run has 1", resume=True)
    path.write_text(json.dumps(state | {"device": "cuda"}))
    _refused(config, "the checkpoint was made with device cuda, this run has cpu", resume=True)


# -- what goes wrong on the way ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [SFT, SRL], ids=["sft", "srl"])
def test_what_is_no_number_stops_the_run_with_a_good_model(
    method: dict[str, Any], configured: Callable[..., Config], capsys: pytest.CaptureFixture[str]
) -> None:
    config = configured(method | {"lr": 1e30, "warmup": 0.0})  # what is computed with such weights is no number
    with pytest.raises(NotFinite, match=r"is the model after update 0\. Begin anew"):
        run(config)
    stage = Path(config.output) / method["method"]
    assert torch.equal(_weights(stage), _weights(Path(config.model)))
    assert _log(config)[-1]["event"] == "alarm"
    assert capsys.readouterr().err.startswith("alarm: ")
    place = checkpoint.latest(Path(config.output))
    assert place is not None
    assert json.loads((place / "state.json").read_text())["progress"]["step"] == 0


def test_weights_that_are_no_numbers_do_not_replace_a_good_checkpoint(
    configured: Callable[..., Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    note = StageRun._note

    def breaking(self: StageRun, update: Any, rate: float) -> None:
        note(self, update, rate)
        if update.step == 4:
            next(iter(self._policy.trained().values()))[0, 0] = float("inf")

    monkeypatch.setattr(StageRun, "_note", breaking)
    config = configured(SFT)
    with pytest.raises(NotFinite, match=r"a weight is not a finite number: .* is the model after update 2\."):
        run(config)
    assert torch.isfinite(_weights(Path(config.output) / "sft")).all()


def test_alarms_ring_in_the_log(configured: Callable[..., Config], capsys: pytest.CaptureFixture[str]) -> None:
    # one token of a reply cannot match: the reward is 0 for all, no prompt is kept, nothing is learnt
    config = configured(SRL | {"reward": {"name": "srl"}, "steps": 6, "max_new_tokens": 2, "refills": 1})
    run(config)
    alarms = [record for record in _log(config) if record["event"] == "alarm"]
    assert [(each["step"], each["message"][:30]) for each in alarms] == [(5, "nothing was learnt in 5 update")]
    assert capsys.readouterr().err.count("nothing was learnt") == 1
