"""How fast and how right ``outcome`` is beside other verifiers, what hostile text costs, and what a training step does.

Answers: GSM8K's, as models gave them, with the labels that come with them (``../shared/data``; left out where that is
absent); ``competition``, made here, four of five of them rational numbers as in MATH's test set, right ones in another
writing wherever there is one; ``mixed``, half of it competition and half pairs that take algebra, so that every second
pair is hard. The labels of made pairs are true by their making. Each grader gets both sides in a box, through its own
public call, in its default settings, in one process; the graders take turns in every repeat, and ratios are taken
repeat by repeat. ``distinct`` means every pair once and nothing remembered (our memory off, the peer's caches emptied
between repeats); ``as they come`` means with repetitions, and with each grader's memory as it is when left alone.

Hostile texts: those of the tests, one at a time, as the answer where the gold one is 7, where it takes algebra, and as
the gold answer. Ours runs in this one process, a peer in one that is forked for each text, and killed after a while.

    python benchmarks/verify.py                 # tables and out/verify.json
    python benchmarks/verify.py --show 50       # list up to 50 disagreements with the labels for each grader
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import gc
import json
import logging
import multiprocessing
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from _answers import Pair, competition, completions, hard, real  # noqa: E402

import rewards  # noqa: E402
from rewards.types import Scores  # noqa: E402

LIMIT_S = 2.0  # CPU seconds that our worker may take for a pair: the default
KILL_S = 12.0  # after which a peer's process is killed; math-verify's own limits are 5 s to parse and 5 to compare
HOSTILE = ROOT / "tests" / "cases" / "hostile_answers.json"
Verdicts = list[bool | None]
Grader = Callable[[Sequence[Pair]], Verdicts]


# -- graders ----------------------------------------------------------------------------------------------------------


def ours(**options: Any) -> Grader:
    reward = rewards.get("outcome", **options)

    def grade(pairs: Sequence[Pair]) -> Verdicts:
        scores = reward([rf"\boxed{{{pair.answer}}}" for pair in pairs], answer=[pair.gold for pair in pairs])
        return [None if value is None else value == 1.0 for value in scores.values]

    return grade


def math_verify(pairs: Sequence[Pair]) -> Verdicts:
    from math_verify import parse, verify

    return [
        verify(parse(rf"\boxed{{{pair.gold}}}"), parse(rf"\boxed{{{pair.answer}}}")) for pair in pairs
    ]  # the gold answer first, as its documentation says


def mathruler(pairs: Sequence[Pair]) -> Verdicts:
    from mathruler.grader import extract_boxed_content, grade_answer

    return [grade_answer(extract_boxed_content(rf"\boxed{{{pair.answer}}}"), pair.gold) for pair in pairs]


PEERS: dict[str, tuple[str, Grader]] = {  # name: distribution, grader
    "math-verify": ("math-verify", math_verify),
    "mathruler": ("mathruler", mathruler),
}


def installed() -> dict[str, Grader]:
    found = {}
    for name, (distribution, grade) in PEERS.items():
        with contextlib.suppress(PackageNotFoundError):
            version(distribution)
            found[name] = grade
    return found


def forget() -> None:
    """Empty what remembers answers: math-verify's caches (not those of its patterns), and sympy's."""
    from sympy.core.cache import clear_cache

    for each in vars(sys.modules.get("math_verify.parser")).values() if "math_verify" in sys.modules else ():
        if hasattr(each, "cache_clear") and not each.__name__.endswith("_regex"):
            each.cache_clear()
    clear_cache()
    gc.collect()


# -- speed and agreement ----------------------------------------------------------------------------------------------


def speed(name: str, pairs: Sequence[Pair], repeats: int, *, remember: bool) -> dict[str, Any]:
    """Grade with every grader in turn, several times; verdicts are of the last repeat."""
    peers = installed()
    taken: dict[str, list[float]] = {each: [] for each in ("outcome", *peers)}
    verdicts: dict[str, Verdicts] = {}
    for _ in range(repeats):
        graders = {"outcome": ours() if remember else ours(cache=0), **peers}
        for each, grade in graders.items():
            forget()
            start = time.perf_counter()
            verdicts[each] = grade(pairs)
            taken[each].append(time.perf_counter() - start)
    return {
        "set": name,
        "pairs": len(pairs),
        "pairs_per_s": {each: len(pairs) / statistics.median(seconds) for each, seconds in taken.items()},
        "times_as_fast": {
            each: statistics.median(theirs / own for own, theirs in zip(taken["outcome"], seconds, strict=True))
            for each, seconds in taken.items()
        },
        **agreement(pairs, verdicts),
    }


def agreement(pairs: Sequence[Pair], verdicts: dict[str, Verdicts]) -> dict[str, Any]:
    apart = {
        name: [
            {**pair._asdict(), "verdict": verdict}
            for pair, verdict in zip(pairs, found, strict=True)
            if verdict != pair.equal
        ]
        for name, found in verdicts.items()
    }
    return {
        "agreement": {name: 1 - len(found) / len(pairs) for name, found in apart.items()},
        "disagreements": apart,
    }


def tiers(pairs: Sequence[Pair]) -> dict[str, float]:
    """The share of the pairs that each tier decides."""
    reward = rewards.get("outcome")
    found = [reward.explain(rf"\boxed{{{pair.answer}}}", answer=pair.gold).details.get("tier") for pair in pairs]
    return {tier: found.count(tier) / len(found) for tier in ("text", "rational", "numeric", "symbolic")}


# -- hostile texts ----------------------------------------------------------------------------------------------------

SIMPLE, ALGEBRA = "7", r"\frac{x}{2}+\sin x"


def trials() -> Iterator[tuple[str, str, str, str]]:
    """Name, role, gold answer, answer."""
    for case in json.loads(HOSTILE.read_text(encoding="ascii")):
        text = "".join(part if isinstance(part, str) else part[0] * part[1] for part in case["parts"])
        yield case["name"], "answer to 7", SIMPLE, text
        yield case["name"], "answer to algebra", ALGEBRA, text
        yield case["name"], "gold answer", text, ALGEBRA


def hostile_to_us() -> dict[str, Any]:
    reward = rewards.get("outcome", cpu_s=LIMIT_S)
    reward([r"\boxed{\sqrt{x^2}}"], answer=["|x|"])  # starts a worker, if that takes one
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows = []
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for name, role, gold, answer in trials():
            start = time.perf_counter()
            scores: Scores = reward([rf"\boxed{{{answer}}}"], answer=[gold])
            taken, status = time.perf_counter() - start, scores.status[0]
            rows.append({"text": name, "role": role, "s": taken, "status": status, "value": scores.values[0]})
        if os.listdir(folder):
            raise SystemExit("a hostile text was executed")
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"grader": "outcome", "more_memory_mb": (after - before) / 1024, **latency(rows), "rows": rows}


def hostile_to_a_peer(name: str, grade: Grader, roles: Sequence[str]) -> dict[str, Any]:
    grade([Pair("1", "1", True, "")])
    fork = multiprocessing.get_context("fork")
    rows = []
    for text, role, gold, answer in trials():
        if role not in roles:
            continue
        receiver, sender = fork.Pipe(duplex=False)
        with tempfile.TemporaryDirectory() as folder:
            child = fork.Process(target=_alone, args=(sender, grade, Pair(gold, answer, False, ""), folder))
            child.start()
            sender.close()
            seconds, status = KILL_S, "killed"
            with contextlib.suppress(EOFError):  # it died
                if receiver.poll(KILL_S):
                    seconds, status = receiver.recv()
            child.kill()
            child.join()
            if os.listdir(folder):
                status = "code executed"
        rows.append({"text": text, "role": role, "s": seconds, "status": status})
    return {"grader": name, **latency(rows), "rows": rows}


def _alone(sender: Any, grade: Grader, pair: Pair, folder: str) -> None:
    os.chdir(folder)  # what is executed leaves a file there
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere), contextlib.redirect_stdout(nowhere):
        start = time.perf_counter()
        try:
            status = str(grade([pair])[0])
        except BaseException as error:
            status = type(error).__name__
        seconds = time.perf_counter() - start
    with contextlib.suppress(Exception):
        sender.send((seconds, status))
    os._exit(0)


def latency(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    seconds = sorted(row["s"] for row in rows)
    statuses = sorted({row["status"] for row in rows})
    return {
        "texts": len(rows),
        "p50_s": statistics.median(seconds),
        "p99_s": seconds[min(len(seconds) - 1, int(0.99 * len(seconds)))],
        "max_s": seconds[-1],
        "statuses": {each: sum(1 for row in rows if row["status"] == each) for each in statuses},
    }


# -- a training step --------------------------------------------------------------------------------------------------


def training_step(prompts: int, each: int, repeats: int) -> dict[str, Any]:
    """Seconds for one step's completions: each repeat with new rewards, the workers running."""
    written, golds = completions(prompts, each)
    methods: dict[str, Callable[[], Any]] = {}
    for workers in (1, 2):
        for remember in (True, False):
            name = f"outcome, workers={workers}, memory {'on' if remember else 'off'}"
            methods[name] = functools.partial(_step, written, golds, workers, remember)
    if "math-verify" in installed():
        methods["math-verify"] = functools.partial(_their_step, written, golds)
    taken: dict[str, list[float]] = {name: [] for name in methods}
    for _ in range(repeats):
        for name, method in methods.items():
            forget()
            taken[name].append(method())
    return {
        "completions": len(written),
        "characters": statistics.mean(map(len, written)),
        "distinct": len(set(zip(written, golds, strict=True))),
        "seconds": {name: statistics.median(seconds) for name, seconds in taken.items()},
    }


