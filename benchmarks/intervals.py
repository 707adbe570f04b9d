"""How often intervals hold the truth: those of ``probe`` and ``evaluate`` beside the bootstrap, plain and scipy's BCa.

Problems are made, each solved at a rate of its own (beta-distributed about the rate of all; *alike* with a large
concentration, *unlike* with a small one: most problems are then never solved or always), with 8 rollouts each. An
interval of 95 % should hold the rate of all in 95 of 100 samples or more, and be no wider than that takes.

Run ``python benchmarks/intervals.py``; a minute on one core.
"""

from __future__ import annotations

import argparse
import platform
import sys
import warnings
from collections.abc import Callable
from itertools import product
from pathlib import Path
from statistics import fmean

import numpy as np
import numpy.typing as npt
import scipy
from scipy import stats

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from srl_data.insight.intervals import mean_of  # noqa: E402

ROLLOUTS = 8
ALIKE = {"alike": 50.0, "between": 2.0, "unlike": 0.3}

Shares = npt.NDArray[np.float64]


def ours(shares: Shares, seed: int) -> tuple[float, float]:
    """As ``probe`` and ``evaluate`` do it."""
    found = mean_of(shares[:, None].tolist(), bounds=(0, 1), seed=seed)
    return found.low, found.high


def plain(shares: Shares, seed: int) -> tuple[float, float]:
    """Percentiles of the bootstrap over problems."""
    found = mean_of(shares[:, None].tolist(), seed=seed)
    return found.low, found.high


def bca(shares: Shares, seed: int) -> tuple[float, float]:
    """scipy's default, bias-corrected and accelerated; a sample without spread has the point alone."""
    if np.ptp(shares) == 0:
        return float(shares[0]), float(shares[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        random = np.random.default_rng(seed)
        found = stats.bootstrap((shares,), np.mean, n_resamples=4000, rng=random).confidence_interval
    return float(found.low), float(found.high)


WAYS: dict[str, Callable[[Shares, int], tuple[float, float]]] = {"ours": ours, "plain": plain, "BCa": bca}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=200, help="of each row")
    count = parser.parse_args().samples
    print(
        f"machine: {platform.machine()}, python {platform.python_version()}, numpy {np.__version__}, "
        f"scipy {scipy.__version__}; {count} samples a row\n"
    )
    print("| problems | rate | they are | " + " | ".join(f"{way}: holds | width" for way in WAYS) + " |")
    print("|---:|---:|---|" + "---:|" * 2 * len(WAYS))
    least = dict.fromkeys(WAYS, 1.0)
    for number, rate, (title, alike) in product((10, 20, 100), (0.01, 0.05, 0.3), ALIKE.items()):
        random = np.random.default_rng([number, round(1000 * rate)])
        held: dict[str, list[bool]] = {way: [] for way in WAYS}
        widths: dict[str, list[float]] = {way: [] for way in WAYS}
        for seed in range(count):
            rates = random.beta(rate * alike, (1 - rate) * alike, number)
            shares = random.binomial(ROLLOUTS, rates) / ROLLOUTS
            for way, interval in WAYS.items():
                low, high = interval(shares, seed)
                held[way].append(low <= rate <= high)
                widths[way].append(high - low)
        for way, each in held.items():
            least[way] = min(least[way], fmean(each))
        cells = [f"{fmean(held[way]):.1%} | {fmean(widths[way]):.3f}".replace("%", " %") for way in WAYS]
        print(f"| {number} | {rate} | {title} | " + " | ".join(cells) + " |", flush=True)
    told = ", ".join(f"{way} {value:.1%}".replace("%", " %") for way, value in least.items())
    print(f"\nLeast of all rows: {told}.")


if __name__ == "__main__":
    main()
