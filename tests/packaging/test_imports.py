"""What a bare import loads. An allow-list: whatever is not on it is a library that every user would wait for."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROBE = """
import sys
before = {name.partition(".")[0] for name in sys.modules}
import importlib, json
importlib.import_module(sys.argv[1])
loaded = {name.partition(".")[0] for name in sys.modules} - before - set(sys.stdlib_module_names)
print(json.dumps(sorted(loaded)))
"""

ALLOWED = {
    "rewards": {"rewards"},
    "rewards.registry": {"rewards"},
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
