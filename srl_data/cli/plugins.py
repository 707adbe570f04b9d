"""Listing and describing plug-ins: segmenters and rewards look the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from srl_data.cli import report

if TYPE_CHECKING:
    from rewards.registry import Description, Option, Registry

__all__ = ["as_json", "lacking", "print_description", "print_list"]


def print_list(registry: Registry[Any], describe: Callable[[str], Description], *, json: bool) -> None:
    """Every plug-in with its summary; of one that lacks a library, what to install."""
    from rewards.errors import PluginLoadError

    rows = []
    for name in registry.names():
        try:
            summary = describe(name).summary
        except PluginLoadError as error:
            summary = f"cannot be loaded: {error}"
        else:
            extra = registry.extra_of(name)
            if lacking(extra):
                summary += f" (needs pip install 'srl-data[{extra}]')"
        rows.append({"name": name, "summary": summary, "origin": registry.origin(name)})
    if json:
        report.print_json(rows)
        return
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        click.echo(f"{row['name']:<{width}}  {row['summary']}")


def as_json(described: Description) -> dict[str, Any]:
    """What every plug-in has to say, ready for JSON."""
    return {
        "name": described.name,
        "origin": described.origin,
        "summary": described.summary,
        "options": [_option(option) for option in described.options],
    }


def print_description(described: Description, facts: Iterable[tuple[str, str]] = ()) -> None:
    """A plug-in for a person: its documentation, facts (a word and what it says), the options."""
    click.echo(f"{described.name}  ({described.origin})\n\n{described.doc}\n")
    for word, fact in facts:
        click.echo(f"{word + ':':<9}{fact}")
    click.echo("Options:")
    for option in described.options:
        default = "required" if option.required else f"default {_shown(option.default)}"
        click.echo(f"  -O {option.name}={option.type_name}  ({default})")
        if option.help:
            click.echo(f"      {option.help}")
    if not described.options:
        click.echo("  none")


def lacking(extra: str | None) -> list[str]:
    """The libraries of one of our extras that are not installed."""
    from importlib.metadata import PackageNotFoundError, requires, version

    missing = []
    for requirement in requires("srl-data") or [] if extra else []:
        wanted, _, marker = requirement.partition(";")
        if re.search(rf"""extra == ['"]{extra}['"]""", marker):
            name = re.match(r"[\w.-]+", wanted.strip())
            try:
                version(name[0] if name else wanted)
            except PackageNotFoundError:
                missing.append(name[0] if name else wanted)
    return missing


def _option(option: Option) -> dict[str, Any]:
    return {
        "name": option.name,
        "type": option.type_name,
        "default": None if option.required else option.default,
        "required": option.required,
        "help": option.help,
    }


def _shown(default: object) -> str:
    return str(default).lower() if default is None or isinstance(default, bool) else str(default)
