"""A reward for trainers that ask about one completion at a time, from many threads.

A call costs a few microseconds of its own, and more for a reward that starts something: a pass of an encoder, a round
trip to a worker process. Callers that come while another one is being served are served next, together, in one batch;
nobody waits for a batch to fill.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from threading import Lock
from typing import Any, Literal

from rewards.adapters.core import RewardLike, Unscorable, flat, resolve, score
from rewards.types import Scores

__all__ = ["Scorer", "shared"]


class Scorer:
    """A reward, asked completion by completion. Safe to call from many threads, and picklable.

    Args:
        reward: What scores, see :func:`rewards.adapters.core.resolve`.
        unscorable: What stands for a score that is missing, or ``"raise"``; by default the reward's lower bound, so
            that a model gains nothing by what cannot be scored.
        options: Options of the reward.

    Raises:
        ToolkitError: If there is no such reward, or it does not take these options.

    Example:
        >>> scorer = Scorer("srl", similarity="indel")
        >>> scorer("<think>Undo the +3.</think>2x = 8", {"reference": "2x = 8"})["score"]
        1.0
        >>> scorer("2x = 8", {"reference": "2x = 8"})["status/format"]
        1.0
    """

    def __init__(
        self, reward: RewardLike = "srl", *, unscorable: Literal["raise"] | float | None = None, **options: Any
    ) -> None:
        self.reward = resolve(reward, **options)
        self.unscorable = Unscorable(self.reward.bounds[0] if unscorable is None else unscorable)
        self._waiting: deque[_Call] = deque()
        self._turn = Lock()

    def __call__(self, completion: Any, columns: Mapping[str, Any]) -> dict[str, float]:
        """Score one completion.

        Args:
            completion: A string or chat messages, see :func:`rewards.adapters.core.text_of`.
            columns: The row that it answers: the reward takes the columns that it reads.

        Returns:
            The score under ``score``, and the rest of :func:`rewards.adapters.core.flat`: the same keys whatever the
            completion.

        Raises:
            ColumnError: If the row lacks a column that the reward reads.
            NotScorable: If there is no score, and ``unscorable`` is ``"raise"``.
        """
        if not all(name in columns for name in self.reward.columns):  # here, where it fails this caller alone
            score(self.reward, [completion], {name: [value] for name, value in columns.items()})
        call = _Call(completion, [columns[name] for name in self.reward.columns])
        self._waiting.append(call)
        with self._turn:
            if call.scores is None and call.error is None:
                self._serve([self._waiting.popleft() for _ in range(len(self._waiting))])
        if call.error is not None:
            raise call.error
        if call.scores is None:
            raise RuntimeError("a call was served without a result")  # cannot be: only _serve takes it off the queue
        found, at = call.scores, call.at
        value = found.values[at]
        return flat(found, at, self.unscorable(Scores([None], [found.status[at]]))[0] if value is None else value)

    def __getstate__(self) -> dict[str, Any]:
        return {"reward": self.reward, "unscorable": self.unscorable}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _waiting=deque(), _turn=Lock())

    def _serve(self, calls: list[_Call]) -> None:
        columns = {name: [call.row[at] for call in calls] for at, name in enumerate(self.reward.columns)}
        try:
            scores = score(self.reward, [call.completion for call in calls], columns)
        except BaseException as error:
            for call in calls:
                call.error = error
            if not isinstance(error, Exception):  # an interrupt is this thread's own, too
                raise
        else:
            for at, call in enumerate(calls):
                call.scores, call.at = scores, at


def shared(reward: RewardLike = "srl", *, unscorable: Literal["raise"] | float | None = None, **options: Any) -> Scorer:
    """The one :class:`Scorer` of this process for a reward and its options; made when it is first asked for.

    Trainers that hand their settings to a function on every call would otherwise make a reward for every completion.

    Example:
        >>> shared("srl", similarity="indel") is shared("srl", similarity="indel")
        True
    """
    key = (_key(reward), _key(unscorable), _key(options))
    found = _SCORERS.get(key)
    if found is None:
        with _MAKING:
            found = _SCORERS.get(key)
            if found is None:
                made = Scorer(reward, unscorable=unscorable, **options)
                found = _SCORERS[key] = (made, (reward, options))
    return found[0]


class _Call:
    """A completion that waits for its score."""

    __slots__ = ("at", "completion", "error", "row", "scores")

    def __init__(self, completion: Any, row: list[Any]) -> None:
        self.completion = completion
        self.row = row
        self.scores: Scores | None = None
        self.at = 0
        self.error: BaseException | None = None


_SCORERS: dict[Any, tuple[Scorer, Any]] = {}  # with its settings, lest another object come to have the same identity
_MAKING = Lock()


def _key(value: Any) -> Any:
    """What tells two settings apart: what they say, and of an object which one it is."""
    if isinstance(value, (str, int, float, type(None))):
        return type(value), value
    if isinstance(value, PathLike):
        return fspath(value)
    if isinstance(value, Mapping):
        return tuple((name, _key(each)) for name, each in value.items())
    if isinstance(value, Sequence):
        return tuple(map(_key, value))
    return id(value)
