"""``srl-data show``: a trajectory, its steps and offsets, in colour."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from srl_data.cli import report

__all__ = ["command"]

_COLOURS = ("cyan", "green", "yellow", "magenta", "blue")


@click.command(
    epilog="""\b
Examples:
  srl-data show steps                    # the first trajectory
  srl-data show steps train.jsonl:17     # the one of this id
  srl-data show steps train.jsonl:17#2   # a training row: what the model sees, what the expert did
"""
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("row_id", metavar="[ID]", required=False)
@click.option("--split", help="Look in this split only.")
@click.option("--json", "as_json", is_flag=True, help="Print the row as JSON.")
def command(folder: Path, row_id: str | None, split: str | None, as_json: bool) -> None:
    """Show one trajectory with its steps, or one training row (ID#STEP)."""
    from srl_data.dataset import StepDataset

    dataset = StepDataset(folder)
    if split is not None and split not in dataset.splits:
        raise click.UsageError(f"there is no split {split!r}; there are {', '.join(dataset.splits)}")
    rows = dataset.rows("trajectories", split)
    found = next((row for row in rows if row_id is None or row["id"] == row_id), None)
    is_example = False
    if found is None and row_id is not None:
        found = next((row for row in dataset.rows("steps", split) if row["id"] == row_id), None)
        is_example = found is not None
    if found is None:
        raise click.ClickException(f"no trajectory and no row has the id {row_id!r}" if row_id else "there are no rows")
    if as_json:
        report.print_json(found)
    elif is_example:
        _show_example(found)
    else:
        _show_trajectory(found)


def _show_trajectory(row: dict[str, Any]) -> None:
    text, steps = row["text"], row["steps"]
    click.secho(f"{row['id']}  ", bold=True, nl=False)
    click.secho(f"{len(steps)} steps by {row['segmenter']}, from {row['source']}", dim=True)
    click.secho("problem", underline=True)
    click.echo(row["problem"])
    if row["preamble"].strip():
        click.secho(f"preamble [0:{len(row['preamble'])}]", underline=True)
        click.secho(row["preamble"].strip(), dim=True)
    for number, step in enumerate(steps):
        colour = _COLOURS[number % len(_COLOURS)]
        marks = [f"[{step['start']}:{step['end']}]", step["kind"], step["title"]]
        click.secho(f"step {number} " + "  ".join(mark for mark in marks if mark), fg=colour, bold=True)
        written = text[step["start"] : step["end"]]
        click.secho(written, fg=colour)
        if step["action"] != written:
            click.secho("→ action: ", fg=colour, bold=True, nl=False)
            click.echo(step["action"])
    epilogue = text[steps[-1]["end"] :]
    if epilogue.strip():
        click.secho(f"epilogue [{steps[-1]['end']}:{len(text)}]", underline=True)
        click.secho(epilogue.strip(), dim=True)
    click.secho("answer  ", underline=True, nl=False)
    click.echo(row["answer"] if row["answer"] is not None else "none known")


def _show_example(row: dict[str, Any]) -> None:
    click.secho(f"{row['id']}  ", bold=True, nl=False)
    click.secho(f"step {row['step_index']} of {row['num_steps']}, from {row['source']}", dim=True)
    for message in row["prompt"]:
        click.secho(message["role"], underline=True)
        click.echo(message["content"])
    click.secho("reference", underline=True)
    click.secho(row["reference"], fg="green")
