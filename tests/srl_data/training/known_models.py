"""Models of which one knows what they reply, because they were trained here to do so; and the data they were asked.

Each problem has the answer 2, and three steps: `look left`, `look right`, and `then walk`, which is no row.
"""

from __future__ import annotations

import atexit
import json
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import torch
from click.testing import CliRunner

from srl_data.cli import main
from srl_data.dataset import StepDataset
from srl_data.training.optimiser import Optimiser
from srl_data.training.policy import Policy
from srl_data.training.reinforce import Progress
from srl_data.training.sft import imitate
from srl_data.training.stage import Stage
from srl_data.training.tasks import Epochs, Task, load_tasks
from srl_data.training.tiny import tiny_model, tiny_tokenizer

STEPS = ("look left", "look right")
RIGHT, WRONG = "\\boxed{2}", "\\boxed{3}"
PROBLEMS = 8


@cache
def folder() -> Path:
    """Where the data and the models stand while the tests run."""
    made = Path(mkdtemp(prefix="srl-data-known-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


@cache
def data() -> str:
    """A step dataset: 8 problems to train on, each of two rows; none held out."""
    solutions = [
        {
            "id": f"p{number}",
            "problem": f"Which way, {word}?",
            "solution": "\n".join([*STEPS, "then walk", "#### 2"]),
            "answer": "2",
        }
        for number, word in enumerate(["ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen"])
    ]
    return segmented("steps", solutions)


@cache
def retold() -> str:
    """A step dataset of 11 problems: four solutions of each, two of which are longer; of ``ant`` they disagree."""
    words = ["ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen", "ibex", "jay", "kiwi"]
    solutions = [
        {
            "id": f"{word}-{told}",
            "problem": f"Which way, {word}?",
            "solution": "\n".join([*STEPS, *["look up"] * (told % 2), "then walk", f"in the way {told}"]),
            "answer": "3" if (word, told) == ("ant", 2) else "2",
        }
        for told in range(4)
        for word in words
    ]
    return segmented("retold", solutions)


def segmented(name: str, solutions: list[dict[str, str]], *options: str) -> str:
    """A step dataset of solutions, one step a line."""
    source, made = folder() / f"{name}.jsonl", folder() / name
    source.write_text("".join(json.dumps(each) + "\n" for each in solutions), encoding="utf-8")
    arguments = ["segment", str(source), "-o", str(made), "-s", "lines", "--system", "", *options]
    run = CliRunner().invoke(main, arguments)
    assert run.exit_code == 0, run.output
    return str(made)


def fresh(seed: int = 0) -> Policy:
    """A model with random weights."""
    rows = list(StepDataset(data()).rows("steps"))
    texts = [message["content"] for row in rows for message in row["prompt"]] + [*STEPS, RIGHT, WRONG] * 9
    tokenizer = tiny_tokenizer(texts, size=400)
    return Policy.of(tiny_model(tokenizer, width=32, layers=2, heads=2, context=256, seed=seed), tokenizer)


@cache
def expert() -> Policy:
    """Always writes what the expert did, and the right answer to whole problems."""
    return _taught({"solutions": [RIGHT], "p#0": [STEPS[0]], "p#1": [STEPS[1]]})


@cache
def coin() -> Policy:
    """Right half of the time: tosses a coin at each whole problem, and at each step."""
    return _taught({"solutions": [RIGHT, WRONG], "p#0": [STEPS[0], "xyz"], "p#1": [STEPS[1], "xyz"]})


@cache
def walker() -> Policy:
    """Tosses a coin at each step, but is wrong about every whole problem: the regime that SRL is for."""
    return _taught({"solutions": [WRONG], "p#0": [STEPS[0], "xyz"], "p#1": [STEPS[1], "xyz"]})


def _taught(replies: dict[str, list[str]]) -> Policy:
    policy = fresh()
    stage = Stage(method="rlvr", data=data(), steps=1, max_new_tokens=32)
    tasks = [
        Task(each.id, each.prompt, each.columns, reply)
        for each in load_tasks(stage, policy, "train")[0]
        for reply in replies["solutions"]
    ]
    stage = Stage(method="srl", data=data(), steps=1, max_new_tokens=32)
    tasks += [
        Task(each.id, each.prompt, each.columns, reply)
        for each in load_tasks(stage, policy, "train")[0]
        for reply in replies[f"p#{each.columns['step_index']}"]
    ]
    stage = Stage(method="sft", data=data(), steps=80, lr=1e-2, warmup=0.1, prompts=len(tasks))
    assert stage.lr is not None
    optimiser = Optimiser(policy.model, lr=stage.lr, steps=stage.steps, warmup=0.1, schedule="cosine")
    for update in imitate(policy, Epochs(tasks, seed=0), stage, optimiser, Progress()):
        assert torch.isfinite(torch.tensor(update.figures["loss"]))
    return policy


def saved(policy: Policy, name: str) -> str:
    """A folder that ``from_pretrained`` opens."""
    place = folder() / name
    if not place.exists():
        policy.save(place)
    return str(place)
