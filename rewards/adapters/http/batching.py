"""Many small requests, few calls of the reward.

Trainers ask for one completion at a time, from many places at once; a reward is fast on batches. So what comes in
while the reward is at work waits, and goes to it in one call once it is free. That is all: under a light load nobody
waits for company (unless a window is set), and under a heavy one the batches grow by themselves.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, chain
from typing import Any

from rewards.adapters.core import score
from rewards.errors import OptionError, ToolkitError
from rewards.types import Reward, Scores

__all__ = ["Batcher", "Busy"]

_log = logging.getLogger("rewards.adapters.http")


class Busy(ToolkitError):
    """As much as may wait is waiting; come again later."""


@dataclass(frozen=True, slots=True)
class _Job:
    completions: Sequence[Any]
    columns: Mapping[str, Sequence[Any]]
    answer: asyncio.Future[Scores]


class Batcher:
    """Puts the requests of one event loop to one reward together, and takes the answers apart again.

    Args:
        reward: What scores. It is called in threads.
        window_s: How long the first request of a batch waits for company when the reward is free.
        max_batch: How many completions may be put together; a single request may have more.
        max_waiting: How many completions may be waiting or be scored.
        calls: How many calls may run at once: while one waits for a worker process, another can score.
        on_batch: Is told the size of each batch.

    Raises:
        OptionError: If a number is out of range.
    """

    def __init__(
        self,
        reward: Reward,
        *,
        window_s: float = 0.0,
        max_batch: int = 1024,
        max_waiting: int = 16_384,
        calls: int = 2,
        on_batch: Callable[[int], object] = lambda size: None,
    ) -> None:
        if window_s < 0 or min(max_batch, max_waiting, calls) < 1:
            raise OptionError(
                "a batcher needs a window of 0 or more, and room for one completion and one call at least"
            )
        self.reward = reward
        self._window_s, self._max_batch, self._max_waiting = window_s, max_batch, max_waiting
        self.waiting = 0  # completions, those that are being scored among them
        self._on_batch = on_batch
        self._queue: deque[_Job] = deque()
        self._free = calls
        self._timer: asyncio.Handle | None = None
        self._threads = ThreadPoolExecutor(calls, thread_name_prefix=f"score-{reward.name}")

    def submit(self, completions: Sequence[Any], columns: Mapping[str, Sequence[Any]]) -> asyncio.Future[Scores]:
        """Have completions scored; columns have been checked. Cancel what comes back, and the work is saved.

        Raises:
            Busy: If too much is waiting. Nothing was started then.
        """
        size = len(completions)
        if self.waiting and self.waiting + size > self._max_waiting:
            raise Busy(f"{self.waiting} completions are waiting, and {self._max_waiting} may: come again later")
        loop = asyncio.get_running_loop()
        job = _Job(completions, columns, loop.create_future())
        self.waiting += size
        job.answer.add_done_callback(lambda _: self._done(size))
        self._queue.append(job)
        if self._free and self._timer is None:
            self._timer = (
                loop.call_later(self._window_s, self._begin) if self._window_s else loop.call_soon(self._begin)
            )
        return job.answer

    def close(self) -> None:
        """Take no more work; what runs is not waited for."""
        self._threads.shutdown(wait=False)

    def _done(self, size: int) -> None:
        self.waiting -= size

    def _begin(self) -> None:
        self._timer = None
        while self._free and self._queue:
            jobs: list[_Job] = []
            size = 0
            while self._queue and (not jobs or size + len(self._queue[0].completions) <= self._max_batch):
                job = self._queue.popleft()
                if not job.answer.done():  # else whoever asked has gone
                    jobs.append(job)
                    size += len(job.completions)
            if not jobs:
                return
            self._free -= 1
            self._on_batch(size)
            work = asyncio.get_running_loop().run_in_executor(self._threads, self._score, jobs)
            work.add_done_callback(partial(self._finish, jobs))

    def _finish(self, jobs: Sequence[_Job], work: asyncio.Future[list[Scores | Exception]]) -> None:
        self._free += 1
        failure = work.exception()
        answers = [failure] * len(jobs) if failure else work.result()
        for job, answer in zip(jobs, answers, strict=True):
            if job.answer.done():
                continue
            if isinstance(answer, Scores):
                job.answer.set_result(answer)
            else:
                job.answer.set_exception(answer)
        self._begin()

    def _score(self, jobs: Sequence[_Job]) -> list[Scores | Exception]:
        """In a thread: one call for all; if that fails, one for each, so that no request fails because of another."""
        try:
            if len(jobs) == 1:
                completions, columns = jobs[0].completions, jobs[0].columns
            else:
                completions = list(chain.from_iterable(job.completions for job in jobs))
                columns = {
                    name: list(chain.from_iterable(job.columns[name] for job in jobs)) for name in self.reward.columns
                }
            whole = score(self.reward, completions, columns)
            ends = list(accumulate(len(job.completions) for job in jobs))
            return [_slice(whole, start, end) for start, end in zip([0, *ends], ends, strict=False)]
        except Exception as error:
            if len(jobs) == 1:
                _log.exception("the reward %r failed", self.reward.name)
                return [error]
            return [each for job in jobs for each in self._score([job])]


def _slice(scores: Scores, start: int, end: int) -> Scores:
    # made anew, and so checked anew: a plug-in may have changed its lists since
    parts = {name: column[start:end] for name, column in scores.parts.items()}
    return Scores(scores.values[start:end], scores.status[start:end], parts)
