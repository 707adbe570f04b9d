"""SRL's comparison in miniature: base, SFT, RLVR, SFT → RLVR, one-step similarity, SRL and SRL → RLVR.

The claim (arXiv 2510.25992): where a model never solves a problem, outcome rewards are silent and imitation of a few
long write-ups harms, while rewards for single steps speak; and SRL followed by RLVR is the strongest order. Here a
student of 200,000 weights (``_student.py``) learns from 200 experts' solutions of twelve steps each. Every arm that
samples has the same budget of sampled tokens, the same rate, the same batches; checkpoints are chosen by validation.
Tests are of the demonstrated family and of another one, held out both.

Two cases: ``wordy``, where experts write long and in another manner than the student, as in the paper, with an ablation
of SRL's reward; and ``clean``, where they write as the student does,
but right.

    python benchmarks/curriculum.py --regime         # the student, and what it can do: before anything is compared
    python benchmarks/curriculum.py --smoke          # everything once, tiny: two minutes, means nothing
    python benchmarks/curriculum.py --seeds 3        # hours on one core; goes on where it stood, may run more than once
    python benchmarks/curriculum.py --report         # table and curves of what is there
    python benchmarks/curriculum.py --model SmolLM2 --device cuda --precision bf16 --lr 2e-6   # another student

Everything is written to --output: results/CASE-ARM-SEED.json, curriculum.json, curriculum.md, curriculum.svg.
"""

from __future__ import annotations

import argparse
import fcntl
import itertools
import json
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from _arms import ABLATION, ARMS, TITLES, Budget, Place, do, threads  # noqa: E402
from _curves import draw, table  # noqa: E402
from _student import FAMILIES, OWN, Setting, dataset, rows, student  # noqa: E402

CASES = {"wordy": "wordy", "clean": OWN}  # case: the experts' style


def note(message: str) -> None:
    """Say where it stands."""
    print(f"{time.strftime('%H:%M:%S')} {message}", file=sys.stderr, flush=True)


def places(folder: Path, setting: Setting, args: argparse.Namespace) -> dict[str, Place]:
    """Make data and student."""
    model = args.model or str(student(folder, setting, note))
    found = {}
    for case, style in CASES.items():
        made = rows("expert", FAMILIES[0], setting.train + setting.validation, style, setting)
        data = dataset(folder / "data" / f"expert-{style}", made, holdout=setting.validation)
        tests = {
            name: dataset(
                folder / "data" / f"test-{family}-{style}", rows("test", family, setting.test, style, setting)
            )
            for name, family in zip(("inside", "beyond"), FAMILIES, strict=True)
        }
        found[case] = Place(model, data, tests, args.device, args.precision)
    return found


def work(folder: Path, args: argparse.Namespace, budget: Budget, setting: Setting) -> None:
    """Do whatever is not done yet: each arm once, before any has a second seed."""
    results = folder / "results"
    results.mkdir(parents=True, exist_ok=True)
    fixed = {"setting": asdict(setting), "budget": asdict(budget), "model": args.model}
    path = folder / "fixed.json"
    if path.exists() and json.loads(path.read_text()) != json.loads(json.dumps(fixed)):
        sys.exit(f"{folder} holds results of another setting: choose another --output")
    path.write_text(json.dumps(fixed, indent=2) + "\n", encoding="utf-8")
    there = places(folder, setting, args)
    wanted = ["base"] if args.regime else args.arms
    for seed, case, arm in itertools.product(range(args.seeds), args.cases, wanted):
        place = results / f"{case}-{arm}-{seed}.json"
        if (seed and not ARMS[arm]) or (case == "clean" and arm in ABLATION):
            continue
        with claimed(place) as mine:
            if not mine:
                continue
            note(f"{case} {arm} {seed}")
            found = {"case": case, **do(arm, budget, there[case], folder / "runs" / case, seed)}
            fresh = place.with_suffix(".new")
            fresh.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
            fresh.rename(place)
            told = {name: (each["greedy"], each["way_greedy"], each["step_greedy"])
                    for name, each in found["tests"].items()}  # fmt: skip
            note(f"{case} {arm} {seed}: {found['seconds']} s; likeliest solved, way, steps: {told}")


@contextmanager
def claimed(place: Path) -> Iterator[bool]:
    """Whether a result is still to be made, and no other process is at it."""
    with place.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield not place.exists()


def report(folder: Path) -> None:
    """Write table and curves of the results that there are."""
    results = [json.loads(path.read_text()) for path in sorted((folder / "results").glob("*.json"))]
    if not results:
        sys.exit(f"{folder} has no results yet")
    fixed = json.loads((folder / "fixed.json").read_text())
    machine = {"python": platform.python_version(), "machine": platform.machine()}
    whole: dict[str, Any] = {**fixed, **machine, "results": results}
    (folder / "curriculum.json").write_text(json.dumps(whole) + "\n", encoding="utf-8")
    (folder / "curriculum.md").write_text(table(results, TITLES), encoding="utf-8")
    draw(results, TITLES, folder / "curriculum.svg")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "out" / "curriculum")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--tokens", type=int, default=Budget.tokens, help="each arm's budget of sampled tokens")
    parser.add_argument("--lr", type=float, default=Budget.lr)
    parser.add_argument("--operations", type=int, default=Setting.operations, help="steps of a problem")
    parser.add_argument("--limit", type=int, default=Setting.limit, help="the largest number in a problem")
    parser.add_argument("--model", help="a folder or a name on the Hub, instead of the student made here")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--regime", action="store_true", help="only the base")
    parser.add_argument("--smoke", action="store_true", help="everything once and tiny")
    parser.add_argument("--report", action="store_true", help="only write table and curves")
    args = parser.parse_args()
    if args.report:
        report(args.output)
        return
    setting = Setting(operations=args.operations, limit=args.limit)
    budget = Budget(tokens=args.tokens, lr=args.lr)
    if args.smoke:
        args.seeds = 1
        setting = replace(setting, operations=3, read=200, updates=(50, 50), train=12, validation=4, test=4)
        budget = replace(budget, tokens=2000, sft_steps=4, prompts=4, validate_every=2, base_samples=4, samples=2,
                         solution_tokens=200)  # fmt: skip
    threads()
    work(args.output, args, budget, setting)
    report(args.output)


if __name__ == "__main__":
    main()
