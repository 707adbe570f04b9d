"""Scores every hostile answer, in a process of its own that the test can time out, measure and throw away.

Run as ``python -m tests.rewards.hostile_answers main|threads|asyncio`` in an empty folder, which it leaves so.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from rewards.outcome import Outcome

CASES = Path(__file__).parents[1] / "cases/hostile_answers.json"
LIMITS: dict[str, Any] = {"cpu_s": 0.25, "memory_mb": 256}
THREADS = 8

# text and gold beside each hostile pair, and their score: decided by text, number, values, and a worker
NEIGHBOURS = [
    (r"\boxed{12}", "12", 1.0),
    (r"\boxed{\frac{2}{4}}", "0.5", 1.0),
    (r"\boxed{13}", "12", 0.0),
    (r"\boxed{2\sqrt2}", r"\sqrt8", 1.0),
    (r"\boxed{\lfloor x \rfloor + 1}", r"\lfloor x + 1 \rfloor", 1.0),
    (r"\boxed{\lfloor x \rfloor + 2}", r"\lfloor x + 1 \rfloor", 0.0),
]
GOLDS = ["7", "x/2", r"\lfloor x^2/2 \rfloor", r"(\sqrt{2}, \ln(x^2))"]
DRESSES: list[Callable[[str], str]] = [
    lambda text: text,
    lambda text: rf"So it is \boxed{{{text}}}.",
    lambda text: f"The answer is {text}",
    lambda text: f"<think>{text}</think>\n#### {text}",
]


class Task(NamedTuple):
    """One hostile pair.

    Attributes:
        name: Of the input.
        role: ``completion`` or ``gold``.
        completion: The one.
        gold: The other.
    """

    name: str
    role: str
    completion: str
    gold: str


def inputs() -> dict[str, str]:
    """The hostile texts by name; what is large is written as a piece and how often it is repeated."""
    return {
        case["name"]: "".join(part if isinstance(part, str) else part[0] * part[1] for part in case["parts"])
        for case in json.loads(CASES.read_text(encoding="ascii"))
    }


def tasks() -> list[Task]:
    found = []
    for name, text in inputs().items():
        found += [Task(name, "completion", dress(text), GOLDS[0]) for dress in DRESSES]
        found += [Task(name, "completion", rf"\boxed{{{text}}}", gold) for gold in GOLDS[1:]]
        found.append(Task(name, "gold", r"\boxed{7}", text))
        found.append(Task(name, "gold", rf"\boxed{{{text}}}", text))
    return found


def score(reward: Outcome, batch: Sequence[Task]) -> list[dict[str, Any]]:
    """Score a batch with a neighbour behind each pair; whatever goes wrong is told, not raised."""
    pairs: list[tuple[str, str]] = []
    expected: list[float | None] = []
    for place, task in enumerate(batch):
        neighbour = NEIGHBOURS[place % len(NEIGHBOURS)]
        pairs += [(task.completion, task.gold), neighbour[:2]]
        expected += [None, neighbour[2]]
    scores = reward([completion for completion, _ in pairs], answer=[gold for _, gold in pairs])
    return [
        {
            "name": task.name,
            "role": task.role,
            "completion": task.completion[:60],
            "gold": task.gold[:60],
            "value": scores.values[2 * place],
            "status": scores.status[2 * place],
            "neighbour": scores.values[2 * place + 1] == expected[2 * place + 1],
        }
        for place, task in enumerate(batch)
    ]


def score_one_by_one() -> list[dict[str, Any]]:
    reward = Outcome(**LIMITS, cache=0)
    return [result for task in tasks() for result in score(reward, [task])]


def score_in_threads() -> list[dict[str, Any]]:
    reward = Outcome(**LIMITS, workers=2)
    with ThreadPoolExecutor(THREADS) as threads:
        shares = [tasks()[each::THREADS] for each in range(THREADS)]
        return [result for results in threads.map(lambda share: score(reward, share), shares) for result in results]


async def score_in_coroutines() -> list[dict[str, Any]]:
    reward = Outcome(**LIMITS, workers=2)
    everything = tasks()
    half = len(everything) // 2
    results = score(reward, everything[:half])  # as a trainer's own loop calls a plain function
    size = -(-half // 4)
    calls = [asyncio.to_thread(score, reward, everything[at : at + size]) for at in range(half, len(everything), size)]
    return [*results, *(result for results in await asyncio.gather(*calls) for result in results)]


def main(mode: str) -> None:
    results = {
        "main": score_one_by_one,
        "threads": score_in_threads,
        "asyncio": lambda: asyncio.run(score_in_coroutines()),
    }[mode]()
    json.dump({"results": results, "memory_mb": peak_memory() / 2**20}, sys.stdout)


def peak_memory() -> int:
    """Bytes; on Linux without what the process that started this one had, which getrusage hands on."""
    status = Path("/proc/self/status")
    if status.is_file():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main(sys.argv[1])
