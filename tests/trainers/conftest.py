"""Tests against the trainers themselves, each in an environment of its own: ``make test-trainers``.

A test that says :func:`finding` what it runs is a line of the compatibility table: the outcome goes to
``findings/ENVIRONMENT.json``, which ``scripts/compatibility.py`` reads.
"""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "findings"
ENVIRONMENT = os.environ.get("TRAINER_ENVIRONMENT")  # set by scripts/trainer_envs.py: elsewhere nothing is recorded


def pytest_configure(config):
    config.addinivalue_line("markers", "finding(package, what): what of a trainer's package a test runs")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    mark = item.get_closest_marker("finding")
    if mark and (report.when == "call" or report.failed):
        package, what = mark.args
        found = item.config.stash.setdefault(_FOUND, {})
        entry = {"package": package, "version": version(package), "what": what, "result": report.outcome}
        found[item.nodeid.rpartition("/")[2]] = entry
    return report


def pytest_sessionfinish(session):
    found = session.config.stash.get(_FOUND, {})
    if not ENVIRONMENT or not found:
        return
    table = {"python": platform.python_version(), "findings": [{"test": test, **found[test]} for test in sorted(found)]}
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps(table, indent=2, ensure_ascii=False) + "\n"
    FOLDER.joinpath(f"{ENVIRONMENT}.json").write_text(text, encoding="utf-8")


_FOUND = pytest.StashKey[dict]()
