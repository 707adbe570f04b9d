"""verifiers: a reward as a method of a task (0.4 and newer), or as a function of a rubric (up to 0.3).

::

    import verifiers.v1 as vf

    from rewards.adapters.verifiers import to_verifiers

    class StepData(vf.TaskData):
        reference: str

    class StepTask(vf.Task[StepData]):
        srl = vf.reward(to_verifiers("srl"))
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

from rewards.adapters.core import RewardLike
from rewards.adapters.scorer import Scorer

__all__ = ["RubricFunction", "to_rubric", "to_verifiers"]


def to_verifiers(
    reward: RewardLike = "srl",
    *,
    name: str | None = None,
    unscorable: Literal["raise"] | float | None = None,
    **options: Any,
) -> Callable[[Any, Any], Awaitable[float]]:
    """A reward as a method of a ``verifiers.v1.Task``; mark it with ``vf.reward``.

    The columns are the fields of the task's data. The completion is the model's last message; thoughts that the server
    took out of it stand in ``<think>`` and ``</think>`` again. Parts and statuses are recorded as metrics of the trace,
    as ``NAME/similarity``. It is scored in a thread, so that the event loop goes on.

    Args:
        reward: What scores, see :func:`rewards.adapters.core.resolve`.
        name: The name under which it is recorded; the reward's by default.
        unscorable: What stands for a score that is missing, or ``"raise"``, which makes the rollout one that failed
            (a ``TaskError``); by default the reward's lower bound.
        options: Options of the reward.

    Raises:
        ToolkitError: If there is no such reward, or it does not take these options.
    """
    scorer = Scorer(reward, unscorable=unscorable, **options)
    name = name or scorer.reward.name

    async def method(self: Any, trace: Any) -> float:
        entry = await asyncio.to_thread(scorer, _last_reply(trace), dict(self.data))
        value = entry.pop("score")
        trace.record_metrics({f"{name}/{key}": each for key, each in entry.items()})
        return value

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"The reward {scorer.reward.name} of the model's last message."
    return method


class RubricFunction:
    """A reward as one of the functions of a ``verifiers.Rubric``; see :func:`to_rubric`."""

    def __init__(self, scorer: Scorer, key: str, name: str) -> None:
        self.scorer = scorer
        self.key = key
        self.__name__ = name

    async def __call__(self, completion: Any, answer: Any = None, info: Any = None, **row: Any) -> float:
        """Score one rollout. A column is looked for in the row, and then in ``info``."""
        columns = {**(info if isinstance(info, Mapping) else {}), **row, "answer": answer}
        if isinstance(completion, list):  # of objects that only look like mappings
            completion = [each if isinstance(each, Mapping) else each.model_dump() for each in completion]
        return (await asyncio.to_thread(self.scorer, completion, columns))[self.key]


def to_rubric(
    reward: RewardLike = "srl",
    *,
    part: str | None = None,
    name: str | None = None,
    unscorable: Literal["raise"] | float | None = None,
    **options: Any,
) -> RubricFunction:
    """A reward as a function of a ``verifiers.Rubric``, of verifiers up to 0.3.

    The columns are those of the dataset, and the keys of its column ``info``. An exception counts as 0.0 there.

    Args:
        reward: What scores, see :func:`rewards.adapters.core.resolve`.
        part: Give one of the reward's parts or statuses (a key of :func:`rewards.adapters.core.flat`) in place of its
            score, for ``Rubric.add_metric``.
        name: The name under which it is logged; by default the reward's, and the part's behind a slash.
        unscorable: What stands for a score that is missing; by default the reward's lower bound.
        options: Options of the reward.

    Raises:
        ToolkitError: If there is no such reward, or it does not take these options.

    Example:
        >>> function = to_rubric("indel")
        >>> asyncio.run(function("ab", info={"reference": "ab"})), function.__name__
        (1.0, 'indel')
    """
    scorer = Scorer(reward, unscorable=unscorable, **options)
    own = scorer.reward.name if part is None else f"{scorer.reward.name}/{part}"
    return RubricFunction(scorer, "score" if part is None else part, name or own)


def _last_reply(trace: Any) -> Any:
    if trace.root_reply is not None:  # of an agent that had others work for it
        return trace.root_reply
    said = trace.assistant_messages
    return [said[-1].model_dump()] if said else None
