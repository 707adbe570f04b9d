"""What runs inside a worker of :mod:`rewards.workers`, and is started by that alone.

A worker is two processes. The *keeper* imports the function once and forks the *runner*, which runs the tasks. When a
task has to be killed, only the runner dies, and the next one is a fork away: milliseconds, where importing a library
of mathematics again takes the better part of a second. The keeper runs no task and has one thread, so it always
answers: it reports how a runner died, and ends it when the process that uses the worker is gone, even if the runner
sits in native code that holds the interpreter's lock.

Messages go over one socket, in both directions, as a length and a pickle. Both ends are this package's own.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import select
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Literal, TypeAlias

__all__ = ["Answer", "TaskStatus", "main", "receive", "resolve", "send"]

TaskStatus: TypeAlias = Literal["ok", "timeout", "too_large", "error"]

Answer: TypeAlias = tuple[TaskStatus, bytes, str, Literal["next", "renewed", "gone"]]
"""Status, pickled value, reason, and what comes now: the batch's next answer; nothing, since a fresh runner waits for
the rest of the batch to be sent again; or nothing ever, since the worker has ended."""

_RENEW = 75  # the runner's exit status when it has kept too much memory: start afresh, nothing is wrong
_GLANCE_S = 1.0  # how often the keeper looks whether its user is still there
_REASON_CHARACTERS = 500
_LENGTH = struct.Struct(">Q")


def send(channel: socket.socket, message: object) -> None:
    """Send one message.

    Raises:
        TimeoutError: If the channel's timeout passes.
        OSError: If the other end is gone.
    """
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    channel.sendall(_LENGTH.pack(len(body)) + body)


def receive(channel: socket.socket) -> Any:
    """Wait for one message.

    Raises:
        TimeoutError: If the channel's timeout passes.
        EOFError: If the other end is gone.
        OSError: If it went in some other way.
    """
    (length,) = _LENGTH.unpack(_exactly(channel, _LENGTH.size))
    return pickle.loads(_exactly(channel, length))  # noqa: S301 - from this package's own process


def _exactly(channel: socket.socket, length: int) -> bytearray:
    body = bytearray(length)
    view, filled = memoryview(body), 0
    while filled < length:
        count = channel.recv_into(view[filled:])
        if not count:
            raise EOFError("the other end is gone")
        filled += count
    return body


def resolve(name: str) -> Callable[[Any], Any]:
    """The function that ``"module:name"`` stands for."""
    module, _, attribute = name.partition(":")
    found: Any = import_module(module)
    for part in attribute.split("."):
        found = getattr(found, part)
    if not callable(found):
        raise TypeError(f"{name} is not callable")
    return found  # type: ignore[no-any-return]


def main(descriptor: int) -> None:
    """Be the keeper, until the process that started this one goes or closes the socket."""
    user = os.getppid()
    # a handler that the user's process ignores or blocks would stay so here: children's ends and time limits must count
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    channel = socket.socket(fileno=descriptor)
    with contextlib.suppress(EOFError, OSError):  # the user is gone, and there is nobody to tell
        name, cpu_s, memory_bytes = receive(channel)
        try:
            function = resolve(name)
            gc.collect()
            gc.freeze()  # what is loaded stays shared between keeper and runners
            life = _fork_runner(channel, function, cpu_s, memory_bytes)
        except BaseException:
            send(channel, traceback.format_exc())
            return
        send(channel, None)
        while (answer := _await_end(*life, user, cpu_s)) != "closed":
            if answer != "renew":
                send(channel, answer)
                if answer[-1] == "gone":
                    return
            life = _fork_runner(channel, function, cpu_s, memory_bytes)


def _fork_runner(
    channel: socket.socket, function: Callable[[Any], Any], cpu_s: float, memory_bytes: int
) -> tuple[int, int]:
    """Fork a runner; gives its process id, and a descriptor that becomes readable when it ends."""
    ended, alive = os.pipe()
    runner = os.fork()
    if runner:
        os.close(alive)
        return runner, ended
    status = 1
    try:
        os.close(ended)  # the other end stays open for as long as this process lives
        status = _serve(channel, function, cpu_s, memory_bytes)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _await_end(runner: int, ended: int, user: int, cpu_s: float) -> Answer | Literal["closed", "renew"]:
    """Wait until the runner ends, and say what that means."""
    while not select.select([ended], [], [], _GLANCE_S)[0]:
        if os.getppid() != user:
            os.killpg(0, signal.SIGKILL)  # runner and keeper: they lead a group of their own
    os.close(ended)
    status = os.waitstatus_to_exitcode(os.waitpid(runner, 0)[1])
    if status == 0:
        return "closed"
    if status == _RENEW:
        return "renew"
    if status == -signal.SIGPROF:
        return "timeout", b"", f"over the limit of {cpu_s:g} s of CPU time", "renewed"
    # what was read of the batch is not known, so the socket cannot be used further
    how = f"killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
    return "error", b"", f"the process that ran the task was {how}", "gone"


def _serve(channel: socket.socket, function: Callable[[Any], Any], cpu_s: float, memory_bytes: int) -> int:
    """Be the runner: run batches until there are no more (0), or until it is time for a fresh process."""
    memory = _Memory(memory_bytes)
    while True:
        try:
            batch: Sequence[bytes] = receive(channel)
        except (EOFError, OSError):
            return 0
        for task in batch:
            status, value, reason = _run(function, task, cpu_s, memory)
            spent = memory.spent()
            send(channel, (status, value, reason, "renewed" if spent else "next"))
            if spent:
                return _RENEW


def _run(function: Callable[[Any], Any], task: bytes, cpu_s: float, memory: _Memory) -> tuple[TaskStatus, bytes, str]:
    memory.limit()
    # the kernel counts this process's CPU time and ends it, whatever it is doing then; the signal is never handled
    signal.setitimer(signal.ITIMER_PROF, cpu_s)
    try:
        value = function(pickle.loads(task))  # noqa: S301 - from this package's own process
        return "ok", pickle.dumps(value, pickle.HIGHEST_PROTOCOL), ""
    except MemoryError:
        return "too_large", b"", "over the memory limit"
    except RecursionError:
        return "too_large", b"", "nested too deeply"
    except BaseException as error:
        return "error", b"", _told(error)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        memory.free()


def _told(error: BaseException) -> str:
    kind = type(error).__name__
    try:
        return f"{kind}: {error}"[:_REASON_CHARACTERS]
    except Exception:  # of the exception's own __str__
        return kind


class _Memory:
    """A limit on the address space that one task may add; none where the system does not tell (macOS)."""

    def __init__(self, allowance: int) -> None:
        import resource  # not on Windows, where this module is imported for its messages only

        self._resource = resource
        self._allowance = allowance
        self._was = resource.getrlimit(resource.RLIMIT_AS)
        try:
            self._statm: int | None = os.open("/proc/self/statm", os.O_RDONLY)
        except OSError:
            self._statm = None
        self._at_start = self._used()

    def limit(self) -> None:
        if self._statm is None:
            return
        soft, hard = self._was
        limits = [
            self._used() + self._allowance,
            *(each for each in (soft, hard) if each != self._resource.RLIM_INFINITY),
        ]
        self._resource.setrlimit(self._resource.RLIMIT_AS, (min(limits), hard))

    def free(self) -> None:
        if self._statm is not None:
            self._resource.setrlimit(self._resource.RLIMIT_AS, self._was)

    def spent(self) -> bool:
        """Whether tasks have left so much behind, in caches or fragments, that a fresh process is better."""
        return self._used() - self._at_start > self._allowance // 4

    def _used(self) -> int:
        return 0 if self._statm is None else int(os.pread(self._statm, 32, 0).split()[0]) * self._resource.getpagesize()
