"""What a run was asked to do; what the bytes of a dataset depend on besides its inputs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from srl_data.examples import ExampleOptions
from srl_data.filters import FilterOptions

__all__ = ["SegmentOptions"]


@dataclass(frozen=True, slots=True)
class SegmentOptions:
    """How a dataset is built.

    Attributes:
        segmenter: A segmenter's name.
        segmenter_options: Its options.
        columns: Which column is the ``problem``, the ``text``, the ``answer``, the ``id``; what is not named is
            guessed from the first records.
        examples: How rows are made.
        filters: Which trajectories are kept.
        holdout: How many trajectories (int) or which fraction (float) go to the validation split.
        near_duplicate: The similarity from which two problems count as one when splitting.
    """

    segmenter: str = "auto"
    segmenter_options: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    examples: ExampleOptions = field(default_factory=ExampleOptions)
    filters: FilterOptions = field(default_factory=FilterOptions)
    holdout: int | float = 0
    near_duplicate: float = 0.9
