"""What a model's rollouts say before training: where RLVR is silent, where SRL speaks, which order that suggests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev

from rewards.adapters.core import RewardLike
from rewards.errors import OptionError
from srl_data.insight.intervals import Estimate, mean_of, together
from srl_data.insight.regime import Advice, Rule, SolutionSignal, StepSignal, suggest
from srl_data.training.policy import Policy
from srl_data.training.replies import Answered, Asked, Reply, answers, gather, is_well_formed
from srl_data.training.sampling import Kind, Sampling
from srl_data.training.stage import ConfigError

__all__ = ["Probe", "Solutions", "Steps", "probe", "read_solutions", "read_steps"]


@dataclass(frozen=True, slots=True)
class Solutions:
    """Rollouts of whole problems.

    Attributes:
        signal: The figures that the rule looks at.
        truncated: The share of rollouts cut off at the most tokens.
        problems: How many distinct problems the figures are about.
        right: How many problems were solved by 0, 1, 2, … of their rollouts; one with several gold answers counts
            once for each, here and wherever it is left out.
        unscored: Problems with a rollout that could not be scored, which are left out of all this.
        too_long: Problems that do not fit the context.
    """

    signal: SolutionSignal
    truncated: Estimate
    problems: int
    right: tuple[int, ...]
    unscored: int
    too_long: int


@dataclass(frozen=True, slots=True)
class Steps:
    """Rollouts of single steps.

    Attributes:
        signal: The figures that the rule looks at.
        reward: What scored them, by name.
        score: The mean reward.
        truncated: The share of rollouts cut off at the most tokens.
        problems: How many distinct problems the steps are of.
        spreads: The standard deviation of each step's rewards, of well-formed rollouts alone; 0 if fewer than two.
        best: The best reward of each step, of well-formed rollouts; None if there is none.
        unscored: Steps with fewer than two scored rollouts, which are left out of all this.
        too_long: Steps that do not fit the context.
    """

    signal: StepSignal
    reward: str
    score: Estimate
    truncated: Estimate
    problems: int
    spreads: tuple[float, ...]
    best: tuple[float | None, ...]
    unscored: int
    too_long: int


@dataclass(frozen=True, slots=True)
class Probe:
    """All that was found.

    Attributes:
        solutions: Of whole problems; None if there are none.
        steps: Of single steps; None if there are none.
        left_out: Why one of these is none.
        advice: What the rule makes of it.
        rule: The rule.
        samples: Rollouts of each prompt.
    """

    solutions: Solutions | None
    steps: Steps | None
    left_out: Mapping[Kind, str]
    advice: Advice
    rule: Rule
    samples: int


def probe(
    policy: Policy,
    data: str,
    *,
    split: str = "train",
    kinds: Sequence[Kind] | None = None,
    sampling: Sampling | None = None,
    step_reward: RewardLike = "srl",
    outcome: RewardLike = "outcome",
    rule: Rule | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Probe:
    """Sample rollouts as training would, and say what it could learn from them.

    Args:
        policy: The model before training.
        data: A folder that ``srl-data segment`` wrote.
        split: Which problems; those that would be trained on.
        kinds: Whole solutions, steps, or both; by default whatever the data have.
        sampling: How rollouts are drawn, two or more of each prompt.
        step_reward: Scores steps.
        outcome: Scores solutions.
        rule: The thresholds.
        on_progress: Told how many rollouts of how many there are.

    Raises:
        ConfigError: If there is nothing to probe.
        OptionError: If fewer than two rollouts are asked for.
    """
    sampling, rule = sampling or Sampling(), rule or Rule()
    if sampling.samples < 2:
        raise OptionError(f"option samples: {sampling.samples} must be 2 or more; a single rollout cannot vary")
    rewards: dict[Kind, RewardLike] = {"solutions": outcome, "steps": step_reward}
    asked, absent = gather(policy, data, split, kinds, sampling, rewards)
    total = sum(len(each.tasks) for each in asked.values()) * sampling.samples
    done = 0

    def progress(replies: int) -> None:
        nonlocal done
        done += replies
        on_progress(done, total)

    answered = {
        kind: answers(policy, each, sampling, greedy=False, on_progress=progress) for kind, each in asked.items()
    }
    solutions = read_solutions(answered["solutions"], asked["solutions"], sampling) if "solutions" in asked else None
    steps = read_steps(answered["steps"], asked["steps"], rule, sampling) if "steps" in asked else None
    advice = suggest(solutions.signal if solutions else None, steps.signal if steps else None, rule)
    return Probe(solutions, steps, absent, advice, rule, sampling.samples)


def read_solutions(answered: Sequence[Answered], asked: Asked, sampling: Sampling) -> Solutions:
    """What rollouts of whole problems show.

    Raises:
        ConfigError: If none could be scored.
    """
    whole = [each for each in answered if None not in _scores(each.sampled)]
    if not whole:
        raise ConfigError(f"none of {len(answered)} problems could be scored by {asked.reward.name!r}")
    size, most = sampling.samples, asked.reward.bounds[1]
    right = [sum(score >= most for score in _scored(each.sampled)) for each in whole]

    def share(values: Iterable[float]) -> Estimate:
        return _share(_by_problem(whole, values), sampling)

    signal = SolutionSignal(
        never=share(count == 0 for count in right),
        mixed=share(0 < count < size for count in right),
        always=share(count == size for count in right),
        accuracy=share(count / size for count in right),
        answered=share(fmean(is_well_formed(reply) for reply in each.sampled) for each in whole),
    )
    truncated = share(fmean(reply.truncated for reply in each.sampled) for each in whole)
    counts = tuple(right.count(number) for number in range(size + 1))
    problems = len({each.problem for each in whole})
    return Solutions(signal, truncated, problems, counts, len(answered) - len(whole), asked.too_long)


def read_steps(answered: Sequence[Answered], asked: Asked, rule: Rule, sampling: Sampling) -> Steps:
    """What rollouts of single steps show.

    Raises:
        ConfigError: If none could be scored.
    """
    measured = [each for each in answered if len(_scored(each.sampled)) > 1]
    if not measured:
        raise ConfigError(f"none of {len(answered)} steps could be scored by {asked.reward.name!r}")
    formed = [_scored([reply for reply in each.sampled if is_well_formed(reply)]) for each in measured]
    spreads = [_spread(scores) for scores in formed]
    best = [max(scores, default=None) for scores in formed]
    most = asked.reward.bounds[1]

    def share(read: Callable[[int, Answered], float]) -> Estimate:
        values = (read(at, each) for at, each in enumerate(measured))
        return _share(_by_problem(measured, values), sampling)

    def reachable(at: int, each: Answered) -> bool:
        top = best[at]
        return spreads[at] > rule.epsilon and top is not None and top >= rule.near

    signal = StepSignal(
        varying=share(lambda at, each: _spread(_scored(each.sampled)) > rule.epsilon),
        varying_well_formed=share(lambda at, each: spreads[at] > rule.epsilon),
        reachable=share(reachable),
        right=share(lambda at, each: fmean(score >= most for score in _scored(each.sampled))),
        well_formed=share(lambda at, each: fmean(is_well_formed(reply) for reply in each.sampled)),
    )
    problems = _by_problem(measured, (fmean(_scored(each.sampled)) for each in measured))
    score = mean_of(problems, bounds=asked.reward.bounds, seed=sampling.seed)
    truncated = share(lambda at, each: fmean(reply.truncated for reply in each.sampled))
    unscored = len(answered) - len(measured)
    return Steps(
        signal,
        asked.reward.name,
        score,
        truncated,
        len(problems),
        tuple(spreads),
        tuple(best),
        unscored,
        asked.too_long,
    )


def _by_problem(answered: Iterable[Answered], values: Iterable[float]) -> list[list[float]]:
    """One value of each prompt, those of one problem together."""
    return together((each.problem, float(value)) for each, value in zip(answered, values, strict=True))


def _share(problems: Iterable[Sequence[float]], sampling: Sampling) -> Estimate:
    return mean_of(problems, bounds=(0, 1), seed=sampling.seed)


def _scores(replies: Iterable[Reply]) -> list[float | None]:
    return [reply.score for reply in replies]


def _scored(replies: Iterable[Reply]) -> list[float]:
    return [reply.score for reply in replies if reply.score is not None]


def _spread(scores: Sequence[float]) -> float:
    return pstdev(scores) if len(scores) > 1 else 0.0
