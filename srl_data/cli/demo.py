"""``srl-data demo``: the whole story on solutions that the toolkit makes itself."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import count as numbers
from pathlib import Path
from typing import Any

import click

from rewards.errors import MissingExtra
from srl_data.cli import report

__all__ = ["command"]

_STYLES = ("numbered", "lines", "prose", "plain")


@click.command(
    epilog="""\b
Examples:
  srl-data demo
  srl-data demo -o my-demo -n 400
"""
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("demo-out"),
    show_default=True,
    help="Where to put the solutions and the dataset; what an earlier demo left there is replaced.",
)
@click.option("-n", "--count", type=click.IntRange(min=8), default=200, show_default=True, help="How many solutions.")
@click.option(
    "--train/--no-train",
    "trains",
    default=None,
    help="Whether to train a tiny model, which takes a minute.  [default: if the extra train is installed]",
)
@click.pass_context
def command(ctx: click.Context, output: Path, count: int, trains: bool | None) -> None:
    """Make expert solutions, segment them, check the dataset, show what came out, and train a tiny model.

    The model is trained by SRL and then RLVR, and measured before and after.
    """
    from srl_data import pipeline
    from srl_data.cli import show, stats, validate
    from srl_data.dataset import StepDataset
    from srl_data.filters import FilterOptions
    from srl_data.generate import families, generate
    from srl_data.options import SegmentOptions
    from srl_data.workspace import disk_errors

    with disk_errors(output):
        output.mkdir(parents=True, exist_ok=True)
    solutions, dataset = output / "solutions.jsonl", output / "steps"

    _say(1, f"srl-data generate -l 2-8 -n {count} {' '.join(f'--style {style}' for style in _STYLES)} -o {solutions}")
    with disk_errors(output):
        _write_jsonl(solutions, generate("all", level=(2, 8), n=count, style=_STYLES))
    click.echo(f"{count} worked solutions of {len(families())} families, each in one of {len(_STYLES)} styles")

    _say(2, f"srl-data segment {solutions} -o {dataset} --holdout 0.1 --answers agree")
    options = SegmentOptions(holdout=0.1, filters=FilterOptions(answers="agree"))
    manifest = pipeline.segment([str(solutions)], dataset, options, overwrite=True)
    report.print_outcome(manifest, dataset)

    _say(3, f"srl-data validate {dataset}")
    ctx.invoke(validate.command, folder=dataset)

    _say(4, f"srl-data stats {dataset}")
    ctx.invoke(stats.command, folder=dataset)

    rows = StepDataset(dataset).rows("trajectories", "train")
    shown = next(row["id"] for row in rows if row["segmenter"] == "numbered" and len(row["steps"]) > 3)
    _say(5, f"srl-data show {dataset} {shown}")
    ctx.invoke(show.command, folder=dataset, row_id=shown)

    _say(6, f"srl-data show {dataset} '{shown}#2': what the model sees, and what the expert did next")
    ctx.invoke(show.command, folder=dataset, row_id=f"{shown}#2")

    _train(output, trains)

    click.secho("\nNow with your own solutions:", bold=True)
    click.echo("  srl-data segment my-solutions.jsonl -o my-steps")
    click.echo(f"  python -c \"from datasets import load_from_disk; print(load_from_disk('{dataset}/steps'))\"")


def _train(output: Path, wanted: bool | None) -> None:
    from srl_data.cli import demo_training

    if wanted is False:
        return
    if not demo_training.is_installed():
        if wanted:
            raise MissingExtra("training is not installed: pip install 'srl-data[train]'")
        click.echo("\nThe demo goes on to train a model once that is installed: pip install 'srl-data[train]'")
        return
    headings = numbers(7)
    demo_training.train(output, lambda what: _say(next(headings), what), _write_jsonl)


def _say(number: int, what: str) -> None:
    click.secho(f"\n{number}. {what}\n", bold=True)


def _write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as stream:
        for row in rows:
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
