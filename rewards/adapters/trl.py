"""Rewards for TRL's GRPO and RLOO trainers, and for what speaks their language (Unsloth, Axolotl).

::

    from rewards.adapters.trl import to_trl

    trainer = GRPOTrainer(model, reward_funcs=to_trl("srl"), train_dataset=steps, args=config)

TRL hands every column of the dataset to a reward function; the reward reads those that it needs, by name (a step
dataset has them), and finds TRL's prompts as the column ``prompt``. Written for TRL 1.16.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

from rewards.adapters.core import RewardLike, resolve, score
from rewards.errors import OptionError
from rewards.types import Reward, Scores, Status

__all__ = ["AsyncTrlReward", "TrlReward", "to_trl", "to_trl_async"]

LogExtra = Callable[[str, list[Any]], None]
LogMetric = Callable[[str, float], None]

_OWN = frozenset({"completion_ids", "environments"})  # TRL's own keywords; those that are declared do not get here
_LARGEST = 3.4028234663852886e38  # of TRL's float32: what is above becomes infinite there, and the gradient zero
_STATUSES: tuple[Status, ...] = get_args(Status)
_KEY = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)


def to_trl(reward: RewardLike, *, name: str | None = None, log: bool = True, **options: Any) -> TrlReward:
    """A reward function for TRL.

    Give it to ``reward_funcs``, several of them if you like, with ``reward_weights``. Where a completion has no
    score, so has it none there: TRL leaves it out of its group's mean, and its advantage is zero.

    Args:
        reward: A reward in any form that :func:`rewards.adapters.core.resolve` takes.
        name: What TRL logs it as, ``rewards/NAME/mean``. By default the reward's name, with the options that are
            given: two functions of one name would share their metrics.
        log: Whether to log parts and statuses, see :class:`TrlReward`.
        options: Options of the reward.

    Raises:
        OptionError: If an option is wrong, the name is none for a metric, or the scores may be too large for TRL.
        ToolkitError: As :func:`rewards.adapters.core.resolve`.

    Example:
        >>> function = to_trl("srl", similarity="indel")
        >>> function.__name__
        'srl_indel'
        >>> function(prompts=["1 + 1?"], completions=["<think>Add.</think>2"], reference=["2"])
        [1.0]
    """
    return TrlReward(resolve(reward, **options), name or _name(reward, options), log=log)


def to_trl_async(reward: RewardLike, *, name: str | None = None, log: bool = True, **options: Any) -> AsyncTrlReward:
    """An asynchronous reward function for TRL; otherwise as :func:`to_trl`.

    TRL calls synchronous functions one after another and asynchronous ones together. That pays for a reward that
    waits (a model, worker processes), or that computes without holding Python's lock, beside others of the kind.
    """
    return AsyncTrlReward(resolve(reward, **options), name or _name(reward, options), log=log)


class TrlReward:
    """A reward as TRL calls it. Immutable, picklable, thread-safe.

    Logged, where TRL offers to (``log_metric``, ``log_extra``), and the same keys on every call:

    * metrics: the mean of each part where it is known, ``NAME/PART``, and the share of each status,
      ``NAME/status/STATUS``;
    * columns of the table of completions (``log_completions=True``): ``NAME/status``, and ``NAME/PART``.

    Attributes:
        reward: What scores.
        log: Whether parts and statuses are logged.
    """

    def __init__(self, reward: Reward, name: str, *, log: bool = True) -> None:
        if not _KEY.fullmatch(name):
            raise OptionError(f"name={name!r}: a metric's name has letters, digits, '_', '-', '.'; a letter first")
        if not all(abs(bound) <= _LARGEST for bound in reward.bounds):
            raise OptionError(f"the scores of {reward.name!r} may reach {max(map(abs, reward.bounds)):g}: inf in TRL")
        self.reward = reward
        self.log = log
        self.__name__ = name

    def __repr__(self) -> str:
        return f"<{self.__name__} for TRL: {self.reward!r}>"

    def __call__(
        self,
        prompts: Sequence[Any],
        completions: Sequence[Any],
        *,
        log_extra: LogExtra | None = None,
        log_metric: LogMetric | None = None,
        trainer_state: Any = None,
        **columns: Any,
    ) -> list[float | None]:
        """Score a batch.

        Args:
            prompts: As the dataset has them.
            completions: Strings, or lists of messages for prompts that are such lists.
            log_extra: TRL's way to add a column to the table of completions.
            log_metric: TRL's way to log a number.
            trainer_state: Not used.
            columns: What else TRL has: the dataset's columns.

        Raises:
            ColumnError: If the dataset lacks a column that the reward reads; the message says which it has.
            OptionError: If another reward function of the trainer has the same name.
        """
        _require_alone(self.__name__, log_metric)
        scores = self._score(prompts, completions, columns)
        self._log(scores, log_extra, log_metric)
        return scores.values

    def _score(self, prompts: Sequence[Any], completions: Sequence[Any], columns: Mapping[str, Any]) -> Scores:
        there = {name: column for name, column in columns.items() if name not in _OWN}
        return score(self.reward, completions, {"prompt": prompts, **there})

    def _log(self, scores: Scores, log_extra: LogExtra | None, log_metric: LogMetric | None) -> None:
        if not self.log or not len(scores):
            return
        if log_extra is not None:
            log_extra(f"{self.__name__}/status", list(scores.status))
            for name, column in scores.parts.items():
                log_extra(f"{self.__name__}/{_part(name)}", list(column))
        if log_metric is not None:
            for name, column in scores.parts.items():
                known = [value for value in column if value is not None]
                if known:  # the mean of nothing is no number; TRL averages over the calls that have one
                    log_metric(f"{self.__name__}/{_part(name)}", sum(known) / len(known))
            for status in _STATUSES:
                log_metric(f"{self.__name__}/status/{status}", scores.status.count(status) / len(scores))


class AsyncTrlReward(TrlReward):
    """A reward as TRL awaits it: the scoring is done in a thread, so that the others' can be done beside it."""

    async def __call__(  # type: ignore[override]  # TRL looks at this to tell which of the two it is
        self,
        prompts: Sequence[Any],
        completions: Sequence[Any],
        *,
        log_extra: LogExtra | None = None,
        log_metric: LogMetric | None = None,
        trainer_state: Any = None,
        **columns: Any,
    ) -> list[float | None]:
        """Score a batch; see :meth:`TrlReward.__call__`."""
        _require_alone(self.__name__, log_metric)
        scores = await asyncio.to_thread(self._score, prompts, completions, columns)
        self._log(scores, log_extra, log_metric)
        return scores.values


