"""The page about compatibility says what was found, and every test against a trainer has been run."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests" / "trainers"


def test_the_page_is_fresh() -> None:
    page = runpy.run_path(str(ROOT / "scripts" / "compatibility.py"))["page"]()
    assert (ROOT / "docs/trainers/compatibility.md").read_text(encoding="utf-8") == page


def test_every_test_has_a_finding() -> None:
    environments = runpy.run_path(str(ROOT / "scripts" / "trainer_envs.py"))["ENVIRONMENTS"]
    for name, environment in environments.items():
        table = json.loads((TESTS / "findings" / f"{name}.json").read_text(encoding="utf-8"))
        found = {re.sub(r".*::|\[.*", "", finding["test"]) for finding in table["findings"]}
        source = "".join((TESTS / f"{test}.py").read_text(encoding="utf-8") for test in environment.tests)
        assert found == set(re.findall(r"^def (test_\w+)", source, re.MULTILINE)), name
        assert {finding["result"] for finding in table["findings"]} == {"passed"}, name
        assert (TESTS / "constraints" / f"{name}.txt").exists()
