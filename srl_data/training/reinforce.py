"""The loop: sample, score, compare within the group, step. Read it from top to bottom.

An update is a chain of plain functions: :func:`srl_data.training.collect.collect` gives scored rollouts,
:func:`advantages` what each token's log-probability is pushed by, :func:`srl_data.training.objectives.policy_loss` the
loss. A selector of rollouts goes between the first and the second, a bonus behind the second, another grouping into
``groups``: each is a function from tensors to tensors, and the loop stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from rewards import Reward
from srl_data.training import objectives
from srl_data.training.collect import Batch, collect
from srl_data.training.optimiser import Optimiser
from srl_data.training.policy import Policy
from srl_data.training.prefix import reads_prompts_once
from srl_data.training.rollout import Rollouts, pieces
from srl_data.training.stage import Stage
from srl_data.training.tasks import Epochs

__all__ = ["Progress", "Update", "advantages", "is_spent", "joined", "reinforce"]

_BASELINE_DECAY = 0.9


@dataclass(slots=True)
class Progress:
    """How far a stage is: all that a resumed run needs beside the weights and the optimiser.

    Attributes:
        step: Updates done.
        tokens: Tokens sampled.
        baseline: The running mean of rewards, for ``advantage = "running"``.
    """

    step: int = 0
    tokens: int = 0
    baseline: float | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """What one update did, in numbers; names as in the log."""

    step: int
    tokens: int
    figures: dict[str, float]


def reinforce(
    policy: Policy,
    tasks: Epochs,
    reward: Reward,
    stage: Stage,
    optimiser: Optimiser,
    generator: torch.Generator,
    progress: Progress,
) -> Iterator[Update]:
    """Train until the stage's budget is spent, one update at a time; after each the caller may look, save, or stop."""
    while not is_spent(stage, progress):
        collected = collect(policy, tasks, reward, stage, generator)
        progress.step += 1
        progress.tokens += collected.tokens
        figures = collected.figures()
        if collected.batches:
            figures |= _learn(policy, collected.batches, stage, optimiser, progress)
        else:
            for _ in range(stage.epochs * stage.minibatches):
                optimiser.step(weight=0)  # other processes may have kept something, and wait for this one
        yield Update(progress.step, progress.tokens, figures)


def _learn(
    policy: Policy, batches: list[Batch], stage: Stage, optimiser: Optimiser, progress: Progress
) -> dict[str, float]:
    rollouts = joined([batch.rollouts for batch in batches])
    scores = [value for batch in batches for value in batch.rewards]
    rewards = torch.tensor(scores, dtype=torch.float32, device=rollouts.tokens.device)  # whole numbers too
    groups = rollouts.owners
    anchor = _anchor_logprobs(policy, rollouts, stage) if stage.kl else None
    pushes = advantages(rewards, groups, rollouts, anchor, stage, progress)
    sums: dict[str, float] = {}
    for _ in range(stage.epochs):
        for part in _minibatches(rollouts, stage.minibatches, optimiser.shuffle):
            if not part:  # fewer prompts than minibatches
                optimiser.step(weight=0)
                continue
            weights = objectives.token_weights(rollouts.mask[part], stage.aggregation, length=stage.most_tokens)
            minibatch = rollouts.select(part)
            optimiser.zero()
            for piece in pieces(minibatch, stage.piece_tokens, shared=reads_prompts_once(policy.model)):
                found = minibatch.select(piece)
                width = found.mask.shape[1]
                rows = [part[row] for row in piece]
                weight = weights[piece, :width]
                now = policy.score(found, stage.temperature)
                old = found.logprobs if stage.clip else now.logprobs.detach()
                losses = objectives.policy_loss(now.logprobs, old, pushes[rows, :width], clip=stage.clip)
                if anchor is not None:
                    divergence = objectives.kl_penalty(now.logprobs, anchor[rows, :width]) * found.mask
                    _add(sums, "kl", divergence.detach().sum())
                    if stage.advantage != "reinforce++":  # whose returns hold it
                        losses = losses + stage.kl * divergence
                loss = (weight * losses).sum()
                loss.backward()
                _add(sums, "loss", loss.detach())
                _add(sums, "entropy", now.entropy.sum())
                _add(sums, "tokens", found.mask.sum())
            counted = minibatch.mask.sum() if stage.aggregation == "token" else len(minibatch)
            _add(sums, "grad_norm", optimiser.step(float(counted)))
            _add(sums, "updates", 1)
    updates, tokens = sums.pop("updates"), sums.pop("tokens")
    per_update = {"loss", "grad_norm"}
    return {name: value / (updates if name in per_update else tokens) for name, value in sums.items()}


