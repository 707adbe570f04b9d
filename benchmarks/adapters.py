"""What the adapters cost over calling the reward directly.

The reward is ``srl`` with its default similarity, on steps of the project's own generated solutions, a share of their
words exchanged, in replies with a short thought; one thread. Two tables:

* adapters that take a batch: CPU time of a batch of 4,096 beside ``reward(completions, reference=…)``, in turn, and the
  difference repeat by repeat;
* adapters that are asked for one completion at a time: CPU time of a call beside the reward asked for one completion.
  verl calls from a pool of threads: calls a second of wall time, with one thread and with 16.

TRL's logging of parts and statuses has a row of its own; it is on by default. The server has a script of its own,
``benchmarks/server.py``.

    python benchmarks/adapters.py            # tables and out/adapters.json
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import re
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from itertools import cycle, islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import rewards  # noqa: E402
from rewards.adapters import nemo_gym, openrlhf, skyrl, swift, trl, verifiers, verl  # noqa: E402

BATCH = 4096
MUTATED = 0.15
OPTIONS: dict[str, Any] = {"similarity": {"name": "sequence_match", "threads": 1}}
Timed = Callable[[], Any]


# -- texts ------------------------------------------------------------------------------------------------------------


def replies() -> tuple[list[str], list[str]]:
    """Completions and the expert's steps."""
    from srl_data.generate import generate

    rng = random.Random(0)
    texts = [row["solution"] for row in generate(n=800, level=(3, 8), seed=0, style="numbered")]
    steps = [step for text in texts for step in re.split(r"\n(?=\d+\. )", text)]
    words = [word for step in steps for word in step.split()]
    references = list(islice(cycle(steps), BATCH))
    completions = []
    for reference in references:
        pieces = re.split(r"(\s+)", reference)
        for at in range(0, len(pieces), 2):
            if rng.random() < MUTATED:
                pieces[at] = rng.choice(words)
        completions.append(f"<think>Go on from what is written.</think>{''.join(pieces)}")
    return completions, references


# -- batches ----------------------------------------------------------------------------------------------------------


class Logs:
    """What TRL's trainer does with what is logged."""

    def __init__(self) -> None:
        self.columns: dict[str, list[Any]] = {}
        self.metrics: dict[str, list[float]] = {}

    def extra(self, column: str, values: list[Any]) -> None:
        self.columns[column] = values

    def metric(self, name: str, value: float) -> None:
        self.metrics[name] = [value]


def batches(completions: list[str], references: list[str]) -> tuple[Timed, dict[str, Timed]]:
    reward = rewards.get("srl", **OPTIONS)
    chats = [[{"role": "assistant", "content": completion}] for completion in completions]
    logs = Logs()
    common = {"prompts": completions, "completion_ids": [[1]] * len(completions), "reference": references}
    logged = {**common, "trainer_state": None, "log_extra": logs.extra, "log_metric": logs.metric}
    plain = trl.to_trl("srl", log=False, **OPTIONS)
    full = trl.to_trl("srl", **OPTIONS)
    waiting = trl.to_trl_async("srl", log=False, **OPTIONS)
    loop = asyncio.new_event_loop()
    orm = swift.to_swift("srl", **OPTIONS)()
    return lambda: reward(completions, reference=references).values, {
        "trl": lambda: plain(completions=completions, **common),
        "trl, chat messages": lambda: plain(completions=chats, **common),
        "trl, with its logging": lambda: full(completions=completions, **logged),
        "trl, async": lambda: loop.run_until_complete(waiting(completions=completions, **common)),
        "swift": lambda: orm(completions, reference=references),
    }


def batch_table(direct: Timed, adapters: dict[str, Timed], repeats: int) -> list[dict[str, Any]]:
    expected = direct()
    found = []
    for name, adapter in adapters.items():
        if adapter() != expected:
            raise SystemExit(f"{name} gives other scores than the reward")
        ours, theirs = [], []
        for _ in range(repeats):
            theirs.append(_cpu(direct))
            ours.append(_cpu(adapter))
        extra = statistics.median(mine - other for mine, other in zip(ours, theirs, strict=True))
        base = statistics.median(theirs)
        found.append({"adapter": name, "direct_ms": base * 1e3, "extra_ms": extra * 1e3, "overhead": extra / base})
    return found


# -- one by one -------------------------------------------------------------------------------------------------------


