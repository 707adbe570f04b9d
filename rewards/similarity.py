"""Similarities by edit distance and by shared tokens: fast, cheap, and blind to meaning.

All are in [0, 1], and 1.0 for two empty texts, as ``difflib``'s ratio is: whether a completion may be empty is for
``format`` and ``srl`` to say.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from rewards.base import PairReward
from rewards.errors import OptionError
from rewards.text import Unit, normalize, tokens, units
from rewards.types import Scores, Status

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["Indel", "Levenshtein", "TokenF1"]


@dataclass(frozen=True)
class _EditSimilarity(PairReward):
    """Similarity by an edit distance of rapidfuzz, whose batch call runs without the interpreter's lock."""

    unit: Annotated[Unit, "What is compared: characters, tokens of mathematics, or lines."] = "char"
    normalize: Annotated[bool, "Whether to make white space and LaTeX spacing plain first."] = False
    workers: Annotated[int, "How many threads share a batch; -1 for one per core."] = 1
    max_cells: Annotated[int, "The largest product of a pair's two lengths; beyond it a pair is too_large."] = 4 * 10**9

    def __post_init__(self) -> None:
        if self.workers < 1 and self.workers != -1:
            raise OptionError(f"option workers: {self.workers} is neither positive nor -1")
        if self.max_cells < 0:
            raise OptionError(f"option max_cells: {self.max_cells} is negative")

    @staticmethod
    @abstractmethod
    def _distance() -> ModuleType:
        """The module of rapidfuzz that does the work; it brings numpy, so it is imported when it is needed."""

    def score_pairs(self, completions: Sequence[str], references: Sequence[str]) -> Scores:
        """Score pairs of texts in one native call."""
        import numpy as np
        from rapidfuzz import process

        ours, theirs = self._units(completions), self._units(references)
        fits = [len(a) * len(b) <= self.max_cells for a, b in zip(ours, theirs, strict=True)]
        status: list[Status] = ["ok" if each else "too_large" for each in fits]
        if not all(fits):  # an empty pair keeps the place, and costs nothing
            ours = [each if fit else "" for each, fit in zip(ours, fits, strict=True)]
            theirs = [each if fit else "" for each, fit in zip(theirs, fits, strict=True)]
        similarity = self._distance().normalized_similarity
        found = process.cpdist(ours, theirs, scorer=similarity, dtype=np.float64, workers=self.workers).tolist()
        return Scores([value if fit else None for value, fit in zip(found, fits, strict=True)], status)

    def details(self, completion: str, reference: str) -> tuple[str, Mapping[str, Any]]:
        """The distance, and the first edits that turn the completion into the reference."""
        a, b = self._units([completion, reference])
        reason = f"{self._distance().distance(a, b)} edits between {len(a)} and {len(b)} {self.unit}s"
        if len(a) * len(b) > _EXPLAINED_CELLS:
            return reason, {}
        edits = [edit for edit in self._distance().opcodes(a, b) if edit.tag != "equal"]
        shown = [
            f"{tag} at {start}: {a[start:end]!r} → {b[new_start:new_end]!r}"
            for tag, start, end, new_start, new_end in edits[:_EXPLAINED_EDITS]
        ]
        more = len(edits) - len(shown)
        return reason, {"edits": [*shown, f"and {more} more"] if more else shown}

    def _units(self, texts: Sequence[str]) -> list[str | list[str]]:
        if self.unit == "char" and not self.normalize:
            return list(texts)
        # each distinct text once: the completions of a group share their reference
        cut = {text: units(text, self.unit, normalized=self.normalize) for text in {*texts}}
        return [cut[text] for text in texts]


_EXPLAINED_CELLS = 10**7  # finding the edits, unlike counting them, takes memory in proportion
_EXPLAINED_EDITS = 20


