"""The adapter for verl, called as verl 0.9.1 calls it; its own loader and manager are in tests/trainers."""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import math
import pickle
from functools import partial
from pathlib import Path

import pytest

import rewards
from rewards.adapters import verl
from rewards.adapters.core import NotScorable
from rewards.adapters.verl import compute_score
from rewards.errors import ColumnError, OptionError, UnknownPlugin

REPLY = "<think>Undo the 3.</think>2x = 8"


def merged(function, kwargs):
    """verl 0.9.1, ``trainer/ppo/reward.py``: ``reward_kwargs`` win over what it passes itself."""
    return lambda **call: function(**{**call, **kwargs})


def called(function, reply, truth, extra_info):
    """verl 0.9.1, ``NaiveRewardManager.run_single``: by keyword, in a thread of the loop's executor."""

    async def run():
        call = partial(function, data_source="srl", solution_str=reply, ground_truth=truth, extra_info=extra_info)
        return await asyncio.get_running_loop().run_in_executor(None, call)

    return asyncio.run(run())


ROW = {"index": 3, "split": "train", "id": "eq#1", "num_turns": None, "rollout_reward_scores": {}}


def test_is_no_coroutine_function():
    assert not inspect.iscoroutinefunction(compute_score)  # the remote manager takes no other


@pytest.mark.parametrize(
    ("reply", "truth", "score"),
    [
        (REPLY, "2x = 8", 1.0),
        ("<think>Hm.</think>8 = 2x", "2x = 8", 0.5),
        ("2x = 8", "2x = 8", -1.0),  # no thought: the form is broken
        ("", "2x = 8", -1.0),
        ("\ud800", "2x = 8", -1.0),  # half a surrogate pair
        (REPLY, None, -1.0),  # nothing to compare with: the lower bound
    ],
)
def test_scores(reply, truth, score):
    entry = called(compute_score, reply, truth, dict(ROW))
    assert entry["score"] == score
    assert list(entry) == list(called(compute_score, REPLY, "2x = 8", dict(ROW)))  # verl reads the first sample's keys
    assert all(type(value) is float and math.isfinite(value) for value in entry.values())


def test_reward_kwargs():
    function = merged(compute_score, {"reward": "srl", "similarity": "token_f1", "penalty": -0.5})
    assert called(function, "2x = 8", "2x = 8", {})["score"] == -0.5


def test_final_answers():
    function = merged(compute_score, {"reward": "indel", "ground_truth_column": "reference"})
    assert called(function, "4", "4", None)["score"] == 1.0


def test_other_columns_come_from_extra_info():
    reward = {"term": [{"reward": "indel"}, {"reward": "indel", "name": "hint", "columns": {"reference": "hint"}}]}
    function = merged(compute_score, {"reward": reward})
    entry = called(function, "ab", "ab", {"hint": "cd", "index": 0})
    assert (entry["score"], entry["indel"], entry["hint"]) == (1.0, 1.0, 0.0)
    with pytest.raises(ColumnError, match="'hint'"):
        called(function, "ab", "ab", {"index": 0})


def test_mistakes_are_said_at_the_first_sample():
    with pytest.raises(UnknownPlugin, match="did you mean 'srl'"):
        called(merged(compute_score, {"reward": "slr"}), REPLY, "2x = 8", {})
    with pytest.raises(OptionError, match="no option 'similarty'"):
        called(merged(compute_score, {"similarty": "indel"}), REPLY, "2x = 8", {})
    with pytest.raises(NotScorable):
        called(merged(compute_score, {"unscorable": "raise"}), REPLY, None, {})


def test_the_file_alone_will_do():
    """As verl 0.9.1 loads a path: under a name of its own that is not in ``sys.modules``."""
    path = Path(rewards.__file__).parent / "adapters" / "verl.py"
    spec = importlib.util.spec_from_file_location("custom_module_1", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert called(module.compute_score, REPLY, "2x = 8", {})["score"] == 1.0


def test_pickles_for_the_remote_manager():
    assert pickle.loads(pickle.dumps(partial(verl.compute_score, reward="srl"))).func is compute_score  # noqa: S301
