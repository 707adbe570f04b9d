"""``srl-data segment``: expert solutions in, a step dataset out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from srl_data.cli import report

if TYPE_CHECKING:
    from srl_data.options import SegmentOptions
    from srl_data.prompts import Tags

__all__ = ["command"]


def _holdout(ctx: click.Context, param: click.Parameter, value: str) -> int | float:
    from srl_data.splits import parse_holdout

    try:
        return parse_holdout(value)
    except ValueError:
        raise click.BadParameter(
            f"{value!r} is neither a count such as 60 nor a fraction below 1 such as 0.05"
        ) from None


def _system(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is None or not value.startswith("@"):
        return value
    try:
        return Path(value[1:]).read_text(encoding="utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"cannot read {value[1:]}: {error}") from error


@click.command(
    epilog="""\b
Examples:
  srl-data segment solutions.jsonl -o steps
  srl-data segment 'data/*.jsonl.gz' -o steps --segmenter numbered --holdout 60 --jobs 8
  srl-data segment s1k.parquet -o steps --map problem=question --map text=deepseek_attempt
  srl-data generate -n 1000 | srl-data segment - -o steps
"""
)
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The folder to make.")
@click.option("-s", "--segmenter", default="auto", show_default=True, help="See `srl-data segmenters`.")
@click.option(
    "-O",
    "--option",
    "pairs",
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of the segmenter; see `srl-data segmenters NAME`.",
)
@click.option(
    "--map",
    "columns",
    multiple=True,
    metavar="NAME=COLUMN",
    callback=report.column_map("problem=question", "problem", "text", "answer", "id"),
    help="Which column is the problem, text, answer or id; dots reach into objects. What is not given is guessed.",
)
@click.option("--include-last", is_flag=True, help="Make a row for the last step too; SRL does not.")
@click.option("--give-title", is_flag=True, help="Tell the model the coming step's title.")
@click.option(
    "--tags",
    type=click.Choice(["think", "think+solution"]),
    default="think",
    show_default=True,
    help="Which tags the system prompt asks for.",
)
@click.option(
    "--system",
    callback=_system,
    metavar="TEXT|@FILE",
    help="A system prompt instead of the default; '' for none.",
)
@click.option(
    "--window",
    type=click.IntRange(min=0),
    default=2,
    show_default=True,
    help="How many call–observation pairs an agent's prompt shows.",
)
@click.option(
    "--holdout",
    callback=_holdout,
    metavar="COUNT|FRACTION",
    default="0",
    help="Trajectories for the validation split: a count (60) or a fraction (0.05).",
)
@click.option(
    "--near-duplicate",
    type=click.FloatRange(0.5, 2),
    default=0.9,
    show_default=True,
    help="Problems at least this similar, with the same numbers, stay in one split; 2 looks for equal ones only.",
)
@click.option("--min-steps", type=click.IntRange(min=1), default=2, show_default=True, help="Leave out shorter ones.")
@click.option("--max-steps", type=click.IntRange(min=1), help="Leave out solutions of more steps.")
@click.option("--max-chars", type=click.IntRange(min=1), help="Leave out longer solutions.")
@click.option("--max-step-chars", type=click.IntRange(min=1), help="Leave out solutions with a longer step.")
@click.option(
    "--answers",
    type=click.Choice(["any", "known", "agree"]),
    default="any",
    show_default=True,
    help="'known' wants a gold answer; 'agree' wants the solution to state the same one.",
)
@click.option(
    "--check-answers",
    is_flag=True,
    help="Leave out records whose gold answer the verifier cannot read: no reply could be scored by it.",
)
@click.option("--keep-duplicates", is_flag=True, help="Keep records whose problem and solution were seen before.")
@click.option("-j", "--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes at work.")
@click.option("--strict", is_flag=True, help="Stop at the first record that cannot be used.")
@click.option("--resume", is_flag=True, help="Go on where a killed run stopped.")
@click.option("--overwrite", is_flag=True, help="Replace the dataset at the output.")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest to standard output.")
def command(
    inputs: tuple[str, ...],
    output: Path,
    segmenter: str,
    pairs: tuple[str, ...],
    columns: dict[str, str],
    include_last: bool,
    give_title: bool,
    tags: Tags,
    system: str | None,
    window: int,
    holdout: int | float,
    near_duplicate: float,
    min_steps: int,
    max_steps: int | None,
    max_chars: int | None,
    max_step_chars: int | None,
    answers: Literal["any", "known", "agree"],
    check_answers: bool,
    keep_duplicates: bool,
    jobs: int,
    strict: bool,
    resume: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Split expert solutions into steps and write a step dataset.

    INPUT is a file (.jsonl, .json, .parquet, .csv, also .gz and .zst), a folder, a glob, a dataset on the Hub
    (org/name), or - for JSON lines on standard input. A record that cannot be used is written to rejects.jsonl with
    the reason, and the run goes on.
    """
    from srl_data import segmenters
    from srl_data.examples import ExampleOptions
    from srl_data.filters import FilterOptions
    from srl_data.options import SegmentOptions

    options = SegmentOptions(
        segmenter=segmenter,
        segmenter_options=segmenters.registry.parse_options(segmenter, pairs),
        columns=columns,
        examples=ExampleOptions(include_last, give_title, tags, system, window),
        filters=FilterOptions(min_steps, max_steps, max_chars, max_step_chars, answers, keep_duplicates, check_answers),
        holdout=holdout,
        near_duplicate=near_duplicate,
    )
    _run(inputs, output, options, as_json, jobs=jobs, strict=strict, resume=resume, overwrite=overwrite)


def _run(inputs: tuple[str, ...], output: Path, options: SegmentOptions, as_json: bool, **how: Any) -> None:
    from srl_data import pipeline, sources

    sizes = [source.size for source in sources.resolve(inputs)]
    with report.progress_bar(None if None in sizes else sum(size or 0 for size in sizes)) as bar:

        def on_input(source: sources.Input, layout: sources.Layout) -> None:
            bar.write(f"{source.name}: {layout.describe()}", file=sys.stderr)

        def on_progress(progress: pipeline.Progress) -> None:
            report.advance(bar, progress)

        try:
            manifest = pipeline.segment(inputs, output, options, on_input=on_input, on_progress=on_progress, **how)
        except KeyboardInterrupt:
            raise click.ClickException("stopped; what was finished is kept, --resume goes on from there") from None
    if as_json:
        report.print_json(manifest)
    report.print_outcome(manifest, output)
    if not manifest.counts["trajectories"]:
        raise click.ClickException(f"no record could be used; {output / 'rejects.jsonl'} says why of each")
