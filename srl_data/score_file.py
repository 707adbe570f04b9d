"""The file of scores: Parquet, whole or not there at all, with the rows that could not be used beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from rewards.types import Scores
from srl_data.errors import OutputError
from srl_data.writer import json_line

__all__ = ["METADATA_KEY", "PART_PREFIX", "ScoreFile"]

METADATA_KEY = "srl_data.scores"
PART_PREFIX = "part_"

_HEAD = [
    ("id", pa.string()),
    ("trajectory_id", pa.string()),
    ("step_index", pa.int32()),
    ("sample", pa.int32()),
    ("file", pa.string()),
    ("line", pa.int64()),
    ("score", pa.float64()),
    ("status", pa.string()),
]
_ROW_GROUP = 100_000


class ScoreFile:
    """Writes ``scores.parquet`` and, if there is any reject, ``scores.rejects.jsonl``.

    Columns: ``id``, ``trajectory_id``, ``step_index`` (of the step), ``sample`` (which of the step's completions,
    from 0, in the order read), ``file``, ``line`` (where the completion stands), ``score`` (null: not scorable),
    ``status``, and ``part_NAME`` for each part of the score. The schema's metadata has, as JSON under
    ``srl_data.scores``, what the file was made with.

    Use it as a context: what is not finished when that ends leaves nothing behind.

    Args:
        path: The Parquet file to make.
        made_with: Plain JSON values to keep in the file.
        overwrite: Replace a file of scores that is there.

    Raises:
        OutputError: If something is in the way, or the disk says no.
    """

    def __init__(self, path: Path, made_with: Mapping[str, Any], *, overwrite: bool = False) -> None:
        self.path = path.resolve()  # through links, so that the data land where the link points
        self.rejects_path = self.path.with_name(f"{self.path.stem}.rejects.jsonl")
        self._made_with = made_with
        self._overwrite = overwrite
        self._drafts = [
            place.with_name(f".{place.name}.{os.getpid()}.part") for place in (self.path, self.rejects_path)
        ]
        self._open = ExitStack()
        self._parquet: pq.ParquetWriter | None = None
        self._rejects: IO[str] | None = None
        self._schema = pa.schema(_HEAD)
        self._waiting: list[pa.RecordBatch] = []

    def __enter__(self) -> Self:
        with self._disk():
            self._require_free()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self._disk():
                self._open.close()
        finally:
            for draft in self._drafts:
                with suppress(FileNotFoundError, NotADirectoryError):  # it was never made
                    draft.unlink()

    def begin(self, parts: Sequence[str]) -> None:
        """Open the file, once the parts' names are known."""
        names = [(f"{PART_PREFIX}{name}", pa.float64()) for name in parts]
        self._schema = pa.schema([*_HEAD, *names], metadata={METADATA_KEY: json.dumps(self._made_with)})
        with self._disk():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            writer = pq.ParquetWriter(self._drafts[0], self._schema, compression="zstd")
            self._parquet = self._open.enter_context(writer)

    def write(self, columns: Mapping[str, Sequence[Any]], scores: Scores) -> None:
        """Add scored completions; ``columns`` are those up to ``line``."""
        parts = {f"{PART_PREFIX}{name}": column for name, column in scores.parts.items()}
        content = {**columns, "score": scores.values, "status": scores.status, **parts}
        self._waiting.append(pa.RecordBatch.from_pydict(content, schema=self._schema))
        if sum(batch.num_rows for batch in self._waiting) >= _ROW_GROUP:
            self._flush()

    def reject(self, row: Mapping[str, Any]) -> None:
        """Add a row that could not be used (see :func:`srl_data.rejects.reject_row`)."""
        with self._disk():
            if self._rejects is None:
                self._rejects = self._open.enter_context(self._drafts[1].open("w", encoding="utf-8"))
            self._rejects.write(json_line(row) + "\n")

    def finish(self) -> None:
        """Put the files where they belong; the scores last, so that what carries the name is whole."""
        self._flush()
        with self._disk():
            self._open.close()
            if self._rejects is not None:
                os.replace(self._drafts[1], self.rejects_path)
            else:
                self.rejects_path.unlink(missing_ok=True)  # an earlier run's, which is replaced
            os.replace(self._drafts[0], self.path)

    def _require_free(self) -> None:
        for place in (self.path, self.rejects_path):
            if place.exists() and not self._overwrite:
                raise OutputError(f"{place} exists: give another place, or --overwrite to replace it")
        if self.path.exists() and not _is_scores(self.path):
            raise OutputError(f"{self.path} is no file of scores, so --overwrite leaves it alone: remove it yourself")

    def _flush(self) -> None:
        if self._waiting and self._parquet is not None:
            with self._disk():
                self._parquet.write_table(pa.Table.from_batches(self._waiting))
            self._waiting = []

    @contextmanager
    def _disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputError(f"cannot write {error.filename or self.path}: {error.strerror or error}") from error


def _is_scores(path: Path) -> bool:
    try:
        return METADATA_KEY.encode() in (pq.read_schema(path).metadata or {})
    except (pa.ArrowException, OSError):
        return False
