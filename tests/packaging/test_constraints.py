"""The constraints file pins what it promises to pin: everything that ``make demo`` and ``make test`` install."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]


def _pins() -> dict[str, str]:
    lines = ROOT.joinpath("constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pins}


PINS = _pins()
PROJECT = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def test_pins_are_exact_sorted_and_unique() -> None:
    lines = ROOT.joinpath("constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.]*", line) for line in pinned)
    assert pinned == sorted(pinned, key=lambda line: line.partition("==")[0].lower())
    assert len(PINS) == len(pinned)


def test_torch_is_the_one_without_gigabytes() -> None:
    assert PINS["torch"] == "2.13.0"


def test_everything_in_this_environment_is_pinned() -> None:
    """Only ``make`` promises this, so an environment that somebody built by hand is not held to it."""
    if not ROOT.joinpath(".venv", ".dev").exists():
        pytest.skip("no environment built by make")
    installed = {
        canonicalize_name(found.metadata["Name"]): found.version
        for found in distributions(path=[str(path) for path in ROOT.glob(".venv/lib/python*/site-packages")])
    }
    del installed["srl-data"]
    assert installed
    stray = {name: version for name, version in installed.items() if PINS.get(name) != version.partition("+")[0]}
    assert not stray, "not what constraints.txt pins: `make constraints` if they belong there, `make clean` if not"


@pytest.mark.parametrize("extra", ["core", *EXTRAS])
def test_every_requirement_admits_its_pin(extra: str) -> None:
    for line in PROJECT["dependencies"] if extra == "core" else EXTRAS[extra]:
        requirement = Requirement(line)
        if canonicalize_name(requirement.name) != "srl-data":
            pin = PINS[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(Version(pin)), line


@pytest.mark.parametrize("version", ["1.31.0", "1.33.0", "2.0.0", "2.4.0"])
def test_the_hub_library_of_every_supported_trainer_is_allowed(version: str) -> None:
    """verl's stack resolves to 1.33, TRL's to 2.4."""
    [requirement] = [Requirement(line) for line in PROJECT["dependencies"] if line.startswith("huggingface_hub")]
    assert requirement.specifier.contains(version)


@pytest.mark.parametrize("heavy", ["torch", "transformers", "spacy", "sentence-transformers", "ray", "trl"])
def test_the_core_install_is_light(heavy: str) -> None:
    assert heavy not in {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}
