"""What ``curriculum.py`` compares, and how one of them is trained and measured."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from _student import RightStep, right_share

from srl_data.training.checkpoint import latest
from srl_data.training.config import Config, from_table
from srl_data.training.evaluate import evaluate
from srl_data.training.logs import read_log
from srl_data.training.policy import Policy
from srl_data.training.prepare import is_done
from srl_data.training.runner import run
from srl_data.training.sampling import Sampling

HALF = {"term": [{"reward": "sequence_match", "weight": 0.5}, {"reward": "symbolic", "weight": 0.5}], "name": "half"}
ONE_STEP = {"term": [{"reward": "sequence_match", "columns": {"reference": "text"}}], "name": "one_step"}

# arm: its stages, each a method, its share of the budget, and what differs from the others
ARMS: dict[str, list[tuple[str, float, dict[str, Any]]]] = {
    "base": [],
    "sft": [("sft", 1, {})],
    "rlvr": [("rlvr", 1, {})],
    "sft_rlvr": [("sft", 1, {}), ("rlvr", 1, {})],
    "one_step": [("rlvr", 1, {"reward": ONE_STEP})],
    "srl_all": [("srl", 1, {"min_std": None})],
    "srl": [("srl", 1, {})],
    "srl_rlvr": [("srl", 0.5, {}), ("rlvr", 0.5, {})],
    "srl_symbolic": [("srl", 1, {"reward": "symbolic"})],
    "srl_half": [("srl", 1, {"reward": HALF})],
    "srl_embedding": [("srl", 1, {"reward": "embedding"})],
    "srl_symbolic_rlvr": [("srl", 0.5, {"reward": "symbolic"}), ("rlvr", 0.5, {})],
}
ABLATION = ("srl_symbolic", "srl_half", "srl_embedding", "srl_symbolic_rlvr")  # of the reward
TITLES = {
    "base": "base",
    "sft": "SFT",
    "rlvr": "RLVR",
    "sft_rlvr": "SFT → RLVR",
    "one_step": "one-step similarity",
    "srl_all": "SRL without dynamic sampling",
    "srl": "SRL (`sequence_match`)",
    "srl_rlvr": "SRL → RLVR",
    "srl_symbolic": "SRL (`symbolic`)",
    "srl_half": "SRL (half of each)",
    "srl_embedding": "SRL (`embedding`)",
    "srl_symbolic_rlvr": "SRL (`symbolic`) → RLVR",
}


@dataclass(frozen=True)
class Budget:
    """What every arm may spend, and how; the same for all of them."""

    tokens: int = 300_000  # sampled in reinforcement; imitation samples none
    lr: float = 3e-4
    sft_steps: int = 300
    sft_lr: float = 1e-3
    sft_texts: int = 8
    prompts: int = 16
    group_size: int = 8
    solution_tokens: int = 400  # a wordy solution has 280
    step_tokens: int = 48
    validate_every: int = 20
    samples: int = 4  # replies to each test problem
    base_samples: int = 16
    step_problems: int = 24  # of whose steps single ones are asked for
    rows: int = 256  # sampled at once


@dataclass(frozen=True)
class Place:
    """Where an arm finds what it needs, on which device."""

    model: str
    data: str
    tests: Mapping[str, str]
    device: str = "cpu"
    precision: str = "fp32"


def config(arm: str, budget: Budget, place: Place, output: Path, seed: int) -> Config:
    """The run of an arm, as ``srl-data train`` takes it."""
    common = {"data": place.data, "validate_every": budget.validate_every}
    stages = []
    for method, share, own in ARMS[arm]:
        stage: dict[str, Any] = {"method": method, **common}
        if method == "sft":
            stage |= {"steps": budget.sft_steps, "lr": budget.sft_lr, "prompts": budget.sft_texts, "warmup": 0.1}
        else:
            stage |= {"tokens": round(budget.tokens * share), "lr": budget.lr, "prompts": budget.prompts}
            stage |= {"group_size": budget.group_size, "sample_rows": budget.rows}
            stage["max_new_tokens"] = budget.step_tokens if method == "srl" else budget.solution_tokens
            stage["reward"] = "sequence_match" if method == "srl" else "outcome"
        stages.append(stage | own)
    table = {"model": place.model, "output": str(output), "seed": seed, "device": place.device}
    return from_table(table | {"precision": place.precision, "save_every": 100, "stage": stages})


def do(arm: str, budget: Budget, place: Place, folder: Path, seed: int) -> dict[str, Any]:
    """Train and measure an arm; a run that was cut off goes on where it stood."""
    began = time.monotonic()
    output = folder / f"{arm}-{seed}"
    found: dict[str, Any] = {"arm": arm, "seed": seed, "stages": []}
    model = place.model
    if ARMS[arm]:
        if not is_done(output):
            resume = latest(output) is not None
            if not resume:
                shutil.rmtree(output, ignore_errors=True)
            run(config(arm, budget, place, output, seed), resume=resume)
        model = str(output / "model")
        found["stages"] = _curves(read_log(output / "log.jsonl"))
    found |= {"trained_s": round(time.monotonic() - began)}
    policy = Policy.load(model, device=place.device, precision=place.precision)
    found["tests"] = {
        name: _measure(policy, data, budget, seed, base=arm == "base") for name, data in place.tests.items()
    }
    found["seconds"] = round(time.monotonic() - began)
    if ARMS[arm]:
        for each in output.iterdir():  # what is left to read is the log
            if each.is_dir() and each.name != "model":
                shutil.rmtree(each)
    return found


def _measure(policy: Policy, data: str, budget: Budget, seed: int, *, base: bool) -> dict[str, Any]:
    sampling = Sampling(
        samples=budget.base_samples if base else budget.samples,
        solution_tokens=budget.solution_tokens,
        step_tokens=budget.step_tokens,
        batch=budget.rows,
        seed=seed,
    )
    figures, replies = evaluate(policy, data, split="train", kinds=["solutions"], sampling=sampling)
    solutions = figures["solutions"]
    sampling = replace(sampling, problems=budget.step_problems, samples=budget.samples)
    single, _ = evaluate(policy, data, split="train", kinds=["steps"], sampling=sampling, step_reward=RightStep())
    steps = single["steps"]
    shown = replies["solutions"][0]

    def way(which: str) -> float:
        each = [(answered, reply) for answered in replies["solutions"] for reply in getattr(answered, which)]
        return fmean(right_share(reply.text, answered.task.columns["text"]) for answered, reply in each)

    passes = {name: each["value"] for name, each in solutions["sampled"].items() if name.startswith("pass@")}
    return {
        "greedy": solutions["greedy"]["score"]["value"],
        "sampled": solutions["sampled"]["score"]["value"],
        "way_greedy": way("greedy"),
        "way_sampled": way("sampled"),
        "tokens": solutions["sampled"]["tokens"]["value"],
        "truncated": solutions["sampled"]["truncated"]["value"],
        "step_greedy": steps["greedy"]["score"]["value"],
        "step_sampled": steps["sampled"]["score"]["value"],
        "step_tokens": steps["sampled"]["tokens"]["value"],
        **passes,
        "example": {"problem": shown.task.columns["problem"], "reply": shown.greedy[0].text[:2000]},
    }


def _curves(log: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of each stage, some figures of each update, and the validations."""
    stages: list[dict[str, Any]] = []
    for line in log:
        match line["event"]:
            case "stage":
                stages.append({"name": line["name"], "updates": [], "validation": [], "alarms": []})
            case "update":
                names = (
                    "step",
                    "tokens",
                    "reward",
                    "reward_std",
                    "keep_rate",
                    "entropy",
                    "length",
                    "loss",
                    "truncated",
                )
                stages[-1]["updates"].append(
                    {name: round(line[name], 4) for name in names if line.get(name) is not None}
                )
            case "validation":
                stages[-1]["validation"].append([line["step"], line["value"]])
            case "alarm":
                stages[-1]["alarms"].append(f"{line['step']}: {line['message']}")
            case "stage_done":
                stages[-1] |= {"best_step": line["best_step"], "best": line["best"]}
    return stages


def threads() -> None:
    """One: of several, each would wait for the others, the models being small."""
    torch.set_num_threads(1)
