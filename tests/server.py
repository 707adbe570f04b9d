"""A server of rewards in a process of its own, as ``srl-data serve`` starts it, and plug-ins for it that misbehave."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

_PLUGINS = '''
import time
from rewards.types import Explanation, Scores

class Plugin:
    bounds = (0.0, 1e9)
    columns = ()
    def __call__(self, completions, /, **columns):
        return Scores([self.one(each) for each in completions], ["ok"] * len(completions), {})
    def explain(self, completion, /, **columns):
        return Explanation(self.one(completion), "ok", "", {})

class Sleepy(Plugin):
    """Sleeps for as long as the first number of a completion says, and gives the second one."""
    name = "sleepy"
    def one(self, completion):
        seconds, value = completion.split()
        time.sleep(float(seconds))
        return float(value)

class Faulty(Plugin):
    """Gives the number in a completion, and does what a plug-in must not: it raises, and it gives NaN after all."""
    name = "faulty"
    def one(self, completion):
        return float(completion)
    def __call__(self, completions, /, **columns):
        scores = super().__call__([each.replace("nan", "0") for each in completions])
        scores.values[:] = [float(each) for each in completions]
        return scores
'''


def install_plugins(place: Path) -> dict[str, str]:
    """Install the plug-ins as a distribution, and give the environment in which they are found."""
    (place / "misbehaving.py").write_text(_PLUGINS)
    info = place / "misbehaving-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: misbehaving\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[srl_data.rewards]\nsleepy = misbehaving:Sleepy\nfaulty = misbehaving:Faulty\n"
    )
    return {**os.environ, "PYTHONPATH": str(place)}


class Server:
    """A running server.

    Attributes:
        process: The process that was started; with several workers, their parent.
        url: Where it answers.
    """

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self._log = log
        self.url = f"http://127.0.0.1:{self._port()}"
        self.client = httpx.Client(base_url=self.url, trust_env=False, timeout=60)
        self.until(self._answers)

    @property
    def log(self) -> str:
        """What it wrote to standard error so far."""
        return self._log.read_text()

    def post(self, path: str, content: Any, **more: Any) -> httpx.Response:
        """Send JSON."""
        return self.client.post(path, json=content, **more)

    def children(self, word: str = "spawn_main") -> list[int]:
        """Its child processes with a word in the command line: its worker processes, if nothing else is said."""
        listing = subprocess.run(
            ["ps", "-ww", "-o", "pid=,command=", "--ppid", str(self.process.pid)], capture_output=True, text=True
        ).stdout
        return [int(line.split()[0]) for line in listing.splitlines() if word in line]

    def metric(self, name: str, **labels: str) -> float:
        """One number of ``/metrics``; 0.0 if it is not there yet."""
        told = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
        found = re.search(rf"^{name}\{{{re.escape(told)}\}} (\S+)$", self.client.get("/metrics").text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def stop(self) -> int:
        """Ask it to end, and wait; gives the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def until(self, condition: Any, seconds: float = 180) -> None:
        """Wait until something holds."""
        end = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.log
            assert time.monotonic() < end, self.log
            time.sleep(0.02)

    def _port(self) -> str:
        found: list[str] = []

        def announced() -> bool:
            found.extend(re.findall(r"running on http://127\.0\.0\.1:(\d+)", self.log))
            return bool(found)

        self.until(announced)
        return found[0]

    def _answers(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return self.client.get("/health").status_code == 200
        return False


@contextlib.contextmanager
def serve(place: Path, arguments: str = "", **environment: str) -> Iterator[Server]:
    """Start a server with the plug-ins, give it, and end it."""
    place.mkdir(exist_ok=True)
    variables = {**install_plugins(place), **environment}
    log = place / "log"
    command = [sys.executable, "-m", "srl_data", "serve", "--port", "0", *arguments.split()]
    with log.open("w") as stream, subprocess.Popen(command, env=variables, stderr=stream, text=True) as process:
        try:
            server = Server(process, log)
            with contextlib.closing(server.client):
                yield server
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
