"""The adapter for NeMo Gym, called as a resources server of 0.4.0 calls it; a real server is in tests/trainers."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace as Item

import pytest

from rewards.adapters.core import NotScorable
from rewards.adapters.nemo_gym import to_nemo_gym
from rewards.errors import ColumnError


class Body:
    """A pydantic request: it gives its fields in pairs, and as attributes."""

    def __init__(self, *items, **row):
        self.response = Item(output=list(items))
        self.row = row

    def __iter__(self):
        return iter({"response": self.response, **self.row}.items())


def said(*texts):
    return Item(type="message", role="assistant", content=[Item(type="output_text", text=text) for text in texts])


THOUGHT = Item(type="reasoning", summary=[Item(text="Hm.")])
TOOL = [
    Item(type="function_call", name="run", arguments='{"code": "1"}'),
    Item(type="function_call_output", output="1"),
]


@pytest.mark.parametrize(
    ("items", "score"),
    [
        ([said("<think>Hm.</think>8 = 2x")], 0.5),
        ([said("<think>Hm.</think>", "8 = 2x")], 0.5),
        ([THOUGHT, said("8 = 2x")], 0.5),
        ([Item(type="reasoning", content=[Item(text="Hm.")], summary=[]), said("8 = 2x")], 0.5),
        ([THOUGHT, said("I'll run it."), *TOOL, THOUGHT, said("8 = 2x")], 0.5),  # what was said after the tool
        ([Item(type="message", role="user", content="8 = 2x")], -1.0),
        ([], -1.0),
    ],
)
def test_scores(items, score):
    found = asyncio.run(to_nemo_gym("srl")(Body(*items, reference="2x = 8")))
    assert found["reward"] == score
    assert "score" not in found
    assert {"scored", "similarity", "status/ok"} <= set(found)


def test_a_tool_call_is_the_action():
    reference = '{"name": "run", "arguments": {"code": "1"}}'
    assert asyncio.run(to_nemo_gym("indel")(Body(TOOL[0], reference=reference)))["reward"] == 1.0


def test_mistakes():
    with pytest.raises(ColumnError, match="'reference'"):
        asyncio.run(to_nemo_gym("srl")(Body(said("x"))))
    with pytest.raises(NotScorable):
        asyncio.run(to_nemo_gym("srl", unscorable="raise")(Body(said("<think>a</think>b"), reference=None)))
