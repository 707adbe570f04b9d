"""``srl-data push``: publish a dataset on the Hugging Face Hub."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from srl_data.cli import report

if TYPE_CHECKING:
    from srl_data.hub import PushReport

__all__ = ["command"]


@click.command(
    epilog="""\b
Examples:
  srl-data push steps my-org/gsm8k-steps --dry-run
  srl-data push steps my-org/gsm8k-steps --private
  srl-data push steps my-org/gsm8k-steps --create-pr
"""
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("repo_id", metavar="ORG/NAME")
@click.option("--private", is_flag=True, help="Create it private; refused if it exists and is public.")
@click.option("--revision", metavar="BRANCH", help="The branch to commit to, or refs/pr/N.  [default: main]")
@click.option("--create-pr", is_flag=True, help="Open a pull request instead of committing.")
@click.option(
    "--max-shard-size",
    default="500MB",
    show_default=True,
    metavar="SIZE",
    help="How much Arrow data goes into one Parquet file.",
)
@click.option("--with-rejects", is_flag=True, help="Publish rejects.jsonl too; it holds raw input records.")
@click.option("--dry-run", is_flag=True, help="Print what would be uploaded; needs neither network nor token.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    folder: Path,
    repo_id: str,
    private: bool,
    revision: str | None,
    create_pr: bool,
    max_shard_size: str,
    with_rejects: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Publish a step dataset: both tables as Parquet, card and manifest, in one commit.

    `datasets.load_dataset("ORG/NAME", "steps")` opens it afterwards, and `"trajectories"` the other table. Log in
    with `hf auth login`, or set HF_TOKEN.
    """
    from srl_data.hub import parse_size, push

    size = parse_size(max_shard_size)
    if not sys.stderr.isatty():
        _no_bars()
    outcome = push(
        folder,
        repo_id,
        private=private,
        revision=revision,
        create_pr=create_pr,
        max_shard_size=size,
        with_rejects=with_rejects,
        dry_run=dry_run,
    )
    if as_json:
        report.print_json(outcome)
    else:
        _print(outcome)
    if outcome.license == "unknown":
        click.echo(f"the card states no licence: srl-data card {folder} --license …", err=True)


def _no_bars() -> None:
    import datasets
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

    datasets.disable_progress_bars()
    disable_progress_bars()


def _print(outcome: PushReport) -> None:
    """What was or would be uploaded; the address alone goes to standard output after a real push."""
    for file in outcome.files:
        rows = f"  {file.rows:,} rows" if file.rows is not None else ""
        click.echo(f"{file.bytes:>14,} B  {file.path}{rows}", err=not outcome.dry_run)
    if outcome.dry_run:
        total = sum(file.bytes for file in outcome.files)
        click.echo(f"{total:>14,} B  would go to {outcome.repo_id}; nothing was uploaded")
    else:
        click.echo(outcome.url)
