"""What the workers of the tests run, and what the processes that use them do: importable, as workers must import it."""

from __future__ import annotations

import ctypes
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rewards.workers import Pool

LIMITS: dict[str, Any] = {"cpu_s": 0.5, "wall_s": 20.0, "memory_mb": 200}


class Unreadable:
    """Can be sent and not be received."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return int, ("not a number",)


class Unpicklable:
    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError("I stay here")


class Mute(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


def act(task: tuple[str, Any]) -> Any:
    """Do what the task says: behave, or misbehave in one of many ways."""
    name, value = task
    return ACTIONS[name](value)


def _loop(_: object) -> None:
    while True:
        pass


def _fail(value: BaseException) -> None:
    raise value


def _nest(depth: int) -> list[Any]:
    nested: list[Any] = []
    for _ in range(depth):
        nested = [nested]
    return nested


def _print(value: str) -> str:
    print(value, flush=True)  # noqa: T201
    os.write(1, value.encode())
    sys.__stdout__.write(value)  # type: ignore[union-attr]
    return value


def _catch_everything(_: object) -> None:
    while True:
        try:
            while True:
                pass
        except BaseException:  # noqa: S112 - what a library may do
            continue


def _wait_and_hold_lock(seconds: float) -> None:
    ctypes.PyDLL(None).usleep(int(seconds * 1e6))  # sleeps in native code, without giving the interpreter's lock away


KEPT: list[bytes] = []
ACTIONS: dict[str, Callable[[Any], Any]] = {
    "echo": lambda value: value,
    "loop": _loop,
    "loop and catch": _catch_everything,
    "power": lambda exponent: (10**exponent).bit_length(),  # native, and the lock is held throughout
    "factorial": lambda value: math.factorial(value).bit_length(),
    "threads": lambda count: [threading.Thread(target=_loop, args=(0,)).start() for _ in range(count)] + [_loop(0)],
    "sleep": lambda seconds: time.sleep(seconds) or "awake",
    "native sleep": _wait_and_hold_lock,
    "bytes": lambda count: len(b"x" * count),
    "list": lambda count: len(list(range(count))),
    "grow": lambda count: len([bytearray(1 << 20) for _ in range(count)]),
    "keep": lambda count: KEPT.append(b"x" * count),
    "kept": lambda _: len(KEPT),
    "result": lambda count: b"x" * count,
    "raise": _fail,
    "raise mute": lambda _: _fail(Mute()),
    "exit": sys.exit,
    "crash": lambda status: os._exit(status),
    "segfault": lambda _: os.kill(os.getpid(), signal.SIGSEGV),
    "abort": lambda _: os.abort(),
    "kill": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    "recurse": lambda value: ACTIONS["recurse"](value),
    "unpicklable": lambda _: Unpicklable(),
    "local": lambda _: lambda: 0,
    "unreadable": lambda _: Unreadable(),
    "nest": _nest,
    "print": _print,
    "pid": lambda _: os.getpid(),
    "parent pid": lambda _: os.getppid(),
    "hash": hash,
    "path": lambda _: sys.path,
    "modules": lambda name: name in sys.modules,
    "write pids": lambda path: Path(path).write_text(f"{os.getpid()} {os.getppid()}") and time.sleep(600),
    "write pids and loop": lambda path: Path(path).write_text(f"{os.getpid()} {os.getppid()}") and _loop(0),
    "write pids and hold lock": lambda path: (
        Path(path).write_text(f"{os.getpid()} {os.getppid()}") and _wait_and_hold_lock(600)
    ),
}


def statuses(tasks: list[tuple[str, Any]], **limits: Any) -> list[tuple[str, Any]]:
    """What a pool of this process makes of tasks; runs in processes of every kind."""
    with Pool(act, **{**LIMITS, **limits}) as pool:
        return [(outcome.status, outcome.value) for outcome in pool.map(tasks)]


def put_statuses(queue: Any, tasks: list[tuple[str, Any]]) -> None:
    """Run tasks in a process of :mod:`multiprocessing`."""
    queue.put(statuses(tasks))


def put_outcomes(queue: Any, pool: Pool, tasks: list[tuple[str, Any]]) -> None:
    """Run tasks in a process of :mod:`multiprocessing`, on a pool that came with it."""
    queue.put(pool.map(tasks))


def use_until_killed(action: str, path: str, cpu_s: float) -> None:
    """Be a process that waits for a task that does not end."""
    Pool(act, cpu_s=cpu_s, wall_s=600).map([(action, path)])
