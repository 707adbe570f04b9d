"""Opening a step dataset that stands on disk: its manifest, its tables, its rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from srl_data.errors import SchemaError
from srl_data.manifest import Manifest
from srl_data.writer import read_table

__all__ = ["StepDataset"]


class StepDataset:
    """A folder that ``srl-data segment`` wrote. Rows are read when they are asked for, memory-mapped.

    Args:
        folder: The folder.

    Raises:
        SchemaError: If it is not a step dataset.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            hint = "; it is a file, of which srl-data segment makes one" if self.folder.is_file() else ""
            if self.folder.with_name(f"{self.folder.name}.partial").is_dir():
                hint = "; an unfinished run left its work, `srl-data segment … --resume` completes it"
            raise SchemaError(f"there is no folder {self.folder}{hint}")
        self.manifest = Manifest.read(self.folder)

    @property
    def splits(self) -> list[str]:
        """The names of the splits, as the folder itself lists them."""
        return self._listed("steps")

    def files(self, table: str, split: str) -> list[Path]:
        """The Arrow files of one split of one table, in order.

        Raises:
            SchemaError: If the folder's own listing is missing or names a file that is not there.
        """
        folder = self.folder / table / split
        state = _json(folder / "state.json")
        paths = [folder / entry["filename"] for entry in state["_data_files"]]
        for path in paths:
            if not path.is_file():
                raise SchemaError(f"{path} is missing, though {folder / 'state.json'} lists it")
        return paths

    def batches(self, table: str, split: str) -> Iterator[pa.Table]:
        """The files of one split of one table, opened one after the other."""
        for path in self.files(table, split):
            try:
                yield read_table(path)
            except (pa.ArrowInvalid, OSError) as error:
                raise SchemaError(f"{path} is not a readable Arrow file: {error}") from error

    def rows(self, table: str, split: str | None = None) -> Iterator[dict[str, Any]]:
        """Rows of a table, of one split or of all."""
        for name in [split] if split else self.splits:
            for batch in self.batches(table, name):
                for piece in batch.to_batches(max_chunksize=1000):
                    yield from piece.to_pylist()

    def rejects(self) -> Iterator[dict[str, Any]]:
        """The rows of ``rejects.jsonl``."""
        with (self.folder / "rejects.jsonl").open(encoding="utf-8") as stream:
            for line in stream:
                yield json.loads(line)

    def _listed(self, table: str) -> list[str]:
        splits: list[str] = _json(self.folder / table / "dataset_dict.json")["splits"]
        return splits


def _json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SchemaError(f"{path} is missing: the dataset is not whole") from error
    except ValueError as error:
        raise SchemaError(f"{path} is not JSON: {error}") from error
    return content
