"""The file of a model's replies: JSON lines or Parquet, whole or not there at all."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from srl_data.errors import OutputError
from srl_data.writer import json_line

__all__ = ["ReplyFile"]


class ReplyFile:
    """A file that will be made; all that can be in the way is found before the work is done.

    Args:
        path: Ends in ``.jsonl`` or ``.parquet``.
        overwrite: Replace a file that is there.

    Raises:
        OutputError: If it ends in anything else, exists, or the folder cannot be made or written.
    """

    def __init__(self, path: Path, *, overwrite: bool = False) -> None:
        if path.suffix not in (".jsonl", ".parquet"):
            raise OutputError(f"{path}: give a name that ends in .jsonl or .parquet")
        if path.exists() and not overwrite:
            raise OutputError(f"{path} exists: give another place, or --overwrite to replace it")
        self._path = path.resolve()  # through links, so that the data land where the link points
        self._draft = self._path.with_name(f".{self._path.name}.{os.getpid()}.part")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._draft.touch()
            self._draft.unlink()
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror or error}") from error

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        """Write all rows; columns that a row lacks are null in it.

        Raises:
            OutputError: If the disk says no.
        """
        names = dict.fromkeys(name for row in rows for name in row)
        try:
            if self._path.suffix == ".jsonl":
                with self._draft.open("w", encoding="utf-8", newline="\n") as stream:
                    stream.writelines(json_line({name: row.get(name) for name in names}) + "\n" for row in rows)
            else:
                import pyarrow as pa
                import pyarrow.parquet as pq

                table = pa.table({name: [row.get(name) for row in rows] for name in names})
                pq.write_table(table, self._draft, compression="zstd")
            os.replace(self._draft, self._path)
        except OSError as error:
            raise OutputError(f"cannot write {self._path}: {error.strerror or error}") from error
        finally:
            self._draft.unlink(missing_ok=True)
