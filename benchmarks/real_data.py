"""What the segmenters make of real solutions and trajectories: how many were parsed, what was rejected and why.

Runs ``segment`` with a named segmenter and with ``auto`` on every file of a folder of real data, validates each
dataset that comes out, and prints one line a file. The rejects are listed one by one, to be checked by eye.

    python benchmarks/real_data.py --data ../shared/data
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from srl_data import pipeline
from srl_data.dataset import StepDataset
from srl_data.filters import FilterOptions
from srl_data.insight.validate import validate
from srl_data.options import SegmentOptions

FILES = {
    "deepseek_v3_gsm8k_numbered_100": "numbered",
    "qwen2.5_7b_gsm8k_100": "numbered",
    "deepseekmath_v2_proofs_10": "numbered",
    "gsm8k_train_400": "lines",
    "gsm8k_socratic_100": "lines",
    "gsm8k_model_solutions_150": "lines",
    "mr_gsm8k_step_errors_150": "lines",
    "swe_agent_trajs_6": "agent",
    "swe_smith_trajs_2": "agent",
    "swe_smith_xml_messages_2": "agent",
    "mini_swe_agent_1": "agent",
    "openhands_events_3": "agent",
    "tora_code34b_gsm8k_100": "agent",
}


def main() -> None:
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=here.parents[1] / "shared" / "data")
    parser.add_argument("--json", type=Path, default=here / "out" / "real_data.json")
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        raise SystemExit(f"there is no folder {arguments.data}: give the real data with --data")
    found = []
    with tempfile.TemporaryDirectory(prefix="srl-bench-") as scratch:
        for stem, segmenter in FILES.items():
            source = arguments.data / f"{stem}.jsonl"
            if source.is_file():
                found += [measure(source, name, Path(scratch) / f"{stem}-{name}") for name in (segmenter, "auto")]
    report(found)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")


def measure(source: Path, segmenter: str, out: Path) -> dict[str, Any]:
    # every trajectory counts here, also one of a single step
    options = SegmentOptions(segmenter=segmenter, filters=FilterOptions(min_steps=1))
    manifest = pipeline.segment([str(source)], out, options)
    dataset = StepDataset(out)
    rows = list(dataset.rows("trajectories"))
    steps = [step for row in rows for step in row["steps"]]
    return {
        "file": source.name,
        "segmenter": segmenter,
        "taken_by": manifest.counts["segmenters"],
        "records": manifest.counts["records"],
        "parsed": len(rows),
        "steps": len(steps),
        "steps_per_trajectory": [len(row["steps"]) for row in rows] if len(rows) <= 10 else None,
        "titled": sum(step["title"] is not None for step in steps),
        "calls": sum(step["kind"] == "call" for step in steps),
        "unanswered_calls": sum(step["kind"] == "call" and step["observation"] is None for step in steps),
        "rejects": [{key: row[key] for key in ("line", "stage", "reason", "detail")} for row in dataset.rejects()],
        "problems": len(list(validate(dataset))),
    }


def report(found: list[dict[str, Any]]) -> None:
    print("| file | segmenter | records | parsed | rejected | steps | titled | calls (unanswered) | validate |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---|")
    for case in found:
        taken = ", ".join(f"{name} {count}" for name, count in case["taken_by"].items())
        shown = f"auto → {taken}" if case["segmenter"] == "auto" else case["segmenter"]
        calls = f"{case['calls']} ({case['unanswered_calls']})" if case["calls"] else ""
        print(
            f"| {case['file']} | {shown} | {case['records']} | {case['parsed']} | {len(case['rejects'])} "
            f"| {case['steps']} | {case['titled'] or ''} | {calls} | {'ok' if not case['problems'] else 'BROKEN'} |"
        )
    print("\nRejects of the named segmenters:\n")
    for case in found:
        if case["segmenter"] != "auto":
            for reject in case["rejects"]:
                print(f"- {case['file']}:{reject['line']} {reject['stage']}/{reject['reason']}: {reject['detail']}")


if __name__ == "__main__":
    main()