def _name(reward: RewardLike, options: Mapping[str, Any]) -> str:
    """``srl_indel`` for ``srl`` with ``similarity="indel"``; the reward's own name if it is no name with options."""
    table = dict(reward) if isinstance(reward, Mapping) and "term" not in reward else {"name": reward}
    table.update(options)
    name = table.pop("name", None)
    if not isinstance(name, str) or name.endswith(".toml"):
        return _key(resolve(reward).name)
    told = [
        f"{key}_{value}" if isinstance(value, (bool, int, float)) else str(getattr(value, "name", value))
        for key, value in table.items()
    ]
    return _key("_".join([name, *told]))


def _key(text: str) -> str:
    """A name as a metric's key."""
    key = re.sub(r"[^A-Za-z0-9_.-]+", "_", text).strip("_")[:80]
    return key if _KEY.fullmatch(key) else f"reward_{key}"


def _part(name: str) -> str:
    """A part as it is logged, apart from the statuses."""
    return f"part/{name}" if name.partition("/")[0] == "status" else name


def _require_alone(name: str, log_metric: LogMetric | None) -> None:
    """TRL averages the metrics of functions with one name, silently. What it logs with knows the trainer."""
    names = getattr(getattr(log_metric, "__self__", None), "reward_func_names", ())
    if isinstance(names, list) and names.count(name) > 1:
        raise OptionError(f"{names.count(name)} reward functions are called {name!r}: give to_trl(…, name=…) for one")
