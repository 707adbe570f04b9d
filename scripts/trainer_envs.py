"""Run the tests against the trainers themselves, each in an environment of its own: their pins rule each other out.

Environments are built under ``build/trainers`` where they are not there yet, with the versions in
``tests/trainers/constraints``; ``--lock`` resolves those anew. What the tests find goes to ``tests/trainers/findings``,
of which ``scripts/compatibility.py`` makes a page of the documentation.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests" / "trainers"
CONSTRAINTS = TESTS / "constraints"
TORCH = "torch==2.13.0"  # the newest one is gigabytes of libraries for a GPU
GPU = re.compile("nvidia-|cuda-|triton")  # comes with torch on some machines, and is its own business
OURS = {"click", "datasets", "jinja2", "numpy", "pandas", "pyarrow", "rapidfuzz", "tqdm", "xxhash", "zstandard"}


@dataclass(frozen=True)
class Environment:
    """What the tests of one trainer need.

    Attributes:
        tests: The tests' files, without their ending.
        requires: What is installed.
        alone: What is installed without the packages that it asks for.
        python: The oldest minor version of Python 3 that it takes.
        light: Whether the core of srl-data is left out but for rapidfuzz and numpy, which rewards need.
        extra: The extra of srl-data that is installed too.
    """

    tests: tuple[str, ...]
    requires: tuple[str, ...]
    alone: tuple[str, ...] = ()
    python: int = 11
    light: bool = True
    extra: str | None = None


ENVIRONMENTS = {
    "verl": Environment(("test_verl",), ("verl==0.9.1", TORCH), light=False),
    # its other requirements want a GPU to be built, or are a whole cluster's: deepspeed, flash-attn, ray, vllm
    "openrlhf": Environment(
        ("test_openrlhf", "test_openrlhf_server"),
        ("aiohttp", "datasets", "httpx", "pylatexenc", "sympy", "transformers==5.15.0", TORCH),
        ("openrlhf==0.11.2",),
        light=False,
        extra="serve",
    ),
    "verifiers": Environment(("test_verifiers",), ("verifiers==0.4.0", TORCH)),
    "verifiers_legacy": Environment(("test_verifiers_legacy",), ("verifiers==0.3.1", TORCH)),
    "skyrl_gym": Environment(("test_skyrl_gym",), ("skyrl-gym==0.4.0",)),
    # its requirements for training are a cluster's, and want a GPU; the generator needs none of them
    "skyrl": Environment(
        ("test_skyrl",),
        (
            *("aiohttp", "cloudpathlib", "datasets", "jaxtyping", "loguru", "omegaconf", "orjson", "peft==0.18.1"),
            *("pybase64", "pydantic", "pyyaml", "s3fs", "tensordict"),
            *("skyrl-gym==0.4.0", "transformers==5.16.1", TORCH),
        ),
        ("skyrl==0.4.0",),
        python=12,
    ),
    "swift": Environment(("test_swift",), ("ms-swift==4.6.0", TORCH)),
    "nemo_gym": Environment(("test_nemo_gym",), ("nemo-gym==0.4.0",), python=12),
}


def main() -> int:
    """Build what is missing, run the tests, and say how they went."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(ENVIRONMENTS)}; all by default")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "trainers", help="where environments are")
    parser.add_argument("--lock", action="store_true", help="build anew, with the newest versions, and pin them")
    options = parser.parse_args()
    unknown = set(options.names) - set(ENVIRONMENTS)
    if unknown:
        parser.error(f"no environment {', '.join(sorted(unknown))}; there are {', '.join(ENVIRONMENTS)}")
    results = {name: run(name, options.folder / name, lock=options.lock) for name in options.names or ENVIRONMENTS}
    for name, result in results.items():
        print(f"{name:18} {result}")
    return 1 if any(result.startswith("failed") for result in results.values()) else 0


def run(name: str, folder: Path, *, lock: bool) -> str:
    """Test against one trainer.

    Returns:
        ``passed``, ``failed: …``, or ``not run: …``.
    """
    environment = ENVIRONMENTS[name]
    python = interpreter(environment.python)
    if python is None:
        return f"not run: it needs Python 3.{environment.python} or newer (set TRAINER_PYTHON)"
    try:
        build(name, environment, folder, python, lock=lock)
    except subprocess.CalledProcessError as error:
        return f"failed: {error.cmd[-1]} could not be installed"
    command = [str(folder / "bin" / "python"), "-m", "pytest", "-q", "-W", "ignore", "-p", "no:cacheprovider"]
    command += ["--confcutdir", str(TESTS), *(str(TESTS / f"{test}.py") for test in environment.tests)]
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "WANDB_MODE": "disabled"}
    variables = {**inherited, **offline, "PYTHONPATH": str(ROOT), "TRAINER_ENVIRONMENT": name}
    status = subprocess.run(command, cwd=ROOT, env=variables, check=False).returncode
    return {0: "passed", 5: "not run: its package is not there"}.get(status, "failed: see above")


def build(name: str, environment: Environment, folder: Path, python: str, *, lock: bool) -> None:
    """Build an environment, unless it is there and no older than its pins."""
    pins, ready = CONSTRAINTS / f"{name}.txt", folder / ".ready"
    if not lock and ready.exists() and (not pins.exists() or ready.stat().st_mtime >= pins.stat().st_mtime):
        return
    shutil.rmtree(folder, ignore_errors=True)
    print(f"Building the environment {name}", flush=True)
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    install = [*pip, "install", "--quiet", *([] if lock or not pins.exists() else ["--constraint", str(pins)])]
    subprocess.run([*install, "pytest", *ours(environment), *environment.requires], check=True)
    if environment.alone:
        subprocess.run([*install, "--no-deps", *environment.alone], check=True)
    if lock:
        frozen = subprocess.run([*pip, "freeze"], check=True, capture_output=True, text=True).stdout
        lines = [line.partition("+")[0] for line in frozen.splitlines() if "==" in line and not GPU.match(line)]
        pins.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    ready.touch()


def ours(environment: Environment) -> list[str]:
    """What srl-data asks for, so far as the tests come across it."""
    project = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {"rapidfuzz"} if environment.light else OURS
    found = [each for each in project["dependencies"] if each.partition(">")[0] in wanted]
    return ["numpy", *found, *(project["optional-dependencies"][environment.extra] if environment.extra else [])]


def interpreter(minor: int) -> str | None:
    """A Python 3 that is new enough: ``TRAINER_PYTHON``, this one, or one on the path."""
    candidates = [os.environ.get("TRAINER_PYTHON"), sys.executable, *(f"python3.{each}" for each in (12, 13, 14))]
    for candidate in filter(None, candidates):
        found = shutil.which(candidate)
        code = f"import sys; sys.exit(sys.version_info < (3, {minor}))"
        if found and subprocess.run([found, "-c", code], capture_output=True, check=False).returncode == 0:
            return found
    return None


if __name__ == "__main__":
    sys.exit(main())
