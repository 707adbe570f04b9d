"""Lines in, records out: every line of an input ends as a record or as a reject that says where and why."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from srl_data import sources
from srl_data.errors import InputError, Rejected
from srl_data.sources import lines as lines_module
from srl_data.sources.chunks import Chunks
from srl_data.sources.lines import line_blocks


def read(path: Path, block_bytes: int = 4 << 20) -> list[tuple[int, Any]]:
    """Number and record, or number and reason, of everything in a file."""
    [source] = sources.resolve([str(path)])
    return [
        (number, record.reason if isinstance(record, Rejected) else record)
        for block in sources.blocks(source, block_bytes)
        for number, record in sources.records(pickle.loads(pickle.dumps(block)))  # noqa: S301
    ]


GOOD = b'{"a": 1}\n'

# bytes of a JSONL file → what comes out of it
LINES: dict[str, tuple[bytes, list[tuple[int, Any]]]] = {
    "plain": (GOOD + b'{"a": 2}\n', [(1, {"a": 1}), (2, {"a": 2})]),
    "no newline at the end": (GOOD + b'{"a": 2}', [(1, {"a": 1}), (2, {"a": 2})]),
    "blank lines count": (b"\n \r\n" + GOOD + b"\n\n" + GOOD, [(3, {"a": 1}), (6, {"a": 1})]),
    "Windows line ends": (b'{"a": 1}\r\n{"a": 2}\r\n', [(1, {"a": 1}), (2, {"a": 2})]),
    "byte order mark": (b"\xef\xbb\xbf" + GOOD, [(1, {"a": 1})]),
    "malformed": (GOOD + b'{"a": \n' + GOOD, [(1, {"a": 1}), (2, "bad_json"), (3, {"a": 1})]),
    "two on a line": (GOOD + b"{} {}\n", [(1, {"a": 1}), (2, "bad_json")]),
    "invalid UTF-8": (GOOD + b'{"a": "caf\xe9"}\n' + GOOD, [(1, {"a": 1}), (2, "bad_utf8"), (3, {"a": 1})]),
    "not an object": (
        b'[1]\n"a"\n3\nnull\ntrue\n' + GOOD,
        [(n, "not_an_object") for n in range(1, 6)] + [(6, {"a": 1})],
    ),
    "nested too deeply": (b'{"a": ' + b"[" * 100_000 + b"\n" + GOOD, [(1, "bad_json"), (2, {"a": 1})]),
    "integer too long": (b'{"a": ' + b"1" * 5000 + b"}\n" + GOOD, [(1, "bad_json"), (2, {"a": 1})]),
    "equal keys, the last counts": (b'{"a": 1, "a": 2}\n', [(1, {"a": 2})]),
    "numbers that JSON lacks": (b'{"a": [NaN, -Infinity]}\n', [(1, {"a": ["NaN", "-Infinity"]})]),
    "raw NUL": (GOOD * 5 + b"\x00\x00\n", [(n, {"a": 1}) for n in range(1, 6)] + [(6, "bad_json")]),
    "line separator inside a string": ('{"a": "x\u2028y"}\n'.encode(), [(1, {"a": "x\u2028y"})]),
    "empty": (b"", [(0, "empty_file")]),
    "white space only": (b"\n \n", [(0, "empty_file")]),
    "UTF-16": (GOOD.decode().encode("utf-16"), [(0, "not_text")]),
    "UTF-16 without mark": (GOOD.decode().encode("utf-16-le"), [(0, "not_text")]),
    "a zip archive": (b"PK\x03\x04\x14\x00\x00\x00", [(0, "not_text")]),
    "noise": (bytes(range(128, 256)) * 8, [(0, "not_text")]),
}


@pytest.mark.parametrize("block_bytes", [1, 10, 4 << 20])
@pytest.mark.parametrize("case", LINES)
def test_jsonl(tmp_path: Path, case: str, block_bytes: int) -> None:
    content, expected = LINES[case]
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    assert read(path, block_bytes) == expected


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        (b'{"a": 1,}', "column 9: '{\"a\": 1,}'"),
        (b'{"a": "\xff"}', "byte 8 of the line is not UTF-8"),
        (b"[1, 2]", "a list where an object is expected: [1, 2]"),
        (b"{" + b"1" * 5000, "column 2"),
    ],
)
def test_a_reject_points_at_the_spot(line: bytes, detail: str) -> None:
    [(number, rejected)] = sources.records(sources.Block("a.jsonl", 17, "jsonl", line))
    assert number == 17
    assert isinstance(rejected, Rejected)
    assert detail in rejected.detail
    assert len(rejected.detail) < 300, "an excerpt, not the whole line"


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


PACKERS: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".zst": zstd}
MANY = [{"n": n, "noise": n * 2654435761 % 2**32} for n in range(20_000)]
MANY_LINES = b"".join(json.dumps(record).encode() + b"\n" for record in MANY)


@pytest.mark.parametrize("suffix", PACKERS)
def test_compressed_whole(tmp_path: Path, suffix: str) -> None:
    pack = PACKERS[suffix]
    half = MANY_LINES.index(b"\n", len(MANY_LINES) // 2) + 1
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(pack(MANY_LINES[:half]) + pack(MANY_LINES[half:]))  # two members, as `cat` makes them
    assert read(path) == list(enumerate(MANY, 1))


@pytest.mark.parametrize("suffix", PACKERS)
def test_compressed_and_cut_off(tmp_path: Path, suffix: str) -> None:
    """Every record before the cut comes out, then one reject, at the line at which reading stopped."""
    path = tmp_path / f"a.jsonl{suffix}"
    packed = PACKERS[suffix](MANY_LINES)
    path.write_bytes(packed[: len(packed) // 2])
    *good, (last, reason) = read(path)
    assert reason == "truncated_input"
    assert good == list(enumerate(MANY[: len(good)], 1))
    assert len(good) > 1000
    assert last == len(good) + 1


@pytest.mark.parametrize("suffix", PACKERS)
def test_compressed_and_damaged(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.jsonl{suffix}"
    packed = bytearray(PACKERS[suffix](MANY_LINES))
    packed[-40:] = b"\xff" * 40
    path.write_bytes(packed)
    results = read(path)
    assert results[-1][1] == "truncated_input"
    assert [reason for _, reason in results[:-1] if isinstance(reason, str)] in ([], ["bad_json"])


def test_compression_is_told_by_content(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(gzip.compress(GOOD))
    assert read(path) == [(1, {"a": 1})]
    path = tmp_path / "b.jsonl.gz"
    path.write_bytes(GOOD)
    assert read(path) == [(1, {"a": 1})]


def test_cut_behind_a_whole_record_loses_nothing() -> None:
    def cut() -> Iterator[bytes]:
        yield b'{"a": 1}\n{"a": 2}'
        raise Rejected("truncated_input", "gone")

    *good, (number, damage) = line_blocks(cut(), 1 << 20)
    assert good == [(1, b'{"a": 1}\n{"a": 2}')]
    assert number == 3
    assert str(damage) == "truncated_input: gone"


def test_too_long_a_line_is_skipped_without_holding_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "MAX_RECORD", 1 << 20)

    def chunks() -> Iterator[bytes]:
        yield b"first\n"
        for _ in range(200):
            yield b"x" * (100 << 10)
        yield b"\nlast\n"

    tracemalloc.start()
    found = list(line_blocks(chunks(), 4 << 20))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [(number, str(lines)[:9]) for number, lines in found] == [
        (1, "b'first\\n"),
        (2, "too_large"),
        (3, "b'last\\n'"),
    ]
    assert f"{200 * (100 << 10):,} bytes" in str(found[1][1])
    assert peak < 4 << 20


@pytest.mark.parametrize("length", [99, 100, 101, 250])
@pytest.mark.parametrize("at_end", [False, True])
def test_the_limit_does_not_depend_on_how_the_bytes_arrive(
    monkeypatch: pytest.MonkeyPatch, length: int, at_end: bool
) -> None:
    monkeypatch.setattr(lines_module, "MAX_RECORD", 100)
    content = b"a\n" + b"x" * length + (b"" if at_end else b"\nb\n")
    outcomes = set()
    for step in (1, 7, 1000):
        pieces = [content[i : i + step] for i in range(0, len(content), step)]
        outcomes.add(tuple((number, str(lines)) for number, lines in line_blocks(pieces, 50)))
    assert len(outcomes) == 1
    assert ("too_large" in str(outcomes)) == (length > 100)


@given(
    lines=st.lists(st.binary(max_size=12).map(lambda line: line.replace(b"\n", b""))),
    size=st.integers(1, 40),
    steps=st.lists(st.integers(1, 9), min_size=1),
)
@settings(deadline=None)
def test_blocks_partition_the_lines(lines: list[bytes], size: int, steps: list[int]) -> None:
    """No byte lost or doubled, numbers right, and boundaries that do not depend on the pieces."""
    content = b"\n".join(lines)
    pieces, at, turn = [], 0, 0
    while at < len(content):
        pieces.append(content[at : at + steps[turn % len(steps)]])
        at, turn = at + len(pieces[-1]), turn + 1
    found = list(line_blocks(pieces, size))
    assert found == list(line_blocks([content], size))
    assert b"".join(block for _, block in found if isinstance(block, bytes)) == content
    before = 0
    for first, block in found:
        assert isinstance(block, bytes)
        assert first == before + 1
        before += block.count(b"\n")


def test_memory_stays_flat(tmp_path: Path) -> None:
    """Ten times the input, the same peak."""
    path = tmp_path / "a.jsonl"
    path.write_bytes((b'{"text": "' + b"x" * 1000 + b'"}\n') * 20_000)
    [source] = sources.resolve([str(path)])
    tracemalloc.start()
    count = sum(1 for block in sources.blocks(source, 256 << 10) for _ in sources.records(block))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 20_000
    assert peak < 3 << 20


def test_position_ends_at_the_size(tmp_path: Path) -> None:
    for name, content in {"a.jsonl": MANY_LINES, "b.jsonl.gz": gzip.compress(MANY_LINES)}.items():
        (tmp_path / name).write_bytes(content)
        [source] = sources.resolve([str(tmp_path / name)])
        positions = [block.position for block in sources.blocks(source, 64 << 10)]
        assert positions == sorted(positions)
        assert positions[-1] == source.size


class Pipe(io.BufferedReader):
    """Standard input that hands out a few bytes at a time."""

    def read1(self, size: int = -1, /) -> bytes:
        return super().read1(min(size, 7))


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd], ids=["plain", "gzip", "zstd"])
def test_peeking_at_stdin_loses_nothing(monkeypatch: pytest.MonkeyPatch, pack: Callable[[bytes], bytes]) -> None:
    content = b"oops\n" + b"".join(b'{"n": %d}\n' % n for n in range(500))
    stdin = io.TextIOWrapper(Pipe(io.BytesIO(pack(content))))
    monkeypatch.setattr(sys, "stdin", stdin)
    [source] = sources.resolve(["-"])
    assert (source.name, source.size, sources.fingerprint(source)) == ("stdin", None, "")
    assert sources.peek(source, 3) == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert sources.peek(source, 2) == [{"n": 0}, {"n": 1}], "again"
    numbered = [pair for block in sources.blocks(source, 1000) for pair in sources.records(block)]
    assert [number for number, _ in numbered] == list(range(1, 502))
    assert [record for _, record in numbered[1:]] == [{"n": n} for n in range(500)]
    assert list(Chunks("-")) == [], "all of it is read"


def test_peek_skips_what_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"oops\n" + GOOD * 30)
    [source] = sources.resolve([str(path)])
    assert sources.peek(source, 2) == [{"a": 1}, {"a": 1}]
    assert len(sources.peek(source)) == 20
    path.write_bytes(b"")
    assert sources.peek(source) == []


def test_a_file_that_vanishes_is_an_input_error(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(GOOD)
    [source] = sources.resolve([str(path)])
    path.unlink()
    with pytest.raises(InputError, match=r"cannot read .*a\.jsonl: No such file"):
        list(sources.blocks(source))
