"""What the examples for trainers other than TRL have in common: steps from nothing, exported, and a run or a check."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

GOOD, BAD = "<think>The next step.</think>{}", "{}"  # the second has no thought: a broken form


def main(trainer: str, check: Callable[[Path, dict[str, Any]], tuple[float, float]], *options: str) -> None:
    """Export a small step dataset for a trainer; then train, or check that it would find its reward.

    Args:
        trainer: As ``srl-data export --to`` calls it.
        check: Loads the reward as the trainer does and scores a good and a bad reply to a row, without a GPU.
        options: More options of ``srl-data export``.
    """
    parser = argparse.ArgumentParser(description=f"Supervised RL with {trainer}.")
    parser.add_argument("--check", action="store_true", help="load the reward as the trainer does, and do not train")
    parser.add_argument("--folder", type=Path, default=Path(f"for-{trainer}"), help="where the rows and scripts go")
    given, settings = parser.parse_known_args()
    if not given.folder.exists():
        steps = given.folder.with_name(f"{given.folder.name}-steps")
        solutions = steps.with_suffix(".jsonl")
        run("generate", "-n", "200", "-o", solutions, "--overwrite")  # your own solutions go here
        run("segment", solutions, "-o", steps, "--holdout", "0.1", "--overwrite")
        run("export", steps, "--to", trainer, "-o", given.folder, *options)
    if not given.check:
        script = given.folder / "train.sh"
        sys.exit(subprocess.run(["bash", script, *settings], check=False).returncode)  # noqa: S603, S607
    import pyarrow.parquet as pq

    row = next(pq.ParquetFile(given.folder / "data" / "train.parquet").iter_batches(1)).to_pylist()[0]
    good, bad = check(given.folder, row)
    print(f"{trainer} finds the reward: {good:.2f} for the expert's step, {bad:.2f} for one without its form")
    sys.exit(None if (good, bad) == (1.0, -1.0) else "that is not what they should get: 1.00 and -1.00")


def run(*command: object) -> None:
    subprocess.run([sys.executable, "-m", "srl_data", *map(str, command)], check=True)  # noqa: S603
