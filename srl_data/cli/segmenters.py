"""``srl-data segmenters``: which there are, and what each takes."""

from __future__ import annotations

import click

from srl_data.cli import report

__all__ = ["command"]


@click.command(
    epilog="""\b
Examples:
  srl-data segmenters
  srl-data segmenters numbered
"""
)
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(name: str | None, as_json: bool) -> None:
    """List the segmenters, or describe one with its options."""
    from rewards.errors import PluginLoadError
    from srl_data import segmenters

    if name is not None:
        described = segmenters.describe(name)
        if as_json:
            report.print_json(
                {
                    "name": described.name,
                    "origin": described.origin,
                    "summary": described.summary,
                    "options": [
                        {
                            "name": option.name,
                            "type": option.type_name,
                            "default": None if option.required else option.default,
                            "required": option.required,
                            "help": option.help,
                        }
                        for option in described.options
                    ],
                }
            )
            return
        click.echo(f"{described.name}  ({described.origin})\n\n{described.doc}\n\nOptions:")
        for option in described.options:
            default = "required" if option.required else f"default {_shown(option.default)}"
            click.echo(f"  -O {option.name}={option.type_name}  ({default})\n      {option.help}")
        if not described.options:
            click.echo("  none")
        return
    rows = []
    for each in segmenters.names():
        try:
            rows.append((each, segmenters.describe(each).summary, segmenters.registry.origin(each)))
        except PluginLoadError as error:
            rows.append((each, f"cannot be loaded: {error}", segmenters.registry.origin(each)))
    if as_json:
        report.print_json([{"name": each, "summary": text, "origin": origin} for each, text, origin in rows])
        return
    width = max(len(each) for each, _, _ in rows)
    for each, text, _ in rows:
        click.echo(f"{each:<{width}}  {text}")


def _shown(default: object) -> str:
    return str(default).lower() if default is None or isinstance(default, bool) else str(default)
