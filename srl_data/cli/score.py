"""``srl-data score``: how good are these completions, and would a trainer learn anything from them?"""

from __future__ import annotations

from math import isnan
from pathlib import Path
from typing import Any

import click

from srl_data.cli import report

__all__ = ["command"]


def _number(context: click.Context, option: click.Parameter, value: float) -> float:
    if isnan(value):
        raise click.BadParameter("nan is no number", context, option)
    return value


@click.command(
    epilog="""\b
Examples:
  srl-data score steps --completions rollouts.jsonl
  srl-data score steps --completions rollouts.jsonl --reward srl -O similarity=indel -o scores.parquet
  srl-data score steps --completions 'run/completions/*.parquet' --split validation --json
  srl-data score steps --completions dump.jsonl --map id=extra_info.id --map completion=output
  srl-data score steps --completions rollouts.jsonl --config reward.toml -o scores.parquet
"""
)
@click.argument("steps", metavar="STEPS")
@click.option(
    "-c",
    "--completions",
    "inputs",
    multiple=True,
    required=True,
    metavar="FILE",
    help="Rows with a step's `id` and a `completion` or a list of `completions`; files as `segment` reads them, or "
    "- for standard input. May be repeated.",
)
@click.option("-r", "--reward", "name", help="See `srl-data rewards`.  [default: srl]")
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
    help="A TOML file that describes a composite reward, instead of --reward.",
)
@click.option("--split", help="Look for steps in this split only.")
@click.option(
    "--map",
    "columns",
    multiple=True,
    metavar="NAME=COLUMN",
    callback=report.column_map("completion=output", "id", "completion"),
    help="Which column is the id or the completion; dots reach into objects.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A Parquet file to make, one row a completion.")
@click.option(
    "--epsilon",
    type=click.FloatRange(min=0),
    callback=_number,
    default=0.01,
    show_default=True,
    help="The standard deviation above which a group has a spread. SRL filters by one and does not report it.",
)
@click.option("--strict", is_flag=True, help="Stop at the first row that cannot be used.")
@click.option("--overwrite", is_flag=True, help="Replace the file of scores at the output.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary to standard output as JSON.")
def command(
    steps: str,
    inputs: tuple[str, ...],
    name: str | None,
    pairs: tuple[str, ...],
    config: Path | None,
    split: str | None,
    columns: dict[str, str],
    output: Path | None,
    epsilon: float,
    strict: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Score completions against a step dataset, and say whether the reward tells them apart.

    STEPS is a folder that `srl-data segment` wrote, or records with an `id` and the columns that the reward reads.
    A row of completions is matched by its `id`, or by `trajectory_id` and `step_index`; several completions of a
    step, in one row or in many, are its group. A row that cannot be used is counted, shown, and written beside the
    output with the reason.
    """
    from srl_data import reward_choice, scoring, sources
    from srl_data.rollouts import Rollouts
    from srl_data.score_file import ScoreFile
    from srl_data.step_index import StepIndex

    if config is not None and (name is not None or pairs):
        raise click.UsageError("--config says all about the reward: leave out --reward and -O")
    if config is not None:
        reward, chosen = reward_choice.by_file(config)
    else:
        reward, chosen = reward_choice.by_name(name or "srl", pairs)
    found = sources.resolve(inputs)
    index = StepIndex(steps, reward.columns, split=split)
    made_with = {"reward": chosen, "steps": steps, "split": split, "completions": [source.name for source in found]}
    file = ScoreFile(output, made_with, overwrite=overwrite) if output else None
    sizes = [source.size for source in found]
    with report.progress_bar(None if None in sizes else sum(size or 0 for size in sizes)) as bar:
        outcome = scoring.score(
            *(index, found, reward, Rollouts(**columns), file),
            strict=strict,
            on_progress=lambda progress: report.advance(bar, progress),
        )
    summary = {**made_with, **outcome.summary(len(index), epsilon)}
    if as_json:
        report.print_json(summary)
    _print(summary, outcome.failure)
    if file is not None:
        click.echo(f"wrote {output}", err=True)
    if not summary["scored"]:
        raise click.ClickException("nothing could be scored")


def _print(summary: dict[str, Any], failure: str | None) -> None:
    """The summary for a person."""
    steps, rejects, groups = summary["steps"], summary["rejects"], summary["groups"]
    _say(
        f"{summary['rows']:,} rows: {summary['completions']:,} completions of {steps['answered']:,} of "
        f"{steps['total']:,} steps; {rejects['total']:,} rows not used"
    )
    for reason, number in rejects["by_reason"].items():
        _say(f"  {number:,} × {reason}")
    for example in rejects["examples"]:
        _say(f"    {example}")
    if rejects["total"] > len(rejects["examples"]):
        _say("    …")
    if summary["statuses"]:
        _say("status  " + ", ".join(f"{status} {number:,}" for status, number in summary["statuses"].items()))
    if failure is not None:
        _say(f"        the reward raised {failure}")
    if summary["score"]:
        _say("score   " + "  ".join(f"{name} {value:.3f}" for name, value in summary["score"].items()))
    width = max(map(len, summary["parts"]), default=0)
    for at, (name, mean) in enumerate(summary["parts"].items()):
        _say(f"{'' if at else 'means':<8}{name:<{width}}  {'–' if mean is None else f'{mean:.3f}'}")
    if groups["count"]:
        _print_groups(groups, malformed="format" in summary["statuses"])


def _print_groups(groups: dict[str, Any], *, malformed: bool) -> None:
    """What says before a GPU is spent whether there is anything to learn from."""
    size = groups["size"]
    sizes = str(size["min"]) if size["min"] == size["max"] else f"{size['min']} to {size['max']}"
    _say(f"groups  {groups['count']:,} of {sizes} completions")
    views = [("all", groups["all"])]
    if malformed:
        views.append(("well-formed", groups["well_formed"]))
    for words, found in views:
        if found["measured"]:
            part = f"{found['spread']:,} of {found['measured']:,} ({found['share']:.1%}) have a standard deviation"
            _say(f"        {words:<12} {part} above {groups['epsilon']:g}")
        else:
            _say(f"        {words:<12} no group has two completions with a score: no spread to measure")
    if groups["form_alone"]:
        _say(f"        {groups['form_alone']:,} of these spread by broken forms alone")


def _say(text: str) -> None:
    click.echo(text, err=True)
