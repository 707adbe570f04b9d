"""Resolve every dependency anew and write constraints.txt: one known-good set for all extras together.

pip resolves without installing; what it would install is what gets pinned. A few versions are our choice and
not pip's, see ``CHOSEN``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

CHOSEN = {
    "torch": "2.13.0",  # the newest one is gigabytes of libraries, anew with every release
    "antlr4-python3-runtime": "4.13.2",  # 4.11 misreads \boxed{10\%}; math-verify, a peer, needs it
}

HEADER = """\
# One known-good set of versions, every package that `make demo` and `make test` install among them.
# Written by `make constraints`; the reasons for versions that are chosen by hand stand in scripts/lock.py.
"""


def resolve(requirements: list[str]) -> dict[str, str]:
    """Ask pip what it would install into an empty environment: distribution name → version."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += ["--no-build-isolation", "--report", str(report), *requirements]
        subprocess.run(command, cwd=ROOT, check=True)
        installs = json.loads(report.read_text(encoding="utf-8"))["install"]
    found = {install["metadata"]["name"]: install["metadata"]["version"] for install in installs}
    return {name: version.partition("+")[0] for name, version in found.items() if name != "srl-data"}


def main() -> None:
    """Write constraints.txt."""
    chosen = [f"{name}=={version}" for name, version in CHOSEN.items()]
    pins = resolve([".[all,bench,dev]", "pip", "setuptools", *chosen])
    lines = [f"{name}=={version}\n" for name, version in sorted(pins.items(), key=lambda pin: pin[0].lower())]
    ROOT.joinpath("constraints.txt").write_text(HEADER + "".join(lines), encoding="utf-8")
    print(f"constraints.txt: {len(pins)} packages")


if __name__ == "__main__":
    main()
