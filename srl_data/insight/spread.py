"""Does a reward tell the rollouts of one prompt apart? What it does not, no group-relative method can learn from."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["distribution", "group_spread"]

_Floats = npt.NDArray[np.float64]

_QUANTILES = {"min": 0.0, "p10": 0.1, "median": 0.5, "p90": 0.9, "max": 1.0}


def distribution(values: _Floats) -> dict[str, float] | None:
    """Mean, population standard deviation and quantiles; None of nothing.

    Example:
        >>> distribution(np.array([0.0, 1.0]))
        {'mean': 0.5, 'std': 0.5, 'min': 0.0, 'p10': 0.1, 'median': 0.5, 'p90': 0.9, 'max': 1.0}
    """
    if not len(values):
        return None
    figures = {"mean": float(values.mean()), "std": float(values.std())}
    figures |= {name: float(np.quantile(values, at)) for name, at in _QUANTILES.items()}
    return {name: round(value, 6) for name, value in figures.items()}


def group_spread(
    groups: npt.NDArray[np.int64], scores: _Floats, well_formed: npt.NDArray[np.bool_], epsilon: float
) -> dict[str, Any]:
    """How many groups have a spread, the standard deviation by which SRL's dynamic sampling keeps a prompt.

    SRL keeps a prompt if the population standard deviation of its rollouts' rewards is above ε (arXiv 2510.25992);
    it does not report its ε. One broken form in a group, at −1 among scores near 0.5, is a spread of its own, about
    how to write and not about what: hence the second view, without those.

    Args:
        groups: For each completion, the number of its group.
        scores: Its score; NaN if it has none.
        well_formed: Whether its form is right.
        epsilon: What the standard deviation must exceed.

    Returns:
        ``count`` of groups; ``size`` (their ``min``, ``median``, ``max``); ``epsilon``; ``all`` and
        ``well_formed``, each with ``measured`` (groups of at least two such completions with a score; fewer
        have no spread to measure), ``spread`` (those above ε) and ``share`` (their ratio, None of nothing);
        ``form_alone``, the groups that are in the first ``spread`` and not in the second.

    Example:
        >>> scores = np.array([0.5, 0.5, -1.0, 0.2, 0.9])
        >>> found = group_spread(np.array([7, 7, 7, 9, 9]), scores, scores >= 0, epsilon=0.01)
        >>> found["all"], found["well_formed"], found["form_alone"]
        ({'measured': 2, 'spread': 2, 'share': 1.0}, {'measured': 2, 'spread': 1, 'share': 0.5}, 1)
    """
    _, first, members, sizes = np.unique(groups, return_index=True, return_inverse=True, return_counts=True)
    scored = ~np.isnan(scores)
    every, every_measured = _above(members, scores, scored, len(first), epsilon)
    formed, formed_measured = _above(members, scores, scored & well_formed, len(first), epsilon)
    return {
        "count": len(first),
        "size": {"min": int(sizes.min()), "median": float(np.median(sizes)), "max": int(sizes.max())}
        if len(first)
        else None,
        "epsilon": epsilon,
        "all": _share(every, every_measured),
        "well_formed": _share(formed, formed_measured),
        "form_alone": int((every & ~formed).sum()),
    }


def _above(
    members: npt.NDArray[np.int64], scores: _Floats, chosen: npt.NDArray[np.bool_], groups: int, epsilon: float
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which groups' chosen scores spread by more than ε, and which have two at least."""
    members, scores = members[chosen], scores[chosen]
    counts = np.bincount(members, minlength=groups)
    some = np.zeros(groups)
    some[members] = scores
    scores = scores - some[members]  # from one of their own, so that equal scores differ by exactly nothing
    sizes = np.maximum(counts, 1)
    means = np.bincount(members, scores, groups) / sizes
    squares = np.bincount(members, (scores - means[members]) ** 2, groups)
    return np.sqrt(squares / sizes) > epsilon, counts > 1


def _share(spread: npt.NDArray[np.bool_], measured: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """One completion alone differs from none, so what is above ε is among the measured."""
    total, above = int(measured.sum()), int(spread.sum())
    return {"measured": total, "spread": above, "share": round(above / total, 6) if total else None}
