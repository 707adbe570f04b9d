"""What ``evaluate`` and ``probe`` share: their options, and the model that they look at."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rewards.registry import Option, options_of
from srl_data.cli.extras import needs

if TYPE_CHECKING:
    from rewards import Reward
    from srl_data.training.policy import Policy
    from srl_data.training.sampling import Kind

__all__ = ["as_kinds", "click_option", "load_policy", "looking_options", "progress", "step_reward"]

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def click_option(option: Option) -> Callable[[Decorated], Decorated]:
    """A command's option from an annotated field; a wrong value is a wrong call."""

    def parse(ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
        from rewards.errors import OptionError

        try:
            return option.default if value is None else option.parse(value)
        except OptionError as error:
            raise click.BadParameter(str(error)) from error

    shown = "" if option.default is None else f"  [default: {option.default}]"
    flag = f"--{option.name.replace('_', '-')}"
    return click.option(flag, option.name, metavar="NUMBER", callback=parse, help=f"{option.help}{shown}")


def looking_options(**defaults: Any) -> Callable[[Decorated], Decorated]:
    """Which replies are drawn from which model, and what scores them; with other defaults than usual for some."""
    from srl_data.training.sampling import Sampling

    sampled = [replace(each, default=defaults.get(each.name, each.default)) for each in options_of(Sampling)]
    options = [
        click.option(
            "--on",
            type=click.Choice(["solutions", "steps", "both"]),
            help="Whole solutions, single steps given the expert's before, or both; both or whatever there is, if "
            "not given.",
        ),
        *map(click_option, sampled),
        click.option("-r", "--reward", "name", help="Scores steps; see `srl-data rewards`.  [default: srl]"),
        click.option("-O", "--option", "pairs", multiple=True, metavar="NAME=VALUE", help="An option of that reward."),
        click.option(
            "--config",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="A TOML file that describes a composite reward for steps, instead of --reward.",
        ),
        click.option("--revision", help="Branch, tag or commit of a model on the Hub."),
        click.option("--device", help="Where the model runs.  [default: the first GPU, if there is one]"),
        click.option(
            "--precision",
            type=click.Choice(["fp32", "bf16"]),
            default="fp32",
            show_default=True,
            help="Of the forward pass.",
        ),
    ]

    def add(command: Decorated) -> Decorated:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def as_kinds(on: str | None) -> tuple[Kind, ...] | None:
    """What ``--on`` asks for; None leaves it to the data."""
    if on is None:
        return None
    return ("solutions", "steps") if on == "both" else (on,)  # type: ignore[return-value]  # a choice of click's


def step_reward(name: str | None, pairs: tuple[str, ...], config: Path | None) -> tuple[Reward, dict[str, Any]]:
    """The reward that was asked for, and a record of it."""
    from srl_data import reward_choice

    if config is not None and (name is not None or pairs):
        raise click.UsageError("--config says all about the reward: leave out --reward and -O")
    return reward_choice.by_file(config) if config is not None else reward_choice.by_name(name or "srl", pairs)


def load_policy(what: str, model: str, revision: str | None, device: str | None, precision: Any) -> Policy:
    """Load a model."""
    with needs("train", what):
        from srl_data.training.policy import Policy
    return Policy.load(model, revision=revision, device=device, precision=precision)


@contextmanager
def progress(unit: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal; call what it gives with how many of how many are done."""
    from tqdm import tqdm

    with tqdm(unit=unit, disable=None, file=sys.stderr, leave=False) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show
