"""The guide to TRL, run as it stands, with a tiny model in place of the one that it downloads."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rewards.adapters.tiny_models import needs_trl, tiny_model, tiny_tokenizer

pytestmark = [pytest.mark.slow, needs_trl, pytest.mark.filterwarnings("default")]

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "trainers" / "trl.md").read_text(encoding="utf-8")
# TRL wants to be told of a machine without a GPU, as the page says
SCRIPTS = {
    name: script.replace("GRPOConfig(\n", "GRPOConfig(\n    use_cpu=True,\n")
    for name, script in re.findall(r'```python title="([^"]+)"\n(.*?)```', PAGE, re.DOTALL)
}
MODEL = '"Qwen/Qwen2.5-0.5B-Instruct"'


def _run(folder: Path, *command: str) -> str:
    run = subprocess.run([sys.executable, *command], cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_from_the_first_command_to_the_first_logged_reward(tmp_path: Path) -> None:
    _run(tmp_path, "-m", "srl_data", "demo", "-n", "16", "--no-train")
    tokenizer = tiny_tokenizer()
    tiny_model(tokenizer).save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    script = SCRIPTS["train.py"]
    assert script.count(MODEL) == 1
    (tmp_path / "train.py").write_text(script.replace(MODEL, '"model"').replace("=256", "=16"), encoding="utf-8")
    printed = _run(tmp_path, "train.py").splitlines()
    assert printed[-1] == "[-1.0, -1.0]"  # random weights write no <think>


@pytest.mark.parametrize("name", sorted(SCRIPTS.keys() - {"train.py"}))
def test_the_other_scripts_run(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(SCRIPTS[name], encoding="utf-8")
    _run(tmp_path, name)


def test_the_example_trains_and_its_reward_rises(tmp_path: Path) -> None:
    printed = _run(tmp_path, str(ROOT / "examples" / "train_trl.py"))
    rewards = [float(row) for row in re.findall(r"^ *\d+ - +\d+ +(-?\d+\.\d+)", printed, re.MULTILINE)]
    assert len(rewards) == 10
    assert min(rewards[-3:]) > rewards[0] + 0.1, printed
