"""The agent segmenter: events into steps, canonical calls, and write-ups with code and output."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srl_data.calls import render
from srl_data.errors import Rejected
from srl_data.segmenters.agent import Agent
from srl_data.segmenters.base import check_partition
from srl_data.segmenters.interpreter import events_in_text
from srl_data.segmenters.protect import Protected
from srl_data.sources.agents import DIALECTS, transcript
from srl_data.types import Call, Event, Segmentation, Solution
from tests.strategies import texts

CASES = Path(__file__).parents[2] / "cases/agents"
REAL = Path(__file__).parents[3].parent / "shared/data"


def _cases() -> Iterator[Any]:
    for dialect in DIALECTS:
        for case in json.loads((CASES / f"{dialect}.json").read_text())["cases"]:
            yield pytest.param(dialect, case, id=f"{dialect}-{case['name']}")


def _rows(segmentation: Segmentation) -> list[list[str | None]]:
    return [[step.action, step.observation, step.kind] for step in segmentation.steps]


@pytest.mark.parametrize(("dialect", "case"), list(_cases()))
def test_case(dialect: str, case: dict[str, Any]) -> None:
    written = transcript(case["record"], dialect)
    solution = Solution("a", written.problem, written.text, events=written.events)
    segmentation = Agent().segment(solution)
    check_partition(written.text, segmentation)
    assert _rows(segmentation) == [[*step, "call"][:3] for step in case["steps"]]
    assert segmentation.preamble(written.text) == case.get("preamble", "")
    assert segmentation.epilogue(written.text) == case.get("epilogue", "")
    assert Agent().fit(solution) == 1.0
    if "written" in case:
        in_order = Agent(arguments="written").segment(solution)
        assert [step.action for step in in_order.steps] == case["written"]
    as_steps = Agent(messages="steps").segment(solution)
    check_partition(written.text, as_steps)
    assert _rows(as_steps) == case.get("message_steps", _rows(segmentation))


XML = Call("f", {"b": "\n1\n", "a": "2"}, "xml")
JSON = Call("é", {"b": {"d": 1, "c": "ü"}, "a": None}, "json")
A, B = "<parameter=a>2</parameter>\n", "<parameter=b>\n1\n</parameter>\n"


@pytest.mark.parametrize(
    ("call", "order", "canonical"),
    [
        (Call("", {"": "ls -la \n\n"}, "plain"), "sorted", "ls -la"),
        (Call("", {"": "  indented\nrest\n"}, "plain"), "sorted", "  indented\nrest"),
        (Call("f", {}, "xml"), "sorted", "<function=f>\n</function>"),
        (XML, "sorted", f"<function=f>\n{A}{B}</function>"),
        (XML, "written", f"<function=f>\n{B}{A}</function>"),
        (Call("f", {}, "json"), "sorted", '{"name": "f", "arguments": {}}'),
        (JSON, "sorted", '{"name": "é", "arguments": {"a": null, "b": {"c": "ü", "d": 1}}}'),
        (JSON, "written", '{"name": "é", "arguments": {"b": {"d": 1, "c": "ü"}, "a": null}}'),
        (Call("f", {"": "{bro"}, "json"), "sorted", '{"name": "f", "arguments": "{bro"}'),
    ],
)
def test_canonical_form(call: Call, order: Any, canonical: str) -> None:
    assert render(call, order) == canonical


def _py(code: str, output: str | None = None) -> str:
    block = f"```python\n{code}\n```"
    return block if output is None else f"{block}\n```output\n{output}\n```"


WRITE_UPS = [  # why, text, rows
    (
        "one pair and the answer",
        f"Add.\n{_py('print(1)', '1')}\n\nSo 1.\n",
        [["print(1)", "1"], ["So 1.", None, "message"]],
    ),
    ("two pairs", f"{_py('a', '1')}\nthen\n\n{_py('b', '2')}", [["a", "1"], ["b", "2"]]),
    ("the last one was never run", f"{_py('a', '1')}\nthen\n{_py('b')}\n", [["a", "1"], ["b", None]]),
    (
        "code shown but not run is prose",
        f"{_py('a')}\nis wrong.\n{_py('b', '2')}\nOr {_py('c')}\n!",
        [["b", "2"], [f"Or {_py('c')}\n!", None, "message"]],
    ),
    ("blank lines between code and output", "```py\na\n```\n\n \n```output\n1\n```", [["a", "1"]]),
    ("any language that is run", "```sql\nselect 1\n```\n```output\n1\n```", [["select 1", "1"]]),
    ("an empty output", "```python\na\n```\n```output\n```\nend", [["a", ""], ["end", None, "message"]]),
    ("two outputs of one call", f"{_py('a', '1')}\n```output\n2\n```", [["a", "1\n\n2"]]),
    ("an output that breaks off", "```python\na\n```\n```output\n1", [["a", "1"]]),
    ("an output that nothing asked for", f"```output\n0\n```\n{_py('a', '1')}", [["a", "1"]]),
    ("an indented block", "- do\n  ```python\n  a\n  ```\n  ```output\n  1\n  ```", [["  a", "  1"]]),
    ("a dollar in the code is no formula", _py("print('$5', 3)", "$5 3"), [["print('$5', 3)", "$5 3"]]),
]


@pytest.mark.parametrize(("text", "rows"), [case[1:] for case in WRITE_UPS], ids=[case[0] for case in WRITE_UPS])
def test_write_up(text: str, rows: list[list[str | None]]) -> None:
    solution = Solution("a", "p", text)
    assert Agent().fit(solution) in (0.4, 0.9), "0.4 where code stands in it that is not run"
    segmentation = Agent().segment(solution)
    check_partition(text, segmentation)
    assert _rows(segmentation) == [[*row, "call"][:3] for row in rows]


@pytest.mark.parametrize(
    "text",
    [
        "1 + 1 = 2",
        _py("print(1)"),  # nothing came back: code in a write-up, not a call
        "```output\n1\n```",
        "```python\n \n```\n```output\n1\n```",  # an empty action would reward silence
        f"{_py('a')}\nprose between\n```output\n1\n```",
        f"<think>\n{_py('a', '1')}\n</think>\nSo 1.",  # thoughts are not split
        "```python\na\n```output\n1\n```",  # the code never ends, so there is no output
    ],
)
def test_no_calls(text: str) -> None:
    solution = Solution("a", "p", text)
    assert Agent().fit(solution) == 0.0
    with pytest.raises(Rejected, match="no_agent_turns"):
        Agent().segment(solution)


def test_the_answer_is_in_the_last_words() -> None:
    text = f"{_py('x = 1 #### 7', 'the answer is 8')}\nSo $\\boxed{{9}}$."
    assert Agent().segment(Solution("a", "p", text)).answer == "9"
    assert Agent().segment(Solution("a", "p", _py("x = 1 #### 7", "7"))).answer is None


def test_events_without_calls_are_rejected() -> None:
    solution = Solution("a", "p", "hello", events=(Event("thought", 0, 5),))
    assert Agent().fit(solution) == 0.0
    with pytest.raises(Rejected, match="no_agent_turns"):
        Agent().segment(solution)


_blocks = st.sampled_from(
    [_py("a", "1"), _py("b"), "```output\n", "  ```python\nc\n  ```\n", "```output\n2\n```  \n", "\n", " x "]
)


@given(text=st.lists(st.one_of(_blocks, texts), max_size=8).map("".join))
@settings(max_examples=300, deadline=None)
def test_write_ups_partition(text: str) -> None:
    """The contract test again, on texts that do have code and output, and with messages as steps."""
    protected = Protected(text)
    end = 0
    for event in events_in_text(text):
        assert not text[end : event.start].strip()
        end = event.end
        assert event.start not in protected
        assert event.end not in protected
    assert end == 0 or not text[end:].strip()
    for agent in (Agent(), Agent(messages="steps")):
        try:
            segmentation = agent.segment(Solution("a", "p", text))
        except Rejected:
            assert agent.fit(Solution("a", "p", text)) == 0.0
            continue
        check_partition(text, segmentation)
        assert agent.fit(Solution("a", "p", text)) in (0.4, 0.9)
        for step in segmentation.steps:
            assert step.action.strip()
            assert step.start not in protected
            assert step.end not in protected


def test_real_write_ups() -> None:
    """Every one of them is one call, its output, and a sentence with the boxed answer."""
    file = REAL / "tora_code34b_gsm8k_100.jsonl"
    if not file.exists():
        pytest.skip(f"{file.name} is not here")
    for line in file.read_text().splitlines():
        record = json.loads(line)
        segmentation = Agent().segment(Solution("a", record["question"], record["response"]))
        assert [step.kind for step in segmentation.steps] == ["call", "message"]
        assert f"```python\n{segmentation.steps[0].action}\n```" in record["response"]
        assert segmentation.answer is not None
