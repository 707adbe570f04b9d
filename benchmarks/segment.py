"""How fast and how large: ``srl-data segment`` beside ``Dataset.from_generator`` over a plain regex script.

Both read the same JSONL and leave the same two tables on disk, ready for ``load_from_disk``: step examples (prompt,
reference, title, history, …) and trajectories (text, preamble, steps with offsets). The plain script is what one
would write in an afternoon: a regex, two generators, ``from_generator``, ``save_to_disk``. It checks nothing, drops
nothing and loses what it does not understand; ours also validates the partition, counts, deduplicates, writes rejects,
a manifest and a card.

Each measurement is a process of its own. The two sides run in turn and the ratio is taken pair by pair, so that a
machine whose speed drifts does not favour either.

    python benchmarks/segment.py                   # throughput, then memory from 10 MB to 1 GB
    python benchmarks/segment.py --largest 100     # memory up to 100 MB only
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from srl_data.generate import generate

STYLES = {"numbered": "numbered", "lines": "lines"}

PLAIN = r"""
import json, re, sys
import datasets
datasets.disable_progress_bars()
source, out, style = sys.argv[1:]
SYSTEM = ("You are an expert problem solver. Think inside <think> and </think>, then write only the next step of the "
          "solution, not the whole solution. The problem and the steps so far are given to you by the user.")
MARK = re.compile(r"^\d+\. ", re.MULTILINE)
TITLE = re.compile(r"\d+\. \*\*(.+?)\*\*")

def split(text):
    if style == "numbered":
        starts = [match.start() for match in MARK.finditer(text)]
        ends = [*starts[1:], len(text)]
    else:
        starts, ends, at = [], [], 0
        for line in text.split("\n"):
            if line.strip() and not line.startswith("####"):
                starts.append(at); ends.append(at + len(line))
            at += len(line) + 1
    steps = []
    for start, end in zip(starts, ends):
        body = text[start:end].rstrip()
        title = TITLE.match(body)
        steps.append({"start": start, "end": start + len(body), "title": title and title[1], "action": body,
                      "observation": None, "kind": None})
    return steps

def records():
    with open(source) as lines:
        for number, line in enumerate(lines, 1):
            row = json.loads(line)
            steps = split(row["solution"])
            if len(steps) > 1:
                yield number, row, steps

def trajectories():
    for number, row, steps in records():
        yield {"id": row["id"], "problem": row["problem"], "text": row["solution"],
               "preamble": row["solution"][:steps[0]["start"]], "steps": steps, "answer": row["answer"],
               "segmenter": style, "source": f"in.jsonl:{number}",
               "meta": json.dumps({key: row[key] for key in ("family", "level", "style")})}

def examples():
    for number, row, steps in records():
        actions = [step["action"] for step in steps]
        for index, step in enumerate(steps[:-1]):
            user = "### Problem\n" + row["problem"] + "\n\n### Solution so far\n" + row["solution"][:step["start"]]
            yield {"id": f"{row['id']}#{index}", "trajectory_id": row["id"], "step_index": index,
                   "num_steps": len(steps), "prompt": [{"role": "system", "content": SYSTEM},
                                                       {"role": "user", "content": user}],
                   "reference": step["action"], "title": step["title"], "problem": row["problem"],
                   "history": actions[:index], "answer": row["answer"], "source": f"in.jsonl:{number}"}

for name, make in (("trajectories", trajectories), ("steps", examples)):
    datasets.Dataset.from_generator(make, cache_dir=out + "-cache").save_to_disk(f"{out}/{name}")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--records", type=int, default=60_000, help="solutions in the throughput comparison")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--largest", type=int, default=1000, help="largest input of the memory series, MB; 0 for none")
    parser.add_argument("--scratch", type=Path, default=None, help="where to put the data (needs ten times --largest)")
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "out" / "segment.json")
    arguments = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="srl-bench-", dir=arguments.scratch))
    try:
        found = {
            "machine": machine(),
            "throughput": [
                throughput(scratch, style, arguments.records, arguments.repeats, arguments.jobs) for style in STYLES
            ],
            "memory": memory(scratch, arguments.largest, arguments.jobs),
        }
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    report(found)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(found, indent=2) + "\n")


