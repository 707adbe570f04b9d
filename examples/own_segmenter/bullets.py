"""A segmenter of one's own: one step a bullet. Install it (``pip install ./examples/own_segmenter``), then

srl-data segment notes.jsonl -o steps --segmenter bullets -O bullet='* '
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, ClassVar

from srl_data.errors import Rejected
from srl_data.segmenters.base import cut, require_text
from srl_data.segmenters.protect import Protected
from srl_data.types import Segmentation, Solution, Step


@dataclass(frozen=True, slots=True)
class Bullets:
    """One step a bullet."""

    name: ClassVar[str] = "bullets"

    bullet: Annotated[str, "What a step begins with."] = "- "

    def segment(self, solution: Solution) -> Segmentation:
        text = require_text(solution)
        found = re.finditer(rf"^{re.escape(self.bullet)}", text, re.MULTILINE)
        starts = Protected(text).outside(match.start() for match in found)
        if not starts:
            raise Rejected("no_bullets", f"no line begins with {self.bullet!r}")
        return Segmentation(tuple(Step(start, end, text[start:end]) for start, end in cut(text, starts)), self.name)

    def fit(self, solution: Solution) -> float:
        return 0.0  # `auto` asks the built-in segmenters only
