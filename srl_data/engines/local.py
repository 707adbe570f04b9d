"""Run a function over tasks on this machine: in this process, or in several.

Workers are spawned, not forked: a forked child inherits locks that Arrow's threads may hold, and hangs. Tasks are
handed out a few at a time, so that a long stream of them is never held in memory.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from srl_data.errors import SrlDataError

__all__ = ["WorkerDied", "run"]

Task = TypeVar("Task")
Result = TypeVar("Result")


class WorkerDied(SrlDataError):
    """A worker process was killed from outside, most often for want of memory."""


def run(function: Callable[[Task], Result], tasks: Iterable[Task], jobs: int) -> Iterator[Result]:
    """Results as they come, in no particular order.

    Args:
        function: What to do; must be picklable if ``jobs`` is above 1.
        tasks: What to do it to; read lazily, at most two a worker ahead.
        jobs: How many processes; 1 runs everything here.

    Raises:
        WorkerDied: If a worker was killed. An exception of ``function`` itself is raised as it is.
    """
    if jobs <= 1:
        yield from map(function, tasks)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_die_with_parent) as pool:
        pending: set[Future[Result]] = set()
        try:
            for task in tasks:
                pending.add(pool.submit(function, task))
                if len(pending) >= 2 * jobs:
                    done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    for future in done:
                        yield future.result()
            while pending:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        except BrokenProcessPool as error:
            raise WorkerDied(
                "a worker process was killed, perhaps for want of memory: try fewer --jobs; "
                "what was finished is kept, --resume goes on from there"
            ) from error
        finally:
            for future in pending:
                future.cancel()


def _die_with_parent() -> None:
    """End this worker when the process that started it is gone; else it would wait for tasks for ever."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
