"""A great deal at once, from another process, while everything goes wrong that can."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.server import serve

pytest.importorskip("fastapi")
pytestmark = pytest.mark.slow

REQUESTS = 1200


@pytest.mark.parametrize("arguments", ["--workers 2", "--workers 1 --max-waiting 40 --max-batch 16"])
def test_no_answer_is_lost_or_mixed_up(tmp_path: Path, arguments: str) -> None:
    kill = arguments == "--workers 2"
    with serve(tmp_path, f"-r srl -r indel {arguments}") as server:
        command = [sys.executable, "-m", "tests.load_client", server.url, str(REQUESTS)]
        killed = 0
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
            assert client.stdout is not None
            assert client.stdout.readline() == "ready\n"
            rng = random.Random(0)
            pause = 0.3
            while client.poll() is None:
                time.sleep(pause)
                workers = server.children()
                if kill and len(workers) == 2:
                    os.kill(rng.choice(workers), signal.SIGKILL)
                    killed += 1
                    pause = 3.0  # a new one needs a moment; killed at once, both could be gone all the time
            tally = json.loads(client.stdout.read())
        assert tally["answered"] == REQUESTS
        assert tally["wrong"] == tally["never answered"] == 0
        assert tally["gone away"] == REQUESTS // 20
        if kill:
            assert killed
            server.until(lambda: server.client.get("/health").status_code == 200)
        else:
            assert tally["put off"] > 0
            assert tally.get("lost connections", 0) == 0
            assert "Traceback" not in server.log  # that clients go away is no error
        for name in ("srl", "indel"):
            server.until(lambda name=name: server.metric("srl_data_waiting_completions", reward=name) == 0)
        assert server.stop() == 0


def test_killed_workers_of_a_reward_cost_nobody_an_answer(tmp_path: Path) -> None:
    def ask(number: int) -> tuple[float | None, str]:
        hard = number % 10 == 0  # takes computer algebra, and more than it is given
        answer, gold = (
            (f"|x+{number}|", rf"\sqrt{{x^2+{2 * number}x+{number**2}}}") if hard else (f"{number}.0", f"{number}")
        )
        body = {"completions": [rf"So it is $\boxed{{{answer}}}$."], "columns": {"answer": [gold]}}
        found = server.post("/score", body).json()
        return found["values"][0], found["status"][0]

    with (
        serve(tmp_path, "-r outcome -O workers=2 -O cpu_s=0.2 --max-batch 8") as server,
        ThreadPoolExecutor(32) as threads,
    ):
        asked = [threads.submit(ask, number) for number in range(1, 301)]
        for _ in range(2):  # once more, and a worker that is being started could be the third in a row to die
            server.until(lambda: server.children("rewards._runner") or asked[-1].done())
            time.sleep(0.5)
            for process in server.children("rewards._runner"):
                os.kill(process, signal.SIGKILL)
        found = [each.result() for each in asked]
        assert [each for number, each in enumerate(found, 1) if number % 10] == [(1.0, "ok")] * 270
        # killed again and again, or out of time: not a verdict either way, unless computer algebra was quick
        assert {status for _, status in found} <= {"ok", "timeout", "error"}
        assert all((value is None) == (status != "ok") for value, status in found)
        assert server.post("/score", {"completions": ["#### 7"], "columns": {"answer": ["7"]}}).json()["values"] == [
            1.0
        ]
