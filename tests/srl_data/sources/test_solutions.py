"""A record and a layout → a solution, or the reason why there is none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srl_data.errors import Rejected
from srl_data.sources import Layout, to_solution
from srl_data.types import Solution

PLAIN = Layout("q", "t", "a", "i")
MESSAGES = Layout("messages", "messages", name="messages")
GSM8K = Layout("question", "answer", name="gsm8k", marker="####")


def read(record: dict[str, Any], layout: Layout = PLAIN, segmenter: str | None = None) -> Solution:
    return to_solution(record, layout, "a.jsonl:7", "a-7", segmenter)


def test_everything_has_its_place() -> None:
    record = {"q": "1 + 1?", "t": " 2\n", "a": "2", "i": "x", "level": 3, "tags": ["sum"]}
    assert read(record) == Solution("x", "1 + 1?", " 2\n", "2", "a.jsonl:7", {"level": 3, "tags": ["sum"]})


# what stands in a column → what is made of it
@pytest.mark.parametrize(
    ("value", "answer"),
    [
        ("2", "2"), (" 2\n", "2"), ("", None), (None, None), (5, "5"), (5.0, "5.0"), (True, "true"), (["2"], "2"),
        ([5], "5"), (10**30, "1" + "0" * 30), ("½", "½"),
    ],
)  # fmt: skip
def test_answers(value: Any, answer: str | None) -> None:
    assert read({"q": "?", "t": "!", "a": value}).answer == answer


@pytest.mark.parametrize(("value", "id"), [("x", "x"), (0, "0"), (None, "a-7"), ("", "a-7"), (5.5, "5.5")])
def test_ids(value: Any, id: str) -> None:
    assert read({"q": "?", "t": "!", "i": value}).id == id


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (["Step 1", "Step 2"], "Step 1\nStep 2"),
        ([{"role": "assistant", "content": "first"}, {"role": "assistant", "content": "last"}], "last"),
        ([{"role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "image"}]}], "a"),
    ],
)
def test_texts(value: Any, text: str) -> None:
    assert read({"q": "?", "t": value}).text == text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"q": ["a", 1]}, "wrong_type: column q is a list of 2 texts: is this JSON by columns?"),
        ({"q": [1, "a"]}, "wrong_type: column q is a list, not a string"),
        ({"q": {"a": 1}}, "wrong_type: column q is an object, not a string"),
        ({"t": 5}, "wrong_type: column t is a number, not a string"),
        ({"t": True}, "wrong_type: column t is a boolean, not a string"),
        ({"q": None}, "empty_problem: column q is null"),
        ({"q": " \n"}, "empty_problem: column q has nothing but white space in it"),
        ({"t": None}, "empty_text: column t is null"),
        ({"t": ""}, "empty_text: column t has nothing but white space in it"),
        ({"t": []}, "empty_text: column t is an empty list"),
        ({"q": "x\ud800"}, "lone_surrogate: column q has half a surrogate pair, '\\ud800', at 1"),
        ({"t": ["a", "\udfff"]}, "lone_surrogate: t has half a surrogate pair, '\\udfff', at 2"),
        ({"a": "\ud800"}, "lone_surrogate: column a"),
        ({"i": "\ud800"}, "lone_surrogate: column i"),
        ({"a": [1, 2]}, "wrong_type: column a is a list, not one answer"),
        ({"a": {"b": 1}}, "wrong_type: column a is an object"),
        ({"i": ["x"]}, "wrong_type: column i is a list, not an id"),
        ({"i": True}, "wrong_type: column i is a boolean, not an id"),
    ],
)
def test_what_cannot_be_used(change: dict[str, Any], message: str) -> None:
    with pytest.raises(Rejected) as caught:
        read({"q": "?", "t": "!", **change})
    assert str(caught.value).startswith(message)


def test_a_missing_column_names_those_there_are() -> None:
    with pytest.raises(Rejected) as caught:
        read({"q": "?", "body": "!"})
    assert str(caught.value) == "missing_column: no column t; there are q, body. Name the right one: --map text=COLUMN"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("t", "0"),
        ("x.y", "1"),
        ("x.list.1", "3"),
        ("turns.-1", None),
        ("x.list.2", None),
        ("x.y.z", None),
        ("d.o.t", "4"),
    ],
)
def test_paths(path: str, text: str | None) -> None:
    record = {"q": "?", "t": "0", "x": {"y": "1", "list": ["2", "3"]}, "d.o.t": "4", "d": {"o": {"t": "5"}}}
    layout = Layout("q", path)
    if text is None:
        with pytest.raises(Rejected, match="missing_column"):
            read(record, layout)
    else:
        assert read(record, layout).text == text


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("1 + 1 = 2\n#### 2", "2"),
        ("1 + 1 = 2\n#### 2\n\n", "2"),
        ("1 + 1 = 2\n#### 1,000", "1,000"),
        ("#### Sum\n1 + 1 = 2", None),  # a heading, not the last line
        ("1 + 1 = 2", None),
        ("1 + 1 = 2\n####", None),
    ],
)
def test_the_answer_behind_the_marker(text: str, answer: str | None) -> None:
    solution = read({"question": "?", "answer": text}, GSM8K)
    assert (solution.answer, solution.text) == (answer, text)


def test_the_thinking_segmenter_gets_the_thoughts() -> None:
    layout = Layout("question", "attempt", "solution", name="s1k", thinking="thoughts")
    record = {"question": "?", "attempt": "short", "thoughts": ["long"], "solution": "2"}
    assert read(record, layout).text == "short"
    assert read(record, layout, "thinking").text == "long"
    assert read(record, layout, "thinking").meta == {"attempt": "short"}


def test_context_follows_the_problem() -> None:
    layout = Layout("instruction", "output", name="alpaca", context="input")
    assert read({"instruction": "Add.", "input": "1, 1", "output": "2"}, layout).problem == "Add.\n\n1, 1"
    assert read({"instruction": "Add.", "input": "", "output": "2"}, layout).problem == "Add."


def turn(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ([turn("user", "a"), turn("assistant", "b")], ("a", "b")),
        (
            [turn("system", "s"), turn("user", "a"), turn("assistant", "b"), turn("user", "c"), turn("assistant", "d")],
            "multi_turn",
        ),
        ([turn("user", "a"), turn("assistant", "b"), turn("user", "thanks")], ("a", "b")),
        ([{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}], ("a", "b")),
        ([turn("user", "a")], "no_assistant_message"),
        ([turn("assistant", "b")], "no_user_message"),
        ([], "no_assistant_message"),
        ([5, None], "no_assistant_message"),
        ([turn("user", "a"), turn("assistant", None)], "wrong_type"),
        ([turn("user", "a"), turn("assistant", " ")], "empty_text"),
        ([turn("user", ""), turn("assistant", "b")], "empty_problem"),
        ([turn("user", "\ud800"), turn("assistant", "b")], "lone_surrogate"),
    ],
)  # fmt: skip
def test_chats(turns: list[Any], expected: tuple[str, str] | str) -> None:
    record = {"messages": turns}
    if isinstance(expected, str):
        with pytest.raises(Rejected, match=expected):
            read(record, MESSAGES)
    else:
        solution = read(record, MESSAGES)
        assert (solution.problem, solution.text) == expected


def test_mixed_files() -> None:
    """Records of other shapes than the guessed one are read for what they are."""
    chat = {"messages": [turn("user", "1 + 1?"), turn("assistant", "2")], "id": "c"}
    run = {
        "task": "Find it.",
        "trajectory": [{"thought": "Look.", "action": "ls\n", "observation": "a.py"}],
        "source_path": "x",
    }
    layout = Layout("question", "answer", id="id", name="gsm8k", marker="####")
    assert read({"question": "?", "answer": "!\n#### 1", "messages": chat["messages"]}, layout).answer == "1"
    assert (read(chat, layout).problem, read(chat, layout).id) == ("1 + 1?", "c")
    solution = read(run, layout)
    assert [event.kind for event in solution.events] == ["thought", "call", "observation"]
    assert solution.meta == {"task": "Find it.", "source_path": "x", "dialect": "swe_agent"}
    with pytest.raises(Rejected, match="no_trajectory"):
        read({"question": "?", "answer": "!"}, Layout("trajectory", "trajectory", name="agent"))
    with pytest.raises(Rejected, match="missing_column"):
        read(chat, Layout("question", "answer"))  # the user named the columns


def test_meta_is_bounded() -> None:
    record = {"q": "?", "t": "!", "long": "x" * 2001, "fits": "y" * 1990, "deep": json.loads("[" * 300 + "]" * 300)}
    assert read(record).meta == {"fits": "y" * 1990, "dropped_columns": ["long", "deep"]}
    many = {"q": "?", "t": "!", **{f"c{n}": "x" * 100 for n in range(1000)}}
    meta = read(many).meta
    assert len(json.dumps(meta)) < 25_000
    assert meta["dropped_columns"][-1].endswith(" in all")


def test_meta_is_strict_json() -> None:
    record = {
        "q": "?",
        "t": "!",
        "nan": float("nan"),
        "list": [float("-inf"), "\ud800"],
        "half": "a\udfff",
        "\ud800": 1,
    }
    assert read(record).meta == {"nan": "NaN", "list": ["-Infinity", "\ufffd"], "half": "a\ufffd", "\ufffd": 1}


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["role", "content", "action", "x"]), inner)
    ),
    max_leaves=10,
)
columns = st.sampled_from(["q", "t", "a", "i", "messages", "conversations", "trajectory", "events", "question", "x"])


@given(
    record=st.dictionaries(columns, anything),
    layout=st.sampled_from([PLAIN, MESSAGES, GSM8K, Layout("events", "events", name="agent")]),
)
@settings(max_examples=300, deadline=None)
def test_any_record_is_a_solution_or_a_reject(record: dict[str, Any], layout: Layout) -> None:
    try:
        solution = read(record, layout)
    except Rejected as rejected:
        assert rejected.reason
        assert rejected.detail
        return
    assert solution.problem.strip()
    assert solution.text.strip()
    json.dumps(solution.meta, allow_nan=False, ensure_ascii=False).encode()
    for written in (solution.id, solution.problem, solution.text, solution.answer or ""):
        written.encode()
