"""verifiers up to 0.3: a rubric calls our function."""

from __future__ import annotations

import asyncio

import pytest

verifiers = pytest.importorskip("verifiers")
vf = pytest.importorskip("verifiers.legacy", reason="needs verifiers 0.3 or older")

from rewards.adapters.verifiers import to_rubric  # noqa: E402


def state(reply, **row):
    return vf.State({
        "input": {"prompt": "?", "example_id": 0, **row}, "prompt": "?", "answer": row.get("answer", ""),
        "info": row.get("info", {}), "completion": [{"role": "assistant", "content": reply}], "trajectory": [],
    })  # fmt: skip


@pytest.mark.finding("verifiers", "`Rubric.score_rollout` and `score_group` call the function with a row's columns")
@pytest.mark.parametrize("row", [{"reference": "2x = 8"}, {"info": {"reference": "2x = 8"}}], ids=["column", "info"])
def test_rubric(row):
    async def run():
        rubric = vf.Rubric([to_rubric("srl"), to_rubric("srl", part="status/format")], weights=[1.0, 0.0])
        alone = state("<think>a</think>8 = 2x", **row)
        await rubric.score_rollout(alone)
        group = [state("<think>a</think>2x = 8", **row), state("2x = 8", **row)]
        await rubric.score_group(group)
        return alone, group

    alone, group = asyncio.run(run())
    assert (alone["reward"], alone["metrics"]["srl"]) == (0.5, 0.5)
    assert [each["reward"] for each in group] == [1.0, -1.0]
    assert [each["metrics"]["srl/status/format"] for each in group] == [0.0, 1.0]
