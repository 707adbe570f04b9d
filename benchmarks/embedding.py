"""How fast ``embedding`` is beside plain sentence-transformers, and what each measure brings.

The plain side is what one writes without thinking: ``model.encode(completions)``, ``model.encode(references)``, and
the cosine row by row, at the library's defaults. Ours is the public call ``reward(completions, reference=…)``. Both
hold the same model in one process; they take turns in every repeat, and the speed-up is the median of the ratios
taken repeat by repeat. On one thread, the default, what counts is CPU time, which other processes disturb least.

The texts are groups of eight candidates per expert step. Expert steps are the lines of the project's own generated
solutions and, where ``../shared/data`` is there, GSM8K lines and paragraphs of numbered write-ups. A candidate is the
step with 15 % of its words exchanged. How often rollouts repeat depends on the model and the step, so there are two
settings: in ``repeats`` each step has a difficulty d, drawn evenly from 0 to 1, and a candidate repeats the group's
favourite with probability 1 - d, else it is one of its own (at temperature 1 the rollouts of an easy step are mostly
equal); in ``distinct`` all eight differ, which is the hardest case for us. The table states the share of distinct
texts among all completions. References are new to the cache unless a row says ``warm``.

    python benchmarks/embedding.py
    python benchmarks/embedding.py --threads 2 --groups 64
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import random
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("HF_HUB_OFFLINE", "1")  # the default model comes with a package

import numpy as np  # noqa: E402
import torch  # noqa: E402
from sentence_transformers import SentenceTransformer  # noqa: E402
from sentence_transformers.util import pairwise_cos_sim  # noqa: E402

from rewards import encoders  # noqa: E402
from rewards.embedding import Embedding  # noqa: E402
from srl_data.generate import generate  # noqa: E402

SHARED = ROOT.parent / "shared" / "data"
GROUP = 8
MUTATED = 0.15  # share of words


@dataclass(frozen=True, slots=True)
class Batch:
    """Completions and references, row by row."""

    name: str
    completions: list[str]
    references: list[str]

    @property
    def distinct(self) -> float:
        return len(set(self.completions)) / len(self.completions)


# -- texts ------------------------------------------------------------------------------------------------------------


def expert_steps() -> dict[str, list[str]]:
    """Sets of expert steps, by name."""
    made = [row["solution"] for row in generate(n=400, level=(3, 8), seed=0, style="lines")]
    found = {"generated lines": [line for text in made for line in text.splitlines() if len(line) > 12]}
    if (SHARED / "gsm8k_train_400.jsonl").is_file():
        lines = [line for row in rows("gsm8k_train_400.jsonl") for line in row["answer"].splitlines()]
        clean = [re.sub(r"<<[^<>]*>>", "", line) for line in lines if not line.startswith("####")]
        found["GSM8K lines"] = clean
        texts = [row["response"] for row in rows("deepseek_v3_gsm8k_numbered_100.jsonl")]
        found["numbered steps"] = [piece for text in texts for piece in re.split(r"\n\s*\n", text) if len(piece) > 80]
    return {name: list(dict.fromkeys(steps)) for name, steps in found.items()}


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SHARED / name).read_text(encoding="utf-8").splitlines()]


def mutate(text: str, words: list[str], rng: random.Random) -> str:
    """Exchange a fixed share of the words, one at least, leaving the white space as it is."""
    pieces = re.split(r"(\s+)", text)
    places = [at for at in range(0, len(pieces), 2) if pieces[at]]
    for at in rng.sample(places, max(1, round(MUTATED * len(places)))):
        pieces[at] = rng.choice(words)
    return "".join(pieces)


def batch(name: str, steps: list[str], count: int, repeats: bool) -> Batch:
    rng = random.Random(0)
    words = sorted({word for step in steps for word in step.split()})
    completions, references = [], rng.sample(steps, count)
    for step in references:
        difficulty = rng.random() if repeats else 1.0
        favourite = mutate(step, words, rng)
        for _ in range(GROUP):
            completions.append(mutate(step, words, rng) if rng.random() < difficulty else favourite)
    return Batch(name, completions, [step for step in references for _ in range(GROUP)])


# -- sides ------------------------------------------------------------------------------------------------------------


def plain(model: SentenceTransformer, texts: Batch) -> list[float]:
    return pairwise_cos_sim(model.encode(texts.completions), model.encode(texts.references)).tolist()


def deduplicated(model: SentenceTransformer, texts: Batch) -> list[float]:
    """The first measure alone: each distinct text once, still by the library's own encode."""
    distinct = list(dict.fromkeys([*texts.completions, *texts.references]))
    at = {text: place for place, text in enumerate(distinct)}
    vectors = model.encode(distinct)
    left = vectors[[at[text] for text in texts.completions]]
    return pairwise_cos_sim(left, vectors[[at[text] for text in texts.references]]).tolist()