def _step(written: list[str], golds: list[str], workers: int, remember: bool) -> float:
    reward = rewards.get("outcome", workers=workers, **({} if remember else {"cache": 0}))
    start = time.perf_counter()
    reward(written, answer=golds)
    return time.perf_counter() - start


def _their_step(written: list[str], golds: list[str]) -> float:
    from math_verify import parse, verify

    start = time.perf_counter()
    for text, gold in zip(written, golds, strict=True):
        verify(parse(rf"\boxed{{{gold}}}"), parse(text))
    return time.perf_counter() - start


# -- report -----------------------------------------------------------------------------------------------------------


def machine() -> dict[str, Any]:
    found = {"cpus": os.cpu_count(), "python": platform.python_version()}
    found["system"] = f"{platform.system()} {platform.machine()}"
    found["load"] = round(os.getloadavg()[0], 1)  # above the number of CPUs, seconds by the clock say little
    for name in ("srl-data", "sympy", "math-verify", "latex2sympy2_extended", "antlr4-python3-runtime", "mathruler"):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def report(found: dict[str, Any], show: int) -> None:
    print("machine:", ", ".join(f"{name} {value}" for name, value in found["machine"].items()))
    graders = list(found["speed"][0]["pairs_per_s"])
    print("\nset | pairs | " + " | ".join(f"{name}, pairs/s" for name in graders) + " | ", end="")
    print(" | ".join(f"times {name}" for name in graders[1:]))
    print("---|---:|" + "---:|" * (2 * len(graders) - 1))
    for row in found["speed"]:
        rates = " | ".join(f"{row['pairs_per_s'][name]:,.0f}" for name in graders)
        times = " | ".join(f"{row['times_as_fast'][name]:.1f}" for name in graders[1:])
        print(f"{row['set']} | {row['pairs']:,} | {rates} | {times}")
    print("\nagreement with the labels | " + " | ".join(graders) + "\n---|" + "---:|" * len(graders))
    for row in found["speed"]:
        print(f"{row['set']} | " + " | ".join(f"{row['agreement'][name]:.4f}" for name in graders))
    print("\ndecided by | text | rational | numeric | symbolic\n---|" + "---:|" * 4)
    for name, shares in found["tiers"].items():
        print(f"{name} | " + " | ".join(f"{share:.1%}" for share in shares.values()))
    for row in found["speed"]:
        for name in graders:
            for each in row["disagreements"][name][:show]:
                print(f"  {row['set']}: {name} says {each['verdict']}: {each['answer']!r} for {each['gold']!r}")
    print(
        "\nhostile | texts | p50 s | p99 s | max s | more memory, MB | statuses or verdicts\n---|"
        + "---:|" * 5
        + "---|"
    )
    for row in found["hostile"]:
        memory = f"{row['more_memory_mb']:.0f}" if "more_memory_mb" in row else ""
        statuses = ", ".join(f"{status} {count}" for status, count in row["statuses"].items())
        numbers = " | ".join(f"{row[key]:.4f}" for key in ("p50_s", "p99_s", "max_s"))
        print(f"{row['grader']} | {row['texts']} | {numbers} | {memory} | {statuses}")
    step = found["training_step"]
    print(f"\n{step['completions']:,} completions of {step['characters']:.0f} characters | seconds\n---|---:|")
    for name, seconds in step["seconds"].items():
        print(f"{name} | {seconds:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=600, help="how many made pairs of each set")
    parser.add_argument("--prompts", type=int, default=512)
    parser.add_argument("--show", type=int, default=5, help="how many disagreements to list per set and grader")
    parser.add_argument("--skip-peers-hostile", action="store_true", help="it takes minutes")
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "out" / "verify.json")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)  # math-verify logs every text that it cannot parse
    about = machine()
    answers = real()
    made = competition(arguments.pairs)
    mixed = [*competition(arguments.pairs // 2, seed=5), *hard(arguments.pairs // 2)]
    ours()(mixed[-50:])  # a worker runs
    rows = []
    if answers:
        rows.append(speed("GSM8K, distinct", list(dict.fromkeys(answers)), arguments.repeats, remember=False))
        rows.append(speed("GSM8K, as they come", answers, arguments.repeats, remember=True))
    rows.append(speed("competition", made, arguments.repeats, remember=False))
    rows.append(speed("mixed", mixed, arguments.repeats, remember=False))
    attacked = [hostile_to_us()]
    if not arguments.skip_peers_hostile:
        attacked += [hostile_to_a_peer(name, grade, ["answer to algebra"]) for name, grade in installed().items()]
    found = {
        "machine": about,
        "speed": rows,
        "tiers": {
            name: tiers(pairs)
            for name, pairs in {"GSM8K": answers, "competition": made, "mixed": mixed}.items()
            if pairs
        },
        "hostile": attacked,
        "training_step": training_step(arguments.prompts, 8, arguments.repeats),
    }
    report(found, arguments.show)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
