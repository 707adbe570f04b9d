"""A probe as a picture: how often problems are solved, and how far steps are from the expert's and from each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from srl_data.errors import OutputError

if TYPE_CHECKING:
    from srl_data.insight.probe import Probe, Solutions, Steps
    from srl_data.insight.regime import Rule

__all__ = ["check_place", "draw"]

_FORMATS = (".svg", ".png", ".pdf")
_SILENT, _SPEAKS, _LEARNT = "#b8b8b8", "#1f6f8b", "#8fbf9f"


def check_place(path: Path) -> None:
    """Find what is in the way before the work is done.

    Raises:
        OutputError: If the name does not end in a picture's format, or the folder is not there.
    """
    if path.suffix not in _FORMATS:
        raise OutputError(f"{path}: give a name that ends in {', '.join(_FORMATS)}")
    if not path.parent.is_dir():
        raise OutputError(f"cannot write {path}: there is no folder {path.parent}")


def draw(found: Probe, path: Path) -> None:
    """Draw a probe.

    Raises:
        OutputError: If the disk says no.
    """
    panels = [part for part in (found.solutions, found.steps) if part]
    figure = Figure(figsize=(5.2 * len(panels), 4.2), layout="constrained")
    axes = iter(figure.subplots(1, len(panels), squeeze=False)[0])
    if found.solutions:
        _draw_solutions(next(axes), found.solutions, found.samples)
    if found.steps:
        _draw_steps(next(axes), found.steps, found.rule)
    figure.suptitle(f"suggests {' → '.join(found.advice.order) or 'nothing to train'}")
    try:
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


def _draw_solutions(axes: Any, found: Solutions, samples: int) -> None:
    colours = [_SILENT, *[_SPEAKS] * (samples - 1), _LEARNT]
    bars = axes.bar(range(samples + 1), found.right, color=colours, width=0.85)
    axes.set(xlabel=f"right rollouts of {samples}", ylabel="problems", title=f"{found.problems:,} whole problems")
    signal = found.signal
    words = [f"never: {signal.never.value:.0%}", f"mixed: {signal.mixed.value:.0%}", f"all: {signal.always.value:.0%}"]
    axes.legend([bars[0], bars[1], bars[samples]], words, frameon=False, title="RLVR learns from mixed")


def _draw_steps(axes: Any, found: Steps, rule: Rule) -> None:
    points = [(spread, best) for spread, best in zip(found.spreads, found.best, strict=True) if best is not None]
    learns = [spread > rule.epsilon and best >= rule.near for spread, best in points]
    axes.scatter(
        [spread for spread, _ in points],
        [best for _, best in points],
        c=[_SPEAKS if each else _SILENT for each in learns],
        s=14,
        alpha=0.6,
        linewidths=0,
    )
    axes.axvline(rule.epsilon, color="black", linewidth=0.6, linestyle=":")
    axes.axhline(rule.near, color="black", linewidth=0.6, linestyle=":")
    axes.set(
        xlabel="standard deviation of well-formed rollouts",
        ylabel=f"best reward ({found.reward})",
        title=f"{len(found.spreads):,} steps: {found.signal.reachable.value:.0%} vary within reach",
    )
