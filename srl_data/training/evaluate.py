"""How good is a model? Replies to whole problems and to single steps, scored, with intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict
from typing import Any

from rewards import Reward
from rewards.adapters.core import RewardLike
from srl_data.insight.intervals import mean_of, pass_at, together
from srl_data.training.policy import Policy
from srl_data.training.replies import Answered, Reply, answers, gather, is_well_formed
from srl_data.training.sampling import Kind, Sampling

__all__ = ["evaluate", "figures", "rows"]


def evaluate(
    policy: Policy,
    data: str,
    *,
    split: str = "validation",
    kinds: Sequence[Kind] | None = None,
    sampling: Sampling | None = None,
    step_reward: RewardLike = "srl",
    outcome: RewardLike = "outcome",
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[dict[str, Any], dict[Kind, list[Answered]]]:
    """Answer problems and steps of one split, greedily and by sampling.

    Args:
        policy: The model.
        data: A folder that ``srl-data segment`` wrote.
        split: Which problems.
        kinds: Whole solutions, steps given those before, or both; by default whatever the data have.
        sampling: How replies are drawn.
        step_reward: Scores steps.
        outcome: Scores solutions, from 0 for wrong to its upper bound for right.
        on_progress: Told how many replies of how many there are.

    Returns:
        By kind, figures ready for JSON (see :func:`figures`; ``too_long`` counts prompts that do not fit the context)
        or under ``left_out`` why there are none; and by kind, every reply.

    Raises:
        ConfigError: If there is nothing to answer, or a reward reads a column that is not there.
    """
    sampling = sampling or Sampling()
    rewards: dict[Kind, RewardLike] = {"solutions": outcome, "steps": step_reward}
    asked, absent = gather(policy, data, split, kinds, sampling, rewards)
    total = sum(len(each.tasks) for each in asked.values()) * (1 + sampling.samples)
    done = 0

    def progress(replies: int) -> None:
        nonlocal done
        done += replies
        on_progress(done, total)

    found: dict[str, Any] = {kind: {"left_out": reason} for kind, reason in absent.items()}
    replies: dict[Kind, list[Answered]] = {}
    for kind, each in asked.items():
        replies[kind] = answers(policy, each, sampling, greedy=True, on_progress=progress)
        figured = figures(replies[kind], each.reward, sampling, whole=kind == "solutions")
        found[kind] = {"split": split, "too_long": each.too_long, **figured}
    return found, replies


def figures(answered: Sequence[Answered], reward: Reward, sampling: Sampling, *, whole: bool) -> dict[str, Any]:
    """What the replies come to, ready for JSON.

    Returns:
        ``reward``, ``prompts``, ``problems`` (distinct ones: what intervals are over), and for ``greedy`` and
        ``sampled`` replies each: ``replies``; ``unscored`` by status, which count in no score; and estimates with
        ``value``, ``low`` and ``high``: ``score`` (for solutions the accuracy; of sampled replies that is avg@k),
        ``well_formed``, ``truncated``, ``tokens``, and ``parts`` of the score by name. Of sampled solutions also
        ``pass@2``, ``pass@4``, … up to the number of samples; a prompt with fewer scored replies than that does
        not count.
    """
    found: dict[str, Any] = {
        "reward": reward.name,
        "prompts": len(answered),
        "problems": len({each.problem for each in answered}),
    }
    for name in ("greedy", "sampled"):
        groups: list[tuple[str, tuple[Reply, ...]]] = [(each.problem, getattr(each, name)) for each in answered]
        if any(replies for _, replies in groups):
            found[name] = _measured(groups, reward, sampling.seed)
            if whole and name == "sampled":
                found[name] |= _passes(groups, reward, sampling)
    return found


def _measured(groups: Sequence[tuple[str, Sequence[Reply]]], reward: Reward, seed: int) -> dict[str, Any]:
    everything = [reply for _, replies in groups for reply in replies]

    def mean(read: Callable[[Reply], float | None], bounds: tuple[float, float] | None) -> dict[str, float] | None:
        values = ((problem, read(reply)) for problem, replies in groups for reply in replies)
        return _estimate(together((problem, value) for problem, value in values if value is not None), bounds, seed)

    return {
        "replies": len(everything),
        "unscored": dict(sorted(Counter(each.status for each in everything if each.score is None).items())),
        "score": mean(lambda reply: reply.score, reward.bounds),
        "well_formed": mean(lambda reply: float(is_well_formed(reply)), (0, 1)),
        "truncated": mean(lambda reply: float(reply.truncated), (0, 1)),
        "tokens": mean(lambda reply: float(reply.tokens), None),
        "parts": {
            name: mean(lambda reply, name=name: reply.parts.get(name), None)  # type: ignore[misc]
            for name in dict.fromkeys(name for each in everything for name in each.parts)
        },
    }


def _passes(groups: Sequence[tuple[str, Sequence[Reply]]], reward: Reward, sampling: Sampling) -> dict[str, Any]:
    counts = []
    for problem, replies in groups:
        scores = [reply.score for reply in replies if reply.score is not None]
        counts.append((problem, len(scores), sum(score >= reward.bounds[1] for score in scores)))
    sizes = [2**power for power in range(1, sampling.samples.bit_length())]
    found = {}
    for k in sorted({*sizes, sampling.samples} - {1}):
        values = together((problem, pass_at(k, tried, right)) for problem, tried, right in counts if tried >= k)
        found[f"pass@{k}"] = _estimate(values, (0, 1), sampling.seed)
    return found


def _estimate(
    problems: Collection[Sequence[float]], bounds: tuple[float, float] | None, seed: int
) -> dict[str, float] | None:
    if not any(problems):
        return None
    return {name: round(value, 6) for name, value in asdict(mean_of(problems, bounds=bounds, seed=seed)).items()}


def rows(answered: Iterable[Answered], kind: Kind) -> Iterable[dict[str, Any]]:
    """One row for each reply: what ``srl-data evaluate -o`` writes."""
    for each in answered:
        for drawn, replies in (("greedy", each.greedy), ("sampled", each.sampled)):
            for sample, reply in enumerate(replies):
                yield {
                    "kind": kind,
                    "id": each.task.id,
                    "drawn": drawn,
                    "sample": sample,
                    "completion": reply.text,
                    "score": reply.score,
                    "status": reply.status,
                    "tokens": reply.tokens,
                    "truncated": reply.truncated,
                    **{f"part_{name}": value for name, value in reply.parts.items()},
                }