def bucketed(reward: Embedding, texts: Batch) -> list[float]:
    """The second alone: both lists whole, as plain, in passes of like length that stay in the cache."""
    encoder = reward._encoder()
    left, right = (encoder.encode(side, reward.batch_size) for side in (texts.completions, texts.references))
    return [float(a @ b) for a, b in zip(left, right, strict=True)]


def cold(reward: Embedding, texts: Batch) -> list[float]:
    encoders.memory.cache_clear()
    return warm(reward, texts)


def warm(reward: Embedding, texts: Batch) -> list[float]:
    values = reward(texts.completions, reference=texts.references).values
    assert None not in values, "not scored"  # noqa: S101
    return values  # type: ignore[return-value]


def measure(
    sides: dict[str, Callable[[], list[float]]], repeats: int, clock: Callable[[], float]
) -> list[dict[str, Any]]:
    """Time the sides in turn; the first is the one to compare with, and gives the cosines that are right."""
    taken: dict[str, list[float]] = {name: [] for name in sides}
    values: dict[str, list[float]] = {}
    for repeat in range(repeats + 1):  # the first round warms up and is not counted
        for name, side in sides.items():
            start = clock()
            values[name] = side()
            if repeat:
                taken[name].append(clock() - start)
    base = next(iter(sides))
    right = np.array(values[base])
    return [
        {
            "side": name,
            "median_s": statistics.median(times),
            "speedup": statistics.median(b / t for b, t in zip(taken[base], times, strict=True)),
            "largest_difference": float(np.abs(np.array(values[name]) - right).max()),
            "pearson": float(np.corrcoef(values[name], right)[0, 1]),
        }
        for name, times in taken.items()
    ]


def machine() -> dict[str, Any]:
    names = ("torch", "transformers", "sentence-transformers", "onnxruntime")
    command = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return {
        "commit": commit.stdout.strip(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        **{name: version(name) for name in names if importlib.util.find_spec(name.replace("-", "_"))},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--groups", type=int, default=24, help="expert steps, of eight candidates each")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1, help="with more than one, wall time is taken")
    parser.add_argument("--json", type=Path, default=ROOT / "benchmarks" / "out" / "embedding.json")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    clock = time.process_time if args.threads == 1 else time.perf_counter

    model = SentenceTransformer(encoders._source(encoders.BUNDLED), device="cpu")
    full = Embedding(device="cpu")
    has_int8 = all(importlib.util.find_spec(name) for name in ("onnx", "onnxruntime", "onnxscript"))
    int8 = Embedding(engine="int8") if has_int8 else None
    if int8 is None:
        print("int8 is left out: pip install 'srl-data[embed-int8]'", file=sys.stderr)

    about = machine() | {"threads": args.threads, "groups": args.groups, "time": clock.__name__}
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    print(
        "\n| texts | mean characters | distinct | side | median s | pairs/s | speed-up | largest difference | Pearson |"
    )
    print("|---|---:|---:|---|---:|---:|---:|---:|---:|")
    found = []
    for name, steps in expert_steps().items():
        for repeats in (True, False):
            texts = batch(f"{name}, {'repeats' if repeats else 'distinct'}", steps, args.groups, repeats)
            sides: dict[str, Callable[[], list[float]]] = {"plain encode": lambda texts=texts: plain(model, texts)}
            if repeats:
                sides["distinct texts only"] = lambda texts=texts: deduplicated(model, texts)
                sides["buckets only"] = lambda texts=texts: bucketed(full, texts)
            sides["embedding"] = lambda texts=texts: cold(full, texts)
            if repeats:
                sides["embedding, warm"] = lambda texts=texts: warm(full, texts)
            if int8 is not None:
                sides["embedding, int8"] = lambda texts=texts: cold(int8, texts)
                if repeats:
                    sides["embedding, int8, warm"] = lambda texts=texts: warm(int8, texts)
            characters = statistics.mean(map(len, texts.completions))
            for row in measure(sides, args.repeats, clock):
                found.append({"texts": texts.name, "distinct": texts.distinct, "characters": characters, **row})
                print(
                    f"| {texts.name} | {characters:.0f} | {texts.distinct:.0%} | {row['side']} | {row['median_s']:.2f} "
                    f"| {len(texts.completions) / row['median_s']:.0f} | {row['speedup']:.2f} "
                    f"| {row['largest_difference']:.0e} | {row['pearson']:.4f} |",
                    flush=True,
                )
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(about | {"rows": found}, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
