"""``srl-data generate``: worked solutions to try things on, made and checked by the toolkit itself."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import click

from rewards.errors import OptionError

__all__ = ["command"]


def _levels(ctx: click.Context, param: click.Parameter, value: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", value.strip(), re.ASCII)
    if not found:
        raise click.BadParameter(f"{value!r} is neither a level such as 3 nor a range such as 1-5")
    return int(found[1]), int(found[2] or found[1])


@click.command(
    epilog="""\b
Examples:
  srl-data generate -n 1000 -o solutions.jsonl
  srl-data generate --family linear --level 3 -n 100 --seed 1 --style prose
  srl-data generate --family chain --family word --level 5-8 --style lines --style terse -n 500 -o mixed.jsonl
  srl-data generate --list --family chain
  srl-data generate -n 1000 | srl-data segment - -o steps
"""
)
@click.option(
    "-f", "--family", "family", multiple=True, default=("all",), show_default=True, help="May be repeated. See --list."
)
@click.option(
    "-l",
    "--level",
    callback=_levels,
    metavar="LEVEL|LOW-HIGH",
    default="1-5",
    show_default=True,
    help="1 (trivial) to 10 (a dozen steps, large numbers), or a range of levels.",
)
@click.option("-n", "--count", type=click.IntRange(min=0), default=100, show_default=True, help="How many solutions.")
@click.option("--seed", type=int, default=0, show_default=True, help="Same seed, same solutions.")
@click.option(
    "-s",
    "--style",
    multiple=True,
    default=("numbered",),
    show_default=True,
    help="How they are written; may be repeated, or `all`. See --list.",
)
@click.option("--check", is_flag=True, help="Verify each step and answer with sympy before writing it.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("-"),
    help="A JSONL file to make; standard output if not given.",
)
@click.option("--overwrite", is_flag=True, help="Replace the output if it exists.")
@click.option("--list", "listing", is_flag=True, help="Say which families and styles there are, and what levels mean.")
def command(
    family: tuple[str, ...],
    level: tuple[int, int],
    count: int,
    seed: int,
    style: tuple[str, ...],
    check: bool,
    output: Path,
    overwrite: bool,
    listing: bool,
) -> None:
    """Make worked expert solutions with a gold answer, one JSON object a line.

    The problems of several families are drawn at random; each step is true by construction.
    Columns: id, problem, solution, answer, family, level, style.
    """
    from srl_data import generate

    try:
        if listing:
            _list(family)
            return
        rows = generate.generate(family, level=level, n=count, seed=seed, style=style, check=check)
    except OptionError as error:
        raise click.UsageError(str(error)) from error
    if str(output) == "-":
        _write(sys.stdout, rows)
        return
    if output.exists() and not overwrite:
        raise click.UsageError(f"{output} exists; give another name, or --overwrite to replace it")
    _write_file(output, rows)
    click.echo(f"{output}: {count:,} solutions", err=True)


def _write(stream: IO[str], rows: Iterable[dict[str, Any]]) -> None:
    for row in rows:
        stream.write(json.dumps(row, ensure_ascii=False) + "\n")


def _write_file(output: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write beside the output and rename, so that what carries the name is whole."""
    draft = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        with draft.open("w", encoding="utf-8", newline="\n") as stream:
            _write(stream, rows)
        draft.replace(output)
    except OSError as error:
        raise click.ClickException(f"cannot write {output}: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)


def _list(family: tuple[str, ...]) -> None:
    from srl_data import generate

    if "all" not in family:
        click.echo("\n\n".join(f"{name}: {generate.family_doc(name)}" for name in dict.fromkeys(family)))
        return
    click.echo("Families (`--list --family NAME` says what the levels mean):")
    for name in generate.families():
        click.echo(f"  {name:<12} {generate.family_doc(name).splitlines()[0]}")
    click.echo(f"Styles: {', '.join(generate.styles())}")
