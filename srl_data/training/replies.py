"""Replies of a model to prompts of a step dataset, scored: what evaluating and probing look at.

What is asked and how it is scored is what training does: the same prompts, the same sampling, the same rewards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from rewards import Reward
from rewards.adapters.core import RewardLike, resolve
from srl_data.training.collect import has_form, rollouts_of
from srl_data.training.policy import ModelError, Policy
from srl_data.training.sampling import Kind, Sampling
from srl_data.training.stage import ConfigError, Stage
from srl_data.training.tasks import Task, check_fit, load_tasks

__all__ = ["Answered", "Asked", "Reply", "answers", "gather", "is_well_formed"]


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply and its score.

    Attributes:
        text: What it says.
        score: The reward; None if it could not be scored.
        status: How scoring went.
        parts: The reward's parts.
        tokens: Its length.
        truncated: Whether it was cut off at the most tokens.
    """

    text: str
    score: float | None
    status: str
    parts: dict[str, float | None]
    tokens: int
    truncated: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """A prompt with the likeliest reply, if that was asked for, and the drawn ones."""

    task: Task
    greedy: tuple[Reply, ...]
    sampled: tuple[Reply, ...]

    @property
    def problem(self) -> str:
        """The problem's text: the unit that intervals are about, however many solutions of it the data hold."""
        return _problem(self.task)


def is_well_formed(reply: Reply) -> bool:
    """Whether a reply has the form that its reward wants; for ``outcome``, that it has a final answer."""
    return has_form(reply.status)


@dataclass(frozen=True, slots=True)
class Asked:
    """The prompts of one kind.

    Attributes:
        stage: How they are answered.
        reward: What scores the replies.
        tasks: The prompts; whole problems once each, see :func:`gather`.
        too_long: How many more there would be, had the context room for them.
    """

    stage: Stage
    reward: Reward
    tasks: list[Task]
    too_long: int


def gather(
    policy: Policy,
    data: str,
    split: str,
    kinds: Sequence[Kind] | None,
    sampling: Sampling,
    rewards: Mapping[Kind, RewardLike],
) -> tuple[dict[Kind, Asked], dict[Kind, str]]:
    """The prompts of one split, of some kinds or of whatever the data have.

    A problem of which the data hold several solutions is asked once for a whole one, and for every step of each. If
    these solutions have different gold answers, it is asked once for each of them: two prompts, and still one problem.

    Returns:
        By kind: the prompts, or why there are none.

    Raises:
        ConfigError: If a kind that was named has no prompts, or none has, or a reward does not fit them.
    """
    found: dict[Kind, Asked] = {}
    absent: dict[Kind, str] = {}
    for kind in kinds or ("solutions", "steps"):
        stage, reward = sampling.stage(kind, data, policy.context), resolve(rewards[kind])
        try:
            tasks, too_long = load_tasks(stage, policy, split, once=True)
        except ConfigError as error:
            if kinds:
                raise
            absent[kind] = str(error).removeprefix(f"stage {kind!r}: ")
            continue
        check_fit(reward, tasks, policy, f"{kind}: the reward {reward.name!r}")
        found[kind] = Asked(stage, reward, _chosen(tasks, sampling), too_long)
    if not found:
        raise ConfigError("; ".join(dict.fromkeys(absent.values())))
    return found, absent


def answers(
    policy: Policy,
    asked: Asked,
    sampling: Sampling,
    *,
    greedy: bool,
    on_progress: Callable[[int], None] = lambda replies: None,
) -> list[Answered]:
    """Answer prompts: ``sampling.samples`` drawn replies to each, and if wanted the likeliest one."""
    tasks = asked.tasks
    generator = torch.Generator(policy.model.device).manual_seed(sampling.seed)
    order = sorted(range(len(tasks)), key=lambda at: len(tasks[at].prompt))  # like lengths together, little padding
    found: dict[bool, list[tuple[Reply, ...]]] = {}
    for likeliest, size in ((True, int(greedy)), (False, sampling.samples)):
        replies = found[likeliest] = [()] * len(tasks)
        together = max(1, sampling.batch // max(1, size))
        for start in range(0, len(order) if size else 0, together):
            places = order[start : start + together]
            chosen = [tasks[at] for at in places]
            for at, group in zip(
                places, _replies(policy, asked, chosen, None if likeliest else generator), strict=True
            ):
                replies[at] = group
            on_progress(size * len(places))
    return [Answered(*each) for each in zip(tasks, found[True], found[False], strict=True)]


def _replies(
    policy: Policy, asked: Asked, tasks: list[Task], generator: torch.Generator | None
) -> list[tuple[Reply, ...]]:
    """The replies to each task: the likeliest one if there is no generator."""
    try:
        batch = rollouts_of(policy, tasks, asked.reward, asked.stage, generator, greedy=generator is None)
    except FloatingPointError as error:
        raise ModelError(str(error)) from error
    lengths = batch.rollouts.mask.sum(1).tolist()
    truncated = batch.rollouts.truncated.tolist()
    groups: list[list[Reply]] = [[] for _ in tasks]
    for row, owner in enumerate(batch.rollouts.owners.tolist()):
        parts = {name: values[row] for name, values in batch.parts.items()}
        reply = Reply(
            batch.texts[row], batch.rewards[row], batch.statuses[row], parts, int(lengths[row]), truncated[row]
        )
        groups[owner].append(reply)
    return [tuple(group) for group in groups]


def _chosen(tasks: list[Task], sampling: Sampling) -> list[Task]:
    """The tasks of some problems: by hash, so that solutions and steps are of the same ones."""
    if sampling.problems is None:
        return tasks
    problems = list(map(_problem, tasks))

    def key(problem: str) -> bytes:
        return hashlib.sha256(f"{sampling.seed}/{problem}".encode()).digest()

    chosen = set(sorted(set(problems), key=key)[: sampling.problems])
    return [task for task, problem in zip(tasks, problems, strict=True) if problem in chosen]


def _problem(task: Task) -> str:
    return str(task.columns["problem"])
