"""Wrong steps for process supervision: completions that a model wrote, scored against the expert's step.

An expert's solution has none: every label of it is true, and a model that is trained on nothing else learns to say
yes. A rollout of step k gives one more example, the expert's steps before it and the rollout as step k, which is true
if its score reaches a threshold. The label is as good as the reward: one that compares texts calls a right step in
other words wrong, and a wrong one in the expert's words right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from rewards.adapters.core import score, text_of
from rewards.text import split_reply
from rewards.types import Reward
from srl_data import sources
from srl_data.dataset import StepDataset
from srl_data.errors import Rejected
from srl_data.export.shapes import LeftOut, Row, opening, require_no_agent
from srl_data.rollouts import Rollouts
from srl_data.step_index import StepIndex

__all__ = ["Candidates"]

_BATCH = 4096
_BLOCK_BYTES = 1 << 20
_COLUMNS = ("problem", "history", "trajectory_id")


class Candidates:
    """Scored completions of a dataset's steps, as rows of process supervision.

    Args:
        dataset: The dataset.
        inputs: Where the completions are, see :func:`srl_data.sources.resolve`.
        reward: Scores them.
        threshold: The score from which a step counts as right.
        rollouts: Which column holds what.

    Attributes:
        left_out: How many completions gave no row, by reason.
        labels: How many of their last steps are right, and how many wrong.
    """

    def __init__(
        self,
        dataset: StepDataset,
        inputs: Sequence[sources.Input],
        reward: Reward,
        threshold: float,
        rollouts: Rollouts | None = None,
    ) -> None:
        self.left_out: Counter[str] = Counter()
        self.labels: Counter[bool] = Counter()
        self._dataset, self._inputs, self._reward, self._threshold = dataset, inputs, reward, threshold
        self._rollouts = rollouts or Rollouts()
        self._tags = dataset.manifest.options["examples"]["tags"]
        self._counted = False  # every split reads the same files: what is wrong with a row is counted once
        self._matched = self._rows = 0

    def rows(self, split: str) -> Iterator[Row]:
        """The rows of the completions whose step is in a split."""
        openings = self._openings(split)
        index = StepIndex(str(self._dataset.folder), [*self._reward.columns, *_COLUMNS], split=split)
        found = self._completions(index)
        while batch := list(islice(found, _BATCH)):
            places, texts = [place for place, _ in batch], [text for _, text in batch]
            scores = score(
                self._reward, texts, {name: index.values(name, places) for name in self._reward.columns}
            ).values
            columns = [index.values(name, places) for name in _COLUMNS]
            for text, value, problem, history, home in zip(texts, scores, *columns, strict=True):
                action = self._action(text)
                if home not in openings:
                    self.left_out["an agent's run"] += 1
                elif value is None:
                    self.left_out["not scorable"] += 1
                elif action is None:
                    self.left_out["a broken form"] += 1
                else:
                    right = value >= self._threshold
                    self.labels[right] += 1
                    yield {
                        "prompt": "\n\n".join(part for part in (problem, openings[home]) if part),
                        "completions": [*history, action],
                        "labels": [True] * len(history) + [right],
                        "id": f"{home}#{len(history)}",
                    }

    def record(self) -> Mapping[str, Any]:
        """What became of the completions; plain JSON values."""
        elsewhere = {"no such step": self._rows - self._matched} if self._rows > self._matched else {}
        return {
            "files": [source.name for source in self._inputs],
            "threshold": self._threshold,
            "right": self.labels[True],
            "wrong": self.labels[False],
            "left_out": dict(sorted({**self.left_out, **elsewhere}.items())),
        }

    def _completions(self, index: StepIndex) -> Iterator[tuple[int, str]]:
        first, self._counted = not self._counted, True
        for source in self._inputs:
            for block in sources.blocks(source, _BLOCK_BYTES):
                for _line, record in sources.records(block):
                    try:
                        if isinstance(record, Rejected):
                            raise record
                        id, completions = self._rollouts.read(record)
                    except Rejected as rejected:
                        if first:
                            self.left_out[rejected.reason] += 1
                        continue
                    self._rows += first
                    place = index.row(id)
                    if place is None:
                        continue
                    self._matched += 1
                    for completion in completions:
                        text = text_of(completion)
                        if text is None:
                            self.left_out["no text"] += 1
                        else:
                            yield place, text

    def _action(self, text: str) -> str | None:
        """The step in a reply; the whole of it where the reward does not ask for a form."""
        action = split_reply(text, getattr(self._reward, "tags", self._tags)).action
        return action if action is not None or hasattr(self._reward, "tags") else text.strip() or None

    def _openings(self, split: str) -> dict[str, str]:
        """What the prompt of each write-up has beside the problem."""
        found = {}
        for row in self._dataset.rows("trajectories", split):
            try:
                require_no_agent(row)
            except LeftOut:
                continue
            found[row["id"]] = opening(row)
        return found