def singles(repeats: int, completions: list[str], references: list[str]) -> list[dict[str, Any]]:
    reward = rewards.get("srl", **OPTIONS)
    loop = asyncio.new_event_loop()
    labels = [openrlhf.encode_label({"reference": reference}) for reference in references]
    prompt = "<|user|>What is the next step?<|assistant|>"
    queries = [f"{prompt}{completion}<|im_end|>" for completion in completions]
    remote = openrlhf.to_openrlhf("srl", **OPTIONS)
    rubric = verifiers.to_rubric("srl", **OPTIONS)
    verify = nemo_gym.to_nemo_gym("srl", **OPTIONS)

    def message(at: int) -> Any:
        part = SimpleNamespace(type="output_text", text=completions[at])
        return SimpleNamespace(output=[SimpleNamespace(type="message", role="assistant", content=[part])])

    class Body(dict[str, Any]):
        response: Any

    def body(at: int) -> Body:
        made = Body(reference=references[at])
        made.response = message(at)
        return made

    calls: dict[str, Callable[[int], Any]] = {
        "the reward itself": lambda at: reward([completions[at]], reference=[references[at]]).values[0],
        "verl": lambda at: _verl(completions[at], references[at]),
        "skyrl": lambda at: skyrl.StepEnv(
            extras={"reward_spec": {"ground_truth": references[at]}}, reward="srl", **OPTIONS
        ).step(completions[at]),
        "openrlhf (a tensor for each number)": lambda at: remote([queries[at]], [prompt], [labels[at]]),
        "verifiers ≤ 0.3 (a thread)": lambda at: loop.run_until_complete(
            rubric(completion=[{"role": "assistant", "content": completions[at]}], reference=references[at])
        ),
        "nemo_gym (a thread)": lambda at: loop.run_until_complete(verify(body(at))),
    }
    found = []
    number = min(512, len(completions))
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call(0)
    for _ in range(repeats):
        for name, call in calls.items():
            times[name].append(_cpu(lambda call=call: [call(at) for at in range(number)]) / number)
    base = statistics.median(times["the reward itself"])
    for name, taken in times.items():
        middle = statistics.median(taken)
        found.append({"adapter": name, "us": middle * 1e6, "extra_us": (middle - base) * 1e6})
    return found


def _verl(completion: str, reference: str) -> float:
    return verl.compute_score("steps", completion, reference, {"index": 0}, reward="srl", **OPTIONS)["score"]


def threads(completions: list[str], references: list[str], repeats: int) -> list[dict[str, Any]]:
    """verl's way: an executor's threads, a call each."""
    expected = rewards.get("srl", **OPTIONS)(completions, reference=references).values
    found = []
    for number in (1, 16):
        rates = []
        with ThreadPoolExecutor(number) as pool:
            for _ in range(repeats):
                start = time.perf_counter()
                values = list(pool.map(_verl, completions, references, chunksize=1))
                rates.append(len(completions) / (time.perf_counter() - start))
                if values != expected:
                    raise SystemExit("verl: a thread was given another one's score")
        found.append({"threads": number, "calls_per_s": statistics.median(rates)})
    return found


def _cpu(work: Timed) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


# -- report -----------------------------------------------------------------------------------------------------------


def report(found: dict[str, Any]) -> None:
    print("machine:", ", ".join(f"{name} {value}" for name, value in found["machine"].items()))
    print(f"\nbatch of {BATCH:,} | the reward, ms | more, ms | more, % |\n---|---:|---:|---:|")
    for row in found["batches"]:
        print(f"{row['adapter']} | {row['direct_ms']:.1f} | {row['extra_ms']:.2f} | {row['overhead']:.1%}")
    print("\none completion a call | µs | more, µs |\n---|---:|---:|")
    for row in found["singles"]:
        print(f"{row['adapter']} | {row['us']:.1f} | {row['extra_us']:.1f}")
    print("\nverl's calls | a second |\n---|---:|")
    for row in found["verl"]:
        print(f"from {row['threads']} threads | {row['calls_per_s']:,.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=25)
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "out" / "adapters.json")
    arguments = parser.parse_args()
    completions, references = replies()
    direct, adapters = batches(completions, references)
    found = {
        "machine": {
            "cpus": os.cpu_count(),
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
            "srl-data": version("srl-data"),
            "engine": rewards.describe("sequence_match").engine,
        },
        "characters": statistics.mean(map(len, references)),
        "batches": batch_table(direct, adapters, arguments.repeats),
        "singles": singles(arguments.repeats, completions, references),
        "verl": threads(completions, references, max(3, arguments.repeats // 5)),
    }
    report(found)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
