"""Workers, with real processes: what a task does to its own process reaches nobody else."""

from __future__ import annotations

import asyncio
import copy
import importlib
import math
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from rewards.errors import OptionError
from rewards.workers import Outcome, Pool, WorkerError
from tests.rewards import worker_functions
from tests.rewards.worker_functions import LIMITS, act

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
LINUX = sys.platform == "linux"


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(act, **LIMITS) as pool:
        yield pool


@pytest.fixture(scope="module")
def patient() -> Iterator[Pool]:
    """For what must end by itself or for want of memory, which takes CPU time too, on some machines a lot of it."""
    with Pool(act, **{**LIMITS, "cpu_s": 30.0, "wall_s": 600.0}) as pool:
        yield pool


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and is not yet waited for does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = subprocess.run(["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether a condition comes true; half a minute is for ever here, and not a measurement."""
    for _ in range(600):
        if condition():
            return True
        time.sleep(0.05)
    return False


# what a task does, and what becomes of it: status, value, and words of the reason
ENDS: list[tuple[str, Any, str, Any, str]] = [
    ("echo", {"a": [1, 2.5, None]}, "ok", {"a": [1, 2.5, None]}, ""),
    ("loop", None, "timeout", None, "0.5 s of CPU time"),
    ("loop and catch", None, "timeout", None, "0.5 s of CPU time"),  # nothing is raised that could be caught
    ("power", 10**8, "timeout", None, "0.5 s of CPU time"),  # one call of native code, with the lock held
    ("factorial", 10**9, "timeout", None, "0.5 s of CPU time"),
    ("threads", 3, "timeout", None, "0.5 s of CPU time"),  # the time of all threads counts
    ("raise", ValueError("no"), "error", None, "ValueError: no"),
    ("raise", RecursionError("deep"), "too_large", None, "nested too deeply"),
    ("raise", MemoryError(), "too_large", None, "memory"),
    ("raise", KeyboardInterrupt(), "error", None, "KeyboardInterrupt"),
    ("raise", ValueError("x" * 10**6), "error", None, "ValueError: xxx"),
    ("raise mute", None, "error", None, "Mute"),
    ("recurse", None, "too_large", None, "nested too deeply"),
    ("exit", 0, "error", None, "SystemExit"),
    ("crash", 0, "error", None, "the worker was killed from outside"),  # it looks like an orderly end
    ("crash", 3, "error", None, "ended with status 3"),
    ("segfault", None, "error", None, "SIGSEGV"),
    ("abort", None, "error", None, "SIGABRT"),
    ("kill", None, "error", None, "SIGKILL"),
    ("unpicklable", None, "error", None, "TypeError: I stay here"),
    ("local", None, "error", None, "pickle"),
    ("nest", 100_000, "too_large", None, "nested too deeply"),
    ("unreadable", None, "error", None, "the result cannot be read: ValueError"),
    ("print", "\x80\x05N. ok\n", "ok", "\x80\x05N. ok\n", ""),
    ("result", 3 * 10**7, "ok", b"x" * 3 * 10**7, ""),
    ("echo", "\ud800", "ok", "\ud800", ""),
    ("no such action", None, "error", None, "KeyError"),
]
if LINUX:
    ENDS += [
        ("bytes", 10**9, "too_large", None, "memory"),
        ("list", 10**9, "too_large", None, "memory"),
        ("grow", 1000, "too_large", None, "memory"),
    ]


@pytest.mark.parametrize(("action", "value", "status", "result", "reason"), ENDS)
def test_a_task_ends_as_it_must_and_its_neighbours_have_their_results(
    pool: Pool, patient: Pool, action: str, value: object, status: str, result: object, reason: str
) -> None:
    used = pool if status == "timeout" else patient
    before, outcome, after = used.map([("echo", 1), (action, value), ("echo", 2)])
    assert (outcome.status, outcome.value) == (status, result)
    assert reason in outcome.reason
    assert len(outcome.reason) <= 600
    assert (before, after) == (Outcome("ok", 1), Outcome("ok", 2))


def test_a_batch_of_nothing_but_trouble_ends(pool: Pool) -> None:
    tasks = [("crash", 1), ("loop", None), ("kill", None), ("raise", ValueError()), ("segfault", None), ("echo", 7)]
    assert [outcome.status for outcome in pool.map(tasks)] == ["error", "timeout", "error", "error", "error", "ok"]


def test_nothing_to_do_starts_nothing() -> None:
    with Pool("no_such_module:function") as pool:
        assert pool.map([]) == []


def test_outcomes_are_in_the_order_of_the_tasks() -> None:
    with Pool(act, workers=3, **LIMITS) as pool:
        tasks = [("echo", number) for number in range(1000)]
        tasks[500] = ("crash", 1)
        outcomes = pool.map(iter(tasks))
    assert outcomes[500].status == "error"
    assert [outcome.value for outcome in outcomes if outcome.status == "ok"] == [*range(500), *range(501, 1000)]


def test_tasks_that_cannot_be_sent_do_not_touch_the_others(pool: Pool) -> None:
    nested = worker_functions._nest(100_000)
    outcomes = pool.map([("echo", nested), ("echo", lambda: 0), ("echo", 1)])
    assert [outcome.status for outcome in outcomes] == ["too_large", "error", "ok"]
    assert "the task cannot be sent" in outcomes[1].reason
    while nested:  # taken apart by hand: this interpreter need not be able to do it at once
        nested = nested.pop()


def test_time_spent_waiting_is_not_cpu_time(pool: Pool) -> None:
    # twice the CPU limit by the clock: as a task sees it that a loaded machine lets wait
    assert pool.map([("sleep", 2 * LIMITS["cpu_s"])]) == [Outcome("ok", "awake")]


@pytest.mark.slow
def test_a_load_on_the_machine_does_not_change_what_is_in_time() -> None:
    with Pool(act, workers=4, **LIMITS) as pool:  # more than this machine may have cores: each waits for the others
        outcomes = pool.map([("factorial", 20_000), *[("loop", None)] * 6, ("factorial", 20_000)])
    assert [outcome.status for outcome in outcomes] == ["ok", *["timeout"] * 6, "ok"]


@pytest.mark.slow
def test_what_waits_for_ever_ends_by_the_clock() -> None:
    with Pool(act, cpu_s=0.5, wall_s=1.0) as pool:
        outcomes = pool.map([("sleep", 600), ("echo", 1), ("native sleep", 600), ("echo", 2)])
    assert [outcome.status for outcome in outcomes] == ["timeout", "ok", "timeout", "ok"]
    assert outcomes[0].reason == "over the limit of 1 s by the clock"


def test_cpu_time_is_counted_for_each_task_alone() -> None:
    with Pool(act, cpu_s=1.0, wall_s=60) as pool:
        outcomes = pool.map([("factorial", 20_000)] * 60 + [("pid", None)])
    assert {outcome.status for outcome in outcomes} == {"ok"}


@pytest.mark.skipif(not LINUX, reason="macOS has no limit on memory")
def test_a_worker_that_keeps_memory_is_renewed() -> None:
    # a quarter of the limit may stay: the fourth 20 MB are over it, and the fifth come to a fresh process
    with Pool(act, cpu_s=1, memory_mb=240) as pool:
        outcomes = pool.map([("keep", 20 * 2**20), ("kept", None)] * 8)
    assert {outcome.status for outcome in outcomes} == {"ok"}
    kept = [outcome.value for outcome in outcomes[1::2]]
    assert max(kept) <= 3
    assert kept[0] == 1
    assert 1 in kept[1:]


def test_a_killed_runner_is_replaced_and_the_warm_process_stays(pool: Pool) -> None:
    first, second, _, third, fourth = pool.map(
        [("pid", None), ("parent pid", None), ("loop", None), ("pid", None), ("parent pid", None)]
    )
    assert first.value != third.value
    assert second.value == fourth.value
    assert not alive(first.value)


def test_workers_are_kept_between_calls(pool: Pool) -> None:
    assert pool.map([("pid", None)]) == pool.map([("pid", None)])


def test_a_worker_that_was_killed_while_idle_is_replaced(pool: Pool) -> None:
    for who in ("pid", "parent pid"):
        ((_, victim, _),) = pool.map([(who, None)])
        os.kill(victim, signal.SIGKILL)
        assert eventually(lambda victim=victim: not alive(victim))  # type: ignore[misc]
        time.sleep(0.2)  # the news must spread: a keeper sees its runner's end
        assert pool.map([("echo", 5)]) == [Outcome("ok", 5)]


def test_workers_are_used_by_many_threads_at_once() -> None:
    with Pool(act, workers=2, **LIMITS) as pool, ThreadPoolExecutor(8) as threads:
        tasks = [
            [("echo", (thread, 1)), ("loop" if thread % 4 == 0 else "pid", None), ("echo", 2)] for thread in range(8)
        ]
        found = list(threads.map(pool.map, tasks))
        assert len(pool._team._members) <= 2
    for thread, (first, second, third) in enumerate(found):
        assert (first.value, third.value) == ((thread, 1), 2)
        assert second.status == ("timeout" if thread % 4 == 0 else "ok")


def test_workers_outlive_the_thread_that_started_them(pool: Pool) -> None:
    pids: list[Any] = []
    with Pool(act, **LIMITS) as pool:
        starter = threading.Thread(target=lambda: pids.extend(pool.map([("pid", None)])))
        starter.start()
        starter.join()
        time.sleep(0.2)
        assert pool.map([("pid", None)]) == pids


def test_workers_are_used_from_asyncio(pool: Pool) -> None:
    async def run() -> list[list[Outcome]]:
        calls = [asyncio.to_thread(pool.map, [("loop", None), ("echo", number)]) for number in range(3)]
        return await asyncio.gather(*calls)

    assert [outcomes[1].value for outcomes in asyncio.run(run())] == [0, 1, 2]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_are_used_in_a_daemonic_process(method: str) -> None:
    context = multiprocessing.get_context(method)
    queue = context.SimpleQueue()
    tasks = [("echo", 1), ("loop", None), ("crash", 1), ("echo", 2)]
    process = context.Process(target=worker_functions.put_statuses, args=(queue, tasks), daemon=True)
    process.start()
    assert queue.get() == [("ok", 1), ("timeout", None), ("error", None), ("ok", 2)]
    process.join()
    assert process.exitcode == 0


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_pool_can_be_sent_to_another_process(pool: Pool, method: str) -> None:
    ours = pool.map([("pid", None)])
    context = multiprocessing.get_context(method)
    queue = context.SimpleQueue()
    process = context.Process(target=worker_functions.put_outcomes, args=(queue, pool, [("pid", None)]))
    process.start()
    theirs = queue.get()
    process.join()
    assert process.exitcode == 0
    assert theirs[0].status == "ok"
    assert theirs != ours
    assert pool.map([("pid", None)]) == ours  # and nobody has touched ours


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # from Python 3.12 on; it is what we test
def test_a_fork_amid_the_work_of_other_threads_has_workers_of_its_own() -> None:
    with Pool(act, workers=2, cpu_s=5, wall_s=60) as pool, ThreadPoolExecutor(2) as threads:
        ours = {outcome.value for outcome in pool.map([("pid", None)] * 8)}
        busy = [threads.submit(pool.map, [("sleep", 2), ("echo", thread)]) for thread in range(2)]
        assert eventually(lambda: pool._team._seats.empty())
        context = multiprocessing.get_context("fork")
        queue = context.SimpleQueue()
        process = context.Process(target=worker_functions.put_outcomes, args=(queue, pool, [("pid", None)]))
        process.start()
        (theirs,) = queue.get()
        process.join()
        assert process.exitcode == 0
        assert theirs.status == "ok"
        assert theirs.value not in ours
        assert [future.result()[1].value for future in busy] == [0, 1]


def test_a_pickled_pool_carries_its_settings_and_becomes_the_shared_one() -> None:
    pool = Pool("math:factorial", workers=2, cpu_s=3, wall_s=33, memory_mb=333)
    read = pickle.loads(pickle.dumps(pool))  # noqa: S301
    assert read.settings == pool.settings
    assert read is copy.deepcopy(pool) is Pool.shared(math.factorial, workers=2, cpu_s=3, wall_s=33, memory_mb=333)
    assert read is not Pool.shared(math.factorial)


@pytest.mark.slow
@pytest.mark.parametrize("action", ["write pids", "write pids and loop", "write pids and hold lock"])
def test_workers_die_with_their_user(tmp_path: Path, action: str) -> None:
    said = tmp_path / "pids"
    code = f"from tests.rewards import worker_functions as w; w.use_until_killed({action!r}, {str(said)!r}, 300)"
    user = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    assert eventually(lambda: said.exists() and len(said.read_text().split()) == 2)
    pids = [int(pid) for pid in said.read_text().split()]
    assert all(map(alive, pids))
    user.kill()
    user.wait()
    assert eventually(lambda: not any(map(alive, pids)))


@pytest.mark.slow
def test_interrupting_the_user_ends_its_workers(tmp_path: Path) -> None:
    said = tmp_path / "pids"
    code = f"from tests.rewards import worker_functions as w; w.use_until_killed('write pids', {str(said)!r}, 300)"
    user = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert eventually(lambda: said.exists() and len(said.read_text().split()) == 2)
    user.send_signal(signal.SIGINT)
    assert user.communicate()[1].rstrip().endswith("KeyboardInterrupt")
    assert eventually(lambda: not any(alive(int(pid)) for pid in said.read_text().split()))


def test_workers_end_when_the_interpreter_does() -> None:
    code = "from tests.rewards.worker_functions import *; print(Pool.shared(act).map([('pid', 0), ('parent pid', 0)]))"
    run = subprocess.run(
        [sys.executable, "-Wdefault", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stderr == ""  # no resource left open either
    assert eventually(lambda: not any(alive(outcome.value) for outcome in eval(run.stdout)))  # noqa: S307 - our own


def test_closing_ends_the_workers_and_a_closed_pool_can_be_used_again() -> None:
    pool = Pool(act, **LIMITS)
    first = [outcome.value for outcome in pool.map([("pid", None), ("parent pid", None)])]
    pool.close()
    pool.close()
    assert eventually(lambda: not any(map(alive, first)))
    ((status, again, _),) = pool.map([("pid", None)])
    assert status == "ok"
    assert again not in first
    del pool  # a pool that nobody has any more closes itself
    assert eventually(lambda: not alive(again))


def test_closing_amid_the_work_of_another_thread_lets_it_finish() -> None:
    pool = Pool(act, **LIMITS)
    pool.warm()
    with ThreadPoolExecutor(1) as threads:
        work = threads.submit(pool.map, [("pid", None), ("sleep", 1), ("echo", 1)])
        assert eventually(pool._team._seats.empty)
        pool.close()
        pid, *rest = work.result()
    assert [outcome.value for outcome in rest] == ["awake", 1]
    assert not alive(pid.value)


def test_warm_starts_all_workers() -> None:
    with Pool(act, workers=2, **LIMITS) as pool:
        pool.warm()
        members = set(pool._team._members)
        assert len(members) == 2
        pool.warm()
        assert pool._team._members == members
        assert pool.map([("echo", 1)] * 8) == [Outcome("ok", 1)] * 8
        assert pool._team._members == members


def test_workers_see_one_order_of_strings_on_every_run() -> None:
    found = set()
    for _ in range(2):
        with Pool(act, **LIMITS) as pool:
            found.update(pool.map([("hash", "any string")]))
    assert len(found) == 1


def test_workers_find_what_the_user_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pool: Pool) -> None:
    assert [entry for (outcome,) in [pool.map([("path", None)])] for entry in outcome.value] == sys.path
    (tmp_path / "only_here.py").write_text("def double(value):\n    return 2 * value\n")
    # what stands in the working directory is not on the path, and must not be taken for the real thing
    (tmp_path / "rewards.py").write_text("raise SystemExit('the wrong one')\n")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "only_here.py").rename(tmp_path / "elsewhere/only_here.py")
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path)
    with Pool("only_here:double", **LIMITS) as other:
        assert other.map([21]) == [Outcome("ok", 42)]
    with Pool(importlib.import_module("only_here").double, **LIMITS) as other:
        assert other.map([21]) == [Outcome("ok", 42)]


def test_signals_that_the_user_ignores_or_blocks_still_work_in_workers() -> None:
    code = (
        "import signal; from tests.rewards.worker_functions import statuses\n"
        "for each in (signal.SIGPROF, signal.SIGCHLD): signal.signal(each, signal.SIG_IGN)\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGPROF, signal.SIGCHLD])\n"
        "print(statuses([('loop', 0), ('crash', 1), ('echo', 1)]))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[('timeout', None), ('error', None), ('ok', 1)]"


def test_a_pool_sets_no_signal(pool: Pool) -> None:
    before = {each: signal.getsignal(each) for each in signal.valid_signals()}
    pool.map([("loop", None)])
    assert {each: signal.getsignal(each) for each in signal.valid_signals()} == before


STARTS = [
    ("raise RuntimeError('it has its reasons')", "RuntimeError: it has its reasons"),
    ("", "has no attribute 'function'"),
    ("function = 3", "is not callable"),
    ("import os; os._exit(3)", "3 workers for broken:function in a row died while starting"),
    ("import os; os.kill(os.getpid(), 9)", "3 workers for broken:function in a row died while starting"),
    ("import sys; sys.exit('no')", "SystemExit: no"),
]


@pytest.mark.parametrize(("source", "message"), STARTS)
def test_workers_that_cannot_start_are_an_error_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, message: str
) -> None:
    (tmp_path / "broken.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with Pool("broken:function", workers=2) as pool:
        for start in (pool.warm, lambda: pool.map([1, 2])):
            with pytest.raises(WorkerError, match=message):
                start()
        assert not pool._team._members
    # and what is mended works: nothing is remembered
    (tmp_path / "broken.py").write_text("def function(value):\n    return value\n")
    with pool:
        assert pool.map([1]) == [Outcome("ok", 1)]


def test_a_worker_that_hangs_while_starting_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hanging.py").write_text("import time; time.sleep(600)")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("rewards._worker._START_S", 1.0)
    with Pool("hanging:function") as pool, pytest.raises(WorkerError, match="was not ready within 1 s"):
        pool.map([1])


@pytest.mark.parametrize("executable", ["", "/no/such/python"])
def test_no_interpreter_is_an_error(monkeypatch: pytest.MonkeyPatch, executable: str) -> None:
    monkeypatch.setattr(sys, "executable", executable)
    with Pool("math:factorial") as pool, pytest.raises(WorkerError, match="worker"):
        pool.map([1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "workers: 0"),
        ({"cpu_s": 0}, "cpu_s: 0"),
        ({"cpu_s": math.nan}, "cpu_s: nan"),
        ({"cpu_s": math.inf}, "cpu_s: inf"),
        ({"cpu_s": 3, "wall_s": 2}, "wall_s: 2"),
        ({"wall_s": math.inf}, "wall_s: inf"),
        ({"memory_mb": 0}, "memory_mb: 0"),
        ({"function": "math"}, "math"),
        ({"function": ":factorial"}, "factorial"),
        ({"function": "__main__:factorial"}, "__main__"),
        ({"function": lambda task: task}, "cannot be imported"),
        ({"function": [].append}, "cannot be imported"),
        ({"function": 3}, "cannot be imported"),
    ],
)
def test_settings_are_checked_when_the_pool_is_made(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Pool(**{"function": "math:factorial", **options})


def test_a_pool_says_what_it_is() -> None:
    assert repr(Pool(math.factorial)) == (
        "Pool(function='math:factorial', workers=1, cpu_s=2.0, wall_s=60.0, memory_mb=512)"
    )
