"""Scoring a file of completions against a step dataset.

Completions are read, scored and written a block at a time; of the steps there is an index of ids in memory, and of
each completion 17 bytes (its step, its score, its status), from which the summary is made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from rewards.errors import ToolkitError
from rewards.types import Reward, Scores, Status
from srl_data import sources
from srl_data.errors import InputError, Rejected
from srl_data.insight.spread import distribution, group_spread
from srl_data.pipeline import Progress
from srl_data.rejects import Stage, reject_row
from srl_data.rollouts import Rollouts
from srl_data.score_file import ScoreFile
from srl_data.step_index import StepIndex

__all__ = ["Outcome", "score"]

_STATUSES: tuple[Status, ...] = get_args(Status)
_CODES = {status: code for code, status in enumerate(_STATUSES)}
_BLOCK_BYTES = 1 << 20
_BATCH = 4096  # completions at most in one call of a reward
_SHOWN = 5


@dataclass
class Outcome:
    """What became of every row and every completion; :meth:`summary` turns it into figures.

    Attributes:
        rows: How many rows were read.
        rejects: How many of them could not be used, by ``stage/reason``.
        examples: The first few of those, ``file:line: reason: detail``.
        failure: The first exception that a plug-in raised, if one did.
    """

    rows: int = 0
    rejects: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    failure: str | None = None
    _steps: list[npt.NDArray[np.int64]] = field(init=False, default_factory=list)
    _scores: list[npt.NDArray[np.float64]] = field(init=False, default_factory=list)
    _codes: list[npt.NDArray[np.int8]] = field(init=False, default_factory=list)
    _parts: dict[str, tuple[float, int]] = field(init=False, default_factory=dict)

    @property
    def scored(self) -> int:
        """How many completions have a score."""
        return sum(int((~np.isnan(scores)).sum()) for scores in self._scores)

    def reject(self, where: str, stage: Stage, rejected: Rejected) -> None:
        """Count a row that could not be used."""
        self.rejects[f"{stage}/{rejected.reason}"] += 1
        if len(self.examples) < _SHOWN:
            self.examples.append(f"{where}: {rejected}")

    def add(self, steps: Sequence[int], scores: Scores) -> None:
        """Count scored completions."""
        self._steps.append(np.array(steps, np.int64))
        self._scores.append(np.array(scores.values, np.float64))  # None becomes NaN
        self._codes.append(np.array([_CODES[status] for status in scores.status], np.int8))
        for name, column in scores.parts.items():
            values = [value for value in column if value is not None]
            total, number = self._parts.get(name, (0.0, 0))
            self._parts[name] = (total + sum(values), number + len(values))

    def summary(self, steps: int, epsilon: float) -> dict[str, Any]:
        """Figures, ready for JSON.

        Args:
            steps: How many steps the dataset has.
            epsilon: What a group's standard deviation must exceed to count as spread.

        Returns:
            ``rows`` read, ``rejects`` (``total``, ``by_reason``, the first few ``examples``), ``completions``,
            ``scored``, ``statuses``, ``steps`` (``total``, ``answered``), the distribution of ``score``, the
            mean of each of the ``parts``, and ``groups`` (:func:`srl_data.insight.spread.group_spread`).
        """
        members, scores = np.concatenate([np.empty(0, np.int64), *self._steps]), np.concatenate([[], *self._scores])
        codes = np.concatenate([np.empty(0, np.int8), *self._codes])
        numbers = np.bincount(codes, minlength=len(_STATUSES)).tolist()
        groups = group_spread(members, scores, codes != _CODES["format"], epsilon)
        return {
            "rows": self.rows,
            "rejects": {
                "total": self.rejects.total(),
                "by_reason": dict(sorted(self.rejects.items())),
                "examples": self.examples,
            },
            "completions": len(codes),
            "scored": self.scored,
            "statuses": {status: number for status, number in zip(_STATUSES, numbers, strict=True) if number},
            "steps": {"total": steps, "answered": groups["count"]},
            "score": distribution(scores[~np.isnan(scores)]),
            "parts": {
                name: round(total / number, 6) if number else None for name, (total, number) in self._parts.items()
            },
            "groups": groups,
        }


def score(
    steps: StepIndex,
    inputs: Sequence[sources.Input],
    reward: Reward,
    rollouts: Rollouts,
    file: ScoreFile | None = None,
    *,
    strict: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome:
    """Score every completion of the inputs.

    Args:
        steps: What the completions answer.
        inputs: Where the completions are, see :func:`srl_data.sources.resolve`.
        reward: Scores them. It is given the columns that it reads, and no others.
        rollouts: Which column holds what.
        file: Where the scores go, not yet entered; without one there is only the outcome.
        strict: Stop at the first row that cannot be used.
        on_progress: Called for every block of input.

    Raises:
        InputError: If an input cannot be read, or with ``strict`` at the first row that cannot be used.
        OutputError: If the file cannot be written.
        ToolkitError: If the reward breaks its contract.
    """
    scorer, outcome = _Scorer(reward), Outcome()
    samples: Counter[int] = Counter()
    with file or nullcontext():
        if file is not None:
            file.begin(scorer.parts)
        for source in inputs:
            done = 0
            for block in sources.blocks(source, _BLOCK_BYTES):
                before = outcome.rows, outcome.rejects.total()
                found = _completions(block, steps, rollouts, outcome, file, strict)
                while batch := list(islice(found, _BATCH)):
                    places, texts, lines = zip(*batch, strict=True)
                    scores = scorer(texts, {name: steps.values(name, places) for name in reward.columns})
                    outcome.add(places, scores)
                    if file is not None:
                        file.write(_columns(steps, source.name, places, lines, samples), scores)
                if on_progress is not None:
                    rows, rejects = outcome.rows - before[0], outcome.rejects.total() - before[1]
                    on_progress(Progress(block.position - done, rows, rejects))
                done = block.position
        if file is not None:
            file.finish()
    outcome.failure = scorer.failure
    return outcome


def _completions(
    block: sources.Block,
    steps: StepIndex,
    rollouts: Rollouts,
    outcome: Outcome,
    file: ScoreFile | None,
    strict: bool,
) -> Iterator[tuple[int, Any, int]]:
    """The completions of a block: the row of the step, the completion, the line it stands in."""
    for line, record in sources.records(block):
        outcome.rows += 1
        try:
            if isinstance(record, Rejected):
                raise record
            id, completions = rollouts.read(record)
            place = steps.row(id)
            if place is None:
                raise Rejected("unknown_id", f"no step of {steps.place} has the id {id!r}")
        except Rejected as rejected:
            where = f"{block.input}:{line}"
            if strict:
                raise InputError(f"{where}: {rejected}") from rejected
            stage: Stage = "read" if isinstance(record, Rejected) else "match"
            outcome.reject(where, stage, rejected)
            if file is not None:
                file.reject(reject_row(block.input, line, stage, rejected, record))
            continue
        for completion in completions:
            yield place, completion, line


def _columns(
    steps: StepIndex, source: str, places: Sequence[int], lines: Sequence[int], samples: Counter[int]
) -> dict[str, list[Any]]:
    """What the file says of a batch beside the scores; ``samples`` counts on."""
    numbers = []
    for place in places:
        numbers.append(samples[place])
        samples[place] += 1
    return {
        "id": steps.values("id", places),
        "trajectory_id": steps.values("trajectory_id", places),
        "step_index": steps.values("step_index", places),
        "sample": numbers,
        "file": [source] * len(places),
        "line": list(lines),
    }


class _Scorer:
    """Calls a reward and holds it to its contract."""

    def __init__(self, reward: Reward) -> None:
        self._reward = reward
        self.failure: str | None = None
        self.parts = list(reward([], **{name: [] for name in reward.columns}).parts)

    def __call__(self, completions: Sequence[Any], columns: dict[str, list[Any]]) -> Scores:
        try:
            return self._checked(completions, columns)
        except ToolkitError:
            raise
        except Exception as error:  # a third party's code: it may cost a completion, but not the run
            if self.failure is None:
                self.failure = f"{type(error).__name__}: {error}"
        if len(completions) == 1:
            return Scores([None], ["error"], {name: [None] for name in self.parts})
        singles = [
            self([completion], {name: [column[at]] for name, column in columns.items()})
            for at, completion in enumerate(completions)
        ]
        return Scores(
            [each.values[0] for each in singles],
            [each.status[0] for each in singles],
            {name: [each.parts[name][0] for each in singles] for name in self.parts},
        )

    def _checked(self, completions: Sequence[Any], columns: dict[str, list[Any]]) -> Scores:
        scores = self._reward(list(completions), **columns)
        if len(scores) != len(completions) or list(scores.parts) != self.parts:
            raise ToolkitError(
                f"the reward {self._reward.name!r} breaks its contract: for {len(completions)} completions it gave "
                f"{len(scores)} scores with the parts {list(scores.parts)}, and {self.parts} for none"
            )
        return scores
