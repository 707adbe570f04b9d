"""Processes at work: every task once, errors as they are, nobody left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from srl_data.engines import local

WAIT = """
import os, sys, time
from srl_data.engines import local

def work(task):
    print(os.getpid(), flush=True)
    time.sleep(600)

if __name__ == "__main__":
    for _ in local.run(work, range(4), 2):
        pass
"""


def _square(number: int) -> int:
    if number == 13:
        raise KeyError("thirteen")
    return number * number


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_task_is_done_once(jobs: int) -> None:
    assert sorted(local.run(abs, iter(range(-20, 0)), jobs)) == list(range(1, 21))


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_comes_through(jobs: int) -> None:
    with pytest.raises(KeyError, match="thirteen"):
        list(local.run(_square, range(20), jobs))


def test_tasks_are_read_as_they_are_needed() -> None:
    read = []

    def tasks() -> object:
        for number in range(100):
            read.append(number)
            yield number

    results = local.run(abs, tasks(), 2)  # type: ignore[arg-type]
    next(results)
    assert len(read) <= 6
    results.close()  # type: ignore[attr-defined]


def test_workers_die_with_their_parent(tmp_path: Path) -> None:
    script = tmp_path / "wait.py"
    script.write_text(WAIT)
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    workers = [int(parent.stdout.readline()) for _ in range(2)]
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for _ in range(100):
        if not any(_alive(worker) for worker in workers):
            return
        time.sleep(0.1)
    pytest.fail("workers outlived their parent")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] == "Z")
