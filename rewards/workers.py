"""Run a function in worker processes that can be killed: warm, limited in CPU time and memory, replaced at once.

Whatever may run away on a model's text (symbolic mathematics above all) runs here. A timeout within the process is no
protection: native code that holds the interpreter's lock stops every thread, and an alarm works in the main thread
alone, and not within such code. So the limits are kept from outside, and what is over one is killed:

- CPU time, not wall time: a loaded machine must not change a reward. The kernel keeps it, to some milliseconds.
- A wall limit as a backstop, for what waits instead of computing. The process that uses the pool keeps it.
- Memory: the address space that a task may add. macOS cannot limit that; there, time alone bounds a task.

A pool is used from any thread, several at once, and from asyncio by ``await asyncio.to_thread(pool.map, tasks)``. It
sets no signal and no handler in the process that uses it, and works in processes that are forked, spawned, daemonic,
or actors. Workers start when they are needed, and end with the pool and with the process that started it, however that
ends. What they print is dropped (standard error is not), and they are not in the terminal's process group: Ctrl-C
reaches the user's process alone. Works on Linux and macOS; Windows has neither fork nor these limits.
"""

from __future__ import annotations

import os
import pickle
import sys
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from math import ceil, isfinite
from types import TracebackType
from typing import Any

from rewards._runner import resolve
from rewards._worker import Outcome, Settings, Team, Worker, WorkerError
from rewards.errors import OptionError

__all__ = ["Outcome", "Pool", "WorkerError"]

_BATCH = 64  # tasks per round trip; more would only delay the news of what is done
_SHARES = 4  # batches per worker, so that none idles for long while another still has work


class Pool:
    """Worker processes that run one function.

    Making a pool is cheap and starts nothing. Pickled, it carries its settings, and is the process-wide pool of these
    (see :meth:`shared`) where it is unpickled. After a fork, parent and child each have workers of their own.

    Args:
        function: A function of one argument that a fresh interpreter can import, or its name as ``"module:name"``,
            which is not imported here then. Its module should start no threads.
        workers: How many tasks may run at once, each in a process of its own; at least 1.
        cpu_s: CPU seconds that one task may take; above 0.
        wall_s: Seconds that one task may take by the clock; at least ``cpu_s``, and better many times it.
        memory_mb: Megabytes of address space that one task may add to its process; at least 1.

    Raises:
        OptionError: If a limit is out of range, or the function cannot be imported by its name.
        WorkerError: On Windows.

    Example:
        >>> with Pool("math:factorial", cpu_s=0.5) as pool:
        ...     for outcome in pool.map([5, 10**9, -1]):
        ...         print(outcome)
        Outcome(status='ok', value=120, reason='')
        Outcome(status='timeout', value=None, reason='over the limit of 0.5 s of CPU time')
        Outcome(status='error', value=None, reason='ValueError: factorial() not defined for negative values')
    """

    def __init__(
        self,
        function: Callable[[Any], Any] | str,
        *,
        workers: int = 1,
        cpu_s: float = 2.0,
        wall_s: float = 60.0,
        memory_mb: int = 512,
    ) -> None:
        if sys.platform == "win32":
            raise WorkerError("workers need fork, interval timers and resource limits, which Windows does not have")
        if workers < 1:
            raise OptionError(f"option workers: {workers} is not positive")
        if not (isfinite(cpu_s) and cpu_s > 0):
            raise OptionError(f"option cpu_s: {cpu_s} is not a positive number of seconds")
        if not (isfinite(wall_s) and wall_s >= cpu_s):
            raise OptionError(f"option wall_s: {wall_s} is less than cpu_s, {cpu_s}, or not finite")
        if memory_mb < 1:
            raise OptionError(f"option memory_mb: {memory_mb} is not positive")
        self.settings = Settings(_name(function), workers, cpu_s, wall_s, memory_mb)
        self._team, self._finalizer = self._new_team()
        _POOLS.add(self)

    @staticmethod
    def shared(
        function: Callable[[Any], Any] | str,
        *,
        workers: int = 1,
        cpu_s: float = 2.0,
        wall_s: float = 60.0,
        memory_mb: int = 512,
    ) -> Pool:
        """The one pool of this process with these settings, so that all users of a function share its workers."""
        settings = Settings(_name(function), workers, cpu_s, wall_s, memory_mb)
        found = _SHARED.get(settings)
        if found is None:
            pool = Pool(settings.function, workers=workers, cpu_s=cpu_s, wall_s=wall_s, memory_mb=memory_mb)
            found = _SHARED.setdefault(settings, pool)  # threads that come here at once all get the first one's
        return found

    def map(self, tasks: Iterable[Any]) -> list[Outcome]:
        """Run the function on each task, and wait for all; one outcome per task, in their order.

        A task that is killed takes no other with it. Blocks for as long as the tasks take, which is no longer than
        ``wall_s`` for each. Tasks and results are pickled; pass objects of your own making, not a model's.

        Raises:
            WorkerError: If workers cannot be started.
        """
        outcomes: list[Outcome] = []
        waiting: list[tuple[int, bytes]] = []
        for place, task in enumerate(tasks):
            packed = _pack(task)
            if isinstance(packed, bytes):
                waiting.append((place, packed))
                packed = Outcome("error", None, "not run")  # until it is
            outcomes.append(packed)
        shares = 1 if self.settings.workers == 1 else self.settings.workers * _SHARES
        size = max(1, min(_BATCH, ceil(len(waiting) / shares)))
        batches = deque(waiting[at : at + size] for at in range(0, len(waiting), size))
        if batches:
            self._run(batches, outcomes)
        return outcomes

    def warm(self) -> None:
        """Start all workers that do not run yet, so that the first tasks need not wait for them.

        Raises:
            WorkerError: If they cannot be started.
        """
        team = self._team
        seats = [team.take(), *team.take_free(self.settings.workers - 1)]
        fresh: list[Worker] = []
        try:
            for _ in range(seats.count(None)):
                fresh.append(team.hire())  # all begin, and then each is waited for
            seats = [team.ready(fresh.pop()) if worker is None else worker for worker in seats]
        finally:
            for worker in fresh:
                team.dismiss(worker)
            for seat in seats:
                team.give(seat)

    def close(self) -> None:
        """End the workers; those at work end with what they were asked. If it is used again, the pool starts others."""
        team = self._team
        self._renew()
        team.close()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __reduce__(self) -> tuple[Callable[..., Pool], tuple[Settings]]:
        return _restored, (self.settings,)

    def __repr__(self) -> str:
        return repr(self.settings).replace("Settings", "Pool", 1)

    def _new_team(self) -> tuple[Team, weakref.finalize[[], Pool]]:
        team = Team(self.settings)
        return team, weakref.finalize(self, team.close)  # also when the interpreter exits

    def _renew(self) -> None:
        """Go on without the workers there were; whoever calls this sees to them."""
        self._finalizer.detach()
        self._team, self._finalizer = self._new_team()

    def _after_fork(self) -> None:
        team = self._team
        self._renew()
        team.abandon()

    def _run(self, batches: deque[list[tuple[int, bytes]]], outcomes: list[Outcome]) -> None:
        team = self._team
        first = team.take()
        others = team.take_free(len(batches) - 1)  # what other threads use is not waited for
        if not others:
            _drive(team, first, batches, outcomes)
            return
        with ThreadPoolExecutor(len(others)) as threads:
            futures = [threads.submit(_drive, team, worker, batches, outcomes) for worker in others]
            _drive(team, first, batches, outcomes)
        for future in futures:
            future.result()


