"""The adapter for ms-swift, called as ms-swift 4.6.0 calls it; its own loader is in tests/trainers."""

from __future__ import annotations

import asyncio

import pytest

from rewards.adapters.core import NotScorable
from rewards.adapters.swift import to_swift
from rewards.errors import ColumnError, UnknownPlugin

COLUMNS = {
    "trainer_state": None,  # these come with every batch
    "messages": [[{"role": "user", "content": "?"}]] * 3,
    "prompt_id": ["a"] * 3,
    "request_id": ["b"] * 3,
    "rollout_infos": [{}] * 3,
}


def test_made_and_called_as_an_orm():
    function = to_swift("srl", similarity="indel")(args=None)
    assert not asyncio.iscoroutinefunction(function.__call__)
    assert function.__class__.__name__ == "srl"  # what ms-swift logs it under
    replies = ["<think>a</think>2x = 8", "2x = 8", "<think>a</think>b"]
    assert function(replies, reference=["2x = 8", "2x = 8", None], **COLUMNS) == [1.0, -1.0, -1.0]


def test_two_of_one_reward_have_names_of_their_own():
    names = {to_swift("indel")(None).__class__.__name__, to_swift("indel", name="other")(None).__class__.__name__}
    assert names == {"indel", "other"}


def test_content_in_parts():
    """A reply of a model that reads images is a list of parts there, if the template makes it one."""
    function = to_swift("indel")(None)
    assert function([[{"role": "assistant", "content": "ab"}]], reference=["ab"]) == [1.0]


def test_mistakes():
    with pytest.raises(UnknownPlugin):
        to_swift("slr")
    with pytest.raises(ColumnError, match="'reference'"):
        to_swift("srl")(None)(["x"], messages=[[]])
    with pytest.raises(NotScorable):
        to_swift("srl", unscorable="raise")(None)(["<think>a</think>b"], reference=[None])
