"""What came out of ``curriculum.py``, as a table and as curves."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

TESTS = ("inside", "beyond")
FIGURES = {"greedy": "solved, likeliest", "sampled": "solved, drawn", "way_greedy": "way, likeliest"}
FIGURES |= {"way_sampled": "way, drawn"}
T_975 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}


def interval(values: Sequence[float]) -> str:
    """The mean over seeds, and half the width of its 95 % interval by Student's t; of one seed, the value alone."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return f"{mean:.1%}".replace("%", " %")
    half = T_975[min(9, len(values) - 1)] * statistics.stdev(values) / len(values) ** 0.5
    return f"{mean:.1%} ± {half:.1%}".replace("%", " %")


def table(results: Sequence[Mapping[str, Any]], titles: Mapping[str, str]) -> str:
    """Markdown: a table for each case."""
    lines: list[str] = []
    for case in dict.fromkeys(each["case"] for each in results):
        lines += [f"### {case}", ""]
        heads = ["arm", "seeds", *(f"{test}: {title}" for test in TESTS for title in FIGURES.values()),
                 "steps right, likeliest", "keep rate, first → last fifth", "tokens a reply"]  # fmt: skip
        lines += ["| " + " | ".join(heads) + " |", "|---" * 2 + "|---:" * (len(heads) - 2) + "|"]
        for arm, title in titles.items():
            runs = [each for each in results if each["case"] == case and each["arm"] == arm]
            if runs:
                cells = [title, str(len(runs))]
                for test, figure in [*itertools.product(TESTS, FIGURES), ("inside", "step_greedy")]:
                    cells.append(interval([each["tests"][test][figure] for each in runs]))
                cells.append("; ".join(_keep_rates(runs)) or "–")
                cells.append(f"{statistics.fmean(each['tests']['inside']['tokens'] for each in runs):.0f}")
                lines.append("| " + " | ".join(cells) + " |")
        lines.append("")
        base = next((each for each in results if each["case"] == case and each["arm"] == "base"), None)
        if base:
            passes = {test: [f"{name} {value:.1%}" for name, value in found.items() if name.startswith("pass@")]
                      for test, found in base["tests"].items()}  # fmt: skip
            told = "; ".join(f"{test}: {', '.join(each)}" for test, each in passes.items())
            lines += [f"The base: {told.replace('%', ' %')}.", ""]
    return "\n".join(lines)


def _keep_rates(runs: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    for number, stage in enumerate(runs[0]["stages"]):
        first: list[float] = []
        last: list[float] = []
        for run in runs:
            rates = [each["keep_rate"] for each in run["stages"][number]["updates"] if "keep_rate" in each]
            fifth = max(1, len(rates) // 5)
            first += rates[:fifth]
            last += rates[-fifth:]
        if first:
            told = f"{stage['name']} {statistics.fmean(first):.0%} → {statistics.fmean(last):.0%}"
            yield told.replace("%", " %")


def draw(results: Sequence[Mapping[str, Any]], titles: Mapping[str, str], path: Path) -> None:
    """For each case: the way with each seed's, and reward and keep rate over sampled tokens."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "curriculum"  # the same picture, the same bytes
    from matplotlib import pyplot

    cases = list(dict.fromkeys(each["case"] for each in results))
    figure, axes = pyplot.subplots(len(cases), 3, figsize=(16, 5 * len(cases)), squeeze=False, layout="constrained")
    for row, case in zip(axes, cases, strict=True):
        runs = {arm: found for arm in titles
                if (found := [each for each in results if each["case"] == case and each["arm"] == arm])}  # fmt: skip
        _bars(row[0], runs, titles)
        row[0].set_title(f"{case}: how much of the way the likeliest reply goes")
        for axis, figure_name in zip(row[1:], ("reward", "keep_rate"), strict=True):
            _lines(axis, runs, titles, lambda update, name=figure_name: update.get(name))
            axis.set_title(f"{case}: {figure_name.replace('_', ' ')}")
            axis.set_xlabel("sampled tokens")
        if row[1].lines:
            row[1].legend(fontsize=7)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def _bars(axis: Any, runs: Mapping[str, Sequence[Mapping[str, Any]]], titles: Mapping[str, str]) -> None:
    for at, found in enumerate(runs.values()):
        for offset, test, colour in ((-0.2, "inside", "tab:blue"), (0.2, "beyond", "tab:orange")):
            values = [each["tests"][test]["way_greedy"] for each in found]
            axis.barh(at + offset, statistics.fmean(values), height=0.4, color=colour, alpha=0.5,
                      label=test if at == 0 else None)  # fmt: skip
            axis.plot(values, [at + offset] * len(values), "k.", markersize=4)
        axis.set_yticks(range(len(runs)), [titles[each] for each in runs], fontsize=8)
    axis.invert_yaxis()
    axis.legend(fontsize=8)


def _lines(
    axis: Any,
    runs: Mapping[str, Sequence[Mapping[str, Any]]],
    titles: Mapping[str, str],
    read: Callable[[Mapping[str, Any]], float | None],
) -> None:
    """The first seed of each arm, smoothed over ten updates of a stage; stages one behind the other."""
    for (arm, found), colour in zip(runs.items(), _colours(), strict=False):
        before = 0.0
        label: str | None = titles[arm]
        for stage in found[0]["stages"]:
            updates = [(each["tokens"], value) for each in stage["updates"] if (value := read(each)) is not None]
            smooth = [
                statistics.fmean(value for _, value in updates[max(0, at - 9) : at + 1]) for at in range(len(updates))
            ]
            if updates:
                axis.plot([before + tokens for tokens, _ in updates], smooth, color=colour, label=label, linewidth=1)
                before, label = before + updates[-1][0], None
    axis.xaxis.set_major_formatter(lambda tokens, _: f"{tokens / 1000:.0f}k")


def _colours() -> Sequence[Any]:
    from matplotlib import colormaps

    return [colormaps["tab20"](number) for number in range(20)]
