"""``srl-data segmenters``: which there are, and what each takes."""

from __future__ import annotations

import click

from srl_data.cli import plugins, report

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
    from srl_data import segmenters

    if name is None:
        plugins.print_list(segmenters.registry, segmenters.describe, json=as_json)
    elif as_json:
        report.print_json(plugins.as_json(segmenters.describe(name)))
    else:
        plugins.print_description(segmenters.describe(name))