def advantages(
    rewards: Tensor, groups: Tensor, rollouts: Rollouts, anchor: Tensor | None, stage: Stage, progress: Progress
) -> Tensor:
    """What each token is pushed by, ``[N, T]``, by the stage's choice; see :mod:`srl_data.training.objectives`."""
    mask = rollouts.mask
    match stage.advantage:
        case "z_score":
            each = objectives.z_scores(rewards, groups, ddof=stage.ddof)
        case "centred":
            each = objectives.centred(rewards, groups)
        case "leave_one_out":
            each = objectives.leave_one_out(rewards, groups)
        case "reinforce++baseline":
            return objectives.whitened(objectives.centred(rewards, groups), mask)
        case "reinforce++":
            kl = None if anchor is None else rollouts.logprobs - anchor
            return objectives.whitened(objectives.returns_to_go(rewards, mask, kl, stage.kl), mask)
        case "running":
            mean = float(rewards.mean())
            baseline = mean if progress.baseline is None else progress.baseline
            progress.baseline = _BASELINE_DECAY * baseline + (1 - _BASELINE_DECAY) * mean
            each = rewards - baseline
    return each[:, None] * mask


def joined(several: list[Rollouts]) -> Rollouts:
    """Rollouts of several batches as one."""
    width = max(each.tokens.shape[1] for each in several)

    def together(name: str) -> Tensor:
        return torch.cat(
            [torch.nn.functional.pad(getattr(each, name), (0, width - each.tokens.shape[1])) for each in several]
        )

    prompts: list[list[int]] = []
    owners = []
    for each in several:
        owners.append(each.owners + len(prompts))
        prompts += each.prompts
    truncated = torch.cat([each.truncated for each in several])
    return Rollouts(prompts, torch.cat(owners), together("tokens"), together("mask"), together("logprobs"), truncated)


def _anchor_logprobs(policy: Policy, rollouts: Rollouts, stage: Stage) -> Tensor:
    found = torch.zeros_like(rollouts.logprobs)
    for piece in pieces(rollouts, stage.piece_tokens):
        part = rollouts.select(piece)
        found[piece, : part.mask.shape[1]] = policy.anchor_logprobs(part, stage.temperature)
    return found


def _minibatches(rollouts: Rollouts, count: int, generator: torch.Generator) -> Iterator[list[int]]:
    """Rows of each minibatch; groups stay whole."""
    owners = rollouts.owners.tolist()
    if count == 1:
        yield list(range(len(owners)))
        return
    order = torch.randperm(len(rollouts.prompts), generator=generator).tolist()
    for number in range(count):
        chosen = set(order[number::count])
        yield [row for row, owner in enumerate(owners) if owner in chosen]


def _add(sums: dict[str, float], name: str, value: Tensor | float) -> None:
    sums[name] = sums.get(name, 0.0) + float(value)


def is_spent(stage: Stage, progress: Progress) -> bool:
    """Whether a stage has done all its updates, or used all its tokens."""
    return (stage.steps is not None and progress.step >= stage.steps) or (
        stage.tokens is not None and progress.tokens >= stage.tokens
    )
