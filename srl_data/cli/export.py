"""``srl-data export``: a step dataset as a trainer wants it, beside a script that trains on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from srl_data.cli import report

if TYPE_CHECKING:
    from srl_data.export import Exported

__all__ = ["TRAINERS", "command"]

TRAINERS = ("trl", "verl", "openrlhf", "skyrl", "swift", "verifiers", "prm", "sft")


@click.command(
    epilog="""\b
Examples:
  srl-data export steps --to trl -o for-trl && python for-trl/train.py
  srl-data export steps --to verl -o for-verl --reward srl -O similarity=token_f1 --model Qwen/Qwen2.5-3B-Instruct
  srl-data export steps --to openrlhf -o for-openrlhf --config reward.toml
  srl-data export steps --to prm -o for-prm --completions rollouts.jsonl --threshold 0.6

`srl-data doctor` says what would fail before a GPU is spent.
"""
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--to", required=True, type=click.Choice(TRAINERS), help="What the rows are for.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The folder to make.")
@click.option("-r", "--reward", "name", help="See `srl-data rewards`.  [default: srl, with the dataset's tags]")
@click.option(
    "-O",
    "--option",
    "pairs",
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of the reward; see `srl-data rewards NAME`.",
)
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A TOML file that describes a composite reward, instead of --reward; a copy goes along.",
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="NAME",
    help="A column of the steps to take along, beside reference, answer and what the reward reads; may be repeated.",
)
@click.option("--model", help="The model that the launch files name.  [default: the paper's, Qwen2.5-7B-Instruct]")
@click.option("--turns", is_flag=True, help="For skyrl: one row a trajectory, with a turn for each step.")
@click.option(
    "-c",
    "--completions",
    "inputs",
    multiple=True,
    metavar="FILE",
    help="For prm: completions of steps, as `srl-data score` reads them, to be scored: where wrong steps come from. "
    "May be repeated.",
)
@click.option(
    "--threshold", type=float, help="For prm: the score from which a completion counts as right; with --completions."
)
@click.option("--overwrite", is_flag=True, help="Replace the export at the output.")
@click.option("--json", "as_json", is_flag=True, help="Print what was made to standard output as JSON.")
def command(
    folder: Path,
    to: str,
    output: Path,
    name: str | None,
    pairs: tuple[str, ...],
    config: Path | None,
    columns: tuple[str, ...],
    model: str | None,
    turns: bool,
    inputs: tuple[str, ...],
    threshold: float | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write a step dataset as a trainer wants it, and how to train on it.

    DIR is a folder that `srl-data segment` wrote. The output holds the rows (data/SPLIT.parquet), a script or config
    that trains on them with the reward and the settings of SRL's paper, a README, and export.json, which says what it
    was made from. Comments in the launch files stand where you must choose.
    """
    from srl_data import sources
    from srl_data.dataset import StepDataset
    from srl_data.export import choose_reward, export
    from srl_data.export.prm import Candidates

    _require_fit(to, turns, inputs, threshold)
    dataset = StepDataset(folder)
    chosen = choose_reward(dataset, name, pairs, config)
    candidates = None
    if inputs and threshold is not None:
        candidates = Candidates(dataset, sources.resolve(inputs), chosen.reward, threshold)
    done = export(
        *(folder, to, output, chosen),
        columns=columns,
        model=model,
        turns=turns,
        candidates=candidates,
        overwrite=overwrite,
    )
    if as_json:
        report.print_json({"folder": str(output), "to": to, **_outcome(done)})
    _print(done, output)


def _require_fit(to: str, turns: bool, inputs: tuple[str, ...], threshold: float | None) -> None:
    if turns and to != "skyrl":
        raise click.UsageError("--turns is for --to skyrl: no other of these trainers rewards turn by turn")
    if (inputs or threshold is not None) and to != "prm":
        raise click.UsageError("--completions and --threshold are for --to prm")
    if bool(inputs) != (threshold is not None):
        raise click.UsageError("--completions and --threshold belong together: a score is no label before it is cut")


def _outcome(done: Exported) -> dict[str, object]:
    return {"splits": done.splits, "left_out": dict(done.left_out), "files": done.files}


def _print(done: Exported, output: Path) -> None:
    splits = ", ".join(f"{name} {rows:,} rows" for name, rows in done.splits.items())
    click.echo(f"{output}: {splits}", err=True)
    for reason, number in sorted(done.left_out.items(), key=lambda item: (-item[1], item[0])):
        click.echo(f"  {number:,} × left out: {reason}", err=True)
    for name in done.files:
        click.echo(f"  {name}", err=True)
