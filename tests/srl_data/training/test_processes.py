"""Two processes train one model as one would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from srl_data.training.config import from_table
from srl_data.training.logs import read_log
from srl_data.training.policy import Policy
from srl_data.training.prepare import prepare
from srl_data.training.processes import Processes, together
from srl_data.training.runner import run
from srl_data.training.stage import ConfigError

ROOT = Path(__file__).parents[3]
LAUNCHERS = {
    "accelerate": "accelerate.commands.launch --multi_gpu --num_processes=2 --num_machines=1 --mixed_precision=no "
    "--dynamo_backend=no --main_process_port=0",
    "torchrun": "torch.distributed.run --nproc-per-node=2 --rdzv-backend=c10d --rdzv-endpoint=localhost:0",
}


def _toml(table: dict[str, object]) -> str:
    return "\n".join(f"{name} = {json.dumps(value)}" for name, value in table.items())


def _weights(folder: Path) -> torch.Tensor:
    return torch.cat([each.flatten() for each in Policy.load(folder, device="cpu").trained().values()])


def _launch(launcher: str, arguments: list[str]) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("RANK", "WORLD_SIZE")}
    command = [sys.executable, "-m", *LAUNCHERS[launcher].split(), *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=environment | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.slow
def test_two_processes_train_as_one(steps: Path, model: Path, tmp_path: Path) -> None:
    """Imitation has no randomness but the order of tasks, which two share: so the weights are those of one."""
    sft = {"method": "sft", "on": "steps", "data": str(steps), "steps": 4, "prompts": 4, "lr": 1e-3}
    # few prompts are kept, so that in some updates a process has nothing to learn from
    srl = {"method": "srl", "data": str(steps), "steps": 8, "prompts": 2, "max_new_tokens": 6, "lr": 1e-3}
    srl |= {
        "reward": "token_f1",
        "refills": 1,
        "min_std": 0.05,
        "advantage": "running",
        "validate_every": 2,
        "validation": 3,
    }
    srl |= {"clip": [0.2, 0.2], "minibatches": 2, "kl": 0.1}
    top = {"model": str(model), "output": str(tmp_path), "device": "cpu", "save_every": 3}
    # and more of them, of which each process keeps another number: so they draw different minibatches
    more = srl | {"name": "more", "prompts": 16, "minibatches": 3, "steps": 5, "min_std": 0.01, "lr": 1e-2}
    (tmp_path / "run.toml").write_text("\n[[stage]]\n".join(map(_toml, (top, sft, srl, more))))
    _launch("torchrun", ["tests/srl_data/training/two_processes.py", str(tmp_path / "run.toml")])
    assert sorted(path.name for path in tmp_path.glob("fine-*")) == ["fine-0", "fine-1"]

    alone = run(from_table(top | {"output": str(tmp_path / "alone"), "stage": [sft]}))
    difference = (_weights(tmp_path / "whole" / "sft") - _weights(alone)).abs()
    assert difference.median() < 1e-7  # Adam makes much of little: where a gradient is nearly 0, rounding tells
    whole, stopped = (read_log(tmp_path / name / "log.jsonl") for name in ("whole", "stopped"))
    for record in [*whole, *stopped]:
        record.pop("tokens_per_second", None)
    assert whole == stopped
    assert whole[0]["processes"] == 2
    assert [record["step"] for record in whole if record["event"] == "update"] == [
        *range(1, 5),
        *range(1, 9),
        *range(1, 6),
    ]
    ours = [record["grad_norm"] for record in whole if record.get("stage") == "sft"]
    single = read_log(alone.parent / "log.jsonl")
    assert ours == pytest.approx([record["grad_norm"] for record in single if record["event"] == "update"], rel=1e-4)
    kept = [record["keep_rate"] for record in whole if "keep_rate" in record and record["stage"] == "srl"]
    assert {0.5} < set(kept) <= {0.0, 0.5, 1.0}  # at times one process had nothing to learn from, or none had
    assert torch.equal(_weights(tmp_path / "whole" / "model"), _weights(tmp_path / "stopped" / "model"))


@pytest.mark.slow
def test_accelerate_launches_the_command(steps: Path, model: Path, tmp_path: Path) -> None:
    flags = ["--model", str(model), "--data", str(steps), "-o", str(tmp_path / "run"), "--device", "cpu"]
    flags += ["--method", "srl", "-r", "indel", "--steps", "2", "--prompts", "2", "--max-new-tokens", "4"]
    _launch("accelerate", ["-m", "srl_data", "train", *flags])
    assert read_log(tmp_path / "run" / "log.jsonl")[0]["processes"] == 2


def test_prompts_must_be_shareable(steps: Path, policy: Policy) -> None:
    stage = {"method": "sft", "data": str(steps), "steps": 1, "prompts": 4}
    config = from_table({"model": "m", "output": "run", "stage": [stage]})
    with pytest.raises(ConfigError, match="prompts = 4 cannot be shared out to 3 processes"):
        prepare(config, policy, Processes(0, 3))


@pytest.mark.parametrize("name", ["FSDP", "DEEPSPEED"])
def test_a_launcher_that_shares_out_the_model_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv(f"ACCELERATE_USE_{name}", "true")
    with pytest.raises(ConfigError, match=f"set to {name}, but each process holds a whole model"), together():
        pass


def test_one_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with together() as processes:
        assert processes == Processes(0, 1)
        assert processes.gather("x") == ["x"]
        assert processes.sums([1, 2]) == [1, 2]
        processes.wait()
