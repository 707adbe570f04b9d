"""The folder of an export: made beside its place under another name, and renamed when everything in it is whole."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from srl_data.errors import OutputError, SchemaError
from srl_data.writer import write_json

__all__ = ["RECORD", "ExportFolder", "Table", "data_file", "read_record"]

RECORD = "export.json"
"""What an export is known by: its record of what it was made from, and how."""

_ROW_GROUP_ROWS = 10_000
_ROW_GROUP_CHARS = 32_000_000


def data_file(split: str) -> str:
    """Where the rows of a split are, from the folder."""
    return f"data/{split}.parquet"


class ExportFolder:
    """A folder in the making; what is not finished when the context ends leaves nothing behind.

    Args:
        out: Where it will stand.
        overwrite: Replace an export that stands there, once the new one is whole.

    Raises:
        OutputError: If something is in the way, or the disk says no.
    """

    def __init__(self, out: Path, *, overwrite: bool = False) -> None:
        self.out = out.resolve()  # through links, so that the data land where the link points
        self.draft = self.out.with_name(f".{self.out.name}.{os.getpid()}.part")
        self._overwrite = overwrite

    def __enter__(self) -> Self:
        with self._disk():
            self._require_free()
            shutil.rmtree(self.draft, ignore_errors=True)
            (self.draft / "data").mkdir(parents=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.draft, ignore_errors=True)

    def table(self, split: str, schema: pa.Schema) -> Table:
        """The file of a split, to be entered and filled."""
        return Table(self, self.draft / data_file(split), schema)

    def write_text(self, name: str, content: str, *, executable: bool = False) -> None:
        """Write a file beside the rows."""
        with self._disk():
            path = self.draft / name
            path.write_text(content, encoding="utf-8", newline="\n")
            if executable:
                path.chmod(path.stat().st_mode | 0o111)

    def finish(self, record: dict[str, Any]) -> None:
        """Write the record, and put the folder where it belongs."""
        with self._disk():
            write_json(self.draft / RECORD, record)
            old = self.out.with_name(f".{self.out.name}.{os.getpid()}.old")
            replaced = self.out.is_dir() and any(self.out.iterdir())
            if replaced:
                os.replace(self.out, old)
            os.replace(self.draft, self.out)
            if replaced:
                shutil.rmtree(old)

    def _require_free(self) -> None:
        occupied = self.out.exists() and (not self.out.is_dir() or any(self.out.iterdir()))
        if occupied and not self._overwrite:
            raise OutputError(f"{self.out} exists: give another place, or --overwrite to replace it")
        if occupied and not (self.out / RECORD).is_file():
            raise OutputError(f"{self.out} is no export, so --overwrite leaves it alone: remove it yourself")

    @contextmanager
    def _disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputError(f"cannot write {error.filename or self.out}: {error.strerror or error}") from error


class Table:
    """A Parquet file that is filled row by row, and holds no more in memory than a row group."""

    def __init__(self, folder: ExportFolder, path: Path, schema: pa.Schema) -> None:
        self.rows = 0
        self._folder, self._path, self._schema = folder, path, schema
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[dict[str, Any]] = []
        self._chars = 0

    def __enter__(self) -> Self:
        with self._folder._disk():
            self._writer = pq.ParquetWriter(self._path, self._schema, compression="zstd")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._folder._disk():
            if kind is None:
                self._flush()
            if self._writer is not None:
                self._writer.close()
        if not self.rows:
            self._path.unlink()  # a file of no rows stops trainers, one that is not there does not

    def add(self, row: dict[str, Any], size: int) -> None:
        """Add a row of about so many characters."""
        self._waiting.append(row)
        self._chars += size
        self.rows += 1
        if len(self._waiting) >= _ROW_GROUP_ROWS or self._chars >= _ROW_GROUP_CHARS:
            with self._folder._disk():
                self._flush()

    def _flush(self) -> None:
        if self._waiting and self._writer is not None:
            self._writer.write_batch(pa.RecordBatch.from_pylist(self._waiting, schema=self._schema))
        self._waiting, self._chars = [], 0


def read_record(folder: Path) -> dict[str, Any]:
    """The record of an export.

    Raises:
        SchemaError: If the folder is no export.
    """
    path = folder / RECORD
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        missing = [name for name in ("to", "reward", "splits", "recipe", "turns") if name not in record]
    except (OSError, ValueError, TypeError) as error:
        raise SchemaError(f"{folder} is no export of `srl-data export`: {path.name}: {error}") from error
    if missing:
        raise SchemaError(f"{path} has no {missing[0]!r}: export the dataset again")
    return record
