"""Agent dialects: what is read out of a record, what is refused, and that nothing gets lost on the way.

The cases stand in ``tests/cases/agents``, one file for each dialect; each says why its result is right.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srl_data.errors import Rejected
from srl_data.segmenters.agent import Agent
from srl_data.segmenters.base import check_partition
from srl_data.sources.agents import DIALECTS, Transcript, detect, transcript
from srl_data.sources.agents.calls import fenced_calls, xml_calls
from srl_data.types import Solution

CASES = Path(__file__).parents[2] / "cases/agents"
REAL = Path(__file__).parents[3].parent / "shared/data"


def _cases() -> Iterator[Any]:
    for dialect in DIALECTS:
        for case in json.loads((CASES / f"{dialect}.json").read_text())["cases"]:
            yield pytest.param(dialect, case, id=f"{dialect}-{case['name']}")


def _slices(written: Transcript) -> list[list[str]]:
    return [[event.kind, written.text[event.start : event.end]] for event in written.events]


@pytest.mark.parametrize(("dialect", "case"), list(_cases()))
def test_case(dialect: str, case: dict[str, Any]) -> None:
    assert detect(case["record"]) == dialect
    written = transcript(case["record"], dialect)
    assert written.problem == case["problem"]
    assert _slices(written) == case["events"]


@pytest.mark.parametrize(
    ("dialect", "record", "reason", "detail"), json.loads((CASES / "rejected.json").read_text())["cases"]
)
def test_rejected(dialect: str, record: Any, reason: str, detail: str) -> None:
    with pytest.raises(Rejected) as caught:
        transcript(record, dialect)
    assert caught.value.reason == reason
    assert detail in caught.value.detail


@pytest.mark.parametrize(
    "record",
    [
        {"problem": "1 + 1?", "text": "2"},
        {"messages": [{"role": "user", "content": "1 + 1?"}, {"role": "assistant", "content": "2"}]},
        # one shell block in a longer chat: advice, not an agent
        {"messages": [{"role": "assistant", "content": text} for text in ("Hi.", "```bash\nls\n```", "Bye.")]},
        {"trajectory": "north"},
        {"trajectory": [{"x": 1.0}]},
        {"events": [{"name": "login"}]},
        {"messages": "[" * 100_000},
        {"messages": None, "trajectory": 7, "events": {}},
        [],
        None,
    ],
)
def test_no_agent(record: Any) -> None:
    assert detect(record) is None


def test_unknown_dialect_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="there are openhands, swe_agent"):
        transcript({}, "swe-agent")


# --- the <function=…> format


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("", []),
        ("<function=f></function>", [("f", {})]),
        ("<function=f>", [("f", {})]),  # generation stopped before the end tag
        ("call <function=f> with care", []),  # prose about a call
        ("use <function=f>: <function=g><parameter=a>1</parameter></function>", [("g", {"a": "1"})]),
        ("<function=f><parameter=a>1</parameter>", [("f", {"a": "1"})]),
        ("<function=f><parameter=a>1</parameter><function=g></function>", [("f", {"a": "1"}), ("g", {})]),
        ("<function=f><parameter=a>1", []),  # broken off in a value
        ("<function=f><parameter=a>1</function>", []),  # the value never ends
        ("<function=f><parameter=a></parameter></function>", [("f", {"a": ""})]),
        ("<function=f><parameter=a>x</parameter>y</parameter></function>", [("f", {"a": "x</parameter>y"})]),
        ("<function=f><parameter=a><parameter=b>1</parameter></function>", [("f", {"a": "<parameter=b>1"})]),
        ("<function=f><parameter=a>if a<b></function> </parameter></function>", [("f", {"a": "if a<b></function> "})]),
        ("<function=f><parameter=a>1</parameter><parameter=a>2</parameter></function>", [("f", {"a": "2"})]),
        ("<function=f><parameter=a>1</parameter>\n</function>\n</function>", [("f", {"a": "1"})]),
        ("<function=>x</function>", []),
        ("<function= f ><parameter= a >1</parameter></function>", [("f", {"a": "1"})]),
        ("</function></parameter><parameter=a>1</parameter>", []),
    ],
)
def test_xml(text: str, calls: list[tuple[str, dict[str, str]]]) -> None:
    assert [(found.call.name, found.call.arguments) for found in xml_calls(text)] == calls


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("```bash\nls\n```", ["ls"]),
        ("```bash\r\nls\r\n```", ["ls\r"]),  # the line break before the fence is the fence's
        ("```bash\n\n```", []),
        ("```bash\n```", []),
        ("```python\nls\n```", []),
        ("```bash\nls", []),
        ("```bash\nls\n```\n```bash\nls\n```", []),
        ("```c++ title\n```bash\nx\n```", []),  # a block within a block
        ("inline ```bash ls``` is no block", []),
        ("```bash\ncat <<EOF\n```py\nEOF\n```", ["cat <<EOF"]),  # as the agent's environment reads it
    ],
)
def test_fenced(text: str, commands: list[str]) -> None:
    assert [found.call.arguments[""] for found in fenced_calls(text)] == commands


# --- round trips: write a random trajectory in a dialect, read it again

_words = st.text(st.characters(blacklist_categories=["Cs"]), max_size=12).map(lambda text: text.replace("<", "‹"))
_prose = _words.map(lambda text: text.replace("`", "'"))
_names = st.text("abcxyz_", min_size=1, max_size=8)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | _words, lambda inner: st.lists(inner, max_size=2), max_leaves=4
)
_calls = st.lists(st.tuples(_names, st.dictionaries(_names, _json, max_size=3)), min_size=1, max_size=3)
_turns = st.lists(st.tuples(_prose, _calls, st.booleans()), min_size=1, max_size=5)  # are answers in reverse order?
_Turns = list[tuple[str, list[tuple[str, dict[str, Any]]], bool]]


def _openai(turns: _Turns) -> dict[str, Any]:
    messages: list[dict[str, Any]] = [{"role": "user", "content": "p"}]
    for thought, calls, backwards in turns:
        items = [
            {"id": f"c{index}", "function": {"name": name, "arguments": json.dumps(arguments)}}
            for index, (name, arguments) in enumerate(calls)
        ]
        messages.append({"role": "assistant", "content": thought, "tool_calls": items})
        answers = [{"role": "tool", "tool_call_id": f"c{index}", "content": f"o{index}"} for index in range(len(calls))]
        messages += answers[::-1] if backwards else answers
    return {"messages": messages}


def _anthropic(turns: _Turns) -> dict[str, Any]:
    messages: list[dict[str, Any]] = [{"role": "user", "content": [{"type": "text", "text": "p"}]}]
    for thought, calls, backwards in turns:
        uses = [
            {"type": "tool_use", "id": f"c{index}", "name": name, "input": arguments}
            for index, (name, arguments) in enumerate(calls)
        ]
        messages.append({"role": "assistant", "content": [{"type": "text", "text": thought}, *uses]})
        answers = [{"type": "tool_result", "tool_use_id": use["id"], "content": f"o{use['id'][1:]}"} for use in uses]
        messages.append({"role": "user", "content": answers[::-1] if backwards else answers})
    return {"messages": messages}


def _openhands(turns: _Turns) -> dict[str, Any]:
    events: list[dict[str, Any]] = [{"source": "user", "action": "message", "args": {"content": "p"}}]
    for number, (thought, calls, backwards) in enumerate(turns):
        items = [
            {"id": f"c{index}", "function": {"name": name, "arguments": json.dumps(arguments)}}
            for index, (name, arguments) in enumerate(calls)
        ]
        response = {"id": f"r{number}", "choices": [{"message": {"content": thought, "tool_calls": items}}]}
        actions, answers = [], []
        for index, item in enumerate(items):
            metadata = {"tool_call_id": item["id"], "model_response": response}
            action_id = 100 * number + index
            actions.append({"id": action_id, "source": "agent", "action": "x", "tool_call_metadata": metadata})
            answers.append({"cause": action_id, "source": "agent", "observation": "x", "content": f"o{index}"})
        events += actions + (answers[::-1] if backwards else answers)
    return {"events": events}


@pytest.mark.parametrize("write", [_openai, _anthropic, _openhands])
@given(turns=_turns)
@settings(max_examples=60, deadline=None)
def test_structure_comes_back(write: Callable[[_Turns], dict[str, Any]], turns: _Turns) -> None:
    record = write(turns)
    dialect = detect(record)
    assert dialect == ("openhands" if write is _openhands else "tool_calls")
    written = transcript(record, dialect)
    assert written.problem == "p"
    thoughts = [text for kind, text in _slices(written) if kind == "thought"]
    assert thoughts == [thought for thought, _, _ in turns if thought.strip()]
    calls = [[(call.name, call.arguments) for call in event.calls] for event in written.events if event.calls]
    assert calls == [asked for _, asked, _ in turns]
    observations = [text for kind, text in _slices(written) if kind == "observation"]
    assert observations == [f"o{index}" for _, asked, _ in turns for index in range(len(asked))]
    _check(written, steps=len(turns))


@given(turns=_turns)
@settings(max_examples=60, deadline=None)
def test_xml_comes_back(turns: _Turns) -> None:
    messages = [{"role": "user", "content": "p"}]
    for thought, calls, _ in turns:
        written_calls = []
        for name, arguments in calls:
            values = "".join(f"<parameter={key}>{value}</parameter>\n" for key, value in arguments.items())
            written_calls.append(f"<function={name}>\n{values}</function>")
        messages.append({"role": "assistant", "content": thought + "\n".join(written_calls)})
        messages.append({"role": "user", "content": "OBSERVATION:\no"})
    written = transcript({"messages": messages}, "function_xml")
    calls = [[(call.name, call.arguments) for call in event.calls] for event in written.events if event.calls]
    assert calls == [
        [(name, {k: str(v) for k, v in arguments.items()}) for name, arguments in asked] for _, asked, _ in turns
    ]
    assert [text for kind, text in _slices(written) if kind == "thought"] == [t for t, _, _ in turns if t.strip()]
    assert [text for kind, text in _slices(written) if kind == "observation"] == ["o"] * len(turns)
    _check(written, steps=len(turns))


@given(turns=st.lists(st.tuples(_prose, _prose.filter(str.strip), _words), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_plain_commands_come_back(turns: list[tuple[str, str, str]]) -> None:
    fields = ("thought", "action", "observation")
    record = {"task": "p", "trajectory": [dict(zip(fields, turn, strict=True)) for turn in turns]}
    messages = [{"role": "user", "content": "p"}]
    for thought, command, observation in turns:
        messages.append({"role": "assistant", "content": f"{thought}\n```bash\n{command}\n```"})
        messages.append({"role": "user", "content": observation})
    assert detect(record) == "swe_agent"
    for written in (transcript(record, "swe_agent"), transcript({"messages": messages}, "mini_swe_agent")):
        commands = [call.arguments[""] for event in written.events for call in event.calls]
        assert commands == [command for _, command, _ in turns]
        assert [text for kind, text in _slices(written) if kind == "observation"] == [turn[2] for turn in turns]
        _check(written, steps=len(turns))


def _check(written: Transcript, steps: int) -> None:
    """The events are ordered and disjoint, and the segmenter's steps partition the text."""
    end = 0
    for event in written.events:
        assert end <= event.start <= event.end <= len(written.text)
        end = event.end
    segmentation = Agent().segment(Solution("a", written.problem, written.text, events=written.events))
    check_partition(written.text, segmentation)
    assert sum(step.kind == "call" for step in segmentation.steps) == len(segmentation.steps) == steps


