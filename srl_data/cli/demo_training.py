"""The second half of the demo: a careless little model, before SRL, behind it, and behind RLVR."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from srl_data.training.policy import Policy

__all__ = ["careless", "is_installed", "train"]

_READ, _TRAINED, _HELD_OUT = 1500, 400, 100
_SLIP = 0.5

_CONFIG = """\
model = {model}
output = {output}
device = "cpu"

[[stage]]
method = "srl"                  # single steps, each given the expert's before it
reward = "sequence_match"       # how like the expert's step; `srl` asks for <think>…</think> as well
data = {data}
steps = 100
lr = 3e-4                       # far above what large models bear
prompts = 16
max_new_tokens = 24
sample_rows = 256

[[stage]]
method = "rlvr"                 # whole problems, right or wrong
data = {data}
steps = 50
lr = 3e-4
prompts = 16
max_new_tokens = 64
sample_rows = 256
"""


def is_installed() -> bool:
    """Whether what training needs is there."""
    return all(find_spec(library) for library in ("accelerate", "torch", "transformers"))


def train(output: Path, say: Callable[[str], None], write: Callable[[Path, Iterable[dict[str, Any]]], None]) -> None:
    """Make the model, train it, and print what it can do before and after.

    Args:
        output: The demo's folder.
        say: Prints a heading.
        write: Writes rows as JSON lines.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # of two, each waits for the other: the model is too small to share
    try:
        _train(output, say, write)
    finally:
        torch.set_num_threads(threads)


def _train(output: Path, say: Callable[[str], None], write: Callable[[Path, Iterable[dict[str, Any]]], None]) -> None:
    from srl_data import pipeline
    from srl_data.cli import tiny
    from srl_data.examples import ExampleOptions
    from srl_data.generate import generate
    from srl_data.options import SegmentOptions
    from srl_data.training import config, runner
    from srl_data.training.policy import Policy
    from srl_data.workspace import disk_errors

    names = ("read.jsonl", "read", "chains.jsonl", "chains", "model", "run", "train.toml")
    read, reading, chains, data, model, run, toml = (output / name for name in names)
    with disk_errors(output):
        for folder in (model, run):
            shutil.rmtree(folder, ignore_errors=True)
        rows = list(generate("chain", level=2, n=_READ + _TRAINED + _HELD_OUT, style="terse"))
        write(read, map(careless, rows[:_READ]))
        write(chains, rows[_READ:])
        places = {"model": model, "output": run, "data": data}
        text = _CONFIG.format(**{name: json.dumps(str(path)) for name, path in places.items()})
        toml.write_text(text, encoding="utf-8")
    options = SegmentOptions(segmenter="lines", examples=ExampleOptions(system=""))
    pipeline.segment([str(read)], reading, options, overwrite=True)
    pipeline.segment([str(chains)], data, replace(options, holdout=_HELD_OUT), overwrite=True)

    say(f"srl-data tiny {reading} -o {model} --updates 900: a model that has read careless solutions, such as")
    click.echo("  " + careless(rows[0])["solution"].replace("\n", "\n  ") + "\n")
    policy, _ = tiny.make(str(reading), updates=900, width=64, layers=2, heads=4, context=256)
    with disk_errors(output):
        policy.save(model)
    before = _measured(policy, data)
    click.echo(f"{sum(each.numel() for each in policy.model.parameters()):,} weights")

    say(f"srl-data train {toml}: the right steps of {_TRAINED} other problems, then their answers alone")
    runner.run(config.read(toml))
    _tell(run)

    say(f"srl-data evaluate {model} {data}, and {run / 'srl'}, and {run / 'rlvr'}: {_HELD_OUT} problems held out")
    trained = {"after SRL": "srl", "after SRL → RLVR": "rlvr"}
    after = {name: _measured(Policy.load(str(run / stage), device="cpu"), data) for name, stage in trained.items()}
    _print({"before": before} | after)


def careless(row: dict[str, Any]) -> dict[str, Any]:
    r"""A chain of calculations as one writes it in a hurry: every second result is one too high, and used as it is.

    Example:
        >>> print(careless({"id": "a", "solution": "2 + 5 = 7\n7 * 2 = 14\n#### 14", "answer": "14"})["solution"])
        2 + 5 = 8
        8 * 2 = 17
        #### 17
    """
    rng = random.Random(row["id"])  # noqa: S311
    lines: list[str] = []
    value = None
    for line in row["solution"].splitlines()[:-1]:
        first, sign, second, _, _ = line.split()
        a, b = int(first) if value is None else value, int(second)
        value = {"+": a + b, "-": a - b, "*": a * b, "/": a // b}[sign] + (rng.random() < _SLIP)
        lines.append(f"{a} {sign} {b} = {value}")
    return row | {"solution": "\n".join([*lines, f"#### {value}"]), "answer": str(value)}


def _measured(policy: Policy, data: Path) -> dict[str, dict[str, float]]:
    from srl_data.training.evaluate import evaluate
    from srl_data.training.sampling import Sampling

    sampling = Sampling(samples=4, solution_tokens=64, step_tokens=24, batch=512)
    figures, _ = evaluate(policy, str(data), sampling=sampling, step_reward="sequence_match")
    return {
        "steps like the expert's, likeliest reply": figures["steps"]["greedy"]["score"],
        "problems solved, 4 drawn replies": figures["solutions"]["sampled"]["score"],
        "problems solved, likeliest reply": figures["solutions"]["greedy"]["score"],
    }


def _print(columns: dict[str, dict[str, dict[str, float]]]) -> None:
    width = 22
    click.echo(" " * 42 + "".join(f"{name:>{width}}" for name in columns))
    for line in next(iter(columns.values())):
        cells = (column[line] for column in columns.values())
        told = (f"{cell['value']:.2f} ({cell['low']:.2f} to {cell['high']:.2f})" for cell in cells)
        click.echo(f"{line:<42}" + "".join(f"{cell:>{width}}" for cell in told))


def _tell(run: Path) -> None:
    """Say what the log says, for those who saw no table."""
    from srl_data.training.logs import read_log

    for stage in ("srl", "rlvr"):
        updates = [line for line in read_log(run / "log.jsonl") if line["event"] == "update" and line["stage"] == stage]
        told = []
        for words, name in {"reward": "reward", "prompts kept": "keep_rate"}.items():
            first, last = (sum(each[name] for each in part) / len(part) for part in (updates[:10], updates[-10:]))
            told.append(f"{words} {first:.2f} → {last:.2f}")
        click.echo(f"{stage:<5}{len(updates)} updates, {updates[-1]['tokens']:>9,.0f} tokens: {', '.join(told)}")
