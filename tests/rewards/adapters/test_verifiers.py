"""The adapters for verifiers, called as 0.4.0 and 0.3.1 call them; its own tasks and rubrics are in tests/trainers."""

from __future__ import annotations

import asyncio
import inspect

import pytest

from rewards.adapters.core import NotScorable
from rewards.adapters.verifiers import to_rubric, to_verifiers
from rewards.errors import ColumnError, UnknownPlugin

REPLY = "<think>Hm.</think>8 = 2x"


class Message:
    """A pydantic model, as far as it is looked at."""

    def __init__(self, **fields):
        self.fields = {"role": "assistant", **fields}

    def model_dump(self):
        return self.fields


class Trace:
    def __init__(self, *messages, root_reply=None):
        self.assistant_messages = list(messages)
        self.root_reply = root_reply
        self.metrics = {}

    def record_metrics(self, values):
        self.metrics.update(values)


def scored(trace, row, **options):
    """verifiers 0.4.0, ``utils/decorators.py``: a bound method, called with those of its parameters that there are."""
    task = type("Task", (), {"data": row.items(), "srl": to_verifiers("srl", **options)})()
    given = {"task": task.data, "trace": trace, "runtime": None}
    assert task.srl.__name__ == options.get("name", "srl")
    names = inspect.signature(task.srl).parameters
    return asyncio.run(task.srl(**{name: given[name] for name in names if name in given}))


@pytest.mark.parametrize(
    ("trace", "score"),
    [
        (Trace(Message(content=REPLY)), 0.5),
        (Trace(Message(content="<think>a</think>no"), Message(content=REPLY)), 0.5),  # the last one counts
        (Trace(Message(content="8 = 2x", reasoning_content="Hm.")), 0.5),  # what a server took out is put back
        (Trace(Message(content="x"), root_reply=REPLY), 0.5),
        (Trace(Message(content=None)), -1.0),
        (Trace(), -1.0),
    ],
)
def test_a_task(trace, score):
    assert scored(trace, {"idx": 0, "prompt": "?", "reference": "2x = 8"}) == score
    assert set(trace.metrics) >= {"srl/similarity", "srl/status/ok", "srl/scored"}
    assert "srl/score" not in trace.metrics  # that is the reward


def test_a_task_without_the_column():
    with pytest.raises(ColumnError, match="'reference'"):
        scored(Trace(Message(content=REPLY)), {"prompt": "?"})
    with pytest.raises(NotScorable):
        scored(Trace(Message(content=REPLY)), {"reference": None}, unscorable="raise")


def called(function, **merged):
    """verifiers 0.3.1, ``Rubric._call_individual_reward_func``: with ``**``, it gets all that there is."""
    assert not {"states", "prompts", "completions"} & set(inspect.signature(function).parameters)  # else: of a group
    given = {"prompt": "?", "answer": "", "state": {}, "info": {}, "parser": None, "task": None, **merged}
    return asyncio.run(function(**given))


@pytest.mark.parametrize(
    "merged",
    [
        {"completion": [{"role": "assistant", "content": REPLY}], "reference": "2x = 8"},
        {"completion": [Message(content=REPLY)], "info": {"reference": "2x = 8"}},
        {"completion": REPLY, "info": {"reference": "2x = 8"}},
    ],
)
def test_a_rubric(merged):
    assert called(to_rubric("srl"), **merged) == 0.5
    assert called(to_rubric("srl", part="status/ok"), **merged) == 1.0


def test_a_rubric_reads_the_answer():
    reward = {"term": [{"reward": "indel", "columns": {"reference": "answer"}}], "name": "end"}
    function = to_rubric(reward)
    assert function.__name__ == "end"
    assert called(function, completion="4", answer="4") == 1.0


def test_an_unknown_reward_is_said_at_once():
    for make in (to_verifiers, to_rubric):
        with pytest.raises(UnknownPlugin):
            make("slr")
