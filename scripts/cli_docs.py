"""Write docs/cli.md from the commands' own help; with ``--check``, only say whether it is fresh."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from srl_data.cli import main as srl_data

PAGE = Path(__file__).resolve().parent.parent / "docs" / "cli.md"
WIDTH = 100

HEADER = """\
# Command line

<!-- Written by `make docs` from the commands' help: change the help, not this page. -->
"""


def sections(command: click.Command, name: str, parent: click.Context | None = None) -> Iterator[str]:
    """Yield one section for the command and one for each below it."""
    settings = {**command.context_settings, "terminal_width": WIDTH, "color": False}
    context = click.Context(command, info_name=name, parent=parent, **settings)
    yield f"\n## {context.command_path}\n\n```text\n{click.unstyle(command.get_help(context))}\n```\n"
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None and not found.hidden:
                yield from sections(found, child, context)


def main() -> None:
    """Write the page, or check it."""
    text = HEADER + "".join(sections(srl_data, "srl-data"))
    if sys.argv[1:] == ["--check"]:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
            sys.exit("docs/cli.md is stale: run `make docs`")
    elif sys.argv[1:]:
        sys.exit("usage: cli_docs.py [--check]")
    else:
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
