"""The files beside the rows: they parse, say what was asked, and cannot be broken out of."""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from srl_data.cli import main
from srl_data.export.launch import PAPER_BATCH, launch_files, recipe
from srl_data.export.trainers import TRAINERS

COMPOSITE = 'name = "mixed"\n[[term]]\nreward = "srl"\nweight = 0.5\n[[term]]\nreward = "token_f1"\n'
HOSTILE = """a'; touch owned; '"$(touch owned)`touch owned`\\ {{ 7 * 7 }} {% raw %}\n# """


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("steps")
    rows = [{"id": f"s{at}", "problem": f"{at}?", "solution": "1 = 1\n2 = 2\n3 = 3"} for at in range(20)]
    (folder / "made.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "reward.toml").write_text(COMPOSITE)
    _run("segment", folder / "made.jsonl", "-o", folder / "steps", "-s", "lines", "--holdout", "4")
    return folder / "steps"


def _run(*arguments: object) -> None:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output


CHOICES: dict[str, list[str]] = {
    "plain": [],
    "options": ["-O", "similarity=indel", "-O", "penalty=-0.5", "--model", "./my model"],
    "composite": ["--config", "reward.toml"],
}


def _export(steps: Path, to: str, choice: str, out: Path) -> Path:
    options = [str(steps.parent / part) if part == "reward.toml" else part for part in CHOICES[choice]]
    _run("export", steps, "--to", to, "-o", out, *options)
    return out


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("to", TRAINERS)
def test_every_file_parses(to: str, choice: str, steps: Path, tmp_path: Path) -> None:
    out = _export(steps, to, choice, tmp_path / "out")
    launch = [path for path in out.iterdir() if path.is_file() and path.name != "export.json"]
    assert len(launch) >= 2
    for path in launch:
        text = path.read_text()
        assert "{{" not in text
        assert "{%" not in text
        assert str(tmp_path) not in text  # the folder may be moved
        if path.suffix == ".py":
            ast.parse(text)
            assert max(map(len, text.splitlines())) <= 120
        elif path.suffix == ".yaml":
            assert isinstance(yaml.safe_load(text), dict)
        elif path.suffix == ".sh":
            subprocess.run(["bash", "-n", path], check=True)
            assert path.stat().st_mode & 0o111
    assert (out / "reward.toml").is_file() == (choice == "composite")
    if choice == "composite":
        assert (out / "reward.toml").read_text() == COMPOSITE


def _arguments(script: Path, last: str) -> list[str]:
    """What a script would call its trainer with."""
    body = script.read_text()
    assert body.count(last) == 1
    probe = script.with_name("probe.sh")
    probe.write_text(body.replace(last, "printf '%s\\0'"))
    run = subprocess.run(["bash", probe, "more=1"], capture_output=True, text=True, check=True)
    probe.unlink()
    return run.stdout.split("\0")[:-1]


def test_verl_is_called_with_the_papers_settings_and_the_reward(steps: Path, tmp_path: Path) -> None:
    out = _export(steps, "verl", "options", tmp_path / "a folder")
    found = _arguments(out / "train.sh", "python3 -m verl.trainer.main_ppo")
    kwargs = "+reward.custom_reward_function.reward_kwargs."
    assert {
        "reward.custom_reward_function.path=pkg://rewards.adapters.verl",
        f"{kwargs}reward=srl",
        f"{kwargs}similarity=indel",
        f"{kwargs}penalty=-0.5",
        f"data.train_files='{out}/data/train.parquet'",
        f"data.val_files='{out}/data/validation.parquet'",
        "data.train_batch_size=32",  # 2 · 16 rows
        "actor_rollout_ref.rollout.n=8",
        "actor_rollout_ref.actor.optim.lr=5e-07",
        "actor_rollout_ref.actor.use_kl_loss=False",
        "actor_rollout_ref.model.path='./my model'",
        "more=1",
    } <= set(found)


def test_a_composite_is_given_as_a_file(steps: Path, tmp_path: Path) -> None:
    out = _export(steps, "verl", "composite", tmp_path / "out")
    found = _arguments(out / "train.sh", "python3 -m verl.trainer.main_ppo")
    assert f"+reward.custom_reward_function.reward_kwargs.reward='{out}/reward.toml'" in found


def _load(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# a bare reply breaks SRL's form: -1, or the penalty of the options; the composite halves it, and adds all of its tokens
@pytest.mark.parametrize(("choice", "bare"), [("plain", -1.0), ("options", -0.5), ("composite", -0.5 + 1.0)])
def test_openrlhfs_file_is_its_reward(choice: str, bare: float, steps: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    out = _export(steps, "openrlhf", choice, tmp_path / "out")
    function = _load(out / "reward.py", "reward_func").reward_func  # the name under which OpenRLHF loads it
    found = function(["1?1 = 1"], ["1?"], [json.dumps({"reference": "1 = 1"})])
    assert found["rewards"].tolist() == [bare]
    arguments = _arguments(out / "train.sh", "python3 -m openrlhf.cli.train_ppo_ray")
    at = arguments.index("--algo.dynamic_filtering_range")
    bounds = json.loads((out / "export.json").read_text())["reward"]["bounds"]
    assert list(map(float, arguments[at + 1 : at + 3])) == bounds


def test_swifts_plugin_registers_its_reward(steps: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = _export(steps, "swift", "options", tmp_path / "out")
    swift, registry = ModuleType("swift"), ModuleType("swift.rewards")
    registry.orms = {}  # type: ignore[attr-defined]  # as ms-swift has it
    monkeypatch.setitem(sys.modules, "swift", swift)
    monkeypatch.setitem(sys.modules, "swift.rewards", registry)
    _load(out / "plugin.py", "plugin")
    assert registry.orms["srl_reward"]()(["1 = 1"], reference=["1 = 1"]) == [-0.5]
    found = _arguments(out / "train.sh", "swift rlhf")
    assert found[found.index("--reward_funcs") + 1] == "srl_reward"
    assert found[found.index("--gradient_accumulation_steps") + 1] == "32"


def test_the_tags_that_the_prompts_ask_for_are_those_that_the_reward_looks_for(steps: Path, tmp_path: Path) -> None:
    _run("segment", steps.parent / "made.jsonl", "-o", tmp_path / "steps", "-s", "lines", "--tags", "think+solution")
    for options, spec in [
        ([], {"name": "srl", "tags": "think+solution"}),
        (["-O", "tags=think"], {"name": "srl", "tags": "think"}),
        (["-r", "indel"], "indel"),
    ]:
        _run("export", tmp_path / "steps", "--to", "trl", "-o", tmp_path / "out", "--overwrite", *options)
        assert json.loads((tmp_path / "out" / "export.json").read_text())["reward"]["spec"] == spec


def _record(**changes: Any) -> dict[str, Any]:
    return {
        "to": "verl",
        "title": "verl",
        "columns": ["reference"],
        "splits": {"train": 1},
        "turns": 1,
        "reward": {"name": HOSTILE, "spec": {"name": HOSTILE, "option": [HOSTILE, None, True, 0.5]}, "bounds": [0, 1]},
        "recipe": {**_plain(), "model": HOSTILE},
        "dataset": {"name": HOSTILE},
        **changes,
    }


def _plain() -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(recipe(1000))


@pytest.mark.parametrize("to", TRAINERS)
def test_names_and_options_stay_data(to: str, tmp_path: Path) -> None:
    for name, text in launch_files(to, _record(to=to)).items():
        path = tmp_path / name
        path.write_text(text)
        if name.endswith(".py"):
            held = [node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]
            assert HOSTILE in held or "spec" not in text
            assert not [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name) and node.id == "touch"]
        elif name.endswith(".sh"):
            last = next(line for line in text.splitlines() if line.endswith('"$@"')).partition(' "${')[0]
            found = _arguments(path, last)
            escaped = HOSTILE.replace("\\", "\\\\").replace("'", "\\'")  # as Hydra wants it
            assert any(HOSTILE in argument or escaped in argument for argument in found)
        elif name.endswith(".yaml"):
            assert isinstance(yaml.safe_load(text), dict)
    assert not (tmp_path / "owned").exists()
    assert not Path("owned").exists()


@pytest.mark.parametrize("rows", [1, 2, 3, 511, 512, 513, 134_000])
def test_a_batch_is_never_more_than_there_are_rows(rows: int) -> None:
    prompts = recipe(rows).prompts
    assert 1 <= prompts <= min(rows, PAPER_BATCH)
    assert 2 * prompts > min(rows, PAPER_BATCH)
