"""JSON files are cut into records by their brackets; broken ones cost a record, not the file."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srl_data import sources
from srl_data.errors import Rejected
from srl_data.sources import json_stream
from srl_data.sources.json_stream import json_documents

# a JSON file → its records, and the reasons of those that are none
CASES: dict[str, tuple[str, list[Any]]] = {
    "array": ('[{"a": 1}, {"a": 2}]', [{"a": 1}, {"a": 2}]),
    "array over lines": ('[\n  {"a": 1},\n  {"a": 2}\n]\n', [{"a": 1}, {"a": 2}]),
    "empty array": ("[]", ["empty_file"]),
    "brackets in strings": (r'[{"a": "]},{\"["}, {"b": "\\"}]', [{"a": ']},{"['}, {"b": "\\"}]),
    "one object": ('{"a": {"b": [1, {"c": 2}]}}', [{"a": {"b": [1, {"c": 2}]}}]),
    "objects behind one another": ('{\n"a": 1}\n{\n"a": 2}', [{"a": 1}, {"a": 2}]),
    "under data": ('{"version": [1, 2], "data": [{"a": 1}, {"a": 2}], "end": {}}', [{"a": 1}, {"a": 2}]),
    "under two splits": ('{"train": [{"a": 1}], "test": [{"a": 2}]}', [{"a": 1}, {"a": 2}]),
    "data that are no records": ('{"data": [1, 2]}', [{"data": [1, 2]}]),
    "data deeper down": ('{"x": {"data": [{"a": 1}]}}', [{"x": {"data": [{"a": 1}]}}]),
    "a trajectory file": ('{"trajectory": [{"action": "ls"}]}', [{"trajectory": [{"action": "ls"}]}]),
    "a chat": ('[{"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}]', [
        {"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}]}
    ]),
    "agent events": ('[{"source": "user", "action": "a"}]', [{"events": [{"source": "user", "action": "a"}]}]),
    "a broken element": ('[{"a": 1}, {"a": oops}, {"a": 2}]', [{"a": 1}, "bad_json", {"a": 2}]),
    "junk behind an element": ('[{"a": 1} junk, {"a": 2}]', ["bad_json", {"a": 2}]),
    "no objects": ('[1, "x", null, {"a": 1}]', ["not_an_object", "not_an_object", "not_an_object", {"a": 1}]),
    "numbers that JSON lacks": ('[{"a": NaN}, {"a": 1}]', [{"a": "NaN"}, {"a": 1}]),
    "half a surrogate pair stays": (r'[{"a": "\ud800"}]', [{"a": "\ud800"}]),
    "cut off": ('[{"a": 1}, {"a": 2', [{"a": 1}, "truncated_input"]),
    "cut off in a string": ('[{"a": 1}, {"a": "2', [{"a": 1}, "truncated_input"]),
    "cut off in an object": ('{"a": 1', ["truncated_input"]),
    "no closing bracket": ('[{"a": 1},', [{"a": 1}, "truncated_input"]),
    "a brace too many": ('[{"a": 1}}, {"a": 2}]', [{"a": 1}, "bad_json", {"a": 2}]),
    "a text": ("hello", ["bad_json"]),
    "junk at the end": ('[{"a": 1}] hello', [{"a": 1}, "bad_json"]),
    "byte order mark": ('\ufeff[{"a": 1}]', [{"a": 1}]),
    "empty": ("", ["empty_file"]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_json(tmp_path: Path, case: str) -> None:
    content, expected = CASES[case]
    path = tmp_path / "a.json"
    path.write_text(content, "utf-8")
    [source] = sources.resolve([str(path)])
    pairs = [pair for block in sources.blocks(source, 10) for pair in sources.records(block)]
    assert [record.reason if isinstance(record, Rejected) else record for _, record in pairs] == expected
    if expected != ["empty_file"]:
        assert [number for number, _ in pairs] == list(range(1, len(expected) + 1))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("step", [1, 3])
def test_how_the_bytes_arrive_does_not_matter(case: str, step: int) -> None:
    content = CASES[case][0].encode()
    pieces = (content[i : i + step] for i in range(0, len(content), step))
    assert list(map(str, json_documents(pieces))) == list(map(str, json_documents([content])))


@pytest.mark.parametrize(
    "hostile",
    [
        "[" * 100_000,
        "{" * 100_000,
        '[{"a":' * 50_000,
        '["' + "\\" * 99_999,
        '"' * 100_001,
        "]}," * 30_000,
        "[" + "}" * 9,
    ],
)
def test_hostile_nesting_ends(hostile: str) -> None:
    results = [
        record
        for row in json_documents([hostile.encode()])
        for _, record in sources.records(sources.Block("a.json", 1, "rows", [row]))
    ]
    assert results
    assert all(isinstance(record, Rejected) for record in results)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(rows=st.lists(st.fixed_dictionaries({"x": json_values}), max_size=6), indent=st.sampled_from([None, 1]))
@settings(deadline=None)
def test_agrees_with_the_standard_parser(rows: list[Any], indent: int | None) -> None:
    for document in (rows, {"about": "[{", "data": rows} if rows else []):
        written = json.dumps(document, indent=indent, ensure_ascii=False).encode()
        assert [json.loads(row) for row in json_documents([written]) if isinstance(row, bytes)] == rows


def test_memory_stays_flat_and_large_records_are_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "MAX_RECORD", 1 << 20)

    def chunks() -> Iterator[bytes]:
        yield b'{"info": "'
        for _ in range(100):
            yield b"y" * (100 << 10)
        yield b'", "data": ['
        for _ in range(1000):
            yield b'{"a": "' + b"x" * 9000 + b'"},'
        yield b'{"a": "'
        for _ in range(100):
            yield b"x" * (100 << 10)
        yield b'"}, {"a": 1}]}'

    tracemalloc.start()
    lengths = [len(row) if isinstance(row, bytes) else row.reason for row in json_documents(chunks())]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert lengths == [*[9009] * 1000, "too_large", 8]
    assert peak < 6 << 20


def test_names_may_lie_about_the_format(tmp_path: Path) -> None:
    for name, content in {
        "lines.json": '{"a": 1}\n{"a": 2}\n',
        "array.jsonl": '[{"a": 1},\n{"a": 2}]',
        "array2.jsonl": '[\n{"a": 1}, {"a": 2}\n]',
        "array.txt": '[{"a": 1}, {"a": 2}]',
        "lines": '{"a": 1}\n{"a": 2}\n',
    }.items():
        path = tmp_path / name
        path.write_text(content)
        [source] = sources.resolve([str(path)])
        assert sources.peek(source) == [{"a": 1}, {"a": 2}], name
