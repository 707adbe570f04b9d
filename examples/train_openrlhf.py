"""Supervised RL with OpenRLHF: rows with labels, the script that trains on them, and the file with the reward.

pip install srl-data 'openrlhf[vllm]'
python examples/train_openrlhf.py              # on GPUs; settings of train_ppo_ray may follow
python examples/train_openrlhf.py --check      # without one: its executor, a row and two replies
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from exported import BAD, GOOD, main

from rewards.adapters.openrlhf import decode_label


def check(folder: Path, row: dict[str, Any]) -> tuple[float, float]:
    from openrlhf.utils.agent import SingleTurnAgentExecutor

    executor = SingleTurnAgentExecutor(str(folder / "reward.py"))
    prompt, step = row["prompt"][-1]["content"], decode_label(row["label"])["reference"]

    async def score(reply: str) -> float:
        query = prompt + reply.format(step) + "<|im_end|>"
        (found,) = await executor._fetch_rewards_via_func([query], [prompt], [row["label"]])
        return found["rewards"].item()

    return asyncio.run(score(GOOD)), asyncio.run(score(BAD))


if __name__ == "__main__":
    main("openrlhf", check)
