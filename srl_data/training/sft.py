"""Supervised fine-tuning: the expert's replies, token by token. The baseline, and what comes before reinforcement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from srl_data.training.objectives import token_weights
from srl_data.training.optimiser import Optimiser
from srl_data.training.policy import Policy
from srl_data.training.reinforce import Progress, Update, is_spent
from srl_data.training.rollout import Rollouts, pieces
from srl_data.training.stage import Stage
from srl_data.training.tasks import Epochs, Task

__all__ = ["imitate", "replies"]


def imitate(policy: Policy, tasks: Epochs, stage: Stage, optimiser: Optimiser, progress: Progress) -> Iterator[Update]:
    """Train on replies until the stage's budget is spent, one update at a time; prompts are read, not imitated."""
    while not is_spent(stage, progress):
        batch = replies(policy, tasks.take(stage.prompts))
        weights = token_weights(batch.mask, "token")
        loss = entropy = 0.0
        optimiser.zero()
        for piece in pieces(batch, stage.piece_tokens):
            part = batch.select(piece)
            scores = policy.score(part, temperature=1.0)
            negative = -(weights[piece, : part.mask.shape[1]] * scores.logprobs).sum()
            negative.backward()
            loss += float(negative.detach())
            entropy += float(scores.entropy.sum())
        tokens = int(batch.mask.sum())
        norm = optimiser.step(tokens)
        progress.step += 1
        progress.tokens += tokens
        figures = {"loss": loss, "entropy": entropy / tokens, "grad_norm": norm, "length": tokens / len(batch)}
        yield Update(progress.step, progress.tokens, figures)


def replies(policy: Policy, tasks: Sequence[Task]) -> Rollouts:
    """The experts' replies in the form of rollouts, one for each task."""
    encoded = [policy.encode_reply(task.reply) for task in tasks]
    device = policy.model.device
    tokens = torch.zeros(len(tasks), max(map(len, encoded)), dtype=torch.long)
    mask = torch.zeros_like(tokens)
    for row, reply in enumerate(encoded):
        tokens[row, : len(reply)] = torch.tensor(reply)
        mask[row, : len(reply)] = 1
    return Rollouts(
        [list(task.prompt) for task in tasks],
        torch.arange(len(tasks), device=device),
        tokens.to(device),
        mask.to(device),
        torch.zeros(tokens.shape, device=device),
        torch.zeros(len(tasks), dtype=torch.bool, device=device),
    )
