"""The environment for SkyRL, stepped as its generator (skyrl 0.4.0) does; its own registry is in tests/trainers."""

from __future__ import annotations

import copy

import pytest

from rewards.adapters.core import NotScorable
from rewards.adapters.skyrl import StepEnv
from rewards.errors import ColumnError, UnknownPlugin


class Base:
    """What ``BaseTextEnv`` sets up when an environment is made (skyrl-gym 0.4.0)."""

    def __init__(self):
        super().__init__()
        self.turns = 0
        self.max_turns = 1


class Env(StepEnv, Base):
    pass


def make(truth, **row):
    options = row.pop("options", {})
    extras = {"reward_spec": {"method": "rule", "ground_truth": truth}, "max_turns": 10, **row}
    return Env(env_config={}, extras=copy.deepcopy(extras), **options)


def played(episode, *replies):
    turns = [episode.step(reply) for reply in replies]
    return [turn["reward"] for turn in turns], [turn["done"] for turn in turns], turns


def test_a_row_is_a_step():
    scores, done, turns = played(make("2x = 8"), "<think>a</think>8 = 2x")
    assert (scores, done) == ([0.5], [True])
    assert turns[0]["observations"] == []


def test_a_row_is_a_trajectory():
    """Each turn is rewarded for its own step, with the expert's whatever the model wrote."""
    scores, done, turns = played(
        make(["2x = 8", "x = 4", "x = 4."]), "<think>a</think>2x = 8", "x = 4", "<think>a</think>x = 4."
    )
    assert (scores, done) == ([1.0, -1.0, 1.0], [False, False, True])
    told = [turn["observations"] for turn in turns]
    assert [each[0]["content"] for each in told[:2]] == [
        "The expert's step was:\n\n2x = 8\n\nWrite the next one.",
        "The expert's step was:\n\nx = 4\n\nWrite the next one.",
    ]


def test_braces_in_a_step_are_no_placeholders():
    _, _, (turn, _) = played(make([r"\frac{1}{2} {reference}", "x"]), "a", "b")
    assert r"\frac{1}{2} {reference}" in turn["observations"][0]["content"]


def test_observations_of_the_row():
    episode = make(["a", "b"], observations=["ran a", "ran b"])
    assert episode.step("a")["observations"] == [{"role": "user", "content": "ran a"}]
    assert episode.step("b")["observations"] == []


def test_the_generator_may_allow_fewer_turns():
    assert played(make(["a", "b", "c"], max_turns=2), "a", "b")[1] == [False, True]


def test_other_columns_hold_for_every_turn():
    reward = {"term": [{"reward": "indel", "columns": {"reference": "answer"}}], "name": "end"}
    assert played(make(["a", "b"], answer="4", options={"reward": reward}), "4", "5")[0] == [1.0, 0.0]


def test_metrics():
    episode = make(["2x = 8", "x = 4"])
    assert episode.get_metrics() == {"steps": 0.0}
    played(episode, "<think>a</think>2x = 8", "x = 4")
    found = episode.get_metrics()
    assert (found["steps"], found["score"], found["status/format"]) == (2.0, 0.0, 0.5)


@pytest.mark.parametrize("extras", [None, {}, {"reward_spec": None}, {"reward_spec": {"method": "rule"}}])
def test_a_row_without_a_reference(extras):
    with pytest.raises(ColumnError, match=r"reward_spec\.ground_truth"):
        Env(extras=extras)


def test_too_few_observations():
    with pytest.raises(ColumnError, match="3 steps, but 1 observations"):
        make(["a", "b", "c"], observations=["x"])


def test_an_unknown_reward_is_said_when_the_episode_begins():
    with pytest.raises(UnknownPlugin):
        make("a", options={"reward": "slr"})


def test_not_scorable():
    assert played(make([None]), "<think>a</think>b")[0] == [-1.0]
    with pytest.raises(NotScorable):
        make([None], options={"unscorable": "raise"}).step("<think>a</think>b")