_POOLS: weakref.WeakSet[Pool] = weakref.WeakSet()
_SHARED: dict[Settings, Pool] = {}


def _drive(team: Team, worker: Worker | None, batches: deque[list[tuple[int, bytes]]], outcomes: list[Outcome]) -> None:
    """Work batches off on one seat, whose worker is replaced as often as it must be, until there are no more."""
    try:
        while batches:
            try:
                batch = batches.popleft()
            except IndexError:  # another thread took the last one
                break
            while batch:
                if worker is not None and not worker.is_idle():  # it died while nobody looked
                    team.dismiss(worker)
                    worker = None
                if worker is None:
                    worker = team.ready(team.hire())
                found, usable = worker.run([task for _, task in batch])
                for (place, _), outcome in zip(batch, found, strict=False):
                    outcomes[place] = outcome
                batch = batch[len(found) :]
                if not usable:
                    team.dismiss(worker)
                    worker = None
    except BaseException:
        batches.clear()  # the other threads need not go on
        if worker is not None:  # it may be in the middle of a batch that nobody waits for
            team.dismiss(worker)
            worker = None
        raise
    finally:
        team.give(worker)


def _name(function: Callable[[Any], Any] | str) -> str:
    """``"module:name"`` of a function; a function is looked up by it, a name is believed."""
    if isinstance(function, str):
        module, _, attribute = function.partition(":")
        if not module or not attribute or module == "__main__":
            raise OptionError(f'option function: {function!r} is not "module:name" of a module that can be imported')
        return function
    name = f"{getattr(function, '__module__', None)}:{getattr(function, '__qualname__', None)}"
    try:
        if name.startswith("__main__:") or resolve(name) is not function:
            raise AttributeError("it is not what stands there")
    except (ImportError, AttributeError, TypeError) as error:
        raise OptionError(
            f"option function: {function!r} cannot be imported as {name}: {error}. A worker is a fresh interpreter, so "
            "the function must stand at the top of a module that can be imported, and not in the script that is run"
        ) from error
    return name


def _pack(task: object) -> bytes | Outcome:
    try:
        return pickle.dumps(task, pickle.HIGHEST_PROTOCOL)
    except RecursionError:
        return Outcome("too_large", None, "the task is nested too deeply")
    except Exception as error:
        return Outcome("error", None, f"the task cannot be sent: {type(error).__name__}: {error}")


def _restored(settings: Settings) -> Pool:
    return Pool.shared(
        settings.function,
        workers=settings.workers,
        cpu_s=settings.cpu_s,
        wall_s=settings.wall_s,
        memory_mb=settings.memory_mb,
    )


def _after_fork() -> None:
    for pool in list(_POOLS):
        pool._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
