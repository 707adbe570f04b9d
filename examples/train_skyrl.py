"""Supervised RL with SkyRL, a turn for each of the expert's steps: credit goes to the turn that earned it.

pip install srl-data 'skyrl[fsdp]'             # Python 3.12
python examples/train_skyrl.py                 # on GPUs; overrides of SkyRL's settings may follow
python examples/train_skyrl.py --check         # without one: its registry, and an episode of a row
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from exported import BAD, GOOD, main

from rewards.adapters.skyrl import StepEnv


def check(folder: Path, row: dict[str, Any]) -> tuple[float, float]:
    import skyrl_gym
    from skyrl_gym.envs import register
    from skyrl_gym.envs.base_text_env import BaseTextEnv

    class SrlEnv(StepEnv, BaseTextEnv):
        pass

    register(id="srl", entry_point=SrlEnv, kwargs={"reward": "srl"})
    extras = {name: value for name, value in row.items() if name not in ("prompt", "env_class")}
    steps = row["reward_spec"]["ground_truth"]

    def play(reply: str) -> float:
        episode = skyrl_gym.make(row["env_class"], env_config={}, extras={**extras, "max_turns": 100})
        episode.init(row["prompt"])
        turns = [episode.step(reply.format(step)) for step in steps]
        return sum(turn["reward"] for turn in turns if turn["done"] == (turn is turns[-1])) / len(turns)

    return play(GOOD), play(BAD)


if __name__ == "__main__":
    main("skyrl", check, "--turns")
