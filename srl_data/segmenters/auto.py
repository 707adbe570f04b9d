"""``auto``: ask every format how well a text fits it, and take the best, or refuse."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from rewards.errors import MissingExtra
from srl_data import segmenters
from srl_data.errors import Rejected
from srl_data.segmenters.base import Segmenter, require_text
from srl_data.types import Segmentation, Solution

__all__ = ["Auto"]

# from the most telling format to the least; at equal fit the more telling one is right
_CANDIDATES = ("agent", "thinking", "numbered", "lines", "paragraphs", "sentences")


@dataclass(frozen=True, slots=True)
class Auto:
    r"""Pick the segmenter that fits each record best; say which, and how sure.

    Every candidate estimates its fit between 0 and 1. The best one is taken if its fit reaches ``threshold``;
    where none does, or the winner then cannot split the text, the record is rejected rather than guessed at. The
    trajectory records the segmenter that was picked, and in ``meta`` the fit as ``auto_confidence``.

    Example:
        >>> solution = Solution(id="a", problem="?", text="Work:\n\n1. **Add**: 1 + 1 = 2\n2. **Double**: 2 · 2 = 4")
        >>> segmentation = Auto().segment(solution)
        >>> segmentation.segmenter, segmentation.confidence > 0.8
        ('numbered', True)
    """

    name: ClassVar[str] = "auto"

    threshold: Annotated[float, "The least fit, 0 to 1, at which a segmenter is taken."] = 0.5
    among: Annotated[tuple[str, ...], "The segmenters to choose from."] = _CANDIDATES

    def __post_init__(self) -> None:
        unknown = sorted(set(self.among) - set(_CANDIDATES))
        if unknown:
            segmenters.registry.origin(unknown[0])  # raises, and says what exists, unless it is a plug-in

    def segment(self, solution: Solution) -> Segmentation:
        """Split with the best fitting segmenter.

        Raises:
            Rejected: ``no_format_fits``, with every candidate's fit; or the winner's own reason.
        """
        require_text(solution)
        fits = self._fits(solution)
        best = max(fits, key=lambda name: fits[name], default=None)
        if best is None or fits[best] < self.threshold:
            shown = ", ".join(f"{name} {fit:.2f}" for name, fit in sorted(fits.items(), key=lambda item: -item[1]))
            raise Rejected("no_format_fits", f"fits are {shown}; choose one with --segmenter to have it split anyway")
        return replace(_candidate(best).segment(solution), confidence=fits[best])

    def fit(self, solution: Solution) -> float:
        """The best candidate's fit."""
        return max(self._fits(solution).values(), default=0.0)

    def _fits(self, solution: Solution) -> dict[str, float]:
        fits = {}
        for name in self.among:
            try:
                candidate = _candidate(name)
            except MissingExtra:
                if name not in self._optional():
                    raise
                continue  # what is not installed cannot be picked; `sentences` is a last resort anyway
            fits[name] = candidate.fit(solution)
            if fits[name] >= 1.0:
                break
        return fits

    def _optional(self) -> frozenset[str]:
        """The candidates that a user did not ask for by name, and that may be missing."""
        return frozenset({"sentences"}) if self.among == _CANDIDATES else frozenset()


_made: dict[str, Segmenter] = {}


def _candidate(name: str) -> Segmenter:
    if name not in _made:
        _made[name] = segmenters.get(name)
    return _made[name]
