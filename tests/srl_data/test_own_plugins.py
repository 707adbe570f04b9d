"""The example plug-ins, installed as a user installs them, and found by their names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"

pytestmark = pytest.mark.slow


class _Installed:
    """A place where one example is installed beside the packages that run these tests."""

    def __init__(self, example: str, place: Path) -> None:
        source, site = place / "source", place / "site"
        source.mkdir()  # a copy: building leaves files behind
        for path in (EXAMPLES / example).iterdir():
            if path.is_file():
                (source / path.name).write_bytes(path.read_bytes())
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
        subprocess.run([*install, "--target", str(site), str(source)], check=True)
        self._environment = {**os.environ, "PYTHONPATH": str(site)}

    def python(self, *arguments: str) -> str:
        command = [sys.executable, *arguments]
        run = subprocess.run(command, env=self._environment, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        return run.stdout

    def srl_data(self, *arguments: object) -> str:
        return self.python("-m", "srl_data", *map(str, arguments))


def test_an_installed_segmenter_is_a_name(tmp_path: Path) -> None:
    bullets = _Installed("own_segmenter", tmp_path)
    assert "bullets" in bullets.srl_data("segmenters")
    assert "-O bullet=str" in bullets.srl_data("segmenters", "bullets")
    notes = tmp_path / "notes.jsonl"
    notes.write_text(json.dumps({"problem": "2 (1 + 2)?", "solution": "So:\n* 1 + 2 = 3\n* 2 * 3 = 6"}) + "\n")
    out = tmp_path / "out"
    bullets.srl_data("segment", notes, "-o", out, "--segmenter", "bullets", "-O", "bullet=* ", "--jobs", 2)
    assert json.loads(bullets.srl_data("show", out, "notes.jsonl:1#0", "--json"))["reference"] == "* 1 + 2 = 3"


def test_an_installed_reward_is_a_name(tmp_path: Path) -> None:
    overlap = _Installed("own_reward", tmp_path)
    assert "number_overlap" in overlap.srl_data("rewards")
    described = overlap.srl_data("rewards", "number_overlap")
    assert "(srl-data-number-overlap)" in described
    assert "-O repeats=bool  (default true)" in described

    script = """if True:
        import rewards
        reward = rewards.get("number_overlap", repeats=False)
        print(reward(["3 + 3 = 6", "none"], reference=["3 + 3 = 7", "3"]).values)
        print(reward.explain("3 + 3 = 6", reference="3 + 3 = 7").reason)
        """
    # {3, 6} and {3, 7} share one of two: 2·1/4
    assert overlap.python("-c", script).splitlines() == ["[0.5, 0.0]", "1 numbers in common"]

    steps, rollouts = tmp_path / "steps.jsonl", tmp_path / "rollouts.jsonl"
    steps.write_text(json.dumps({"id": "a", "reference": "3 + 3 = 6"}) + "\n")
    rollouts.write_text(json.dumps({"id": "a", "completions": ["thus 3 + 3 gives 6", "3 + 3 = 7"]}) + "\n")
    scores = tmp_path / "scores.parquet"
    overlap.srl_data("score", steps, "-c", rollouts, "--reward", "number_overlap", "-o", scores)
    script = f"import pyarrow.parquet as pq; print(pq.read_table({str(scores)!r})['score'].to_pylist())"
    assert overlap.python("-c", script) == "[1.0, 0.6666666666666666]\n"  # all three; two of three
    inside = overlap.srl_data("score", steps, "-c", rollouts, "-O", "similarity=number_overlap", "--json")
    assert json.loads(inside)["statuses"] == {"format": 2}
    metadata = f"import pyarrow.parquet as pq; print(pq.read_schema({str(scores)!r}).metadata)"
    assert '"srl-data-number-overlap": "0.1.0"' in overlap.python("-c", metadata)
