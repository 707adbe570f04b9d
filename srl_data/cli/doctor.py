"""``srl-data doctor``: what would fail if these rows were trained on?"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from srl_data.cli import report
from srl_data.cli.export import TRAINERS

if TYPE_CHECKING:
    from srl_data.insight.findings import Finding

__all__ = ["command"]

_MARKS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "red")}


@click.command(
    epilog="""\b
Examples:
  srl-data doctor steps --for trl --tokenizer Qwen/Qwen2.5-7B-Instruct
  srl-data doctor for-verl --tokenizer ./model --max-prompt-length 2048
  srl-data doctor my-rows.parquet --for verl --reward sequence_match
"""
)
@click.argument("place", metavar="DIR")
@click.option("--for", "to", type=click.Choice(TRAINERS), help="What the rows are for.  [default: the export's]")
@click.option(
    "--tokenizer",
    metavar="NAME_OR_FOLDER",
    help="The tokenizer of the model that will be trained: lengths, and what its chat template does.",
)
@click.option("--max-prompt-length", type=click.IntRange(min=1), help="In tokens.  [default: the launch file's]")
@click.option("--max-completion-length", type=click.IntRange(min=1), help="In tokens.  [default: the launch file's]")
@click.option("--batch", type=click.IntRange(min=1), help="Prompts in a batch.  [default: the launch file's]")
@click.option("-r", "--reward", "name", help="See `srl-data rewards`.  [default: the export's, else srl]")
@click.option("-O", "--option", "pairs", multiple=True, metavar="NAME=VALUE", help="An option of the reward.")
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A TOML file that describes a composite reward, instead of --reward.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    place: str,
    to: str | None,
    tokenizer: str | None,
    max_prompt_length: int | None,
    max_completion_length: int | None,
    batch: int | None,
    name: str | None,
    pairs: tuple[str, ...],
    config: Path | None,
    as_json: bool,
) -> None:
    """Say what would fail if these rows were trained on, and how to mend it.

    DIR is a folder that `srl-data export` wrote, one that `srl-data segment` wrote, or rows of your own (Parquet,
    JSONL, …). Looked at are columns and types, whether the reward can score each row's own reference, lengths, what
    the chat template does to the reward, the size of a batch, and the versions installed here.

    Exit status 1 if something would fail.
    """
    from srl_data.insight.doctor import diagnose
    from srl_data.insight.findings import worst
    from srl_data.insight.training_rows import TrainingRows

    to = to or _exported_for(Path(place))
    rows = TrainingRows(place, to, name, pairs, config, batch)
    findings = diagnose(
        rows,
        tokenizer=tokenizer,
        max_prompt_length=max_prompt_length,
        max_completion_length=max_completion_length,
    )
    failed = worst(findings) == "fail"
    if as_json:
        report.print_json(
            {
                "for": to,
                "reward": rows.reward.name,
                "ready": not failed,
                "findings": [asdict(each) for each in findings],
            }
        )
    else:
        for finding in findings:
            _print(finding)
    if failed:
        number = sum(finding.level == "fail" for finding in findings)
        raise click.ClickException(f"{place} is not ready for {to}: {number} thing{'s' if number > 1 else ''} to mend")


def _exported_for(folder: Path) -> str:
    """The trainer that an export says it was made for."""
    from srl_data.export.folder import RECORD, read_record

    if not (folder / RECORD).is_file():
        raise click.UsageError(
            f"{folder} is no export, which would say what its rows are for: --for {'|'.join(TRAINERS)}"
        )
    to = read_record(folder)["to"]
    if to not in TRAINERS:
        raise click.ClickException(f"{folder / RECORD} names {to!r}, which is none of {', '.join(TRAINERS)}")
    return str(to)


def _print(finding: Finding) -> None:
    mark, colour = _MARKS[finding.level]
    click.echo(f"{click.style(mark, fg=colour)} {finding.check:<8} {finding.message}")
    if finding.examples:
        click.echo(f"           for instance {', '.join(finding.examples)}")
    if finding.mend:
        click.echo(f"           → {finding.mend}")
