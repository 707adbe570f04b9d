"""Ratcliff/Obershelp similarity, ``difflib``'s ratio: the similarity of the paper's reward."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from rewards.base import PairReward
from rewards.errors import OptionError
from rewards.ratcliff import engines, matching_blocks
from rewards.text import Unit, units
from rewards.types import Scores, Status

__all__ = ["SequenceMatch"]

_ENGINE = next(engines())


@dataclass(frozen=True)
class SequenceMatch(PairReward):
    """Ratcliff/Obershelp similarity: 2·M/T, where M of all T characters lie in matching blocks.

    In [0, 1], and 1.0 for two empty texts. Equal to ``difflib.SequenceMatcher(None, completion, reference,
    autojunk).ratio()`` to the last bit, in this order: the ratio is not symmetric. It is the reward of "Supervised
    Reinforcement Learning" (arXiv 2510.25992, section 4), which does not say whether ``autojunk`` was on.

    A pair that would take too long (texts that repeat themselves over 10,000 characters and more) is ``too_large``;
    which pairs are depends on the texts and the engine, not on the machine or its load.

    Raises:
        OptionError: If ``threads`` is negative.

    Example:
        >>> reward = SequenceMatch()
        >>> reward(["3 + 4 = 7"], reference=["3 + 5 = 8"]).values  # "3 + " and " = ": 2·7/18
        [0.7777777777777778]
        >>> print(reward.explain("3 + 4 = 7", reference="3 + 5 = 8"))
        0.7777777777777778 (ok): blocks match 7 of 9 chars, and of 9 in the reference: 2·7/18
          blocks:
            '3 + ' at 0, in the reference at 0
            ' = ' at 5, in the reference at 5
    """

    autojunk: Annotated[
        bool, "Do as difflib does by default: ignore frequent units if the reference has 200 units or more."
    ] = False
    unit: Annotated[Unit, "What is compared: characters, tokens of mathematics, or lines."] = "char"
    normalize: Annotated[bool, "Whether to make white space and LaTeX spacing plain first."] = False
    threads: Annotated[int, "How many threads may share a batch; 0 for one per core if the batch is worth it."] = 0

    name = "sequence_match"

    def __post_init__(self) -> None:
        if self.threads < 0:
            raise OptionError(f"option threads: {self.threads} is negative")

    @staticmethod
    def engine() -> str:
        """What does the work here: the native kernel, cydifflib, or the standard library's difflib."""
        return _ENGINE.label

    def score_pairs(self, completions: Sequence[str], references: Sequence[str]) -> Scores:
        """Score pairs of texts in one call of the engine."""
        threads = self.threads or _cores()
        if self.unit == "char" and not self.normalize:
            values = _ENGINE.ratios(completions, references, autojunk=self.autojunk, threads=threads)
        else:
            left, right = self._encode(completions, references)
            values = _ENGINE.ratios(left, [each or "" for each in right], autojunk=self.autojunk, threads=threads)
            values = [None if each is None else value for value, each in zip(values, right, strict=True)]
        status: list[Status] = ["too_large" if value is None else "ok" for value in values]
        return Scores(values, status)

    def details(self, completion: str, reference: str) -> tuple[str, Mapping[str, Any]]:
        """The matching blocks, where finding them does not take long."""
        a, b = self._units(completion), self._units(reference)
        what = f"{self.unit}s"
        if not a and not b:
            return f"no {what} on either side", {}
        matcher = difflib.SequenceMatcher(None, a, b, self.autojunk)
        blocks = matching_blocks(matcher, a, b, _EXPLAINED_LOOKS)
        if blocks is None:
            return f"{len(a)} {what} with {len(b)}; listing the blocks would take too long", {}
        matched = sum(block.size for block in blocks)
        reason = f"blocks match {matched} of {len(a)} {what}, and of {len(b)} in the reference"
        merged: list[list[int]] = []
        for i, j, size in blocks:
            if merged and merged[-1][0] + merged[-1][2] == i and merged[-1][1] + merged[-1][2] == j:
                merged[-1][2] += size
            else:
                merged.append([i, j, size])
        shown = [f"{a[i : i + size]!r} at {i}, in the reference at {j}" for i, j, size in merged[:_EXPLAINED_BLOCKS]]
        if len(merged) > len(shown):
            shown.append(f"and {len(merged) - len(shown)} more")
        return f"{reason}: 2·{matched}/{len(a) + len(b)}", {"blocks": shown}

    def _units(self, text: str) -> str | list[str]:
        return units(text, self.unit, normalized=self.normalize)

    def _encode(self, completions: Sequence[str], references: Sequence[str]) -> tuple[list[str], list[str | None]]:
        """Texts as strings with one character per unit, so that every engine serves every unit.

        A reference with more kinds of units than there are characters, many megabytes at least, is ``None``.

        The units of a reference are numbered; those of a completion that are not among them are all 0, which is
        as well, since they match nothing.
        """
        encoders: dict[str, _Encoder] = {}
        left: list[str] = []
        right: list[str | None] = []
        for completion, reference in zip(completions, references, strict=True):
            if reference not in encoders:
                encoders[reference] = _Encoder(self._units(reference))
            encoder = encoders[reference]
            left.append(encoder(self._units(completion)))
            right.append(encoder.reference)
        return left, right


class _Encoder:
    """Writes sequences of units as strings, in the numbers that the units of a reference have."""

    def __init__(self, reference: Sequence[str]) -> None:
        self._plain = isinstance(reference, str)
        kinds = [] if self._plain else list(dict.fromkeys(reference))[: sys.maxunicode + 1]
        fits = len(kinds) <= sys.maxunicode
        self._table = {kind: chr(at) for at, kind in enumerate(kinds, 1)} if fits else {}
        self.reference = self(reference) if fits else None

    def __call__(self, sequence: Sequence[str]) -> str:
        if self._plain:
            return "".join(sequence)
        return "".join([self._table.get(unit, "\0") for unit in sequence])


_EXPLAINED_LOOKS = 5_000_000
_EXPLAINED_BLOCKS = 50


def _cores() -> int:
    """The cores that this process may use."""
    if sys.platform != "linux":
        return os.cpu_count() or 1
    return len(os.sched_getaffinity(0))
