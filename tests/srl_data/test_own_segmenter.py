"""The example plug-in, installed as a user installs it, and found by its name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_segmenter"


@pytest.mark.slow
def test_an_installed_plugin_is_a_name(tmp_path: Path) -> None:
    source = tmp_path / "source"  # a copy: building leaves files behind
    source.mkdir()
    for path in EXAMPLE.iterdir():
        if path.is_file():
            (source / path.name).write_bytes(path.read_bytes())
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*install, "--target", str(site), str(source)], check=True)
    environment = {**os.environ, "PYTHONPATH": str(site)}

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "srl_data", *arguments]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    assert "bullets" in run("segmenters")
    assert "-O bullet=str" in run("segmenters", "bullets")
    notes = tmp_path / "notes.jsonl"
    notes.write_text(json.dumps({"problem": "2 (1 + 2)?", "solution": "So:\n* 1 + 2 = 3\n* 2 * 3 = 6"}) + "\n")
    out = str(tmp_path / "out")
    run("segment", str(notes), "-o", out, "--segmenter", "bullets", "-O", "bullet=* ", "--jobs", "2")
    assert json.loads(run("show", out, "notes.jsonl:1#0", "--json"))["reference"] == "* 1 + 2 = 3"