@dataclass(frozen=True)
class Levenshtein(_EditSimilarity):
    """Levenshtein similarity: 1 - insertions, deletions and replacements / the longer length.

    In [0, 1] and symmetric; equal to ``rapidfuzz.distance.Levenshtein.normalized_similarity`` to the last bit.

    Example:
        >>> Levenshtein()(["3 + 4 = 7"], reference=["3 + 5 = 8"]).values  # 2 of 9 characters replaced
        [0.7777777777777778]
        >>> print(Levenshtein(unit="token").explain("It is 7", reference="It is 12"))
        0.6666666666666667 (ok): 1 edits between 3 and 3 tokens
          edits:
            replace at 2: ['7'] → ['12']
    """

    name = "levenshtein"

    @staticmethod
    def _distance() -> ModuleType:
        from rapidfuzz.distance import Levenshtein

        return Levenshtein


@dataclass(frozen=True)
class Indel(_EditSimilarity):
    """Indel similarity: 1 - insertions and deletions / the sum of the lengths.

    In [0, 1] and symmetric; equal to ``rapidfuzz.distance.Indel.normalized_similarity`` to the last bit. It is
    2·LCS/T where ``sequence_match`` is 2·M/T: the longest common subsequence may be scattered, so this is never
    less, and much faster on long texts.

    Example:
        >>> Indel()(["3 + 4 = 7"], reference=["3 + 5 = 8"]).values  # 7 of 9 characters are common: 2·7/18
        [0.7777777777777778]
    """

    name = "indel"

    @staticmethod
    def _distance() -> ModuleType:
        from rapidfuzz.distance import Indel

        return Indel


@dataclass(frozen=True)
class TokenF1(PairReward):
    """F1 of the tokens that completion and reference share, as multisets: order does not count.

    In [0, 1]. Tokens are those of :func:`rewards.text.tokens`; case counts, since ``x`` and ``X`` are two variables.
    The measure is that of extractive question answering (SQuAD, arXiv 1606.05250), on a tokenizer for mathematics.

    Parts:
        precision: The share of the completion's tokens that the reference has too; 1.0 if both are empty.
        recall: The share of the reference's tokens that the completion has too; 1.0 if both are empty.

    Example:
        >>> TokenF1()(["x = 1,250"], reference=["So x = 1,250"])
        Scores(values=[0.8571428571428571], status=['ok'], parts={'precision': [1.0], 'recall': [0.75]})
    """

    normalize: Annotated[bool, "Whether to drop LaTeX spacing first; white space never counts."] = False

    name = "token_f1"

    def score_pairs(self, completions: Sequence[str], references: Sequence[str]) -> Scores:
        """Score pairs of texts; each distinct text is cut once."""
        bags = {text: self._bag(text) for text in {*completions, *references}}
        values: list[float | None] = []
        parts: dict[str, list[float | None]] = {"precision": [], "recall": []}
        for completion, reference in zip(completions, references, strict=True):
            ours, theirs = bags[completion], bags[reference]
            shared, written, wanted = _shared(ours, theirs), ours.total(), theirs.total()
            alike = 0.0 if written or wanted else 1.0
            values.append(2 * shared / (written + wanted) if written or wanted else alike)
            parts["precision"].append(shared / written if written else alike)
            parts["recall"].append(shared / wanted if wanted else alike)
        return Scores(values, ["ok"] * len(values), parts)

    def details(self, completion: str, reference: str) -> tuple[str, Mapping[str, Any]]:
        """How many tokens are shared, and which are missing and extra."""
        ours, theirs = self._bag(completion), self._bag(reference)
        reason = f"{_shared(ours, theirs)} tokens shared of {ours.total()} written and {theirs.total()} wanted"
        return reason, {"missing": sorted((theirs - ours).elements()), "extra": sorted((ours - theirs).elements())}

    def _bag(self, text: str) -> Counter[str]:
        return Counter(tokens(normalize(text) if self.normalize else text))


def _shared(ours: Counter[str], theirs: Counter[str]) -> int:
    fewer, more = (ours, theirs) if len(ours) < len(theirs) else (theirs, ours)
    return sum(min(count, more[token]) for token, count in fewer.items() if token in more)
