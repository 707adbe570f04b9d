"""``srl-data validate``: is a dataset sound?"""

from __future__ import annotations

from pathlib import Path

import click

from srl_data.cli import report

__all__ = ["command"]


@click.command(
    epilog="""\b
Examples:
  srl-data validate steps
  srl-data validate steps --json
"""
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many problems to print.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(folder: Path, limit: int, as_json: bool) -> None:
    """Check every row: schema, partition, rows, ids, counts, leakage between splits.

    Exit status 1 if anything is wrong.
    """
    from srl_data.dataset import StepDataset
    from srl_data.insight.validate import CHECKS, promise, summary, validate

    problems, counts = summary(validate(StepDataset(folder)), limit)
    total = sum(counts.values())
    if as_json:
        report.print_json(
            {
                "valid": not total,
                "found": counts,
                "problems": [
                    {"check": problem.check, "where": problem.where, "message": problem.message} for problem in problems
                ],
            }
        )
    else:
        skipped = "schema" in counts
        for check in CHECKS:
            bad = counts.get(check, 0)
            mark = click.style("✗", fg="red") if bad else click.style("✓", fg="green")
            if skipped and check != "schema":
                mark = "–"
            click.echo(f"{mark} {check:<10} {promise(check)}" + (f" — {bad} broken" if bad else ""))
        for problem in problems:
            click.echo(f"  {problem.check}: {problem.where}: {problem.message}")
        if total > len(problems):
            click.echo(f"  … and {total - len(problems)} more (--limit)")
    if total:
        raise click.ClickException(f"{folder} is not sound: {total} problem{'s' if total > 1 else ''}")
