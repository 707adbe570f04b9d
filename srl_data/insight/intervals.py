"""Estimates from a sample of problems, with the interval in which the truth is likely to be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import comb, lgamma, log, log1p

import numpy as np
import numpy.typing as npt

__all__ = ["Estimate", "mean_of", "pass_at", "together"]

_RESAMPLES = 4000
_TAIL = 0.025
_MOST_CELLS = 4_000_000
_Floats = npt.NDArray[np.float64]


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


def together(values: Iterable[tuple[str, float]]) -> list[list[float]]:
    """Values by what they belong to, as :func:`mean_of` takes them.

    Example:
        >>> together([("a", 1.0), ("b", 0.0), ("a", 0.5)])
        [[1.0, 0.5], [0.0]]
    """
    found: dict[str, list[float]] = {}
    for problem, value in values:
        found.setdefault(problem, []).append(value)
    return list(found.values())


def mean_of(
    problems: Iterable[Sequence[float]], *, bounds: tuple[float, float] | None = None, seed: int = 0
) -> Estimate:
    """The mean of all values, with an interval over problems.

    A problem's values (its steps, its rollouts) stand or fall together, so what is drawn anew is whole problems, each
    with all of its values, 4,000 times; the interval is between the 2.5 % and the 97.5 % quantile of the means.

    Without bounds this is the bootstrap: problems are drawn with replacement. It knows only what the sample holds;
    where few values differ from the rest, its interval is far too narrow.

    With bounds, each problem gets a random weight instead, from the exponential distribution, and for the upper end
    one more problem is added, of the average size, whose values are all the greatest possible; for the lower end, one
    whose values are all the least possible (Gaffke 2005, Mathematical Methods of Statistics 14; Learned-Miller and
    Thomas 2019, arXiv 1905.06208). So a greater value never lowers an end. For equally large problems such an
    interval is believed to hold the truth at least 95 times in 100: proven for special cases, with no counterexample
    known.

    One of the special cases: if problems are equally large, and the values of each are all the least or all the
    greatest, the ends are those of Clopper and Pearson (1934, Biometrika 26) for the share of problems, and computed
    as such. For 0 of n problems that is up to 1 − 0.025^(1/n): 0.31 for 10 and 0.04 for 100. Of a single problem
    between the bounds nothing is known but them.

    Args:
        problems: The values of each problem; those without one do not count.
        bounds: The least and the greatest value that there can be, finite; None if values are not known to have any.
        seed: Equal seeds, equal intervals.

    Raises:
        ValueError: If there is no value.

    Example:
        >>> print(mean_of([[0.0], [1.0], [1.0], [0.0]], bounds=(0, 1)))
        0.500 (0.068 to 0.932)
        >>> print(mean_of([[0.0]] * 9 + [[1.0]], bounds=(0, 1)))
        0.100 (0.003 to 0.445)
        >>> print(mean_of([[0.0]] * 100, bounds=(0, 1)))
        0.000 (0.000 to 0.036)
    """
    kept = [np.asarray(values, dtype=np.float64) for values in problems if len(values)]
    if not kept:
        raise ValueError("there is no value to take the mean of")
    totals = np.array([values.sum() for values in kept])
    sizes = np.array([len(values) for values in kept], dtype=np.float64)
    value = float(totals.sum() / sizes.sum())
    if bounds is None:
        low, high = _bootstrap(totals, sizes, seed)
    elif len(set(map(len, kept))) > 1:
        low, high = _with_one_more(totals, sizes, bounds, seed)
    else:
        least, most = bounds
        above = sum(bool((values > least).any()) for values in kept)
        full = sum(bool((values >= most).all()) for values in kept)
        if above == full:
            low, high = _exact(full, len(kept), bounds)
        elif len(kept) == 1:
            low, high = float(least), float(most)
        else:
            lows, highs = zip(_exact(full, len(kept), bounds), _exact(above, len(kept), bounds), strict=True)
            low, high = _with_one_more(totals, sizes, bounds, seed)
            # where the ends would be, were samples drawn without end: so no chance lets a better reply lower one
            low, high = float(np.clip(low, *lows)), float(np.clip(high, *highs))
    # what is drawn can lie beside the value, and rounding can put a mean beside the value it equals
    return Estimate(value, min(low, value), max(high, value))


def _bootstrap(totals: _Floats, sizes: _Floats, seed: int) -> tuple[float, float]:
    """The ends for problems drawn with replacement."""
    random, number = np.random.default_rng(seed), len(totals)
    means = []
    for rows in _blocks(number):
        drawn = random.integers(0, number, size=(rows, number))
        means.append(totals[drawn].sum(1) / sizes[drawn].sum(1))
    low, high = np.quantile(np.concatenate(means), (_TAIL, 1 - _TAIL))
    return float(low), float(high)


def _with_one_more(totals: _Floats, sizes: _Floats, bounds: tuple[float, float], seed: int) -> tuple[float, float]:
    """The ends for problems with random weights, one more of them at the bound on that side."""
    random, number = np.random.default_rng(seed), len(totals)
    lows, highs = [], []
    for rows in _blocks(number + 1):
        weights = random.standard_exponential((rows, number + 1))
        more = weights[:, -1] * sizes.mean()
        total, size = weights[:, :-1] @ totals, weights[:, :-1] @ sizes + more
        lows.append((total + more * bounds[0]) / size)
        highs.append((total + more * bounds[1]) / size)
    return float(np.quantile(np.concatenate(lows), _TAIL)), float(np.quantile(np.concatenate(highs), 1 - _TAIL))


def _blocks(columns: int) -> Iterator[int]:
    """How many samples to draw at a time, so that they fit into memory."""
    block = max(1, _MOST_CELLS // columns)
    for start in range(0, _RESAMPLES, block):
        yield min(block, _RESAMPLES - start)


def _exact(full: int, number: int, bounds: tuple[float, float]) -> tuple[float, float]:
    """The ends if ``full`` of so many equally large problems are at the greatest value, and the others at the least."""
    least, most = bounds
    low, high = _least_share(full, number), _least_share(number - full, number)
    return least + (most - least) * low, most - (most - least) * high


def _least_share(hits: int, number: int) -> float:
    """The lower end of Clopper and Pearson: the share at which ``hits`` or more of ``number`` have a chance of 2.5 %.

    The upper end is 1 less that of the misses.
    """
    if hits == 0:
        return 0.0
    counts = np.arange(hits, number + 1)
    ways = np.array([lgamma(number + 1) - lgamma(k + 1) - lgamma(number - k + 1) for k in counts.tolist()])
    low, high = 0.0, 1.0
    for _ in range(60):  # halvings: the chance grows with the share
        share = (low + high) / 2
        chance = np.exp(ways + counts * log(share) + (number - counts) * log1p(-share)).sum()
        low, high = (low, share) if chance > _TAIL else (share, high)
    return low
