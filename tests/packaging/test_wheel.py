"""The wheel that users get, not the checkout: built, installed in a clean environment, tried out there.

The wheel is built from the source distribution, so that both are proved to be complete. One build serves all
tests here, which is why `make test` runs this file in one process.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow

COMPILER = shutil.which((os.environ.get("CXX") or sysconfig.get_config_var("CXX") or "c++").split()[0])

# all that a build needs; built in a copy, where nothing left over from an earlier build can slip in
SOURCES = ["pyproject.toml", "setup.py", "README.md", "LICENSE", "data_cards", "rewards", "srl_data"]


@dataclass(frozen=True)
class Installed:
    """A clean environment that holds the wheel, and a folder far from the checkout to run in."""

    wheel: Path
    bin: Path
    cwd: Path

    def run(self, *command: str) -> str:
        """Run a program of the environment; what it printed."""
        return _run([str(self.bin / command[0]), *command[1:]], self.cwd)


def _run(command: Sequence[str], cwd: Path) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    run = subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True, check=False)
    assert run.returncode == 0, f"{' '.join(command)}\n{run.stdout}\n{run.stderr}"
    return run.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in SOURCES:
        if ROOT.joinpath(name).is_dir():
            built = shutil.ignore_patterns("*.so", "__pycache__")
            shutil.copytree(ROOT / name, source / name, ignore=built)
        else:
            shutil.copy2(ROOT / name, source / name)
    _run([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(source)], folder)
    [wheel] = folder.glob("*.whl")
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    python = folder / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    _run([*pip, "install", "--quiet", "--constraint", str(ROOT / "constraints.txt"), str(wheel)], folder)
    _run([*pip, "check"], folder)
    return Installed(wheel, python.parent, folder)


@pytest.fixture(scope="module")
def contents(installed: Installed) -> set[str]:
    with ZipFile(installed.wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_it_holds_every_module_and_nothing_else(contents: set[str]) -> None:
    """Packages are listed by hand in pyproject.toml: a forgotten one shows here, and so does a stray one."""
    modules = {
        path.relative_to(ROOT).as_posix() for top in ("rewards", "srl_data") for path in ROOT.glob(f"{top}/**/*.py")
    }
    cards = {f"srl_data/data_cards/{path.name}" for path in ROOT.glob("data_cards/*") if path.is_file()}
    native = {name for name in contents if name.startswith("rewards/_ratcliff.abi3.")}
    typing = {"rewards/_ratcliff.pyi", "rewards/py.typed", "srl_data/py.typed"}
    templates = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("srl_data/export/launch-templates/*/*")}
    assert contents - native == modules | cards | typing | templates


@pytest.mark.skipif(COMPILER is None, reason="no C++ compiler")
def test_the_native_kernel_was_built_and_serves_every_python_from_3_11(installed: Installed) -> None:
    assert "-cp311-abi3-" in installed.wheel.name
    code = "import rewards; print(rewards.describe('sequence_match').engine)"
    assert installed.run("python", "-c", code) == "native (abi3 extension)\n"


def test_the_licence_travels_along(installed: Installed) -> None:
    with ZipFile(installed.wheel) as archive:
        [licence] = [name for name in archive.namelist() if name.endswith(".dist-info/licenses/LICENSE")]
        assert archive.read(licence) == ROOT.joinpath("LICENSE").read_bytes()


def test_the_packages_are_imported_from_the_environment(installed: Installed) -> None:
    where = installed.run("python", "-c", "import rewards, srl_data; print(rewards.__file__, srl_data.__file__)")
    assert all(path.startswith(str(installed.bin.parent)) for path in where.split())


def test_the_card_template_is_found(installed: Installed) -> None:
    code = "from importlib.resources import files; print(*(f.name for f in files('srl_data.data_cards').iterdir()))"
    names = set(installed.run("python", "-c", code).split())
    assert {path.name for path in ROOT.glob("data_cards/*") if path.is_file()} <= names
    assert names - {"__init__.py", "__pycache__"}, "no template"


def test_the_core_install_stays_core(installed: Installed) -> None:
    heavy = ["torch", "transformers", "spacy", "ray", "trl", "pytest"]
    code = f"from importlib.util import find_spec; print(*filter(find_spec, {heavy}))"
    assert installed.run("python", "-c", code).split() == []


def test_the_command_line_runs(installed: Installed) -> None:
    version = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert version in installed.run("srl-data", "--version")
    assert "segment" in installed.run("srl-data", "--help")
    assert "numbered" in installed.run("srl-data", "segmenters")


def test_the_demo_makes_a_dataset(installed: Installed) -> None:
    installed.run("srl-data", "demo", "--output", "demo")
    installed.run("srl-data", "validate", "demo/steps")
