"""``srl-data rewards``: which there are, and what each takes."""

from __future__ import annotations

import click

from srl_data.cli import plugins, report

__all__ = ["command"]


@click.command(
    epilog="""\b
Examples:
  srl-data rewards
  srl-data rewards srl
  srl-data rewards sequence_match --json
"""
)
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(name: str | None, as_json: bool) -> None:
    """List the rewards, or describe one with its options."""
    from rewards import catalog

    if name is None:
        plugins.print_list(catalog.registry, catalog.describe, json=as_json)
        return
    described = catalog.describe(name)
    if as_json:
        content = plugins.as_json(described) | {
            "columns": described.columns,
            "bounds": described.bounds,
            "extra": described.extra,
            "engine": described.engine,
        }
        report.print_json(content)
        return
    low, high = described.bounds or ("?", "?")
    facts = [("Reads", ", ".join(["the completion", *described.columns])), ("Bounds", f"{low} to {high}")]
    if described.engine:
        facts.append(("Engine", described.engine))
    if described.extra:
        missing = plugins.lacking(described.extra)
        state = f"not installed: {', '.join(missing)}" if missing else "installed"
        facts.append(("Needs", f"pip install 'srl-data[{described.extra}]' ({state})"))
    plugins.print_description(described, facts)
