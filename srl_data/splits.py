"""What only all records together can tell: duplicates, clashing ids, and which problems are held out.

Works on a few 64-bit keys a record (16 MB for a million records, 72 MB where some are held out), and on
problem texts only where keys collide, so that memory does not follow the size of the texts. Everything is decided by
hashes of the content and by input order: the same input gives the same splits, on any machine and with any number of
workers.

Two problems are *near-duplicates* if they hold the same numbers and their wording, with case, punctuation and spaces
set aside, has an Indel similarity (rapidfuzz) of at least a threshold. The numbers matter: "3 apples" and "4 apples"
are two problems with two answers, and a template filled twice is no leak.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rapidfuzz.fuzz import ratio
from xxhash import xxh3_64_intdigest

__all__ = ["Keys", "Resolution", "key", "normalise_problem", "parse_holdout", "record_keys", "resolve"]

Keys = npt.NDArray[np.uint64]

_WORD = re.compile(r"[^\W_]+(?:[.,]\d+)*")
_SKETCH = 6  # blocking keys a problem; near-duplicates share at least one of six, but for a few in a thousand
_CROWD = 64  # of the problems that share one blocking key no more than this many are compared with a newcomer
_BATCH = 4096  # how many problems are looked at in one pass over the blocking keys


def key(*parts: str) -> int:
    """A 64-bit key of some texts, the same on every machine."""
    if len(parts) == 1:
        return xxh3_64_intdigest(parts[0].encode())
    return xxh3_64_intdigest("".join(f"{len(part)} {part}" for part in parts).encode())


def normalise_problem(problem: str) -> str:
    """A problem's words and numbers, lower-cased, one space between them.

    Example:
        >>> normalise_problem("How many? -- 3,000  Apples!")
        'how many 3,000 apples'
    """
    words: list[str] = _WORD.findall(unicodedata.normalize("NFKC", problem).casefold())
    return " ".join(words) or problem.strip()


@dataclass(frozen=True, slots=True)
class Resolution:
    """What to do with each record, in input order.

    Attributes:
        duplicate_of: For each record the index of the earlier record that it repeats, else −1.
        held_out: Whether it belongs to the validation split.
        suffix: 0, or the number to append to its id because an earlier record has the same id.
    """

    duplicate_of: npt.NDArray[np.int64]
    held_out: npt.NDArray[np.bool_]
    suffix: npt.NDArray[np.int64]


def parse_holdout(text: str) -> int | float:
    """Read ``60`` (trajectories) or ``0.05`` (a fraction).

    Raises:
        ValueError: If it is neither.
    """
    value = float(text)
    if value >= 0 and value.is_integer() and "." not in text:
        return int(value)
    if 0 <= value < 1:
        return value
    raise ValueError(f"{text} is neither a count nor a fraction below 1")


def resolve(
    keys: Keys,
    problem_of: Callable[[int], str],
    *,
    holdout: int | float = 0,
    keep_duplicates: bool = False,
    similarity: float = 0.9,
) -> Resolution:
    """Decide duplicates, id suffixes and the holdout.

    Args:
        keys: One row a record, see :func:`record_keys`.
        problem_of: The problem of a record by its index; asked only where near-duplicates are looked for.
        holdout: How many trajectories to hold out, or which fraction of them; 0 for none. Whole clusters of
            equal and near-equal problems are held out, so the number can fall short by less than a cluster.
        keep_duplicates: Do not drop a record whose problem and text were seen before.
        similarity: The least similarity of near-duplicates, 0 to 1; above 1 turns the search off.
    """
    count = len(keys)
    duplicate_of = np.full(count, -1, dtype=np.int64)
    if not keep_duplicates and count:
        first = _first_with_same(keys[:, 1])
        repeated = first != np.arange(count)
        duplicate_of[repeated] = first[repeated]
    kept = np.flatnonzero(duplicate_of < 0)
    suffix = np.zeros(count, dtype=np.int64)
    suffix[kept] = _occurrence(keys[kept, 0])
    held_out = np.zeros(count, dtype=np.bool_)
    wanted = round(holdout * len(kept)) if isinstance(holdout, float) else holdout
    if wanted and count:
        held_out[kept[_hold_out(keys[kept], kept, problem_of, wanted, similarity)]] = True
    return Resolution(duplicate_of, held_out, suffix)


def _first_with_same(values: Keys) -> npt.NDArray[np.int64]:
    """For each value the index of its first occurrence."""
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    found: npt.NDArray[np.int64] = first[inverse]
    return found


def _occurrence(values: Keys) -> npt.NDArray[np.int64]:
    """How often each value occurred before: 0 the first time, then 2, 3, … (what is appended to an id)."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    new = np.ones(len(values), dtype=np.bool_)
    new[1:] = ordered[1:] != ordered[:-1]
    positions = np.arange(len(values))
    starts = np.maximum.accumulate(np.where(new, positions, 0))
    rank = positions - starts
    result = np.zeros(len(values), dtype=np.int64)
    result[order] = np.where(rank == 0, 0, rank + 1)
    return result


