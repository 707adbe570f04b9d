"""How fast ``sequence_match`` is beside its peers, what hostile text costs, and why ``autojunk`` is off.

Speed: groups of eight candidates per expert text, at four lengths, through the public call
``reward(completions, reference=…)``; beside it cydifflib and difflib with the matcher reused within a group
(``set_seq2`` once), and rapidfuzz's Indel through ``cpdist``, another measure but the bit-parallel ceiling of what
strings can be compared at. One process, one thread unless a row says otherwise, the methods in turn in every
repeat, ratios taken repeat by repeat.

The expert texts are real (``../shared/data``: GSM8K lines; numbered write-ups and their steps) with all candidates
that the data has for the same question; groups are filled up to eight with such candidates in which 15 % of the
words were exchanged. Where the data is absent, the project's own generated solutions stand in, and the table says so.

    python benchmarks/similarity.py                         # tables and out/similarity.json
    python benchmarks/similarity.py --plot docs/autojunk.svg
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import platform
import random
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from itertools import cycle, islice
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import cydifflib  # noqa: E402
import numpy as np  # noqa: E402
from rapidfuzz.distance import Indel  # noqa: E402
from rapidfuzz.process import cpdist  # noqa: E402

import rewards  # noqa: E402

SHARED = ROOT.parent / "shared" / "data"
MUTATED = 0.15  # share of words
_ANNOTATION = re.compile(r"<<[^<>]*>>")


@dataclass(frozen=True, slots=True)
class Group:
    """An expert text and eight candidates."""

    reference: str
    candidates: list[str]


# -- texts ------------------------------------------------------------------------------------------------------------


def mutate(text: str, words: list[str], rng: random.Random) -> str:
    """Exchange a fixed share of the words, leaving the white space as it is."""
    pieces = re.split(r"(\s+)", text)
    for at in range(0, len(pieces), 2):
        if pieces[at] and rng.random() < MUTATED:
            pieces[at] = rng.choice(words)
    return "".join(pieces)


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SHARED / name).read_text(encoding="utf-8").splitlines()]


def real_texts() -> tuple[list[tuple[str, list[str]]], list[tuple[str, list[str]]]]:
    """Pairs of an expert's write-up and other models' write-ups of the same question: short ones, numbered ones."""
    short = []
    for row in rows("gsm8k_model_solutions_150.jsonl"):
        others = [value["solution"] for value in row.values() if isinstance(value, dict) and "solution" in value]
        short.append((row["ground_truth"], others))
    weaker = {row["id"]: row["response"] for row in rows("qwen2.5_7b_gsm8k_100.jsonl")}
    numbered = [
        (row["response"], [weaker[row["id"]]])
        for row in rows("deepseek_v3_gsm8k_numbered_100.jsonl")
        if row["id"] in weaker
    ]
    clean = [(_ANNOTATION.sub("", expert), [_ANNOTATION.sub("", text) for text in others]) for expert, others in short]
    return clean, numbered


def made_texts() -> tuple[list[tuple[str, list[str]]], list[tuple[str, list[str]]]]:
    from srl_data.generate import generate

    def pairs(style: str) -> list[tuple[str, list[str]]]:
        texts = [row["solution"] for row in generate(n=200, level=(3, 8), seed=0, style=style)]
        return [(text, []) for text in texts]

    return pairs("lines"), pairs("numbered")


def groups(pairs: list[tuple[str, list[str]]], count: int, rng: random.Random) -> list[Group]:
    """Fill up to eight candidates each."""
    words = [word for expert, others in pairs for text in (expert, *others) for word in text.split()]
    found = []
    for expert, others in islice(pairs, count):
        candidates = others[:8] or [mutate(expert, words, rng)]
        sources = cycle([expert, *others])
        while len(candidates) < 8:
            candidates.append(mutate(next(sources), words, rng))
        found.append(Group(expert, candidates))
    return found


def pieces(text: str, low: int, high: int) -> list[str]:
    """Paragraphs of a write-up, joined until each is at least so long, cut where longer."""
    found, held = [], ""
    for paragraph in re.split(r"\n\s*\n|\n(?=\d+\.\s)", text):
        held = f"{held}\n{paragraph}" if held else paragraph
        if len(held) >= low:
            found.append(held[:high])
            held = ""
    return found


def sets() -> tuple[str, dict[str, list[Group]]]:
    """The four sets of groups, by name, and where the texts are from."""
    rng = random.Random(0)
    real = SHARED.is_dir()
    short, numbered = real_texts() if real else made_texts()
    lines = []
    for expert, others in short:
        theirs = [line for text in others for line in text.split("\n") if line.strip()]
        lines += [(line, theirs[:8]) for line in expert.split("\n") if len(line) > 20]
    steps = []
    for expert, others in numbered:
        theirs = [piece for text in others for piece in pieces(text, 150, 280)]
        steps += [(piece, theirs[:8]) for piece in pieces(expert, 150, 280)]
    whole = joined(numbered, 1200)
    long = joined(numbered, 4000)
    kinds = {"lines": lines, "steps": steps, "solutions": whole, "long": long}
    counts = {"lines": 256, "steps": 128, "solutions": 48, "long": 16}
    for pairs in kinds.values():
        rng.shuffle(pairs)
    return "real" if real else "generated", {name: groups(pairs, counts[name], rng) for name, pairs in kinds.items()}


def joined(pairs: list[tuple[str, list[str]]], size: int) -> list[tuple[str, list[str]]]:
    """Write-ups joined to a given size, expert's and others' in step."""
    found = []
    expert = other = ""
    for own, others in pairs:
        expert, other = expert + own + "\n\n", other + (others[0] if others else own) + "\n\n"
        if len(expert) >= size:
            found.append((expert[:size], [other[:size]] if others else []))
            expert = other = ""
    return found


# -- speed ------------------------------------------------------------------------------------------------------------


def matcher(module: Any, autojunk: bool) -> Callable[[list[Group]], list[float]]:
    def score(some: list[Group]) -> list[float]:
        found = []
        for group in some:
            reused = module.SequenceMatcher(None, "", "", autojunk=autojunk)
            reused.set_seq2(group.reference)
            for candidate in group.candidates:
                reused.set_seq1(candidate)
                found.append(reused.ratio())
        return found

    return score


def ours(name: str, **options: Any) -> Callable[[list[Group]], list[float]]:
    reward = rewards.get(name, **options)

    def score(some: list[Group]) -> list[float]:
        completions = [candidate for group in some for candidate in group.candidates]
        references = [group.reference for group in some for _ in group.candidates]
        return reward(completions, reference=references).values

    return score


def indel(some: list[Group]) -> list[float]:
    completions = [candidate for group in some for candidate in group.candidates]
    references = [group.reference for group in some for _ in group.candidates]
    return cpdist(completions, references, scorer=Indel.normalized_similarity, dtype=np.float64).tolist()


def methods(slow: bool) -> dict[str, Callable[[list[Group]], list[float]]]:
    found = {
        "sequence_match": ours("sequence_match", threads=1),
        "sequence_match, all threads": ours("sequence_match"),
        "cydifflib, noaj": matcher(cydifflib, False),
        "rapidfuzz cpdist Indel": indel,
        "sequence_match, autojunk": ours("sequence_match", autojunk=True, threads=1),
        "cydifflib, autojunk": matcher(cydifflib, True),
    }
    return found | {"difflib, noaj": matcher(difflib, False)} if slow else found


RATIOS = [  # of how many pairs a second
    ("sequence_match", "cydifflib, noaj"),
    ("sequence_match", "difflib, noaj"),
    ("sequence_match, autojunk", "cydifflib, autojunk"),
    ("rapidfuzz cpdist Indel", "sequence_match"),
    ("sequence_match, all threads", "sequence_match"),
]


def speed(name: str, some: list[Group], repeats: int) -> dict[str, Any]:
    quick, slow = methods(False), methods(True)
    equal(some, slow)
    pairs = sum(len(group.candidates) for group in some)
    times: dict[str, list[float]] = {each: [] for each in slow}
    for _ in range(repeats):
        for each, method in slow.items():
            few = some[: max(1, len(some) // 16)] if each not in quick else some  # difflib: a part, it takes seconds
            start = time.perf_counter()
            method(few)
            times[each].append((time.perf_counter() - start) * len(some) / len(few))
    return {
        "set": name,
        "pairs": pairs,
        "chars": statistics.mean(len(group.reference) for group in some),
        "pairs_per_s": {each: pairs / statistics.median(taken) for each, taken in times.items()},
        "ratios": {
            f"{fast} / {base}": statistics.median(b / f for f, b in zip(times[fast], times[base], strict=True))
            for fast, base in RATIOS
        },
    }


def equal(some: list[Group], by: dict[str, Callable[[list[Group]], list[float]]]) -> None:
    """Stop unless the methods that should agree do, bit for bit."""
    few = some[: max(1, len(some) // 16)]
    if by["sequence_match"](few) != by["difflib, noaj"](few) or by["sequence_match"](some) != by["cydifflib, noaj"](
        some
    ):
        raise SystemExit("sequence_match differs from difflib")
    if by["sequence_match"](some) != by["cydifflib, noaj"](some):
        raise SystemExit("sequence_match differs from cydifflib")
    if by["sequence_match, autojunk"](some) != by["cydifflib, autojunk"](some):
        raise SystemExit("sequence_match with autojunk differs from cydifflib")


# -- hostile text -----------------------------------------------------------------------------------------------------


def _growing(size: int, between: str) -> str:
    text, run = [], 1
    length = 0
    while length < size:
        text.append("a" * run + between)
        length += run + len(between)
        run += 1
    return "".join(text)[:size]


HOSTILE: dict[str, Callable[[int], tuple[str, str]]] = {
    "a… / (a⁹b)…": lambda n: ("a" * n, ("aaaaaaaaab" * n)[:n]),
    "abab… / baab…": lambda n: (("abab" * n)[:n], ("baab" * n)[:n]),
    "a…z / z…a": lambda n: (("abcdefghijklmnopqrstuvwxyz" * n)[:n], ("zyxwvutsrqponmlkjihgfedcba" * n)[:n]),
    "growing runs": lambda n: (_growing(n, "b"), _growing(n, "c")),
    "two letters, random": lambda n: (
        "".join(random.Random(1).choices("ab", k=n)),
        "".join(random.Random(2).choices("ab", k=n)),
    ),
}

ALONE = """
import json, resource, sys, time
import rewards
sys.path.insert(0, {root!r})
from benchmarks.similarity import HOSTILE
completion, reference = HOSTILE[{pattern!r}]({size})
reward = rewards.get("sequence_match", threads=1)
reward(["warm"], reference=["up"])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.process_time()
scores = reward([completion], reference=[reference])
taken = time.process_time() - start
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([taken, (after - before) / 1024, scores.values[0], scores.status[0]]))
"""


def hostile(size: int) -> Iterator[dict[str, Any]]:
    for pattern in HOSTILE:
        code = ALONE.format(root=str(ROOT), pattern=pattern, size=size)
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
        seconds, megabytes, value, status = json.loads(done.stdout)
        found = {"pattern": pattern, "chars": size, "cpu_s": seconds, "mb": megabytes, "value": value, "status": status}
        completion, reference = HOSTILE[pattern](2000)
        start = time.process_time()
        cydifflib.SequenceMatcher(None, completion, reference, autojunk=False).ratio()
        yield found | {"cydifflib_2000_cpu_s": time.process_time() - start}


# -- autojunk ---------------------------------------------------------------------------------------------------------


def autojunk(lengths: list[int]) -> list[dict[str, float]]:
    """Mean reward of texts with a fixed share of words exchanged, against their length."""
    rng = random.Random(0)
    _, numbered = real_texts() if SHARED.is_dir() else made_texts()
    words = [word for expert, _ in numbered for word in expert.split()]
    corpus = "\n\n".join(expert for expert, _ in numbered)
    plain, junk = rewards.get("sequence_match"), rewards.get("sequence_match", autojunk=True)
    found = []
    for length in lengths:
        starts = [rng.randrange(len(corpus) - length) for _ in range(200)]
        references = [corpus[start : start + length] for start in starts]
        completions = [mutate(reference, words, rng) for reference in references]
        found.append(
            {
                "chars": length,
                "autojunk": statistics.mean(junk(completions, reference=references).values),
                "plain": statistics.mean(plain(completions, reference=references).values),
            }
        )
    return found


def plot(table: list[dict[str, float]], path: Path) -> None:
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "srl-data", "svg.fonttype": "none"})  # the same bytes each time
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
    chars = [row["chars"] for row in table]
    axes.plot(chars, [row["plain"] for row in table], marker="o", label="autojunk=False (our default)")
    axes.plot(chars, [row["autojunk"] for row in table], marker="s", label="autojunk=True (difflib's default)")
    axes.axvline(200, color="grey", linewidth=0.8, linestyle=":")
    axes.annotate("200", (200, 0.97), xytext=(4, -4), textcoords="offset points", color="grey", fontsize=8)
    axes.set(xscale="log", ylim=(0, 1), xlabel="characters in the expert's step", ylabel="mean reward")
    ticks = [50, 100, 200, 400, 800, 1200, 2000, 4000]
    axes.set_xticks(ticks, [f"{count:,}" for count in ticks], fontsize=8)
    axes.minorticks_off()
    axes.set_title(f"The same step with {MUTATED:.0%} of its words exchanged", fontsize=10)
    axes.legend(loc="lower left", frameon=False)
    figure.savefig(path, metadata={"Date": None})


# -- report -----------------------------------------------------------------------------------------------------------


def machine() -> dict[str, Any]:
    return {
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        **{name: version(name) for name in ("srl-data", "rapidfuzz", "cydifflib")},
        "engine": rewards.describe("sequence_match").engine,
    }


def report(found: dict[str, Any]) -> None:
    print("machine:", ", ".join(f"{name} {value}" for name, value in found["machine"].items()))
    print(f"texts: {found['texts']}, groups of 8\n")
    names = list(found["speed"][0]["pairs_per_s"])
    print("pairs/s | " + " | ".join(f"{row['set']} ({row['chars']:.0f} characters)" for row in found["speed"]))
    print("---|" + "---:|" * len(found["speed"]))
    for name in names:
        print(f"{name} | " + " | ".join(f"{row['pairs_per_s'][name]:,.0f}" for row in found["speed"]))
    print("\ntimes as fast | " + " | ".join(row["set"] for row in found["speed"]))
    print("---|" + "---:|" * len(found["speed"]))
    for name in found["speed"][0]["ratios"]:
        print(f"{name} | " + " | ".join(f"{row['ratios'][name]:.1f}" for row in found["speed"]))
    print("\nhostile | characters | CPU s | more memory, MB | score | status | cydifflib at 2,000, CPU s")
    print("---|---:|---:|---:|---:|---|---:|")
    for row in found["hostile"]:
        value = "" if row["value"] is None else f"{row['value']:.4f}"
        print(
            f"{row['pattern']} | {row['chars']:,} | {row['cpu_s']:.3f} | {row['mb']:.0f} | {value} | {row['status']} | "
            f"{row['cydifflib_2000_cpu_s']:.2f}"
        )
    print(f"\nmean reward, {MUTATED:.0%} of words exchanged | autojunk=False | autojunk=True\n---|---:|---:|")
    for row in found["autojunk"]:
        print(f"{row['chars']:.0f} characters | {row['plain']:.3f} | {row['autojunk']:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--hostile-chars", type=int, default=8000)
    parser.add_argument("--plot", type=Path, help="draw the autojunk table into this SVG (needs matplotlib)")
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "out" / "similarity.json")
    arguments = parser.parse_args()
    texts, kinds = sets()
    found = {
        "machine": machine(),
        "texts": texts,
        "speed": [speed(name, some, arguments.repeats) for name, some in kinds.items()],
        "hostile": list(hostile(arguments.hostile_chars)),
        "autojunk": autojunk([50, 100, 150, 199, 200, 250, 300, 400, 600, 800, 1200, 2000, 4000]),
    }
    report(found)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    if arguments.plot:
        plot(found["autojunk"], arguments.plot)


if __name__ == "__main__":
    main()
