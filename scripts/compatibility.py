"""Write docs/trainers/compatibility.md: what was run against which trainer, and how it went."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FINDINGS = ROOT / "tests" / "trainers" / "findings"
PAGE = ROOT / "docs" / "trainers" / "compatibility.md"

HEAD = """\
# What was tried

Written by `scripts/compatibility.py` from what `make test-trainers` found: each line is a test that runs code of the
package itself, in an environment of its own, on a CPU. The versions of everything else in those environments stand in
`tests/trainers/constraints`.
"""

NOT_RUN = """\
## What was not run

* **On a GPU, with vLLM or SGLang, on several machines:** none of it. Sampling, weight updates and what a trainer does
  with the numbers afterwards are its own.
* **verl:** everything that needs Ray; the managers `dapo`, `gdpo`, `rate_limited` and `remote`. They call the same
  function.
* **OpenRLHF:** it does not install without a GPU (deepspeed, flash-attn). Its package alone was, and an engine
  that gives fixed replies stood for vLLM. Its agent executors were not run.
* **SkyRL:** training; its generator was run, with an engine that gives fixed replies.
* **ms-swift:** `swift rlhf` from end to end; its plug-in loader and its scoring were run.
* **verifiers:** rollouts against a model's server; scoring of a finished rollout was run.
* **NeMo Gym:** its launcher, which starts servers in environments of their own; the server itself was run.
* **prime-rl, NeMo-RL, Axolotl, Unsloth:** not tried. prime-rl loads a taskset of verifiers, Axolotl and Unsloth call
  functions as TRL does.
"""


def page() -> str:
    """The page, from the findings."""
    return "\n".join([HEAD, *(section(path) for path in sorted(FINDINGS.glob("*.json"))), NOT_RUN])


def section(path: Path) -> str:
    """The findings of one environment."""
    table: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    first = table["findings"][0]
    lines = [f"## {first['package']} {first['version']} (Python {table['python']})", "", "| what was run | result |"]
    return "\n".join([*lines, "|---|---|", *rows(table["findings"]), ""])


def rows(findings: list[dict[str, str]]) -> Iterator[str]:
    """A line for what was run, be it in one test or, with other parameters, in several."""
    outcomes: dict[str, set[str]] = {}
    for finding in findings:
        outcomes.setdefault(finding["what"], set()).add(finding["result"])
    for what, results in outcomes.items():
        yield f"| {what.replace('|', chr(92) + '|')} | {', '.join(sorted(results))} |"


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE.relative_to(ROOT))
