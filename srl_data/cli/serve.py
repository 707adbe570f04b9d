"""``srl-data serve``: rewards over HTTP."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import Literal

import click

__all__ = ["command"]


def _unscorable(ctx: click.Context, param: click.Parameter, value: str | None) -> Literal["raise"] | float | None:
    if value is None or value == "raise":
        return value  # type: ignore[return-value]  # mypy does not narrow a string to a literal
    try:
        return float(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is neither a number nor 'raise'") from None


@click.command(
    epilog="""\b
Examples:
  srl-data serve
  srl-data serve --reward srl -O similarity=indel --port 8080 --workers 4
  srl-data serve --config reward.toml --host 0.0.0.0 --token-file token.txt
  curl localhost:8000/score -H 'Content-Type: application/json' \\
    -d '{"completions": ["<think>Undo.</think>2x = 8"], "columns": {"reference": ["2x = 8"]}}'
"""
)
@click.option("-r", "--reward", "names", multiple=True, help="See `srl-data rewards`. May be repeated.  [default: srl]")
@click.option(
    "-O",
    "--option",
    "pairs",
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of the only --reward; see `srl-data rewards NAME`.",
)
@click.option(
    "--config",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A TOML file that describes a composite reward. May be repeated.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to bind.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="The port; 0 for a free one."
)
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes.")
@click.option(
    "--token-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with the token that requests must bring; or set SRL_DATA_TOKEN.",
)
@click.option(
    "--unscorable",
    metavar="NUMBER|raise",
    callback=_unscorable,
    help="What OpenRLHF gets for a score that is missing.  [default: the reward's lower bound]",
)
@click.option(
    "--max-waiting",
    type=click.IntRange(min=1),
    default=16_384,
    show_default=True,
    help="Completions that may wait in a process; beyond that, requests are put off (429).",
)
@click.option(
    "--max-batch",
    type=click.IntRange(min=1),
    default=1024,
    show_default=True,
    help="Completions of several requests that are scored in one call.",
)
@click.option(
    "--window-ms",
    type=click.FloatRange(min=0, max=1000),
    default=0.0,
    show_default=True,
    help="How long a request waits for others when the reward is free.",
)
@click.option(
    "--max-body-mb",
    type=click.FloatRange(min=0, max=1024, min_open=True),
    default=16.0,
    show_default=True,
    help="The largest body of a request, in megabytes.",
)
@click.option(
    "--grace",
    type=click.IntRange(min=0),
    default=30,
    show_default=True,
    help="Seconds in which begun requests are finished when the server is told to stop.",
)
def command(
    names: tuple[str, ...],
    pairs: tuple[str, ...],
    files: tuple[Path, ...],
    host: str,
    port: int,
    workers: int,
    token_file: Path | None,
    unscorable: Literal["raise"] | float | None,
    max_waiting: int,
    max_batch: int,
    window_ms: float,
    max_body_mb: float,
    grace: int,
) -> None:
    """Serve rewards over HTTP: as OpenRLHF's remote reward model, and as a JSON API.

    POST /score takes completions and columns, POST /get_reward is for OpenRLHF (--reward.remote_url); GET /rewards,
    /health, /metrics (Prometheus) and /docs (OpenAPI) say the rest. The token comes from a file or the environment,
    since every user of a machine sees what stands on a command line.
    """
    from srl_data import serving

    if not names and not files:
        names = ("srl",)
    if pairs and len(names) != 1:
        raise click.UsageError("-O is for a single --reward: describe the others in files, and give them by --config")
    if token_file is not None:
        os.environ[serving.TOKEN] = serving.token_from(token_file)
    if serving.TOKEN not in os.environ and not _is_loopback(host):
        click.echo(f"warning: no token: whoever reaches {host} can use this server (see --token-file)", err=True)
    settings = serving.Settings(
        names=names,
        pairs=pairs,
        files=tuple(str(file.resolve()) for file in files),
        limits={
            "max_waiting": max_waiting,
            "max_batch": max_batch,
            "window_ms": window_ms,
            "max_body": int(max_body_mb * 2**20),
        },
        unscorable=unscorable,
    )
    serving.run(settings, host=host, port=port, workers=workers, grace=grace)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
