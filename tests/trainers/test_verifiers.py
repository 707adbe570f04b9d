"""verifiers 0.4 and newer: a task scores a trace with our reward."""

from __future__ import annotations

import asyncio

import pytest

vf = pytest.importorskip("verifiers.v1", reason="needs verifiers 0.4 or newer")
verifiers = pytest.importorskip("verifiers")
if tuple(map(int, verifiers.__version__.split(".")[:2])) < (0, 4):
    pytest.skip("needs verifiers 0.4 or newer", allow_module_level=True)

from rewards.adapters.core import NotScorable  # noqa: E402
from rewards.adapters.verifiers import to_verifiers  # noqa: E402


class StepData(vf.TaskData):
    reference: str | None = None


class StepTask(vf.Task[StepData]):
    srl = vf.reward(to_verifiers("srl"), weight=0.5)


class StrictTask(vf.Task[StepData]):
    srl = vf.reward(to_verifiers("srl", unscorable="raise"))


class StepTaskset(vf.Taskset[StepTask]):
    def load(self):
        yield StepTask(StepData(prompt=[vf.UserMessage(content="2x + 3 = 11")], reference="2x = 8"), self.config.task)


def trace_of(task, *messages):
    """A trace that holds what a rollout's would, built by its own classes."""
    trace = vf.Trace[StepData, vf.State, vf.AgentConfig].model_construct(
        task=vf.TraceTask.model_construct(data=task.data), nodes=[], rewards={}, metrics={}, root_reply=None, errors=[]
    )
    for message in messages:
        trace.nodes.append(vf.MessageNode.model_construct(message=message, sampled=True, parent=None))
    return trace


def scored(task, *messages):
    trace = trace_of(task, *messages)
    asyncio.run(task.score(trace))
    return trace


@pytest.mark.finding(
    "verifiers", "`Task.score` finds the reward, weights it, and records parts and statuses as metrics"
)
def test_task():
    (task,) = StepTaskset(vf.TasksetConfig())
    trace = scored(task, vf.AssistantMessage(content="<think>Hm.</think>8 = 2x"))
    assert (trace.rewards["srl"].score, trace.rewards["srl"].weight, trace.reward) == (0.5, 0.5, 0.25)
    assert trace.metrics["srl/similarity"] == 0.5
    assert trace.metrics["srl/status/ok"] == 1.0


@pytest.mark.finding("verifiers", "thoughts that the server took out of a reply are put back")
def test_reasoning_content():
    (task,) = StepTaskset(vf.TasksetConfig())
    trace = scored(task, vf.AssistantMessage(content="2x = 8", reasoning_content="Undo the 3."))
    assert trace.rewards["srl"].score == 1.0


@pytest.mark.finding("verifiers", "a rollout without a reply gets the lower bound")
def test_no_reply():
    (task,) = StepTaskset(vf.TasksetConfig())
    trace = scored(task)
    assert trace.rewards["srl"].score == -1.0
    assert trace.metrics["srl/status/unparseable_completion"] == 1.0


@pytest.mark.finding("verifiers", '`unscorable="raise"` makes the rollout one that failed (`TaskError`)')
def test_raise():
    with pytest.raises((vf.TaskError, NotScorable)):
        scored(StrictTask(StepData(prompt="?")), vf.AssistantMessage(content="<think>a</think>b"))
