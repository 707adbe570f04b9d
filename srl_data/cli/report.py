"""How commands speak: data to standard output, everything else to standard error, bars only on a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from tqdm import tqdm

    from srl_data.manifest import Manifest
    from srl_data.pipeline import Progress

__all__ = ["advance", "balance", "bar_chart", "column_map", "print_json", "print_outcome", "progress_bar"]


def column_map(
    example: str, *names: str
) -> Callable[[click.Context, click.Parameter, tuple[str, ...]], dict[str, str]]:
    """The callback of a ``--map NAME=COLUMN`` that knows these names."""

    def parse(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
        columns = {}
        for value in values:
            name, equals, column = value.partition("=")
            if not equals or name not in names or not column:
                raise click.BadParameter(
                    f"{value!r} is not NAME=COLUMN with NAME one of {', '.join(names)}, e.g. --map {example}"
                )
            columns[name] = column
        return columns

    return parse


def progress_bar(total: int | None) -> tqdm[Any]:
    """A bar over the input's bytes with rate and time left; silent where standard error is no terminal."""
    from tqdm import tqdm

    return tqdm(total=total, unit="B", unit_scale=True, unit_divisor=1024, disable=None, file=sys.stderr, leave=False)


def advance(bar: tqdm[Any], progress: Progress) -> None:
    """Move the bar by a block, and say how many records were read and rejected so far."""
    if bar.disable:
        return
    seen = getattr(bar, "srl_seen", (0, 0))
    seen = (seen[0] + progress.records, seen[1] + progress.rejects)
    bar.srl_seen = seen
    bar.set_postfix(records=seen[0], rejects=seen[1], refresh=False)
    bar.update(progress.bytes)


def print_json(value: Any) -> None:
    """Print a value for a script to read."""
    content = asdict(value) if hasattr(value, "__dataclass_fields__") else value
    click.echo(json.dumps(content, indent=2, ensure_ascii=False))


def print_outcome(manifest: Manifest, folder: Path) -> None:
    """Say what a run made: that everything adds up, what was left out and why."""
    counts = manifest.counts
    splits = ", ".join(
        f"{name} {split['trajectories']:,} trajectories = {split['steps']:,} rows"
        for name, split in counts["splits"].items()
    )
    click.echo(f"{folder}: {splits}", err=True)
    asked = manifest.options["holdout"]
    wanted = round(asked * counts["trajectories"]) if isinstance(asked, float) else asked
    if wanted and counts["splits"]["validation"]["trajectories"] != wanted:
        click.echo(f"  --holdout {asked} asks for {wanted}; equal problems stay together, so it is not exact", err=True)
    if counts["segmenters"]:
        taken = ", ".join(f"{name} {number:,}" for name, number in counts["segmenters"].items())
        click.echo(f"  segmented by: {taken}", err=True)
    click.echo(f"  {balance(counts)}", err=True)
    for reason, number in sorted(counts["rejects_by_reason"].items(), key=lambda item: (-item[1], item[0])):
        click.echo(f"    {number:,} × {reason}", err=True)


def balance(counts: dict[str, Any]) -> str:
    """The sum by which a user sees that nothing was lost."""
    return f"{counts['records']:,} records = {counts['trajectories']:,} trajectories + {counts['rejects']:,} rejects"


def bar_chart(value: float, most: float, width: int = 24) -> str:
    """A bar of text for a table.

    Example:
        >>> bar_chart(1, 2, 4)
        '██'
    """
    return "█" * round(width * value / most) if most else ""
