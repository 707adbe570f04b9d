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

    Exit status 1 if anything is wrong. Gold answers that the reward `outcome` could not score by are told too, but are
    no fault of a step dataset; `srl-data segment --check-answers` leaves them out.
    """
    from srl_data.dataset import StepDataset
    from srl_data.insight.validate import CHECKS, promise, summary, unscorable_answers, validate

    dataset = StepDataset(folder)
    problems, counts = summary(validate(dataset), limit)
    total = sum(counts.values())
    remarks, remarked = summary(unscorable_answers(dataset) if "schema" not in counts else iter(()), limit)
    unscorable = sum(remarked.values())
    if as_json:
        report.print_json(
            {
                "valid": not total,
                "found": counts,
                "unscorable_answers": unscorable,
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
        if unscorable:
            click.echo(f"{click.style('!', fg='yellow')} {'answers':<10} {unscorable} that outcome could not score by")
        for remark in remarks:
            click.echo(f"  {remark.check}: {remark.where}: {remark.message}")
        if total > len(problems):
            click.echo(f"  … and {total - len(problems)} more (--limit)")
    if total:
        raise click.ClickException(f"{folder} is not sound: {total} problem{'s' if total > 1 else ''}")
