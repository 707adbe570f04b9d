"""``srl-data card``: write a dataset's card anew."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["command"]


@click.command(
    epilog="""\b
Examples:
  srl-data card steps --license cc-by-4.0 --language en --name "GSM8K, step by step"
  srl-data card steps --tag math --stdout
"""
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--name", help="The dataset's title.  [default: made from the inputs' names]")
@click.option(
    "--license",
    "license_",
    default="unknown",
    show_default=True,
    help="The Hub's identifier of a licence, e.g. apache-2.0; see what the source data allows.",
)
@click.option("--language", multiple=True, help="ISO 639 code of a language, e.g. en; may be repeated.")
@click.option("--tag", multiple=True, help="A tag beside the usual ones; may be repeated.")
@click.option("--description", default="", help="A paragraph of Markdown to begin with.")
@click.option("--repo-id", metavar="ORG/NAME", help="Its name on the Hub; `srl-data push` fills it in otherwise.")
@click.option("--stdout", is_flag=True, help="Print the card and leave the file alone.")
def command(
    folder: Path,
    name: str | None,
    license_: str,
    language: tuple[str, ...],
    tag: tuple[str, ...],
    description: str,
    repo_id: str | None,
    stdout: bool,
) -> None:
    """Render DIR/README.md, the dataset's card, from its manifest.

    What is not given goes back to its default, and what was written into the file by hand is lost.
    """
    from srl_data.card import CardDetails, render_card, write_card

    details = CardDetails(name, license_, language, tag, description, repo_id)
    if stdout:
        click.echo(render_card(folder, details), nl=False)
    else:
        click.echo(f"wrote {write_card(folder, details=details)}", err=True)
        if license_ == "unknown":
            click.echo("  the licence is unknown: state it with --license before you publish", err=True)