# --- hostile records

_junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=3),
    max_leaves=8,
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from _paths(inner, (*path, key))


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_a_broken_record_is_refused_or_read_but_never_crashes(data: st.DataObject) -> None:
    """Any one place of a good record, replaced by junk."""
    dialect, case = data.draw(st.sampled_from([parameter.values for parameter in _cases()]))
    record = json.loads(json.dumps(case["record"]))
    *way, last = data.draw(st.sampled_from(list(_paths(record))[1:]))
    place = record
    for key in way:
        place = place[key]
    place[last] = data.draw(_junk)
    assert detect(record) in (None, *DIALECTS)
    for name in DIALECTS if data.draw(st.booleans()) else (dialect,):
        try:
            _check_any(transcript(record, name))
        except Rejected as rejected:
            assert rejected.detail


def _check_any(written: Transcript) -> None:
    solution = Solution("a", written.problem, written.text, events=written.events)
    for agent in (Agent(), Agent(messages="steps"), Agent(arguments="written")):
        check_partition(written.text, agent.segment(solution))


@pytest.mark.parametrize(
    "content",
    [
        "<function=a>" * 50_000,
        "<function=a><parameter=b>" * 25_000,
        "<function=a><parameter=b>" + "</parameter>" * 50_000,
        "</function>" * 50_000,
        "<parameter=" * 50_000,
        "<function=" + "a" * 500_000,
        "```bash\n" * 50_000,
        "```bash\nls\n```\n" * 30_000,
        "OBSERVATION:" * 50_000 + " " * 50_000,
        " " * 500_000 + "x",
    ],
)
def test_a_long_hostile_message_is_read_in_one_pass(content: str) -> None:
    """Half a megabyte each: were any of these quadratic, this test would take minutes."""
    messages = [{"role": role, "content": content} for role in ("user", "assistant", "user", "assistant")]
    for dialect in ("function_xml", "mini_swe_agent", "tool_calls"):
        try:
            _check_any(transcript({"messages": messages}, dialect))
        except Rejected as rejected:
            assert rejected.reason == "no_agent_turns"


# --- real trajectories


@pytest.mark.parametrize(
    ("file", "dialect", "calls"),
    [  # counted by hand in the raw records: list entries with an action, assistant messages with a call
        ("swe_agent_trajs_6.jsonl", "swe_agent", [5, 5, 12, 5, 14, 12]),
        ("swe_smith_trajs_2.jsonl", "swe_agent", [22, 17]),
        ("swe_smith_xml_messages_2.jsonl", "function_xml", [37, 44]),
        ("mini_swe_agent_1.jsonl", "mini_swe_agent", [10]),
        ("openhands_events_3.jsonl", "openhands", [2, 1, 4]),
    ],
)
def test_real(file: str, dialect: str, calls: list[int]) -> None:
    if not (REAL / file).exists():
        pytest.skip(f"{file} is not here")
    counts = []
    for line in (REAL / file).read_text().splitlines():
        record = json.loads(line)
        assert detect(record) == dialect
        written = transcript(record, dialect)
        _check(written, steps=sum(bool(event.calls) for event in written.events))
        counts.append(sum(len(event.calls) for event in written.events))
    assert counts == calls
