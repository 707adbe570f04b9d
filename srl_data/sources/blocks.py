"""Inputs → blocks → records.

The process that reads cuts an input into blocks, which costs little; whoever gets a block decodes it into
records, which costs more. A block is small and picklable, its boundaries depend on the input alone, and an
input of any size takes the memory of one block.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from srl_data.errors import InputError, Rejected
from srl_data.sources.chunks import STDIN, Chunks, text_chunks
from srl_data.sources.inputs import Input
from srl_data.sources.lines import MAX_RECORD, excerpt, line_blocks, too_large

__all__ = ["Block", "blocks", "peek", "records"]

_PEEK = 64 << 10


@dataclass(frozen=True, slots=True)
class Block:
    """A run of consecutive records, not yet decoded.

    Attributes:
        input: The name of the input they come from.
        first: The 1-based number of the first one: its line in JSONL and standard input, its row elsewhere. 0
            for a reject that concerns the input as a whole.
        kind: ``jsonl`` is lines; ``arrow`` an encoded record batch; ``rows`` a list of rows, each a mapping,
            the bytes of a JSON value, or a :class:`~srl_data.errors.Rejected`.
        data: The records.
        position: How many bytes of the input have been read for this block and those before it, out of
            ``Input.size`` (rows are counted in proportion). For a progress bar; not exact.
    """

    input: str
    first: int
    kind: Literal["jsonl", "rows", "arrow"]
    data: bytes | list[Any]
    position: int = 0


def blocks(input: Input, block_bytes: int = 4 << 20) -> Iterator[Block]:
    """Cut an input into blocks of about ``block_bytes`` bytes.

    What cannot be read never stops what can: an empty input gives one reject ``empty_file``, one that is not
    text (or is a broken Parquet or Arrow file) ``not_text`` (``unreadable_file``), both as record 0; compressed
    data that end too early give all the records before the damage, then ``truncated_input``.

    Raises:
        InputError: While iterating, if the input cannot be opened or read, or the Hub does not hand it out.
    """
    empty = True
    try:
        for block in _READERS[input.format](input, block_bytes):
            empty = False
            yield block
    except Rejected as rejected:
        yield _reject(input, 0, rejected)
        return
    except OSError as error:
        raise InputError(f"cannot read {input.path}: {error.strerror or error}") from error
    if empty:
        yield _reject(input, 0, Rejected("empty_file", "there is no record in it"))


def records(block: Block) -> Iterator[tuple[int, dict[str, Any] | Rejected]]:
    r"""Decode a block.

    Blank lines are counted and skipped. ``NaN`` and the infinities, which JSON does not have but many writers
    write, become the strings ``"NaN"``, ``"Infinity"``, ``"-Infinity"``; of equal keys the last one counts.

    Yields:
        The line or row number, and the record or why there is none (``bad_json``, ``bad_utf8``,
        ``not_an_object``, ``too_large``, …).

    Example:
        >>> block = Block("a.jsonl", 7, "jsonl", b'{"a": 1}\n\n[2]\n')
        >>> [(line, str(record)) for line, record in records(block)]
        [(7, "{'a': 1}"), (9, 'not_an_object: a list where an object is expected: [2]')]
    """
    if isinstance(block.data, list):
        for number, row in enumerate(block.data, block.first):
            yield number, _decode(row) if isinstance(row, bytes) else row
    elif block.kind == "jsonl":
        for number, line in enumerate(block.data.split(b"\n"), block.first):
            if line and not line.isspace():
                yield number, _decode(line)
    else:
        from srl_data.sources.tables import arrow_rows

        yield from enumerate(arrow_rows(block.data), block.first)


def peek(input: Input, n: int = 20) -> list[dict[str, Any]]:
    """The first ``n`` well-formed records, fewer if there are not as many.

    What is read of standard input for this is kept: :func:`blocks` hands it out again.
    """
    found: list[dict[str, Any]] = []
    reading = _stdin(input, _PEEK, keep=True) if input.path == STDIN else blocks(input, _PEEK)
    try:
        for block in reading:
            for _, record in records(block):
                if not isinstance(record, Rejected):
                    found.append(record)
                    if len(found) == n:
                        return found
    except Rejected:
        pass  # blocks() will say so, and where
    return found


_parse = json.JSONDecoder(parse_constant=lambda name: name).decode
_NAMES = {list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number", type(None): "null"}


def _decode(line: bytes) -> dict[str, Any] | Rejected:
    if len(line) > MAX_RECORD:
        return too_large("line", len(line))
    try:
        record = _parse(line.decode())
    except UnicodeDecodeError as error:
        near = excerpt(line, error.start)
        return Rejected("bad_utf8", f"byte {error.start + 1} of the line is not UTF-8 ({error.reason}): {near}")
    except json.JSONDecodeError as error:
        return Rejected("bad_json", f"{error.msg}, column {error.pos + 1}: {excerpt(error.doc, error.pos)}")
    except ValueError as error:
        return Rejected("bad_json", f"{error}: {excerpt(line)}")
    except RecursionError:
        return Rejected("bad_json", f"nested too deeply: {excerpt(line)}")
    if type(record) is not dict:
        shown = line.decode()
        shown = shown if len(shown) <= 60 and shown.isprintable() else excerpt(shown)
        return Rejected("not_an_object", f"{_NAMES[type(record)]} where an object is expected: {shown}")
    return record


def _reject(input: Input, number: int, rejected: Rejected) -> Block:
    return Block(input.name, number, "rows", [rejected])


def _jsonl(input: Input, size: int) -> Iterator[Block]:
    return _lines(input, size, Chunks(input.path))


def _stdin(input: Input, size: int, *, keep: bool = False) -> Iterator[Block]:
    return _lines(input, size, Chunks(STDIN, keep=keep))


def _lines(input: Input, size: int, chunks: Chunks) -> Iterator[Block]:
    for first, lines in line_blocks(text_chunks(chunks), size):
        if isinstance(lines, Rejected):
            yield _reject(input, first, lines)
        elif not lines.isspace():
            yield Block(input.name, first, "jsonl", lines, chunks.position)


def _json(input: Input, size: int) -> Iterator[Block]:
    from srl_data.sources.json_stream import json_documents

    chunks = Chunks(input.path)
    yield from _grouped(input, size, json_documents(text_chunks(chunks)), len, lambda _: chunks.position)


def _csv(input: Input, size: int) -> Iterator[Block]:
    from srl_data.sources.tables import csv_rows

    chunks = Chunks(input.path)
    rows = csv_rows(text_chunks(chunks), "\t" if ".tsv" in Path(input.path).name.lower() else ",")
    yield from _grouped(input, size, rows, lambda row: sum(map(len, row.values())), lambda _: chunks.position)


def _hub(input: Input, size: int) -> Iterator[Block]:
    from srl_data.sources.hub import hub_rows

    yield from _grouped(input, size, hub_rows(input.path), lambda row: len(str(row)), lambda _: 0)


def _grouped(
    input: Input,
    size: int,
    rows: Iterable[Any],
    weigh: Callable[[Any], int],
    position: Callable[[int], int],
) -> Iterator[Block]:
    group: list[Any] = []
    first, weight = 1, 0
    for row in rows:
        group.append(row)
        weight += 64 if isinstance(row, Rejected) else 64 + weigh(row)
        if weight >= size:
            yield Block(input.name, first, "rows", group, position(first))
            first, weight, group = first + len(group), 0, []
    if group:
        yield Block(input.name, first, "rows", group, position(first))


def _batches(input: Input, size: int) -> Iterator[Block]:
    import pyarrow as pa

    from srl_data.sources import tables

    read = tables.parquet_batches if input.format == "parquet" else tables.arrow_batches
    first = 1
    try:
        for batch, position in read(input.path, size):
            if batch.num_rows:
                yield Block(input.name, first, "arrow", tables.encode(batch), position)
                first += batch.num_rows
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk says no; the file may be fine
        detail = str(error).splitlines()[0] if str(error) else type(error).__name__
        yield _reject(input, first if first > 1 else 0, Rejected("unreadable_file", detail[:300]))


_READERS: dict[str, Callable[[Input, int], Iterator[Block]]] = {
    "arrow": _batches,
    "csv": _csv,
    "hub": _hub,
    "json": _json,
    "jsonl": _jsonl,
    "parquet": _batches,
    "stdin": _stdin,
}