def record_keys(record_id: str, problem: str, text: str, *, splitting: bool) -> list[int]:
    """A record's row of keys: of its id, of problem and text; then of the normalised problem, and its blocking keys.

    Args:
        record_id: The solution's id.
        problem: Its problem.
        text: Its text.
        splitting: Whether some problems will be held out; without, the keys that tell equal and near-equal
            problems, which are most of the work, are left out.
    """
    keys = [key(record_id), key(problem, text)]
    if splitting:
        normalised = normalise_problem(problem)
        keys += [key(normalised), *_blocking_keys(normalised)]
    return keys


def _blocking_keys(normalised: str) -> list[int]:
    """Keys of which two near-duplicates share at least one, with high probability; always as many.

    The numbers of the problem, each time with one of the smallest hashes of its three-word shingles (a bottom-k
    sketch, Broder 1997). Only problems that share a key are compared, so that not all pairs have to be.
    """
    words = normalised.split()
    numbers = _numbers(words)
    shingles = sorted({key(*words[at : at + 3]) for at in range(max(1, len(words) - 2))})[:_SKETCH]
    return [key(numbers, str(shingle)) for shingle in shingles + shingles[-1:] * (_SKETCH - len(shingles))]


def _numbers(words: Sequence[str]) -> str:
    return " ".join(sorted(word for word in words if any(character.isdigit() for character in word)))


def _hold_out(
    keys: Keys, records: npt.NDArray[np.int64], problem_of: Callable[[int], str], wanted: int, similarity: float
) -> npt.NDArray[np.int64]:
    """Positions of the records to hold out: whole clusters, in the order of their problems' hashes, while they fit."""
    problems, group, sizes = np.unique(keys[:, 2], return_inverse=True, return_counts=True)
    representative = np.full(len(problems), len(keys))
    np.minimum.at(representative, group, np.arange(len(keys)))
    search = _NearDuplicates(
        keys[representative, 3:], lambda problem: problem_of(int(records[representative[problem]])), similarity
    )
    chosen = np.zeros(len(problems), dtype=np.bool_)
    seen = np.zeros(len(problems), dtype=np.bool_)
    left = wanted
    position = 0
    while left and position < len(problems):  # np.unique sorted by hash: an order as good as random
        batch = min(_BATCH, 2 * left + 64)
        starts = [problem for problem in range(position, min(position + batch, len(problems))) if not seen[problem]]
        position += batch
        for cluster in search.clusters(starts, seen):
            size = int(sizes[cluster].sum())
            if size <= left:
                chosen[cluster] = True
                left -= size
    return np.flatnonzero(chosen[group])


class _NearDuplicates:
    """Finds the near-duplicates of a few problems among many, by their blocking keys."""

    def __init__(self, bands: Keys, problem_of: Callable[[int], str], similarity: float) -> None:
        self._bands = bands
        self._problem_of = problem_of
        self._similarity = similarity

    def clusters(self, starts: Sequence[int], seen: npt.NDArray[np.bool_]) -> list[list[int]]:
        """The clusters that hold the given problems, each once, in the order of ``starts``; marks them as seen."""
        neighbours: dict[int, set[int]] = defaultdict(set)
        frontier = list(starts)
        reached = set(frontier)
        while frontier and self._similarity <= 1:
            found = set()
            for left, right in self._pairs(frontier):
                if right not in neighbours[left] and self._near(left, right):
                    neighbours[left].add(right)
                    neighbours[right].add(left)
                    found.add(right)
            frontier = sorted(found - reached)
            reached |= found
        result = []
        for start in starts:
            if seen[start]:
                continue
            cluster, stack = [], [start]
            seen[start] = True
            while stack:
                problem = stack.pop()
                cluster.append(problem)
                for neighbour in sorted(neighbours[problem]):
                    if not seen[neighbour]:
                        seen[neighbour] = True
                        stack.append(neighbour)
            result.append(sorted(cluster))
        return result

    def _pairs(self, frontier: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Pairs (one of the frontier, any other problem) that share a blocking key."""
        wanted = np.unique(self._bands[list(frontier)])
        holders = np.flatnonzero(np.isin(self._bands, wanted).any(axis=1))
        members: dict[int, list[int]] = defaultdict(list)
        for problem in holders.tolist():
            for band in np.unique(self._bands[problem]).tolist():
                members[band].append(problem)
        for problem in frontier:
            for band in np.unique(self._bands[problem]).tolist():
                # a key shared by a crowd is boilerplate; the crowd's first members stand for it
                yield from ((problem, other) for other in members[band][:_CROWD] if other != problem)

    def _near(self, left: int, right: int) -> bool:
        ours, theirs = normalise_problem(self._problem_of(left)), normalise_problem(self._problem_of(right))
        if _numbers(ours.split()) != _numbers(theirs.split()):
            return False
        return ratio(ours, theirs, score_cutoff=self._similarity * 100) > 0
