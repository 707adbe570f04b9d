"""The scripts for TRL train: two steps of a model of two layers, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from srl_data.cli import main
from tests.srl_data.export.tiny import save_model

pytest.importorskip("trl")
pytest.importorskip("torch")
pytestmark = pytest.mark.slow

SMALL = ["--max_steps", "2", "--bf16", "false", "--save_strategy", "no", "--gradient_accumulation_steps", "1"]
GRPO = ["--max_completion_length", "8", "--num_generations", "4", "--per_device_train_batch_size", "8"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("train")
    save_model(folder / "model")
    _run("generate", "--family", "linear", "-n", "12", "-o", folder / "made.jsonl")
    _run("segment", folder / "made.jsonl", "-o", folder / "steps", "-s", "numbered", "--holdout", "2")
    return folder


def _run(*arguments: object) -> None:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output


def _train(out: Path, *arguments: str) -> list[dict[str, float]]:
    """Run a script far from its folder; what it logged."""
    away = out.parent / f"{out.name}-run"
    away.mkdir()
    command = [sys.executable, str(out / "train.py"), "--model", str(out.parent / "model"), *SMALL, *arguments]
    run = subprocess.run(
        command,
        cwd=away,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "TQDM_DISABLE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    state = next(away.rglob("trainer_state.json"), None)
    log: list[dict[str, float]] = json.loads(state.read_text())["log_history"] if state is not None else []
    return log


@pytest.mark.parametrize("choice", ["plain", "composite"])
def test_grpo(choice: str, folder: Path) -> None:
    out = folder / f"trl-{choice}"
    (folder / "reward.toml").write_text('name = "mixed"\n[[term]]\nreward = "indel"\n')
    options = ["--config", folder / "reward.toml"] if choice == "composite" else ["-O", "similarity=indel"]
    _run("export", folder / "steps", "--to", "trl", "-o", out, *options)
    log = _train(out, *GRPO, "--eval_strategy", "no", "--save_strategy", "steps", "--save_steps", "2")
    name = "mixed" if choice == "composite" else "srl_indel"
    rewards = [entry[f"rewards/{name}/mean"] for entry in log if f"rewards/{name}/mean" in entry]
    assert len(rewards) == 2
    # an untrained model writes no tag, and shares some characters with any text
    assert rewards == [-1.0, -1.0] if choice == "plain" else all(0 < reward < 1 for reward in rewards)


def test_sft(folder: Path) -> None:
    out = folder / "sft"
    _run("export", folder / "steps", "--to", "sft", "-o", out)
    log = _train(out, "--eval_strategy", "no", "--save_strategy", "steps", "--save_steps", "2", "--max_length", "256")
    losses = [entry["loss"] for entry in log if "loss" in entry]
    assert len(losses) == 2
    assert all(0 < loss < 20 for loss in losses)
