"""Engines of Ratcliff/Obershelp matching: one definition, ``difflib``'s, and several ways to compute it.

The native kernel does the work where it was built. Where it was not, cydifflib does if it is installed, and the
standard library if not; the numbers are the same. Every engine counts its work and gives up on a pair that takes
too much, so that no text can stall its caller. The count depends on the texts alone, never on the clock: a pair that
is scored once is scored always. The engines differ in how much text they get through before that.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from itertools import accumulate
from typing import NamedTuple, Protocol

__all__ = ["Block", "Engine", "Fallback", "Native", "engines", "matching_blocks"]


class Engine(Protocol):
    """A way to compute ratios.

    Attributes:
        label: What it is, for people.
    """

    label: str

    def ratios(
        self, completions: Sequence[str], references: Sequence[str], *, autojunk: bool = False, threads: int = 1
    ) -> list[float | None]:
        """``difflib.SequenceMatcher(None, completion, reference, autojunk).ratio()`` of each pair.

        ``None`` for a pair that is over the engine's budget.
        """
        ...


class Native:
    """The extension module: whole batches at a time, on several threads, without the interpreter's lock.

    A unit of its budget is one to three nanoseconds of work, and memory is bounded too (about 100 MB a thread at
    the very most). Prose of 300,000 characters against as much stays within it; so does any text of 8,000
    characters that we could think of.
    """

    label = "native (abi3 extension)"
    budget = 150_000_000

    def __init__(self) -> None:
        from rewards._ratcliff import ratios  # ImportError where there was no compiler

        self._ratios = ratios

    def ratios(
        self, completions: Sequence[str], references: Sequence[str], *, autojunk: bool = False, threads: int = 1
    ) -> list[float | None]:
        """See :class:`Engine`; references that occur several times are indexed once."""
        return self._ratios(completions, references, autojunk, self.budget, threads)


class Fallback:
    """difflib, or a library with its interface, under a budget.

    Args:
        module: The module that has ``SequenceMatcher``.
        label: See :class:`Engine`.
        budget: How many pairs of equal characters may be looked at for one pair of texts.
    """

    def __init__(self, module: str, label: str, budget: int) -> None:
        self.label = label
        self.budget = budget
        self._matcher: type[difflib.SequenceMatcher[str]] = import_module(module).SequenceMatcher

    def ratios(
        self, completions: Sequence[str], references: Sequence[str], *, autojunk: bool = False, threads: int = 1
    ) -> list[float | None]:
        """See :class:`Engine`; ``threads`` is of no use here, since the interpreter's lock is held."""
        matcher = self._matcher(None, "", "", autojunk)
        reference = ""
        found = []
        for completion, each in zip(completions, references, strict=True):
            if each != reference:
                matcher.set_seq2(each)
                reference = each
            matcher.set_seq1(completion)
            found.append(self._ratio(matcher, completion, reference))
        return found

    def _ratio(self, matcher: difflib.SequenceMatcher[str], a: str, b: str) -> float | None:
        # No window looks at more than the first one does, and each but the empty ones matches a character.
        if _looks(matcher, a)[-1] * (2 * min(len(a), len(b)) + 1) <= self.budget:
            return matcher.ratio()
        blocks = matching_blocks(matcher, a, b, self.budget)
        return None if blocks is None else 2.0 * sum(block.size for block in blocks) / (len(a) + len(b))


class Block(NamedTuple):
    """``size`` characters that both texts have, at ``a`` in the one and at ``b`` in the other."""

    a: int
    b: int
    size: int


def matching_blocks(
    matcher: difflib.SequenceMatcher[str], a: Sequence[str], b: Sequence[str], budget: int
) -> list[Block] | None:
    """``SequenceMatcher.get_matching_blocks`` under a budget, in order, neighbours not yet merged.

    Args:
        matcher: A matcher that was given ``a`` and ``b``.
        a: The first text.
        b: The second text.
        budget: How many pairs of equal characters may be looked at.

    Returns:
        The blocks, or ``None`` if that takes more than the budget.

    Example:
        >>> matching_blocks(difflib.SequenceMatcher(None, "x + 1", "y + 1"), "x + 1", "y + 1", 100)
        [Block(a=1, b=1, size=4)]
    """
    looks = _looks(matcher, a)
    windows = [(0, len(a), 0, len(b))]
    found = []
    while windows:
        alo, ahi, blo, bhi = windows.pop()
        budget -= looks[ahi] - looks[alo] + (ahi - alo) + (bhi - blo)
        if budget < 0:
            return None
        i, j, size = matcher.find_longest_match(alo, ahi, blo, bhi)
        if size:
            found.append(Block(i, j, size))
            if alo < i and blo < j:
                windows.append((alo, i, blo, j))
            if i + size < ahi and j + size < bhi:
                windows.append((i + size, ahi, j + size, bhi))
    return sorted(found)


def _looks(matcher: difflib.SequenceMatcher[str], a: Sequence[str]) -> list[int]:
    """How many pairs of equal characters the search looks at in the first k characters of ``a``, for each k."""
    places: Mapping[str, Sequence[int]] = matcher.b2j  # type: ignore[attr-defined]  # documented, but not in the stub
    return list(accumulate((len(places.get(each, ())) for each in a), initial=0))


def _cydifflib() -> Engine:
    from importlib.metadata import version  # slow to import, and mostly not needed

    return Fallback("cydifflib", f"cydifflib {version('cydifflib')}", budget=100_000_000)


def _difflib() -> Engine:
    return Fallback("difflib", "difflib", budget=10_000_000)


def engines() -> Iterator[Engine]:
    """The engines that there are in this environment, the best one first.

    Example:
        >>> [engine.ratios(["ab"], ["abc"]) for engine in engines()][-1]
        [0.8]
    """
    for make in (Native, _cydifflib, _difflib):
        try:
            engine = make()
        except ImportError:  # not built, not installed
            continue
        yield engine
