"""What is in a dataset: how many, how long, by which segmenter, and what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow.compute as pc

from srl_data.dataset import StepDataset

__all__ = ["stats"]

_QUANTILES = {"min": 0.0, "p10": 0.1, "median": 0.5, "p90": 0.9, "max": 1.0}


def stats(dataset: StepDataset) -> dict[str, Any]:
    """Figures of a dataset, ready for JSON. Lengths are in characters (code points).

    Returns:
        ``counts`` (the manifest's), ``splits``, and distributions (``mean``, ``min``, ``p10``, ``median``,
        ``p90``, ``max``) of ``steps_per_trajectory``, ``text_chars``, ``prompt_chars`` and ``reference_chars``;
        ``titled`` and ``answered`` are shares between 0 and 1; ``kinds`` counts steps by kind.
    """
    steps_per: list[Any] = []
    text_chars: list[Any] = []
    prompt_chars: list[Any] = []
    reference_chars: list[Any] = []
    kinds: Counter[str] = Counter()
    titled = rows = answered = trajectories = 0
    for split in dataset.splits:
        for batch in dataset.batches("trajectories", split):
            trajectories += batch.num_rows
            answered += batch.num_rows - batch["answer"].null_count
            steps_per.append(pc.list_value_length(batch["steps"]).to_numpy())
            text_chars.append(pc.utf8_length(batch["text"]).to_numpy())
            kind = pc.struct_field(pc.list_flatten(batch["steps"]), "kind")
            for entry in pc.value_counts(kind).to_pylist():
                if entry["values"] is not None:
                    kinds[entry["values"]] += entry["counts"]
        for batch in dataset.batches("steps", split):
            rows += batch.num_rows
            titled += batch.num_rows - batch["title"].null_count
            reference_chars.append(pc.utf8_length(batch["reference"]).to_numpy())
            prompt_chars.append(_prompt_chars(batch))
    return {
        "counts": dataset.manifest.counts,
        "splits": dataset.splits,
        "steps_per_trajectory": _distribution(steps_per),
        "text_chars": _distribution(text_chars),
        "prompt_chars": _distribution(prompt_chars),
        "reference_chars": _distribution(reference_chars),
        "titled": titled / rows if rows else None,
        "answered": answered / trajectories if trajectories else None,
        "kinds": dict(sorted(kinds.items())),
    }


def _prompt_chars(batch: Any) -> Any:
    """The length of each row's prompt: the sum over its messages."""
    totals = []
    for piece in batch["prompt"].chunks:
        contents = pc.utf8_length(pc.struct_field(pc.list_flatten(piece), "content")).to_numpy(zero_copy_only=False)
        ends = np.cumsum(pc.list_value_length(piece).to_numpy(zero_copy_only=False))
        sums = np.concatenate([[0], np.cumsum(contents)])
        totals.append(np.diff(sums[np.concatenate([[0], ends])]))
    return np.concatenate(totals) if totals else np.empty(0)


def _distribution(pieces: Iterable[Any]) -> dict[str, float] | None:
    values = np.concatenate([np.empty(0), *pieces])
    if not len(values):
        return None
    figures = {name: float(np.quantile(values, at)) for name, at in _QUANTILES.items()}
    return {"mean": round(float(values.mean()), 2), **{name: round(value, 2) for name, value in figures.items()}}
