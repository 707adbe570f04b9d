"""The workers of a pool as the process that uses them sees them; :mod:`rewards.workers` is the public side."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from queue import Empty, LifoQueue
from typing import Any, NamedTuple

from rewards._runner import Answer, TaskStatus, receive, send
from rewards.errors import ToolkitError

__all__ = ["Outcome", "Settings", "Team", "Worker", "WorkerError"]

_START_S = 120.0  # importing a library from a busy network drive may take that long; only a hang takes longer
_START_ATTEMPTS = 3
# sets and dictionaries of strings in one order on every run, so that what a library finds first is always the same
_ENVIRONMENT = {"PYTHONHASHSEED": "0"}
_BOOT = "import sys; sys.path[:] = sys.argv[2:]; from rewards._runner import main; main(int(sys.argv[1]))"


class WorkerError(ToolkitError, RuntimeError):
    """Workers cannot be started here; the message says why. No task is to blame."""


class Outcome(NamedTuple):
    """How one task ended.

    Attributes:
        status: ``ok``; ``timeout`` or ``too_large`` if it was over a limit; ``error`` if it raised, crashed its
            process, or gave what cannot be pickled.
        value: What the function returned, or ``None`` if it is not ``ok``.
        reason: One line on what went wrong, or nothing.
    """

    status: TaskStatus
    value: Any = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a pool is made of; see :class:`rewards.workers.Pool`."""

    function: str
    workers: int
    cpu_s: float
    wall_s: float
    memory_mb: int


class Team:
    """The workers of a pool in one process: a seat for each, which one thread takes at a time."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._closed = False
        self._members: set[Worker] = set()
        self._seats: LifoQueue[Worker | None] = LifoQueue()  # the last used is the warmest
        for _ in range(settings.workers):
            self._seats.put(None)

    def take(self) -> Worker | None:
        """Wait for a seat; there may be no worker on it yet."""
        return self._seats.get()

    def take_free(self, most: int) -> list[Worker | None]:
        """Seats that can be had without waiting."""
        seats: list[Worker | None] = []
        with contextlib.suppress(Empty):
            while len(seats) < most:
                seats.append(self._seats.get_nowait())
        return seats

    def give(self, worker: Worker | None) -> None:
        """Give a seat back."""
        with self._lock:
            if self._closed and worker is not None:
                self.dismiss(worker)
                worker = None
            self._seats.put(worker)

    def hire(self) -> Worker:
        """Begin to start a worker; :meth:`ready` waits for it.

        Raises:
            WorkerError: If there can be none.
        """
        worker = Worker(self.settings)
        self._members.add(worker)
        return worker

    def ready(self, worker: Worker) -> Worker:
        """Wait until a worker is ready; if it dies before, another takes its place.

        Raises:
            WorkerError: If it says that it cannot start, if it says nothing for too long, or if several die in a row.
        """
        name = self.settings.function
        for attempt in range(1, _START_ATTEMPTS + 1):
            try:
                failure = worker.wait()
            except TimeoutError as error:
                self.dismiss(worker)
                raise WorkerError(f"a worker for {name} was not ready within {_START_S:g} s") from error
            except (EOFError, OSError) as error:
                self.dismiss(worker)
                if attempt == _START_ATTEMPTS:
                    raise WorkerError(
                        f"{attempt} workers for {name} in a row died while starting (as {sys.executable}); "
                        "what they said stands on standard error"
                    ) from error
                worker = self.hire()
            except BaseException:  # the user wants to stop
                self.dismiss(worker)
                raise
            else:
                if failure is None:
                    break
                self.dismiss(worker)
                raise WorkerError(f"a worker for {name} could not start:\n{failure}")
        return worker

    def dismiss(self, worker: Worker) -> None:
        """End a worker for certain."""
        worker.end()
        self._members.discard(worker)

    def close(self) -> None:
        """End the workers on free seats now, and the others when their seats are given back."""
        if self._process != os.getpid():  # a copy of the team in a forked process: not its to end
            return
        with self._lock:
            self._closed = True
            seats = self.take_free(self.settings.workers)
            for worker in seats:
                if worker is not None:
                    self.dismiss(worker)
                self._seats.put(None)  # for those who wait for a seat and have not heard

    def abandon(self) -> None:
        """Forget the workers, which belong to the process that this one was forked from."""
        for worker in self._members:
            worker.abandon()


class Worker:
    """One worker: a socket to talk over, and a process to kill."""

    def __init__(self, settings: Settings) -> None:
        if not sys.executable:
            raise WorkerError("workers run sys.executable, which is empty: set it to the path of a Python interpreter")
        self._wall_s = settings.wall_s
        self._channel, theirs = socket.socketpair()
        path = [entry for entry in sys.path if isinstance(entry, str)]  # it must find the packages that we found
        with theirs:
            try:
                self._process = subprocess.Popen(  # noqa: S603 - our own command
                    [sys.executable, "-c", _BOOT, str(theirs.fileno()), *path],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    env={**os.environ, **_ENVIRONMENT},
                    start_new_session=True,
                )
            except OSError as error:
                self._channel.close()
                raise WorkerError(f"a worker could not be started: {error}") from error
        self._channel.settimeout(_START_S)
        with contextlib.suppress(OSError):  # it is gone already: waiting for it will tell
            send(self._channel, (settings.function, settings.cpu_s, settings.memory_mb * 2**20))

    def wait(self) -> str | None:
        """Wait until it is ready; gives what it says of itself if it failed.

        Raises:
            EOFError, OSError: If it died, or said nothing for too long (TimeoutError).
        """
        failure: str | None = receive(self._channel)
        return failure

    def is_idle(self) -> bool:
        """Whether it lives and waits for a batch: there is nothing to read, not even an end."""
        self._channel.setblocking(False)
        try:
            self._channel.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def run(self, batch: Sequence[bytes]) -> tuple[list[Outcome], bool]:
        """Run a batch's first tasks, at least one; gives their outcomes, and whether it can run more."""
        outcomes: list[Outcome] = []
        then: str = "next"
        self._channel.settimeout(self._wall_s)
        try:
            send(self._channel, batch)
            while then == "next" and len(outcomes) < len(batch):
                answer: Answer = receive(self._channel)
                outcomes.append(_unpack(answer))
                then = answer[-1]
        except TimeoutError:
            return [*outcomes, Outcome("timeout", None, f"over the limit of {self._wall_s:g} s by the clock")], False
        except (EOFError, OSError):
            return [*outcomes, Outcome("error", None, "the worker was killed from outside")], False
        return outcomes, then != "gone"

    def end(self) -> None:
        """Kill it; nothing happens if that was done before."""
        self._channel.close()
        if self._process.returncode is None:
            # before it is waited for: after that, the number may be another process's
            with contextlib.suppress(ProcessLookupError, PermissionError):  # it has ended already
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def abandon(self) -> None:
        """Let go of another process's worker, and touch nothing that its threads may have held at the fork."""
        descriptor = self._channel.detach()
        if descriptor >= 0:
            os.close(descriptor)
        self._process.returncode = 0  # else it would be reported as left running


def _unpack(answer: Answer) -> Outcome:
    status, value, reason, _ = answer
    if status != "ok":
        return Outcome(status, None, reason)
    try:
        return Outcome("ok", pickle.loads(value))  # noqa: S301 - from this package's own process
    except Exception as error:
        return Outcome("error", None, f"the result cannot be read: {type(error).__name__}: {error}")
