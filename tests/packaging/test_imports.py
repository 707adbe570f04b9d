"""What a bare import loads. An allow-list: whatever is not on it is a library that every user would wait for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROBE = """
import sys
from pathlib import Path
before = {name.partition(".")[0] for name in sys.modules}
import importlib, json
importlib.import_module(sys.argv[1])
loaded = {name.partition(".")[0] for name in sys.modules} - before - set(sys.stdlib_module_names)
print(json.dumps(sorted(loaded)))
"""

ALLOWED = {
    "rewards": {"rewards"},
    "rewards.registry": {"rewards"},
    "rewards.adapters.trl": {"rewards"},
    "rewards.adapters.dynamic_sampling": {"rewards"},
    "srl_data": {"rewards", "srl_data"},
    "srl_data.segmenters": {"rewards", "srl_data"},
    "srl_data.types": {"rewards", "srl_data"},
    "srl_data.cli": {"click", "rewards", "srl_data"},
}


@pytest.mark.parametrize("module", ALLOWED)
def test_a_bare_import_loads_only_what_it_needs(module: str) -> None:
    run = subprocess.run([sys.executable, "-c", PROBE, module], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert set(json.loads(run.stdout)) <= ALLOWED[module]


def test_segment_does_not_load_pandas(tmp_path: Path) -> None:
    # pyarrow imports it to recognise its columns, and then every worker takes a third longer to start
    (tmp_path / "in.jsonl").write_text(
        '{"id": "a", "problem": "1 + 1 + 1?", "solution": "1. 1 + 1 = 2\\n2. 2 + 1 = 3"}\n'
    )
    code = "import sys, srl_data.pipeline as p; p.segment(['in.jsonl'], 'out'); print('pandas' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout.strip()) == (0, "False"), run.stderr
