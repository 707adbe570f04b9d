"""``srl-data train``: stages of training from a TOML file, or a single one from flags."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import click
from click.core import ParameterSource

from rewards.errors import MissingExtra, OptionError
from rewards.registry import Option, options_of
from srl_data.training import config as training
from srl_data.training.stage import ConfigError, Stage

if TYPE_CHECKING:
    from srl_data.training.config import Config

__all__ = ["command"]

_RUN = {option.name: option for option in options_of(training.Config) if option.name not in ("stages", "lora")}
_LORA = {option.name: option for option in options_of(training.Lora)}
_STAGE = {option.name: option for option in options_of(Stage)}
_METAVARS = {"model": "FOLDER|NAME", "data": "FOLDER", "output": "FOLDER", "reward": "NAME|FILE.toml"}
_METAVARS |= {"modules": "NAME,…", "log_to": "NAME,…"}
_SHORT = {"output": ["-o"], "reward": ["-r"]}


def _parsed(option: Option) -> Callable[[click.Context, click.Parameter, str | None], Any]:
    def parse(ctx: click.Context, param: click.Parameter, text: str | None) -> Any:
        try:
            return None if text is None else option.parse(text)
        except OptionError as error:
            raise click.BadParameter(str(error).removeprefix(f"option {option.name}: ")) from error

    return parse


def _options(known: Mapping[str, Option], prefix: str = "") -> Callable[[Any], Any]:
    """Command-line options of the same names, types, defaults and help; none of them has to be given."""

    def decorate(function: Any) -> Any:
        for option in reversed(list(known.values())):
            flag = f"--{prefix}{option.name}".replace("_", "-")
            names = [*_SHORT.get(option.name, []), flag, f"{prefix}{option.name}".replace("-", "_")]
            unsaid = option.required or option.default is None or option.default is False or option.default in ("", ())
            text = option.help if unsaid else f"{option.help}  [default: {option.default}]"
            how: dict[str, Any] = {"help": text, "default": None}
            if option.type is bool:
                how |= {"is_flag": True, "default": None}
            elif get_origin(option.type) is Literal:
                how["type"] = click.Choice(get_args(option.type))
            else:
                metavar = _METAVARS.get(option.name) or option.type_name.removesuffix(" | none").upper()
                how |= {"callback": _parsed(option), "metavar": metavar}
            function = click.option(*names, **how)(function)
        return function

    return decorate


@click.command(
    epilog="""\b
Examples:
  srl-data train run.toml
  srl-data train run.toml --dry-run
  srl-data train run.toml --resume
  srl-data train run.toml --seed 1 -o runs/seed-1
  srl-data train --model M --data steps -o runs/first --method srl --steps 100
  srl-data train --model M --data steps -o runs/first --method srl -r srl -O similarity=indel --steps 100
  accelerate launch --multi_gpu -m srl_data train run.toml
"""
)
@click.argument(
    "file", metavar="[CONFIG.toml]", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@_options(_RUN)
@click.option("--lora", is_flag=True, help="Train low-rank adapters instead of all weights; needs peft.")
@_options(_LORA, "lora-")
@click.option("--resume", is_flag=True, help="Go on from the run's last checkpoint, as if it had not stopped.")
@click.option("--dry-run", is_flag=True, help="Make every check, say what would be done, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print what --dry-run finds as JSON.")
@_options(_STAGE)
@click.option(
    "-O", "--option", "pairs", multiple=True, metavar="NAME=VALUE", help="An option of the --reward; may be repeated."
)
def command(
    file: Path | None, resume: bool, dry_run: bool, as_json: bool, lora: bool, pairs: tuple[str, ...], **given: Any
) -> None:
    """Train a model by supervised fine-tuning, SRL and RLVR, one stage after another.

    CONFIG.toml says which model, which output, and what each [[stage]] does; the options from --model to --lora-modules
    override what it says of the run. Without a file, the options from --method on describe a single stage.

    The output gets log.jsonl, a model folder for each stage, and model, the last stage's; see docs/training.md.
    """
    source = click.get_current_context().get_parameter_source
    typed = {name: value for name, value in given.items() if source(name) is ParameterSource.COMMANDLINE}
    config = _config(file, typed, pairs, lora=lora)
    _check_installed()
    if as_json and not dry_run:
        raise click.UsageError("--json prints what --dry-run finds: give that too")
    if dry_run:
        _dry_run(config, resume=resume, as_json=as_json)
        return
    from srl_data.training.runner import run

    try:
        model = run(config, resume=resume)
    except FloatingPointError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        raise click.ClickException("stopped; --resume goes on from the last checkpoint") from None
    if os.environ.get("RANK", "0") == "0":  # one of several processes speaks for all
        click.echo(model)


def _config(file: Path | None, given: dict[str, Any], pairs: tuple[str, ...], *, lora: bool) -> Config:
    run = {name: value for name, value in given.items() if name in _RUN}
    stage = {name: value for name, value in given.items() if name in _STAGE}
    adapters = {name.removeprefix("lora_"): value for name, value in given.items() if name.startswith("lora_")}
    if "," in (modules := adapters.get("modules", "")):
        adapters["modules"] = tuple(modules.split(","))
    if adapters or lora:
        run["lora"] = adapters
    if file is not None:
        if stage or pairs:
            flag = f"--{next(iter(stage)).replace('_', '-')}" if stage else "-O"
            raise click.UsageError(f"{flag} describes a single stage: with {file}, say it there")
        return training.read(file, run)
    wanted = [name for name in ("model", "output", "method", "data") if name not in given]
    if wanted:
        raise click.UsageError(f"give a CONFIG.toml, or {' and '.join(f'--{name}' for name in wanted)}")
    if pairs:
        stage["reward"] = _reward(stage, pairs)
    try:
        return training.from_table({**run, "stage": [stage]}, "the command line")
    except ConfigError as error:
        raise click.UsageError(str(error)) from error


def _reward(stage: Mapping[str, Any], pairs: tuple[str, ...]) -> dict[str, Any]:
    from rewards.catalog import registry

    name = stage.get("reward") or {"srl": "srl", "rlvr": "outcome"}.get(stage["method"])
    if name is None or name.endswith(".toml"):
        raise click.UsageError("-O is an option of a --reward that is given by name")
    return {"name": name, **registry.parse_options(name, pairs)}


def _check_installed() -> None:
    for module in ("torch", "transformers"):
        if find_spec(module) is None:
            raise MissingExtra(f"training needs {module}, which is not installed: pip install 'srl-data[train]'")


def _dry_run(config: Config, *, resume: bool, as_json: bool) -> None:
    from srl_data.cli import report
    from srl_data.training.prepare import look

    found = look(config, resume=resume)
    if as_json:
        report.print_json(found)
        return
    for name, value in found.items():
        if name != "stages":
            click.echo(f"{name:<12} {value:,}" if isinstance(value, int) else f"{name:<12} {value}")
    for stage in found["stages"]:
        click.echo(f"\nstage {stage.pop('name')}")
        for name, value in stage.items():
            told = ", ".join(map(str, value)) if isinstance(value, list) else value
            if told is not None:
                click.echo(f"  {name:<15} {told}")
