"""Dynamic sampling, as SRL does it: train on prompts whose rollouts differ in reward, and draw others for the rest.

A group whose rollouts all score alike has no advantage to learn from. SRL keeps a prompt if the population standard
deviation of its rewards exceeds ε, and samples until the batch is full (arXiv 2510.25992, §3.2). Its ε is not reported.

:func:`spread` and :func:`informative` are that rule, for any trainer. :func:`with_dynamic_sampling` puts it into TRL's
GRPO and RLOO trainers::

    from trl import GRPOTrainer
    from rewards.adapters.dynamic_sampling import with_dynamic_sampling

    Trainer = with_dynamic_sampling(GRPOTrainer, "srl", epsilon=0.01)
    trainer = Trainer(model, reward_funcs=to_trl("srl"), train_dataset=steps, args=config)
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import fsum, isfinite, sqrt
from typing import Any, TypeVar, cast

from rewards.adapters.core import RewardLike, resolve, score
from rewards.errors import OptionError, ToolkitError
from rewards.types import Scores

__all__ = ["informative", "spread", "with_dynamic_sampling"]

T = TypeVar("T", bound=type)
_log = logging.getLogger("rewards.adapters")
_METHODS = ("_generate", "_generate_and_score_completions")


def spread(values: Sequence[float | None]) -> float:
    """The population standard deviation of the rewards that there are; 0.0 of fewer than two.

    Example:
        >>> spread([0.0, 1.0, None])
        0.5
        >>> spread([0.1, 0.1, 0.1])
        0.0
    """
    known = [value for value in values if value is not None]
    if len(known) < 2 or min(known) == max(known):  # equal ones differ by exactly nothing, whatever rounding does
        return 0.0
    mean = fsum(known) / len(known)
    return sqrt(fsum((value - mean) ** 2 for value in known) / len(known))


def informative(scores: Scores, group: int, epsilon: float = 0.0, *, well_formed: bool = False) -> list[bool]:
    """Which prompts to keep.

    Args:
        scores: The scores of a batch, the rollouts of one prompt beside each other.
        group: How many rollouts a prompt has.
        epsilon: What the standard deviation of a group must exceed.
        well_formed: Look at rollouts of the right form alone. One broken form among seven good ones, at -1, is a
            spread too: about how to write, and nothing about what.

    Returns:
        One entry per prompt.

    Raises:
        ValueError: If the scores are no whole number of groups.

    Example:
        >>> scores = Scores([0.5, 0.5, -1.0, 0.2, 0.9, 0.4], ["ok", "ok", "format", "ok", "ok", "ok"])
        >>> informative(scores, 3), informative(scores, 3, well_formed=True)
        ([True, True], [False, True])
    """
    if group < 1 or len(scores) % group:
        raise ValueError(f"{len(scores)} scores are no whole number of groups of {group}")
    values = [
        None if well_formed and status == "format" else value
        for value, status in zip(scores.values, scores.status, strict=True)
    ]
    return [spread(values[at : at + group]) > epsilon for at in range(0, len(values), group)]


def with_dynamic_sampling(
    trainer: T,
    reward: RewardLike,
    *,
    epsilon: float = 0.0,
    max_rounds: int = 4,
    well_formed: bool = False,
    **options: Any,
) -> T:
    """TRL's GRPOTrainer or RLOOTrainer, with groups dropped and replaced until the batch is full.

    Before a batch of generations is trained on, its groups are scored; those that ``epsilon`` drops are replaced by
    groups of other prompts of the training set, drawn at random (seeded by the trainer's seed, step and process),
    a local batch a round. What is missing after ``max_rounds`` is filled with the dropped groups, whose advantages
    are near nothing. Evaluation is as ever. Metrics, of the process that logs: ``dynamic_sampling/kept`` (the share of
    generated groups that ``epsilon`` keeps), ``dynamic_sampling/rounds``, ``dynamic_sampling/filled`` (the share of
    the batch that is dropped groups).

    What to know:

    * TRL has no place for this, so the class that is returned overrides two methods of the trainer that are private
      (``_generate``, ``_generate_and_score_completions``), as they are in TRL 1.16.
    * Each kept completion is scored twice, here and by the trainer. TRL's metrics of lengths and tokens count all that
      is generated.
    * A round generates on every process until all of them are full.
    * A refilled prompt is one that the trainer's own order had not reached or has passed: an epoch is no longer each
      prompt once.

    Args:
        trainer: The class.
        reward: What the groups are judged by: the trainer's reward, if it has one; otherwise their weighted sum
            (:func:`rewards.compose`).
        epsilon: What the standard deviation of a group must exceed.
        max_rounds: How often a batch is generated at most, the first time included.
        well_formed: See :func:`informative`.
        options: Options of the reward.

    Raises:
        OptionError: If an option is wrong, or the class is none that this fits.
    """
    missing = [name for name in _METHODS if not callable(getattr(trainer, name, None))]
    if missing:
        raise OptionError(f"{trainer!r} has no {missing[0]}: this is made for GRPOTrainer and RLOOTrainer of TRL 1.16")
    if isinstance(epsilon, bool) or not (isfinite(epsilon) and epsilon >= 0):
        raise OptionError(f"epsilon={epsilon!r} is negative or not finite")
    if max_rounds < 1:
        raise OptionError(f"max_rounds={max_rounds!r} is less than 1")
    rule = _Rule(resolve(reward, **options), epsilon, max_rounds, well_formed)
    names = {"_dynamic_sampling": rule, "_drawn": None, "__module__": trainer.__module__, "__doc__": trainer.__doc__}
    return cast(T, type(f"DynamicSampling{trainer.__name__}", (_Resampling, trainer), names))


@dataclass(frozen=True)
class _Rule:
    reward: Any
    epsilon: float
    max_rounds: int
    well_formed: bool


@dataclass(frozen=True)
class _Group:
    """The rows of one prompt, and what :meth:`_generate` returned for them."""

    rows: list[dict[str, Any]]
    generated: tuple[Any, ...]


class _Resampling:
    """What is put before a trainer. ``_generate`` gives what was drawn already, if something was."""

    _dynamic_sampling: _Rule
    _drawn: tuple[Any, ...] | None

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> Any:
        trainer = cast(Any, self)
        if not trainer.model.training:
            return cast(Any, super())._generate_and_score_completions(inputs)
        groups = _draw(trainer, self._dynamic_sampling, inputs)
        self._drawn = _join([group.generated for group in groups])
        try:
            return cast(Any, super())._generate_and_score_completions([row for group in groups for row in group.rows])
        finally:
            self._drawn = None

    def _generate(self, prompts: list[Any], *others: Any, **named: Any) -> Any:
        if self._drawn is not None:
            return self._drawn
        return cast(Any, super())._generate(prompts, *others, **named)


def _draw(trainer: Any, rule: _Rule, inputs: list[dict[str, Any]]) -> list[_Group]:
    """Groups for a whole local batch, those that the rule keeps first."""
    size: int = trainer.num_generations
    _require_plain(trainer, inputs, size)
    wanted = len(inputs) // size
    kept: list[_Group] = []
    dropped: list[_Group] = []
    draws = _others(trainer)
    rounds = 0
    while rounds < rule.max_rounds:
        rows = inputs if not rounds else [dict(row) for row in islice(draws, wanted) for _ in range(size)]
        found = _generated(trainer, rule, rows, size)
        kept += [group for group, keep in found if keep]
        dropped += [group for group, keep in found if not keep]
        rounds += 1
        if _all_full(trainer, len(kept) >= wanted):
            break
    filled = max(0, wanted - len(kept))
    metrics = trainer._metrics["train"]
    metrics["dynamic_sampling/kept"].append(len(kept) / (len(kept) + len(dropped)))
    metrics["dynamic_sampling/rounds"].append(float(rounds))
    metrics["dynamic_sampling/filled"].append(filled / wanted)
    if filled:
        _log.info("dynamic sampling: %d of %d groups have no spread after %d rounds", filled, wanted, rounds)
    return [*kept, *dropped][:wanted]


def _generated(trainer: Any, rule: _Rule, rows: list[dict[str, Any]], size: int) -> list[tuple[_Group, bool]]:
    generated = trainer._generate([row["prompt"] for row in rows])
    completions = _completions(generated, len(rows))
    columns = {name: [row.get(name) for row in rows] for name in rows[0]}
    keep = informative(score(rule.reward, completions, columns), size, rule.epsilon, well_formed=rule.well_formed)
    starts = range(0, len(rows), size)
    return [
        (_Group(rows[at : at + size], _slice(generated, at, size, len(rows))), each)
        for at, each in zip(starts, keep, strict=True)
    ]


def _completions(generated: tuple[Any, ...], number: int) -> list[Any]:
    """What of it is texts or lists of messages: the place differs among trainers, the rest is numbers."""
    for part in generated:
        if isinstance(part, list) and len(part) == number and all(_is_completion(each) for each in part):
            return part
    raise ToolkitError("the trainer's _generate gave no completions in a form known here: is this TRL 1.16?")


def _is_completion(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and bool(value) and isinstance(value[0], Mapping))


def _slice(generated: tuple[Any, ...], at: int, size: int, number: int) -> tuple[Any, ...]:
    def cut(part: Any) -> Any:
        if isinstance(part, Mapping):  # columns that a rollout function adds
            return {name: cut(value) for name, value in part.items()}
        return part[at : at + size] if isinstance(part, list) and len(part) == number else part

    return tuple(cut(part) for part in generated)


def _join(parts: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    def joined(pieces: Sequence[Any]) -> Any:
        if all(isinstance(piece, list) for piece in pieces):
            return [each for piece in pieces for each in piece]
        if all(isinstance(piece, Mapping) for piece in pieces):
            return {name: joined([piece[name] for piece in pieces]) for name in pieces[0]}
        return pieces[0]

    return tuple(joined(pieces) for pieces in zip(*parts, strict=True))


def _others(trainer: Any) -> Iterator[dict[str, Any]]:
    """Rows of the training set in random order, each once before one comes again; the same ones if a run is resumed."""
    state = trainer.state
    place = (trainer.args.seed, state.global_step, state.num_input_tokens_seen, trainer.accelerator.process_index)
    draws = random.Random(" ".join(map(str, place)))  # noqa: S311
    rows = trainer.train_dataset
    while True:
        yield from (rows[at] for at in draws.sample(range(len(rows)), len(rows)))


def _all_full(trainer: Any, full: bool) -> bool:
    """Whether every process is: they generate together or not at all."""
    import torch

    accelerator = trainer.accelerator
    return bool(accelerator.gather(torch.tensor([full], device=accelerator.device)).all())


def _require_plain(trainer: Any, inputs: Sequence[Mapping[str, Any]], size: int) -> None:
    if len(inputs) % size:
        raise OptionError(
            f"dynamic sampling: a process generates {len(inputs)} completions at a time, which are no whole groups of "
            f"num_generations={size}: choose per_device_train_batch_size × steps_per_generation as a multiple of it"
        )
    if (
        getattr(trainer, "tools", None)
        or getattr(trainer, "environments", None)
        or inputs[0].keys() & {"image", "images"}
    ):
        raise OptionError("dynamic sampling is not made for tools, environments and images: TRL sets them up elsewhere")
    if not hasattr(trainer.train_dataset, "__len__") or not hasattr(trainer.train_dataset, "__getitem__"):
        raise OptionError("dynamic sampling draws rows of the training set by number: a streamed one has none")
