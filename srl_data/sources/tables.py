"""Rows of tables: CSV, Parquet, Arrow.

Parquet and Arrow leave as record batches in Arrow's own encoding, which costs the reading process next to
nothing; they become Python rows in :func:`arrow_rows`, in the worker.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srl_data.errors import Rejected
from srl_data.sources.lines import MAX_RECORD, excerpt, line_blocks

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["arrow_batches", "arrow_files", "arrow_rows", "csv_rows", "encode", "parquet_batches"]

_MOST_ROWS = 4096  # in one block


def csv_rows(chunks: Iterable[bytes], delimiter: str) -> Iterator[dict[str, str] | Rejected]:
    """The rows below a CSV file's header.

    A row is rejected, and the rest read on, if its number of fields is not the header's (``wrong_fields``),
    its quotes do not match (``bad_csv``), or it is not UTF-8 (``bad_utf8``).
    """
    csv.field_size_limit(max(csv.field_size_limit(), MAX_RECORD))
    lines = _Lines(chunks)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    header: list[str] | None = None
    while True:
        start = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            yield from lines.take_rejects()
            return
        except csv.Error as error:
            yield Rejected("bad_csv", f"line {start} of the file: {error}")
            continue
        yield from lines.take_rejects()
        if not fields:
            continue
        where = f"line {start} of the file"
        if header is None:
            header = fields
            if twice := {name for name in header if header.count(name) > 1}:
                raise Rejected("bad_csv", f"the header has the column {min(twice)!r} more than once")
        elif len(fields) != len(header):
            yield Rejected(
                "wrong_fields",
                f"{where} has {len(fields)} fields, the header {len(header)}: {excerpt(delimiter.join(fields))}",
            )
        elif lines.broken and not _is_sound(fields):
            yield Rejected("bad_utf8", f"{where} is not UTF-8: {excerpt(delimiter.join(fields))}")
        else:
            yield dict(zip(header, fields, strict=True))


class _Lines:
    """The lines of a CSV file; what stands in their place if they cannot be had is kept in ``rejects``."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._lines = self._decode(chunks)
        self._rejects: list[Rejected] = []
        self.broken = False

    def __iter__(self) -> Iterator[str]:
        return self._lines

    def take_rejects(self) -> list[Rejected]:
        rejects, self._rejects = self._rejects, []
        return rejects

    def _decode(self, chunks: Iterable[bytes]) -> Iterator[str]:
        for _, lines in line_blocks(chunks, 1 << 20):
            if isinstance(lines, Rejected):
                self._rejects.append(lines)
                continue
            try:
                text = lines.decode()
            except UnicodeDecodeError:
                self.broken = True
                text = lines.decode(errors="surrogateescape")
            yield from io.StringIO(text, newline="\n")


def _is_sound(fields: list[str]) -> bool:
    try:
        "".join(fields).encode()
    except UnicodeEncodeError:
        return False
    return True


def parquet_batches(path: str, size: int) -> Iterator[tuple[pa.RecordBatch, int]]:
    """A Parquet file in batches of about ``size`` bytes, each with how far into the file it reaches."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, pre_buffer=False) as file:
        total = file.metadata.num_rows
        groups = [file.metadata.row_group(index) for index in range(file.metadata.num_row_groups)]
        weight = sum(group.total_byte_size for group in groups)
        length, done = Path(path).stat().st_size, 0
        for batch in file.iter_batches(batch_size=_rows(size, total, weight)):
            done += batch.num_rows
            yield batch, length * done // total


def arrow_files(path: str) -> list[str]:
    """The Arrow files of a saved dataset, in the order of its rows; for an Arrow file, that file."""
    folder = Path(path)
    if folder.is_file():
        return [path]
    state = folder / "state.json"
    if state.is_file():
        names = [Path(entry["filename"]).name for entry in json.loads(state.read_text("utf-8"))["_data_files"]]
    else:
        names = sorted(file.name for file in folder.glob("*.arrow"))
    return [str(folder / name) for name in names]


def arrow_batches(path: str, size: int) -> Iterator[tuple[pa.RecordBatch, int]]:
    """An Arrow file or a dataset saved by ``save_to_disk``, memory-mapped; otherwise as :func:`parquet_batches`."""
    import pyarrow as pa

    before = 0
    for name in arrow_files(path):
        with pa.memory_map(name) as mapped:
            is_file = mapped.read(6) == b"ARROW1"
            mapped.seek(0)
            if is_file:
                reader = pa.ipc.open_file(mapped)
                batches: Iterable[pa.RecordBatch] = (reader.get_batch(i) for i in range(reader.num_record_batches))
            else:
                batches = pa.ipc.open_stream(mapped)
            for batch in batches:
                rows = _rows(size, batch.num_rows, batch.nbytes)
                for start in range(0, batch.num_rows, rows):
                    yield batch.slice(start, rows), before + mapped.tell()
            before += mapped.size()


def encode(batch: pa.RecordBatch) -> bytes:
    """A batch as the bytes that :func:`arrow_rows` reads."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    batch = batch.replace_schema_metadata(None)
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    encoded: bytes = sink.getvalue().to_pybytes()
    return encoded


def arrow_rows(data: bytes) -> Iterator[dict[str, Any] | Rejected]:
    """The rows of an encoded batch; a row that Python cannot hold (text that is not UTF-8, say) is rejected."""
    import pyarrow as pa

    table = pa.ipc.open_stream(pa.py_buffer(data)).read_all()
    try:
        yield from table.to_pylist()
        return
    except (ValueError, OverflowError):
        pass  # some row is broken: find out which
    for index in range(table.num_rows):
        try:
            row = table.slice(index, 1).to_pylist()[0]
        except UnicodeDecodeError as error:
            where = f"{_broken_column(table, index)}, byte {error.start + 1}"
            yield Rejected("bad_utf8", f"{where}: this is not UTF-8 ({error.reason})")
        except (ValueError, OverflowError) as error:
            yield Rejected("wrong_type", f"{_broken_column(table, index)}: {error}")
        else:
            yield row


def _broken_column(table: pa.Table, index: int) -> str:
    for name in table.column_names:
        try:
            table.column(name).slice(index, 1).to_pylist()
        except (ValueError, OverflowError):
            return f"column {name}"
    return "a column"


def _rows(size: int, rows: int, weight: int) -> int:
    """How many of ``rows`` rows, together ``weight`` bytes, make a block of ``size`` bytes."""
    return max(1, min(_MOST_ROWS, size * rows // max(1, weight)))
