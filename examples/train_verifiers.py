"""Supervised RL with verifiers: steps as a taskset, which prime-rl trains on and ``vf-eval`` evaluates on.

pip install srl-data verifiers
python examples/train_verifiers.py --check     # its task classes, a row and two replies
cd for-verifiers && cat README.md              # how to evaluate, and to train with prime-rl
"""

from __future__ import annotations

import asyncio
import importlib
import sys
from pathlib import Path
from typing import Any

from exported import BAD, GOOD, main


def check(folder: Path, row: dict[str, Any]) -> tuple[float, float]:
    import verifiers.v1 as vf

    sys.path.insert(0, str(folder))
    taskset = importlib.import_module("srl_steps").StepTaskset(vf.TasksetConfig())
    task = next(iter(taskset))

    def score(reply: str) -> float:
        said = vf.AssistantMessage(content=reply.format(row["reference"]))
        trace = vf.Trace.model_construct(
            nodes=[vf.MessageNode.model_construct(message=said, sampled=True, parent=None)],
            rewards={}, metrics={}, root_reply=None,
        )  # fmt: skip
        asyncio.run(task.score(trace))
        return trace.reward

    return score(GOOD), score(BAD)


if __name__ == "__main__":
    if "--check" not in sys.argv:
        sys.exit("verifiers does not train: run this with --check, and see README.md in the folder that it makes")
    main("verifiers", check)
