"""``srl-data evaluate``: how good is a model, and how sure is that?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from srl_data.cli import looking, report

__all__ = ["command"]


@click.command(
    epilog="""\b
Examples:
  srl-data evaluate runs/first/model steps
  srl-data evaluate Qwen/Qwen2.5-0.5B-Instruct steps --on solutions --samples 32 --precision bf16
  srl-data evaluate runs/first/model steps --split train --problems 50 --json
  srl-data evaluate runs/first/model steps --reward symbolic -o replies.jsonl
"""
)
@click.argument("model")
@click.argument("data")
@click.option("--split", default="validation", show_default=True, help="Which problems.")
@looking.looking_options()
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file to make, one row a reply: .jsonl or .parquet.",
)
@click.option("--overwrite", is_flag=True, help="Replace the output if it exists.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    model: str,
    data: str,
    split: str,
    on: str | None,
    name: str | None,
    pairs: tuple[str, ...],
    config: Path | None,
    revision: str | None,
    device: str | None,
    precision: str,
    output: Path | None,
    overwrite: bool,
    as_json: bool,
    **drawn: Any,
) -> None:
    """Measure a model on the problems of a step dataset.

    MODEL is a folder or a name on the Hub, DATA a folder that `srl-data segment` wrote. Whole solutions are scored by
    the reward `outcome`: accuracy of the likeliest reply, avg@k of k drawn ones, and unbiased pass@k. Steps, each
    given the expert's steps before it, are scored by --reward. A problem with several solutions is asked once for a
    whole one. Intervals are of 95 %, over distinct problems.
    """
    from srl_data.cli.extras import needs
    from srl_data.training.sampling import Sampling

    reward, chosen = looking.step_reward(name, pairs, config)
    sampling = Sampling(**drawn)
    place = None
    if output is not None:
        from srl_data.reply_file import ReplyFile

        place = ReplyFile(output, overwrite=overwrite)
    with needs("train", "evaluate"):
        from srl_data.training.evaluate import evaluate, rows
    policy = looking.load_policy("evaluate", model, revision, device, precision)
    with looking.progress("reply") as bar:
        figures, replies = evaluate(
            *(policy, data),
            split=split,
            kinds=looking.as_kinds(on),
            sampling=sampling,
            step_reward=reward,
            on_progress=bar,
        )
    made_with = {"model": model, "revision": revision, "data": data, "split": split, **drawn, "step_reward": chosen}
    if place is not None:
        place.write([row for kind, answered in replies.items() for row in rows(answered, kind)])
        click.echo(f"wrote {output}", err=True)
    if as_json:
        report.print_json({**made_with, **figures})
        return
    for kind, found in figures.items():
        _print(kind, found, sampling.samples)


def _print(kind: str, found: dict[str, Any], samples: int) -> None:
    if "left_out" in found:
        click.echo(f"{kind:<10}left out: {found['left_out']}")
        return
    several = kind == "steps" or found["prompts"] != found["problems"]
    of = f" of {found['problems']:,} problems" if several else ""
    long = f"; {found['too_long']:,} more do not fit the context" if found["too_long"] else ""
    click.echo(f"{kind:<10}{found['prompts']:,}{of}, reward {found['reward']}{long}")
    views = [(view, found[view]) for view in ("greedy", "sampled") if view in found]
    click.echo("  " + " " * 26 + "".join(f"{_HEADS[view]:<28}" for view, _ in views).rstrip().format(k=samples))
    score = "accuracy" if kind == "solutions" else "score"
    lines = {score: "score"} | {name: name for name in views[-1][1] if name.startswith("pass@")}
    lines |= {"well formed": "well_formed", "truncated": "truncated", "tokens": "tokens"}
    for words, key in lines.items():
        _line(words, [figures.get(key, "") for _, figures in views])
    for part in dict.fromkeys(part for _, figures in views for part in figures["parts"]):
        _line(f"part {part}", [figures["parts"].get(part) for _, figures in views])
    for view, figures in views:
        for status, number in figures["unscored"].items():
            click.echo(f"  {number:,} of {figures['replies']:,} {view} replies have no score: {status}")


_HEADS = {"greedy": "greedy", "sampled": "mean of {k} drawn"}


def _line(words: str, cells: list[Any]) -> None:
    click.echo(f"  {words:<26}" + "".join(f"{_cell(cell):<28}" for cell in cells).rstrip())


def _cell(figure: dict[str, float] | str | None) -> str:
    if not isinstance(figure, dict):
        return "–" if figure is None else figure
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"
