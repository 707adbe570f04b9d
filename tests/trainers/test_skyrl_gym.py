"""SkyRL: its registry makes our environment, and its base class takes it."""

from __future__ import annotations

import pytest

skyrl_gym = pytest.importorskip("skyrl_gym")

from skyrl_gym.envs import deregister, register  # noqa: E402
from skyrl_gym.envs.base_text_env import BaseTextEnv  # noqa: E402
from skyrl_gym.metrics import aggregate_for_environment  # noqa: E402

from rewards.adapters.skyrl import StepEnv  # noqa: E402


class SrlEnv(StepEnv, BaseTextEnv):
    pass


@pytest.fixture
def registered():
    register(id="srl", entry_point=SrlEnv, kwargs={"reward": "srl", "similarity": "indel"})
    yield
    deregister("srl")


def make(**row):
    extras = {"reward_spec": {"method": "rule", "ground_truth": row.pop("truth")}, "max_turns": 10, **row}
    return skyrl_gym.make("srl", env_config={}, extras=extras)


@pytest.mark.finding("skyrl-gym", "`register` and `make` give an episode over a trajectory, with a reward per turn")
def test_trajectory(registered):
    episode = make(truth=["2x = 8", "x = 4"], observations=None)
    prompt = [{"role": "user", "content": "2x + 3 = 11"}]
    assert episode.init(prompt) == (prompt, {})
    first = episode.step("<think>a</think>2x = 8")
    assert (first["reward"], first["done"]) == (1.0, False)
    assert first["observations"] == [
        {"role": "user", "content": "The expert's step was:\n\n2x = 8\n\nWrite the next one."}
    ]
    second = episode.step("x = 4")
    assert (second["reward"], second["done"], second["observations"]) == (-1.0, True, [])
    assert episode.get_metrics()["score"] == 0.0
    episode.close()


@pytest.mark.finding("skyrl-gym", "`aggregate_for_environment` averages the parts and statuses of several episodes")
def test_metrics(registered):
    episodes = [make(truth="2x = 8") for _ in range(2)]
    for episode, reply in zip(episodes, ["<think>a</think>2x = 8", "2x = 8"], strict=True):
        assert episode.step(reply)["done"]
    means = aggregate_for_environment("srl", [episode.get_metrics() for episode in episodes])
    assert (means["steps"], means["score"], means["status/format"]) == (1.0, 0.0, 0.5)
