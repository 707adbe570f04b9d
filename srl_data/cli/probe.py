"""``srl-data probe``: before training, what could it learn from?"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rewards.registry import options_of
from srl_data.cli import looking, report
from srl_data.insight.regime import Rule

if TYPE_CHECKING:
    from srl_data.insight.intervals import Estimate
    from srl_data.insight.probe import Probe, Solutions, Steps

__all__ = ["command"]

_RULE = {option.name: option for option in options_of(Rule)}


def _rule_options(command: Any) -> Any:
    for option in reversed(_RULE.values()):
        command = looking.click_option(option)(command)
    return command


@click.command(
    epilog="""\b
Examples:
  srl-data probe Qwen/Qwen2.5-0.5B-Instruct steps --problems 64
  srl-data probe ./model steps --samples 16 --reward symbolic --plot probe.svg
  srl-data probe ./model steps --speaks 0.1 --json
"""
)
@click.argument("model")
@click.argument("data")
@click.option("--split", default="train", show_default=True, help="Which problems: those that would be trained on.")
@looking.looking_options(problems=100)
@_rule_options
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A picture to make: .svg, .png or .pdf. Needs srl-data[report].",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    model: str,
    data: str,
    split: str,
    on: str | None,
    name: str | None,
    pairs: tuple[str, ...],
    config: Path | None,
    revision: str | None,
    device: str | None,
    precision: str,
    plot: Path | None,
    as_json: bool,
    **numbers: Any,
) -> None:
    """Say before training where RLVR is silent, where SRL speaks, and which order of stages that suggests.

    MODEL is a folder or a name on the Hub, DATA a folder that `srl-data segment` wrote. Rollouts are drawn as training
    would draw them: of whole problems, scored by the reward `outcome`, and of steps, scored by --reward.

    RLVR learns from problems that some rollouts solve and some do not. SRL learns from steps whose well-formed
    rollouts vary by more than --epsilon and of which the best scores --near or more. The rule that makes stages of
    this is in the guide, docs/choosing-a-regime.md; its thresholds are options here.
    """
    from srl_data.cli.extras import needs
    from srl_data.training.sampling import Sampling

    rule = Rule(**{key: value for key, value in numbers.items() if key in _RULE})
    sampling = Sampling(**{key: value for key, value in numbers.items() if key not in _RULE})
    reward, chosen = looking.step_reward(name, pairs, config)
    if plot is not None:
        with needs("report", "the plot"):
            from srl_data.insight.probe_plot import check_place, draw
        check_place(plot)
    with needs("train", "probe"):
        from srl_data.insight.probe import probe
    policy = looking.load_policy("probe", model, revision, device, precision)
    with looking.progress("rollout") as bar:
        found = probe(
            *(policy, data),
            split=split,
            kinds=looking.as_kinds(on),
            sampling=sampling,
            step_reward=reward,
            rule=rule,
            on_progress=bar,
        )
    if plot is not None:
        draw(found, plot)
        click.echo(f"wrote {plot}", err=True)
    if as_json:
        made_with = {"model": model, "revision": revision, "data": data, "split": split, **asdict(sampling)}
        report.print_json({**made_with, "step_reward": chosen, **asdict(found)})
        return
    _print(found)


def _print(found: Probe) -> None:
    for kind, reason in found.left_out.items():
        click.echo(f"{kind} left out: {reason}\n")
    if found.solutions:
        _print_solutions(found.solutions, found.samples)
    if found.steps:
        _print_steps(found.steps, found.rule, found.samples)
    order = " → ".join(found.advice.order) or "nothing to train"
    click.echo(f"suggests  {click.style(order, bold=True)}")
    click.echo(f"  {found.advice.because}")
    for check in found.advice.checks:
        sign = "≥" if check.holds else "<"
        close = "; too close to call: probe more problems" if check.is_close else ""
        click.echo(f"  {check.what}: {check.figure.value:.1%} {sign} {check.threshold:.0%}{close}")


def _print_solutions(found: Solutions, samples: int) -> None:
    click.echo(f"solutions  {found.problems:,} problems, {samples} rollouts each{_missing(found)}")
    signal = found.signal
    _line("never right", signal.never, "RLVR is silent")
    _line("now and then", signal.mixed, "RLVR learns")
    _line("always right", signal.always, "nothing left to learn")
    _line("rollouts right", signal.accuracy)
    _line("rollouts with an answer", signal.answered)
    _line("rollouts cut off", found.truncated)
    click.echo()


def _print_steps(found: Steps, rule: Rule, samples: int) -> None:
    number = len(found.spreads)
    click.echo(
        f"steps      {number:,} of {found.problems:,} problems, {samples} rollouts each, reward {found.reward}"
        f"{_missing(found)}"
    )
    signal = found.signal
    _line("vary", signal.varying, f"standard deviation above {rule.epsilon:g}")
    _line("… if well formed", signal.varying_well_formed, "without what broken forms do")
    _line("… and within reach", signal.reachable, f"best {rule.near:g} or more: SRL learns")
    _line("rollouts right", signal.right)
    _line("rollouts well formed", signal.well_formed)
    _line("rollouts cut off", found.truncated)
    click.echo(f"  {'mean reward':<26}{found.score.value:>7.3f}  ({found.score.low:.3f} to {found.score.high:.3f})\n")


def _missing(found: Solutions | Steps) -> str:
    unscored = f"; {found.unscored:,} more without a score" if found.unscored else ""
    return unscored + (f"; {found.too_long:,} more do not fit the context" if found.too_long else "")


def _line(words: str, share: Estimate, note: str = "") -> None:
    interval = f"({share.low:.0%} to {share.high:.0%})"
    click.echo(f"  {words:<26}{share.value:>7.1%}  {interval:<16} {note}".rstrip())
