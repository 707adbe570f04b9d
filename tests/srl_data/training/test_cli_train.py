"""``srl-data train``: from flags or a file to a run, and what is said where that cannot be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rewards.registry import options_of
from srl_data.cli import main
from srl_data.training.config import read
from srl_data.training.logs import read_log
from srl_data.training.stage import Stage


def _run(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["train", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def flags(steps: Path, model: Path, tmp_path: Path) -> list[object]:
    """A run of three small updates."""
    where = ["--model", model, "--data", steps, "-o", tmp_path / "run", "--device", "cpu"]
    return [*where, "--method", "srl", "-r", "indel", "--steps", 3, "--prompts", 2, "--max-new-tokens", 6]


@pytest.fixture
def file(steps: Path, model: Path, tmp_path: Path) -> Path:
    """The same run, behind an imitation, as a file."""
    path = tmp_path / "run.toml"
    path.write_text(
        f"model = '{model}'\noutput = '{tmp_path / 'run'}'\ndevice = 'cpu'\n"
        f"[[stage]]\nmethod = 'sft'\ndata = '{steps}'\nsteps = 1\nprompts = 2\n"
        f"[[stage]]\nmethod = 'srl'\ndata = '{steps}'\nsteps = 3\nprompts = 2\nmax_new_tokens = 6\n"
        "reward = { name = 'indel', unit = 'token' }\n"
    )
    return path


def _config(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "config.json").read_text())
    return found


def test_flags_make_a_run(flags: list[object], tmp_path: Path) -> None:
    result = _run(*flags, "--seed", 3, "--min-std", "none", "--clip", "0.2,0.28", "--ddof", 0, "-O", "unit=token")
    assert result.stdout == f"{tmp_path / 'run' / 'model'}\n"
    assert result.stderr == ""
    config = _config(tmp_path / "run")
    assert config["seed"] == 3
    (stage,) = config["stages"]  # type: ignore[misc]
    assert stage["min_std"] is None
    assert stage["clip"] == [0.2, 0.28]
    assert stage["ddof"] == 0
    assert stage["reward"] == {"name": "indel", "unit": "token"}
    assert stage["group_size"] == 8
    again = _run(*flags, code=1)
    assert "holds a run already: --resume goes on with it" in again.stderr
    other = _run(*flags, "--resume", code=1)
    assert "another configuration: seed: 0 instead of 3; stage 1: " in other.stderr


def test_a_file_makes_a_run_and_flags_change_it(file: Path, tmp_path: Path) -> None:
    _run(file, "--seed", 5, "-o", tmp_path / "other", "--save-every", 1)
    assert not (tmp_path / "run").exists()
    assert _config(tmp_path / "other")["seed"] == 5
    events = [record["event"] for record in read_log(tmp_path / "other" / "log.jsonl")]
    assert events.count("update") == 4
    assert _run(file, "--seed", 5, "-o", tmp_path / "other", "--resume").stdout == f"{tmp_path / 'other' / 'model'}\n"


def test_lora_is_a_table_of_its_own(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    flags = ["--lora-rank", 4, "--lora-modules", "q_proj,v_proj", "--dry-run"]
    assert "LoRA needs peft, which is not installed: pip install peft" in _run(file, *flags, code=1).stderr
    assert "LoRA needs peft" in _run(file, "--lora", "--dry-run", code=1).stderr


def test_a_dry_run_checks_everything_and_writes_nothing(file: Path, steps: Path, tmp_path: Path) -> None:
    found = json.loads(_run(file, "--dry-run", "--json").stdout)
    assert found["prompts"] == "plain text: there is no chat template"
    assert found["parameters"] == found["trained"] > 10_000
    sft, srl = found["stages"]
    assert (sft["name"], sft["lr"], srl["reward"], srl["reads"]) == ("sft", 5e-6, "indel", ["reference"])
    assert srl["tasks"] > 20
    assert not (tmp_path / "run").exists()
    assert "--json prints what --dry-run finds" in _run(file, "--json", code=2).stderr
    told = _run(file, "--dry-run").stdout
    assert "stage srl\n" in told
    assert "  reads           reference\n" in told
    file.write_text(file.read_text().replace("'indel', unit", "'indel', untt"))
    assert "did you mean 'unit'?" in _run(file, "--dry-run", code=1).stderr


def test_a_dry_run_of_a_resumed_one_compares_the_configurations(flags: list[object]) -> None:
    assert "has no checkpoint to go on from" in _run(*flags, "--resume", "--dry-run", code=1).stderr
    _run(*flags)
    assert "holds a run already" in _run(*flags, "--dry-run", code=1).stderr
    _run(*flags, "--resume", "--dry-run")
    assert "lr: 1.0 instead of" in _run(*flags, "--resume", "--dry-run", "--lr", 1, code=1).stderr


USAGE: list[tuple[list[str], str]] = [
    ([], "give a CONFIG.toml, or --model and --output and --method and --data"),
    (["--model", "m", "-o", "r", "--method", "srl"], "or --data"),
    (["--model", "m", "-o", "r", "--method", "srl", "--data", "d"], "steps = None or tokens must say when to stop"),
    (["--steps", "many"], "'many' is not int"),
    (["--method", "ppo"], "'ppo' is not one of 'sft', 'srl', 'rlvr'"),
    (["--log-to", "tensorbord"], "'tensorbord' is not"),
    (["no.toml"], "'no.toml' does not exist"),
    (["--stpes", "3"], "No such option"),
    (["--model", "m", "-o", "r", "--method", "sft", "--data", "d", "--steps", "1", "-O", "a=b"], "-O is an option of"),
    (["--model", "m", "-o", "r", "--method", "srl", "--data", "d", "-O", "a=b"], "has no option 'a'"),
]


@pytest.mark.parametrize(("arguments", "message"), USAGE)
def test_a_wrong_call_says_what_is_wrong(arguments: list[str], message: str) -> None:
    assert message in _run(*arguments, code=2).output


def test_flags_of_a_stage_do_not_go_with_a_file(file: Path) -> None:
    assert "--lr describes a single stage" in _run(file, "--lr", "1e-6", code=2).stderr
    assert "-O describes a single stage" in _run(file, "-O", "unit=char", code=2).stderr


def test_what_is_no_number_is_no_traceback(flags: list[object]) -> None:
    result = _run(*flags, "--lr", "1e30", code=1)
    assert "Begin anew with a lower lr or grad_norm" in result.stderr


def test_every_field_of_a_stage_has_a_flag() -> None:
    told = _run("--help").stdout
    for option in options_of(Stage):
        assert f"--{option.name.replace('_', '-')} " in told, option.name


def test_help_loads_no_torch() -> None:
    code = (
        "import sys; from srl_data.cli import main\n"
        "try: main(['train', '--help'])\n"
        "finally: print([name for name in ('torch', 'transformers', 'numpy') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.endswith("[]\n")


def test_what_training_needs_is_named(flags: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    from srl_data.cli import train

    monkeypatch.setattr(train, "find_spec", lambda name: None)  # as if nothing were installed
    assert "training needs torch, which is not installed: pip install 'srl-data[train]'" in _run(*flags, code=1).stderr


@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on(file: Path, tmp_path: Path) -> None:
    import signal
    import time

    file.write_text(file.read_text().replace("steps = 3", "steps = 3000"))
    command = [sys.executable, "-m", "srl_data", "train", str(file)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    log = tmp_path / "run" / "log.jsonl"
    while not log.exists() or log.read_bytes().count(b"\n") < 6:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert "stopped; --resume goes on from the last checkpoint" in process.communicate()[1]
    assert process.returncode == 1
    assert read(file).save_every == 50
