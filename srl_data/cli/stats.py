"""``srl-data stats``: the figures of a dataset."""

from __future__ import annotations

from pathlib import Path

import click

from srl_data.cli import report

__all__ = ["command"]


@click.command(
    epilog="""\b
Examples:
  srl-data stats steps
  srl-data stats steps --json
"""
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(folder: Path, as_json: bool) -> None:
    """Count and measure a dataset: rows, lengths, segmenters, what was left out."""
    from srl_data.dataset import StepDataset
    from srl_data.insight.stats import stats

    dataset = StepDataset(folder)
    figures = stats(dataset)
    if as_json:
        report.print_json(figures)
        return
    counts = figures["counts"]
    click.echo(
        f"{counts['records']:,} records = {counts['trajectories']:,} trajectories + {counts['rejects']:,} rejects"
    )
    for split, numbers in counts["splits"].items():
        click.echo(f"  {split:<12}{numbers['trajectories']:>10,} trajectories{numbers['steps']:>12,} rows")
    for heading, table in (
        ("segmenter", counts["segmenters"]),
        ("kind of step", figures["kinds"]),
        ("left out", counts["rejects_by_reason"]),
    ):
        if table:
            click.echo(f"\n{heading}")
            most = max(table.values())
            for name, number in sorted(table.items(), key=lambda item: (-item[1], item[0])):
                click.echo(f"  {name:<32}{number:>10,}  {report.bar_chart(number, most)}")
    click.echo(f"\n{'':<24}{'mean':>10}{'min':>9}{'p10':>9}{'median':>9}{'p90':>9}{'max':>9}")
    for name in ("steps_per_trajectory", "text_chars", "prompt_chars", "reference_chars"):
        row = figures[name]
        if row:
            cells = "".join(f"{row[column]:>9,.0f}" for column in ("min", "p10", "median", "p90", "max"))
            click.echo(f"{name.replace('_', ' '):<24}{row['mean']:>10,.1f}{cells}")
    for name in ("titled", "answered"):
        if figures[name] is not None:
            click.echo(f"{name:<24}{figures[name]:>10.1%}")
