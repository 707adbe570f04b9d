"""Imitating replies: what the loss is, that it falls, that how it is computed makes no difference."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from srl_data.training.optimiser import Optimiser
from srl_data.training.policy import Policy
from srl_data.training.reinforce import Progress
from srl_data.training.sft import imitate, replies
from srl_data.training.stage import ConfigError, Stage
from srl_data.training.tasks import Epochs, Task, load_tasks


def _stage(data: Path, **options: object) -> Stage:
    return Stage(**{"method": "sft", "on": "steps", "data": str(data), "steps": 1, "prompts": 6} | options)  # type: ignore[arg-type]


def _train(policy: Policy, stage: Stage, tasks: list[Task]) -> list[dict[str, float]]:
    optimiser = Optimiser(
        policy.model, lr=stage.lr or 0, steps=stage.steps, warmup=stage.warmup or 0, schedule="cosine"
    )
    return [update.figures for update in imitate(policy, Epochs(tasks, 0), stage, optimiser, Progress())]


def _plain_losses(policy: Policy, task: Task) -> torch.Tensor:
    """The loss of each token of the reply, by transformers alone, without padding, prefix or pieces."""
    ids = torch.tensor([[*task.prompt, *policy.encode_reply(task.reply)]])
    logits = policy.model(input_ids=ids).logits[0, len(task.prompt) - 1 : -1]
    return torch.nn.functional.cross_entropy(logits, ids[0, len(task.prompt) :], reduction="none")


def test_the_loss_is_the_mean_over_the_replies_tokens(steps: Path, policy: Policy) -> None:
    stage = _stage(steps)
    tasks = load_tasks(stage, policy, "train")[0]
    with torch.no_grad():
        expected = torch.cat([_plain_losses(policy, task) for task in Epochs(tasks, 0).take(6)])
    figures = _train(policy, stage, tasks)[0]
    assert figures["loss"] == pytest.approx(float(expected.mean()), rel=1e-5)
    assert figures["length"] * 6 == len(expected)


def test_pieces_make_no_difference(steps: Path, model: Path) -> None:
    weights = []
    for most in (1, 100, 100_000):
        policy = Policy.load(model, device="cpu")
        stage = _stage(steps, steps=3, lr=1e-2, warmup=0.0, piece_tokens=most)
        _train(policy, stage, load_tasks(stage, policy, "train")[0])
        weights.append(torch.cat([each.flatten() for each in policy.trained().values()]))
    assert torch.allclose(weights[0], weights[2], atol=1e-4)
    assert torch.allclose(weights[1], weights[2], atol=1e-4)


def test_the_loss_falls(steps: Path, policy: Policy) -> None:
    stage = _stage(steps, steps=30, lr=1e-2, warmup=0.1)
    losses = [figures["loss"] for figures in _train(policy, stage, load_tasks(stage, policy, "train")[0])]
    assert losses[0] > 5  # of 512 tokens, all as likely: ln 512 = 6.2
    assert losses[-1] < 3


def test_prompts_are_not_imitated(steps: Path, policy: Policy) -> None:
    tasks = load_tasks(_stage(steps), policy, "train")[0][:3]
    batch = replies(policy, tasks)
    assert batch.prompts == [list(task.prompt) for task in tasks]
    texts = [task.reply for task in tasks]
    assert policy.decode(batch) == texts
    assert all(row[-1] == policy.stop[0] for row in batch.lists())


def test_texts_that_the_context_has_no_room_for_are_left_out(steps: Path, policy: Policy) -> None:
    stage = _stage(steps, on="solutions")
    whole = load_tasks(stage, policy, "train")[0]
    lengths = sorted(len(task.prompt) + len(policy.encode_reply(task.reply)) for task in whole)
    policy.model.config.max_position_embeddings = lengths[len(lengths) // 2]
    found, long = load_tasks(stage, policy, "train")
    assert len(found) + long == len(whole)
    assert long == sum(length > lengths[len(lengths) // 2] for length in lengths) > 0
    policy.model.config.max_position_embeddings = lengths[0] - 1
    with pytest.raises(ConfigError, match=r"all \d+ prompts and replies are longer than the model's context of \d+"):
        load_tasks(stage, policy, "train")


@pytest.mark.parametrize(
    ("schedule", "warmup", "rates"),
    [
        # of 10 steps, 4 rise: 1/4, 2/4, 3/4, 4/4; then cosine from the top down over the 6 that are left
        ("cosine", 0.4, [0.25, 0.5, 0.75, 1.0, 1.0, 0.933, 0.75, 0.5, 0.25, 0.067]),
        ("constant", 0.2, [0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
        ("constant", 0.0, [1.0] * 10),
    ],
)
def test_the_learning_rate_rises_and_falls(schedule: str, warmup: float, rates: list[float]) -> None:
    layer = torch.nn.Linear(2, 1)
    optimiser = Optimiser(layer, lr=1.0, steps=10, warmup=warmup, schedule=schedule)  # type: ignore[arg-type]
    found = []
    for _ in range(10):
        found.append(optimiser.rate)
        layer(torch.ones(2)).sum().backward()
        optimiser.step()
    assert found == pytest.approx(rates, abs=1e-3)
