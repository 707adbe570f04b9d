"""How many completions a second ``srl-data serve`` scores, beside a plain FastAPI handler that calls difflib.

Peers, each one process under the same uvicorn: *plain, difflib* is what one writes first (a pydantic model, a ``def``
handler, ``difflib.SequenceMatcher`` without ``autojunk`` per completion); *plain, ours* is the same handler with our
reward in it, which shows what the server itself costs; *ours* is ``srl-data serve -r sequence_match``. All give the
same numbers, which is checked. The load comes from another process over kept connections, closed loop: each connection
sends its next request when it has its answer. The servers take turns in every repeat, and ratios are taken repeat by
repeat. CPU time is the server process's own, which a busy machine changes least. Texts are worked steps of the
project's own generator, 60 to 400 characters, the completion with words exchanged.

    python benchmarks/server.py                  # tables and out/server.json
    python benchmarks/server.py --seconds 10 --repeats 5
"""

from __future__ import annotations

import argparse
import asyncio
import difflib
import json
import os
import platform
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

LOADS = {"1 completion, 64 connections": (1, 64), "8, 32": (8, 32), "256, 8": (256, 8)}
SERVERS = ["plain, difflib", "plain, ours", "ours"]
PLAIN = """
import difflib, sys
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
import rewards

class Request(BaseModel):
    completions: list[str]
    columns: dict[str, list[str]]

app, reward = FastAPI(), rewards.get("sequence_match")

@app.post("/score")
def score(request: Request):
    references = request.columns["reference"]
    if sys.argv[1] == "ours":
        return {"values": reward(request.completions, reference=references).values}
    return {"values": [difflib.SequenceMatcher(None, completion, reference, False).ratio()
                       for completion, reference in zip(request.completions, references)]}

uvicorn.run(app, port=0, access_log=False)
"""


def pairs(count: int) -> list[tuple[str, str]]:
    """Completions and references."""
    from srl_data.generate import generate

    rng = random.Random(0)
    texts = [row["solution"] for row in generate(n=count, level=(3, 8), seed=0, style="lines")]
    steps = [step for text in texts for step in re.findall(r"(?s).{60,400}?(?:\n|$)", text)]
    words = [word for text in texts[:50] for word in text.split(" ")]
    found = []
    for step in steps[:count]:
        pieces = step.split(" ")
        found.append((" ".join(rng.choice(words) if rng.random() < 0.15 else piece for piece in pieces), step))
    return found


def start(name: str, log: Path) -> tuple[subprocess.Popen[bytes], int]:
    """A server and its port."""
    if name == "ours":
        command = ["-m", "srl_data", "serve", "-r", "sequence_match", "--port", "0"]
    else:
        command = ["-c", PLAIN, name.rpartition(" ")[2]]
    with log.open("w") as stream:
        process = subprocess.Popen([sys.executable, *command], stderr=stream, cwd=ROOT)
    for _ in range(600):
        if found := re.search(r"running on http://127\.0\.0\.1:(\d+)", log.read_text()):
            return process, int(found[1])
        time.sleep(0.1)
    raise SystemExit(f"{name} did not start:\n{log.read_text()}")


async def ask(port: int, bodies: list[bytes], connections: int, seconds: float) -> tuple[int, list[float]]:
    """Requests answered, and how long each took."""
    end = time.perf_counter() + seconds
    times: list[float] = []

    async def one(at: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < end:
            began = time.perf_counter()
            writer.write(bodies[at % len(bodies)])
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise SystemExit(head.decode())
            length = re.search(rb"(?i)content-length: (\d+)", head)
            await reader.readexactly(int(length[1]) if length else 0)
            times.append(time.perf_counter() - began)
            at += connections
        writer.close()

    await asyncio.gather(*map(one, range(connections)))
    return len(times), times


def cpu(process: subprocess.Popen[bytes]) -> float:
    times = psutil.Process(process.pid).cpu_times()
    return float(times.user + times.system)


def body(batch: list[tuple[str, str]]) -> bytes:
    completions, references = zip(*batch, strict=True)
    content = json.dumps({"completions": completions, "columns": {"reference": references}}).encode()
    head = (
        f"POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def check(port: int, batch: list[tuple[str, str]]) -> None:
    import httpx

    content = {"completions": [each for each, _ in batch], "columns": {"reference": [each for _, each in batch]}}
    values = httpx.post(f"http://127.0.0.1:{port}/score", json=content, trust_env=False).json()["values"]
    if values != [difflib.SequenceMatcher(None, *pair, autojunk=False).ratio() for pair in batch]:
        raise SystemExit("the servers do not agree")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "out" / "server.json")
    options = parser.parse_args()

    import rewards

    texts = pairs(2048)
    reward = rewards.get("sequence_match")
    began, calls = time.perf_counter(), 0
    while time.perf_counter() - began < options.seconds:
        reward([each for each, _ in texts], reference=[each for _, each in texts])
        calls += 1
    direct = calls * len(texts) / (time.perf_counter() - began)
    results: dict[str, dict[str, list[dict[str, float]]]] = {load: {name: [] for name in SERVERS} for load in LOADS}
    with tempfile.TemporaryDirectory() as folder:
        started = {name: start(name, Path(folder) / f"{at}") for at, name in enumerate(SERVERS)}
        try:
            for _, port in started.values():
                check(port, texts[:64])
            for load, (size, connections) in LOADS.items():
                bodies = [body(texts[at : at + size]) for at in range(0, len(texts) - size + 1, size)]
                for _ in range(options.repeats):
                    for name in SERVERS:
                        used, began = cpu(started[name][0]), time.perf_counter()
                        answered, times = asyncio.run(ask(started[name][1], bodies, connections, options.seconds))
                        results[load][name].append(
                            {
                                "completions_s": answered * size / (time.perf_counter() - began),
                                "cpu_us": (cpu(started[name][0]) - used) / (answered * size) * 1e6,
                                "median_ms": statistics.median(times) * 1000,
                                "p99_ms": statistics.quantiles(times, n=100)[98] * 1000 if len(times) > 1 else 0.0,
                            }
                        )
        finally:
            for process, _ in started.values():
                process.terminate()
                process.wait()
    report(results, direct, texts, options)


def report(results: dict[str, Any], direct: float, texts: list[tuple[str, str]], options: Any) -> None:
    machine = {
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        **{name: version(name) for name in ("srl-data", "fastapi", "uvicorn")},
    }
    mean = statistics.mean(len(completion) for completion, _ in texts)
    print("machine: " + ", ".join(f"{name} {value}" for name, value in machine.items()))
    print(f"texts: generated, {mean:.0f} characters on average; the reward called directly: {direct:,.0f} pairs/s\n")
    print("| load | server | completions/s | CPU µs/completion | median ms | 99 % ms | speed-up (median of repeats) |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for load, servers in results.items():
        for name, runs in servers.items():
            ratios = [
                run["completions_s"] / plain["completions_s"]
                for run, plain in zip(runs, servers["plain, difflib"], strict=True)
            ]
            middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
            print(
                f"| {load} | {name} | {middle['completions_s']:,.0f} | {middle['cpu_us']:.1f} | "
                f"{middle['median_ms']:.1f} | "
                f"{middle['p99_ms']:.1f} | {statistics.median(ratios):.1f} |"
            )
    options.out.parent.mkdir(exist_ok=True)
    content = {"machine": machine, "direct_pairs_s": direct, "results": results}
    options.out.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
