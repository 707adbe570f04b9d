"""Supervised RL with verl: rows, the script that trains on them, and the reward as verl loads it.

pip install srl-data 'verl[vllm]'
python examples/train_verl.py                  # on GPUs; settings of verl may follow
python examples/train_verl.py --check          # without one: verl's loader, a row and two replies
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from exported import BAD, GOOD, main


def check(folder: Path, row: dict[str, Any]) -> tuple[float, float]:
    from omegaconf import OmegaConf
    from verl.trainer.ppo.reward import get_custom_reward_fn

    custom = {"path": "pkg://rewards.adapters.verl", "name": "compute_score", "reward_kwargs": {"reward": "srl"}}
    function = get_custom_reward_fn(OmegaConf.create({"reward": {"custom_reward_function": custom}}))
    truth = row["reward_model"]["ground_truth"]
    good, bad = (
        function(
            data_source=row["data_source"],
            solution_str=reply.format(truth),
            ground_truth=truth,
            extra_info=row["extra_info"],
        )["score"]
        for reply in (GOOD, BAD)
    )
    return good, bad


if __name__ == "__main__":
    main("verl", check)
