"""What a configuration may say, and what is said where it says something else."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards.registry import options_of
from srl_data.training.config import Config, Lora, differences, from_table, read
from srl_data.training.stage import ConfigError, Stage

STAGE = {"method": "srl", "data": "steps", "steps": 10}
RUN = {"model": "m", "output": "run"}


def test_a_file_says_all(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text("""
        model = "Qwen/Qwen2.5-0.5B-Instruct"
        revision = "main"
        output = "runs/first"
        seed = 7
        precision = "bf16"
        log_to = ["tensorboard"]
        lora = { rank = 8, modules = ["q_proj", "v_proj"] }

        [[stage]]
        method = "sft"
        data = "steps"
        steps = 50

        [[stage]]
        name = "srl-by-form"
        method = "srl"
        data = "steps"
        tokens = 1_000_000
        reward = { name = "srl", similarity = "indel" }
        clip = [0.2, 0.28]
        epochs = 2
        kl = 1
        min_std = "none"
    """)
    config = read(path)
    assert config.lora == Lora(rank=8, modules=("q_proj", "v_proj"))
    assert config.log_to == ("tensorboard",)
    sft, srl = config.stages
    # the SRL paper's, table of hyper-parameters: SFT at 5e-6, warm-up 0.3; SRL at 5e-7 without one
    assert (sft.name, sft.lr, sft.warmup, sft.reward) == ("sft", 5e-6, 0.3, None)
    assert (srl.name, srl.lr, srl.warmup, srl.clip) == ("srl-by-form", 5e-7, 0.0, (0.2, 0.28))
    assert srl.min_std is None
    assert json.loads(json.dumps(config.table())) == config.table()
    assert read(path, {"seed": 8}).seed == 8


TOP: list[tuple[dict[str, Any], str]] = [
    ({"stage": []}, r"there is no \[\[stage\]\]"),
    ({"stage": STAGE}, r"stages are written \[\[stage\]\], with two brackets"),
    ({"stages": [STAGE]}, "no key 'stages'; did you mean 'stage'"),
    ({"stage": [STAGE, STAGE]}, "two stages are called 'srl'"),
    ({"stage": ["srl"]}, "stage 1: 'srl' is not a table"),
    ({"modle": "m"}, "there is no key 'modle'; did you mean 'model'?"),
    ({"model": 3}, "model: 3 is not str"),
    ({"model": ""}, "model is empty"),
    ({"output": ""}, "output is empty"),
    ({"precision": "fp16"}, r"precision: 'fp16' is not fp32\|bf16"),
    ({"seed": -1}, "seed = -1 must be from 0"),
    ({"seed": 2**32}, "must be from 0 to 4294967295"),
    ({"save_every": 0}, "save_every = 0 must be 1 or more"),
    ({"log_to": ["tensorbord"]}, "log_to: .* is not tensorboard"),
    ({"lora": {"rnak": 4}}, "lora: there is no key 'rnak'; did you mean 'rank'?"),
    ({"lora": 8}, "lora: 8 is not Lora"),
    ({"lora": {"rank": 0}}, "lora: rank = 0 must be 1 or more"),
]


@pytest.mark.parametrize(("change", "message"), TOP)
def test_what_a_run_cannot_be(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        from_table({**RUN, "stage": [STAGE], **change}, "run.toml")


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ConfigError, match=r"run\.toml: model and output must be given"):
        from_table({"stage": [STAGE]}, "run.toml")
    with pytest.raises(ConfigError, match=r"run\.toml: stage 2: method must be given"):
        from_table({**RUN, "stage": [STAGE, {"data": "steps"}]}, "run.toml")


STAGES: list[tuple[dict[str, Any], str]] = [
    ({"stpes": 3}, "there is no key 'stpes'; did you mean 'steps'?"),
    ({"method": "ppo"}, r"method: 'ppo' is not sft\|srl\|rlvr"),
    ({"steps": None}, "steps = None or tokens must say when to stop"),
    ({"steps": 0}, "steps = 0 must be 1 or more"),
    ({"steps": 1.5}, r"steps: 1\.5 is not int"),
    ({"steps": True}, "steps: True is not int"),
    ({"lr": -1e-6}, "lr = -1e-06 must be 0 or more"),
    ({"lr": float("nan")}, "lr = nan is no finite number"),
    ({"kl": float("inf")}, "kl = inf is no finite number"),
    ({"clip": [0.2]}, "clip = .* must be two numbers"),
    ({"clip": [0.2, float("inf")]}, "clip = .* is no finite number"),
    ({"epochs": 2}, "clip = None is needed with several epochs or minibatches"),
    ({"warmup": 1.0}, "warmup = 1.0 is a share of the steps"),
    ({"warmup": 0.1, "steps": None, "tokens": 9}, "warmup = 0.1 is a share of steps, which are not given"),
    ({"group_size": 1}, "group_size = 1 of 1 leaves z_score nothing to compare with"),
    ({"group_size": 1, "advantage": "running"}, "min_std = 0.0 must be none for groups of 1"),
    ({"patience": 3}, "patience = 3 needs validate_every"),
    ({"temperature": 0}, "temperature = 0 must be above 0"),
    ({"method": "sft", "reward": "srl"}, "reward = 'srl' is not for sft"),
    ({"method": "sft", "epochs": 3}, "epochs = 3 is not for sft"),
    ({"method": "sft", "minibatches": 2}, "minibatches = 2 is not for sft"),
    ({"method": "sft", "clip": [0.2, 0.2]}, r"clip = \(0.2, 0.2\) is not for sft"),
    ({"method": "sft", "kl": 0.1}, "kl = 0.1 is not for sft"),
    ({"method": "sft", "group_size": 4}, "group_size = 4 is not for sft"),
    ({"method": "sft", "temperature": 0.5}, "temperature = 0.5 is not for sft"),
    ({"method": "srl", "on": "steps"}, "on = 'steps' is not for srl"),
    ({"ddof": 0, "advantage": "centred"}, "ddof = 0 is of z_score"),
    # a stage's name becomes a folder in the run's
    ({"name": "../elsewhere"}, "name = '../elsewhere' is not made of letters"),
    ({"name": "a/b"}, "is not made of letters"),
    ({"name": ".."}, "is not made of letters"),
    ({"name": "model"}, "or is one of checkpoint, lock, model"),
    ({"name": "Checkpoint"}, "or is one of"),
    ({"name": "log.jsonl"}, "is not made of letters"),
]


@pytest.mark.parametrize(("change", "message"), STAGES)
def test_what_a_stage_cannot_be(change: dict[str, Any], message: str) -> None:
    stage = {name: value for name, value in {**STAGE, **change}.items() if value is not None}
    with pytest.raises(ConfigError, match=message):
        from_table({**RUN, "stage": [stage]}, "run.toml")


def test_sft_by_tokens_has_no_warm_up_of_its_own() -> None:
    assert Stage(method="sft", data="steps", tokens=100).warmup == 0.0


@pytest.mark.parametrize("text", ["model = ", 'model = "\udcff"', "\x00"])
def test_what_is_no_toml_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "run.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError, match=r"run\.toml"):
        read(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml"):
        read(tmp_path / "none.toml")


_VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.lists(st.floats())
_KEYS = st.sampled_from([*(option.name for option in options_of(Stage)), "stage", "lora", "seed", "nonsense"])


@given(st.dictionaries(_KEYS, _VALUES, max_size=4))
def test_whatever_a_table_holds_is_taken_or_refused(table: dict[str, Any]) -> None:
    for given_table in (table, {**RUN, "stage": [table]}, {**RUN, "stage": [{**STAGE, **table}]}):
        try:
            assert isinstance(from_table(given_table), Config)
        except ConfigError as error:
            assert str(error).startswith("configuration: ")


def test_differences_are_those_that_matter() -> None:
    one = from_table({**RUN, "stage": [STAGE, {**STAGE, "name": "b"}]}).table()
    other = from_table(
        {"model": "m", "output": "elsewhere", "save_every": 3, "log_to": ["wandb"], "seed": 1}
        | {"stage": [STAGE, {**STAGE, "name": "b", "lr": 1}]}
    ).table()
    assert differences(other, one) == ["seed: 1 instead of 0", "stage 2: lr: 1 instead of 5e-07"]
    assert differences(one, one) == []
    shorter = from_table({**RUN, "stage": [STAGE]}).table()
    assert differences(shorter, one) == ["1 stages instead of 2"]


def test_the_example_in_the_module_is_a_configuration() -> None:
    from srl_data.training import config

    example = (config.__doc__ or "").split("::\n")[1].split("\nA stage takes")[0]
    assert len(from_table(tomllib.loads("\n".join(line.strip() for line in example.splitlines()))).stages) == 2
