"""A reward of one's own: are the expert's numbers there? Install it (``pip install ./examples/own_reward``), then

srl-data score steps --completions rollouts.jsonl --reward number_overlap -O repeats=no
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from rewards.base import PairReward
from rewards.types import Scores, Status

_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)*")


@dataclass(frozen=True)
class NumberOverlap(PairReward):
    """F1 of the numbers that completion and reference share: `256` → `128` costs, other words do not.

    Example:
        >>> scores = NumberOverlap()(["so 3 + 4 is 7", "5"], reference=["3 + 4 = 8", "no number"])
        >>> scores.values  # 2 of 3 numbers; where the expert wrote none, there is nothing to score
        [0.6666666666666666, None]
    """

    name = "number_overlap"

    repeats: Annotated[bool, "Whether a number counts as often as it is there."] = True

    def score_pairs(self, completions: Sequence[str], references: Sequence[str]) -> Scores:
        values: list[float | None] = []
        status: list[Status] = []
        for completion, reference in zip(completions, references, strict=True):
            ours, theirs = self._numbers(completion), self._numbers(reference)
            values.append(2 * (ours & theirs).total() / (ours + theirs).total() if theirs else None)
            status.append("ok" if theirs else "unparseable_reference")
        return Scores(values, status)

    def details(self, completion: str, reference: str) -> tuple[str, Mapping[str, Any]]:
        ours, theirs = self._numbers(completion), self._numbers(reference)
        lacking, more = sorted((theirs - ours).elements()), sorted((ours - theirs).elements())
        return f"{(ours & theirs).total()} numbers in common", {"missing": lacking, "not the expert's": more}

    def _numbers(self, text: str) -> Counter[str]:
        found = _NUMBER.findall(text)
        return Counter(found) if self.repeats else Counter(set(found))
