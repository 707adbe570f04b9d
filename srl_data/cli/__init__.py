"""The command line: ``srl-data COMMAND``. Each command is a module here, imported when it is called."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from rewards.errors import OptionError, ToolkitError, UnknownPlugin
from rewards.registry import did_you_mean

__all__ = ["main"]

_COMMANDS = [
    *("segment", "segmenters", "generate", "show", "stats", "validate", "card", "push"),
    *("rewards", "score", "serve"),
    *("export", "doctor"),
    *("probe", "train", "evaluate", "tiny"),
    "demo",
]


class _Commands(click.Group):
    """A group that imports a command's module when it is needed, and explains what went wrong in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"srl_data.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in _COMMANDS and not name.startswith("-"):
            raise click.UsageError(
                f"there is no command {name!r}; there are {', '.join(_COMMANDS)}{did_you_mean(name, _COMMANDS)}", ctx
            )
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (UnknownPlugin, OptionError) as error:  # the user asked for something that there is not
            raise click.UsageError(str(error)) from error
        except ToolkitError as error:
            raise click.ClickException(str(error)) from error


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Begin with:
  srl-data demo
  srl-data segment solutions.jsonl -o steps

Exit status: 0 done, 1 failed, 2 called wrongly.
""",
)
@click.version_option(package_name="srl-data")
def main() -> None:
    """Turn expert solutions into step datasets for Supervised Reinforcement Learning."""