def throughput(scratch: Path, style: str, records: int, repeats: int, jobs: int) -> dict[str, Any]:
    source = scratch / f"{style}.jsonl"
    write_solutions(source, style, records)
    commands = {
        "from_generator": lambda out: [sys.executable, "-c", PLAIN, str(source), str(out), style],
        "ours, 1 job": lambda out: segment_command(source, out, style, 1),
        f"ours, {jobs} jobs": lambda out: segment_command(source, out, style, jobs),
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    rows = {}
    for repeat in range(repeats + 1):  # the first round warms the disk cache and is not counted
        for name, command in commands.items():
            out = scratch / "out"
            taken, _ = run(command(out))
            if repeat:
                seconds[name].append(taken)
            else:
                rows[name] = count_rows(out / "steps"), count_rows(out / "trajectories")
            for path in (out, scratch / "out-cache"):
                shutil.rmtree(path, ignore_errors=True)
    if len(set(rows.values())) != 1:
        raise SystemExit(f"the two sides did not make the same rows: {rows}")
    base = seconds["from_generator"]
    return {
        "segmenter": style,
        "records": records,
        "rows": rows["from_generator"][0],
        "mb": source.stat().st_size / 1e6,
        "sides": {
            name: {
                "median_s": statistics.median(times),
                "speedup": statistics.median(b / t for b, t in zip(base, times, strict=True)),
            }
            for name, times in seconds.items()
        },
    }


def memory(scratch: Path, largest: int, jobs: int) -> list[dict[str, Any]]:
    """Peak resident memory of the whole process tree, at growing input sizes."""
    found = []
    seed = scratch / "seed.jsonl"
    write_solutions(seed, "numbered", 10_000)
    lines = seed.read_text(encoding="utf-8").splitlines()
    for size in (10, 100, 1000):
        if size > largest:
            break
        source, out = scratch / f"{size}mb.jsonl", scratch / "out"
        written = turn = 0
        with source.open("w", encoding="utf-8") as stream:
            while written < size * 1_000_000:  # new ids and problems each time round: no duplicates to drop
                for line in lines:
                    row = json.loads(line)
                    row["id"] = f"{turn}-{row['id']}"
                    row["problem"] += f" (variant {turn})"
                    written += stream.write(json.dumps(row, ensure_ascii=False) + "\n")
                turn += 1
        for count in sorted({1, jobs}):
            taken, peak = run(segment_command(source, out, "numbered", count), watch=True)
            found.append({"mb": size, "jobs": count, "seconds": taken, "peak_mb": peak})
            shutil.rmtree(out, ignore_errors=True)
        source.unlink()
    return found


def write_solutions(path: Path, style: str, records: int) -> None:
    with path.open("w", encoding="utf-8") as stream:
        for row in generate(FAMILIES, level=(3, 8), n=records, seed=0, style=STYLES[style]):
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")


FAMILIES = ["chain", "linear"]


def segment_command(source: Path, out: Path, style: str, jobs: int) -> list[str]:
    return [
        sys.executable, "-m", "srl_data", "segment", str(source), "-o", str(out), "-s", style, "-j", str(jobs)
    ]  # fmt: skip


def run(command: list[str], *, watch: bool = False) -> tuple[float, float | None]:
    """Wall seconds of a process and, if asked, the peak memory of it and its children together, in MB."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    peak = 0.0
    while watch and process.poll() is None:
        peak = max(peak, tree_memory(process.pid))
        time.sleep(0.02)
    _, errors = process.communicate()
    if process.returncode:
        raise SystemExit(f"{command[:6]} failed:\n{errors}")
    return time.perf_counter() - start, peak if watch else None


def tree_memory(pid: int) -> float:
    """Resident memory of a process and its descendants, shared pages counted once (proportional set size), in MB."""
    total, waiting = 0.0, [pid]
    while waiting:
        one = waiting.pop()
        try:
            for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) / 1000
            waiting += [int(child) for child in Path(f"/proc/{one}/task/{one}/children").read_text().split()]
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it ended while we looked
    return total


def count_rows(folder: Path) -> int:
    import datasets

    loaded = datasets.load_from_disk(str(folder))
    return sum(loaded.num_rows.values()) if isinstance(loaded, datasets.DatasetDict) else loaded.num_rows


def machine() -> dict[str, Any]:
    from importlib.metadata import version

    return {
        "cpus": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        **{name: version(name) for name in ("srl-data", "datasets", "pyarrow")},
    }


def report(found: dict[str, Any]) -> None:
    print("machine:", ", ".join(f"{name} {value}" for name, value in found["machine"].items()))
    print("\n| segmenter | side | median s | records/s | MB/s | speed-up (median of pairs) |")
    print("|---|---|---:|---:|---:|---:|")
    for case in found["throughput"]:
        for name, side in case["sides"].items():
            print(
                f"| {case['segmenter']} | {name} | {side['median_s']:.2f} | {case['records'] / side['median_s']:,.0f} "
                f"| {case['mb'] / side['median_s']:.1f} | {side['speedup']:.1f} |"
            )
    print("\n| input MB | jobs | seconds | peak memory MB |")
    print("|---:|---:|---:|---:|")
    for case in found["memory"]:
        print(f"| {case['mb']} | {case['jobs']} | {case['seconds']:.1f} | {case['peak_mb']:.0f} |")


if __name__ == "__main__":
    main()
