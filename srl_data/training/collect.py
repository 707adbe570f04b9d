"""What one update learns from: groups of scored rollouts, and with dynamic sampling only those that tell it something.

A prompt whose rollouts all score the same has no advantage to give. Dynamic sampling (DAPO, arXiv 2503.14476, section
3.2; SRL, arXiv 2510.25992, section 3.2) leaves such prompts out and samples others until the batch is full.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean, pstdev

import torch

from rewards import Reward
from rewards.adapters.core import score
from srl_data.training.policy import Policy
from srl_data.training.rollout import Rollouts, sample
from srl_data.training.stage import Stage
from srl_data.training.tasks import Epochs, Task

__all__ = ["Batch", "Collected", "collect", "has_form", "rollouts_of"]


@dataclass(frozen=True, slots=True)
class Batch:
    """Scored rollouts of some prompts, those of one prompt next to each other.

    Attributes:
        tasks: The task of each rollout.
        rollouts: The rollouts.
        texts: What they say.
        rewards: Their scores; ``None`` where one could not be scored.
        statuses: How scoring went.
        parts: The reward's parts by name.
    """

    tasks: list[Task]
    rollouts: Rollouts
    texts: list[str]
    rewards: list[float | None]
    statuses: list[str]
    parts: dict[str, list[float | None]]

    def groups(self) -> list[list[int]]:
        """The rows of each prompt."""
        rows: dict[int, list[int]] = {}
        for row, owner in enumerate(self.rollouts.owners.tolist()):
            rows.setdefault(owner, []).append(row)
        return list(rows.values())

    def select(self, rows: Sequence[int]) -> Batch:
        """Some of the rows, in ascending order."""
        rows = sorted(rows)

        def pick(values: list) -> list:  # type: ignore[type-arg]
            return [values[row] for row in rows]

        return Batch(
            pick(self.tasks),
            self.rollouts.select(rows),
            pick(self.texts),
            pick(self.rewards),
            pick(self.statuses),
            {name: pick(values) for name, values in self.parts.items()},
        )


@dataclass(slots=True)
class Collected:
    """What was sampled for one update.

    Attributes:
        batches: What it learns from; each rollout has a score, and with dynamic sampling each group two that differ.
            Empty if nothing was kept.
        groups: How many prompts were sampled.
        kept: How many of them were kept.
        kept_well_formed: How many would be, had only rollouts counted that are well formed: one broken form in a group
            makes its rewards differ, whatever the others are worth.
        tokens: How many tokens were sampled.
        sampled: The rollouts' figures, of all that was sampled: see :meth:`figures`.
    """

    batches: list[Batch] = field(default_factory=list)
    groups: int = 0
    kept: int = 0
    kept_well_formed: int = 0
    tokens: int = 0
    sampled: list[Batch] = field(default_factory=list)

    def figures(self) -> dict[str, float]:
        """What was sampled in numbers, for the log."""
        rewards = [value for batch in self.sampled for value in batch.rewards if value is not None]
        rows = sum(len(batch.texts) for batch in self.sampled)
        statuses = Counter(status for batch in self.sampled for status in batch.statuses)
        spreads = [_spread(batch, group) for batch in self.sampled for group in batch.groups() if len(group) > 1]
        found = {"reward": fmean(rewards)} if rewards else {}
        if spreads:  # a rollout without others deviates from nothing
            found["reward_std"] = fmean(spreads)
        found |= {
            "keep_rate": self.kept / max(1, self.groups),
            "keep_rate_well_formed": self.kept_well_formed / max(1, self.groups),
            "length": self.tokens / max(1, rows),
            "truncated": sum(int(batch.rollouts.truncated.sum()) for batch in self.sampled) / max(1, rows),
        }
        for name in sorted({name for batch in self.sampled for name in batch.parts}):
            values = [value for batch in self.sampled for value in batch.parts.get(name, ()) if value is not None]
            if values:
                found[f"reward/{name}"] = fmean(values)
        found |= {f"status/{name}": count / max(1, rows) for name, count in sorted(statuses.items())}
        return found


def collect(policy: Policy, tasks: Epochs, reward: Reward, stage: Stage, generator: torch.Generator) -> Collected:
    """Sample and score prompts until enough are worth learning from, or ``refills`` times as many were sampled."""
    found, most = Collected(), stage.prompts * stage.refills
    while found.kept < stage.prompts and found.groups < most:
        wanted = min(stage.prompts - found.kept, most - found.groups)
        batch = rollouts_of(policy, tasks.take(wanted), reward, stage, generator)
        groups = batch.groups()
        kept = [rows for rows in groups if _is_kept(batch, rows, stage.min_std)]
        formed = [[row for row in rows if has_form(batch.statuses[row])] for rows in groups]
        found.groups += len(groups)
        found.kept += len(kept)
        found.kept_well_formed += sum(_is_kept(batch, rows, stage.min_std) for rows in formed)
        found.tokens += int(batch.rollouts.mask.sum())
        found.sampled.append(batch)
        usable = [row for rows in kept for row in rows if batch.rewards[row] is not None]
        if usable:
            found.batches.append(batch.select(usable))
        if stage.min_std is None:
            break  # what cannot be scored is not made up for
    return found


def rollouts_of(
    policy: Policy,
    tasks: Sequence[Task],
    reward: Reward,
    stage: Stage,
    generator: torch.Generator | None,
    *,
    greedy: bool = False,
) -> Batch:
    """Sample a group of rollouts for each task, or the likeliest one, and score them."""
    with policy.autocast():
        rollouts = sample(
            policy.model,
            [list(task.prompt) for task in tasks],
            group_size=1 if greedy else stage.group_size,
            max_new_tokens=stage.most_tokens,
            stop=policy.stop,
            temperature=0.0 if greedy else stage.temperature,
            most_rows=stage.sample_rows,
            generator=generator,
        )
    texts = policy.decode(rollouts)
    each = [tasks[owner] for owner in rollouts.owners.tolist()]
    scores = score(reward, texts, {name: [task.columns[name] for task in each] for name in reward.columns})
    parts = {name: list(values) for name, values in scores.parts.items()}
    return Batch(each, rollouts, texts, list(scores.values), list(scores.status), parts)


def has_form(status: str) -> bool:
    """Whether a reply of this status has the form that its reward wants; for ``outcome``, a final answer."""
    return status not in ("format", "unparseable_completion")


def _is_kept(batch: Batch, rows: list[int], min_std: float | None) -> bool:
    scored = [batch.rewards[row] for row in rows if batch.rewards[row] is not None]
    if min_std is None:
        return bool(scored)
    return len(scored) > 1 and _spread(batch, rows) > min_std


def _spread(batch: Batch, rows: list[int]) -> float:
    scored = [value for row in rows if (value := batch.rewards[row]) is not None]
    return pstdev(scored) if len(scored) > 1 else 0.0
