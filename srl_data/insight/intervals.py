"""Estimates from a sample of problems, with the interval in which the truth is likely to be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
import numpy.typing as npt

__all__ = ["Estimate", "mean_of", "pass_at"]

_RESAMPLES = 4000
_TAIL = 0.025
_MOST_CELLS = 4_000_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean and its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def pass_at(k: int, tried: int, right: int) -> float:
    """The chance that of ``k`` replies to a problem one at least is right, from ``tried`` of which ``right`` were.

    Unbiased: 1 − C(n−c, k) / C(n, k), the share of the k-subsets with a right one in them (Chen et al. 2021,
    arXiv 2107.03374, equation 1).

    Raises:
        ValueError: Unless 1 ≤ k ≤ tried and 0 ≤ right ≤ tried.

    Example:
        >>> pass_at(1, tried=4, right=1), pass_at(2, tried=4, right=1), pass_at(4, tried=4, right=1)
        (0.25, 0.5, 1.0)
    """
    if not (1 <= k <= tried and 0 <= right <= tried):
        raise ValueError(f"pass@{k} of {tried} replies, {right} of them right")
    return 1 - comb(tried - right, k) / comb(tried, k)


def mean_of(
    problems: Iterable[Sequence[float]], *, bounds: tuple[float, float] | None = None, seed: int = 0
) -> Estimate:
    """The mean of all values, with an interval by the bootstrap over problems.

    A problem's values (its steps, its rollouts) stand or fall together, so problems are drawn with replacement, each
    with all of its values, 4,000 times; the interval is between the 2.5 % and the 97.5 % quantile of the means.

    The bootstrap knows only what the sample holds: where every value is the least possible, it would be certain of it.
    There the interval is that of Clopper and Pearson for the share of problems above: up to 1 − 0.025^(1/n) of the
    way for n problems, which is 0.31 for 10 and 0.04 for 100. Likewise at the greatest possible value. Of a single
    problem between them nothing is known but the bounds.

    Args:
        problems: The values of each problem; those without one do not count.
        bounds: The least and the greatest value that there can be; None leaves the bootstrap alone.
        seed: Equal seeds, equal intervals.

    Raises:
        ValueError: If there is no value.

    Example:
        >>> print(mean_of([[0.0], [1.0], [1.0], [0.0]], bounds=(0, 1)))
        0.500 (0.000 to 1.000)
        >>> print(mean_of([[0.0]] * 100, bounds=(0, 1)))
        0.000 (0.000 to 0.036)
    """
    kept = [np.asarray(values, dtype=np.float64) for values in problems if len(values)]
    if not kept:
        raise ValueError("there is no value to take the mean of")
    totals = np.array([values.sum() for values in kept])
    sizes = np.array([len(values) for values in kept], dtype=np.float64)
    value = float(totals.sum() / sizes.sum())
    low, high = (float(np.quantile(_resampled(totals, sizes, seed), tail)) for tail in (_TAIL, 1 - _TAIL))
    if bounds is not None:
        least, most = bounds
        reach = (most - least) * (1 - _TAIL ** (1 / len(kept)))
        if all((values <= least).all() for values in kept):
            return Estimate(float(least), float(least), least + reach)
        if all((values >= most).all() for values in kept):
            return Estimate(float(most), most - reach, float(most))
        if len(kept) == 1:
            return Estimate(value, float(least), float(most))
    return Estimate(value, min(low, value), max(high, value))  # rounding can put a mean beside the value it equals


def _resampled(totals: npt.NDArray[np.float64], sizes: npt.NDArray[np.float64], seed: int) -> npt.NDArray[np.float64]:
    """The means of samples with replacement."""
    random = np.random.default_rng(seed)
    number = len(totals)
    block = max(1, _MOST_CELLS // number)
    means = []
    for start in range(0, _RESAMPLES, block):
        drawn = random.integers(0, number, size=(min(block, _RESAMPLES - start), number))
        means.append(totals[drawn].sum(1) / sizes[drawn].sum(1))
    return np.concatenate(means)
