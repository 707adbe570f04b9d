"""The steps that completions are scored against, found by their ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from rewards.errors import ColumnError
from rewards.registry import did_you_mean
from srl_data import sources
from srl_data.dataset import StepDataset
from srl_data.errors import InputError, Rejected, SchemaError
from srl_data.sources.fields import listed, require_sound, sort_of

__all__ = ["StepIndex"]

_PLACE = ("trajectory_id", "step_index")  # where a step is; null if an input that is no step dataset does not say
_MOST_STEPS = 1 << 31  # as the schema has it

_Readers = dict[str, Callable[[int], Any]]


class StepIndex:
    """The rows of a step dataset by id; of these, what they hold stays on disk, memory-mapped.

    Args:
        place: A folder that ``srl-data segment`` wrote; or any input of records (JSONL, Parquet, a dataset on the
            Hub, …) with a column ``id``, of which the columns that are asked for are held in memory.
        columns: The columns that will be asked for, beside ``trajectory_id`` and ``step_index``.
        split: Only this split of a step dataset; all of them by default.

    Raises:
        SchemaError: If the folder is no step dataset, has no such split, or an id is there twice.
        InputError: If another input cannot be read, or a row of it has no id.
        ColumnError: If a column is not there; the message says which are.
    """

    def __init__(self, place: str, columns: Iterable[str], *, split: str | None = None) -> None:
        self.place = place if split is None else f"{place} ({split})"
        wanted = list(dict.fromkeys([*columns, *_PLACE]))
        if (Path(place) / "manifest.json").is_file():
            ids, self._readers = self._of_dataset(StepDataset(place), wanted, split)
        elif split is not None:
            raise SchemaError(f"{place} is no step dataset, so it has no split {split!r}")
        else:
            ids, self._readers = self._of_records(wanted)
        self._readers["id"] = ids.__getitem__
        self._rows = {id: row for row, id in enumerate(ids)}
        if len(self._rows) != len(ids):
            [(twice, times)] = Counter(ids).most_common(1)
            raise SchemaError(f"{place}: the id {twice!r} is there {times} times")

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, id: str) -> int | None:
        """The number of the row that has this id."""
        return self._rows.get(id)

    def values(self, column: str, rows: Sequence[int]) -> list[Any]:
        """What stands in a column, row by row; equal rows give the very same object."""
        read = self._readers[column]
        found = {row: read(row) for row in set(rows)}
        return [found[row] for row in rows]

    def _of_dataset(self, dataset: StepDataset, wanted: Sequence[str], split: str | None) -> tuple[list[str], _Readers]:
        if split is not None and split not in dataset.splits:
            raise SchemaError(f"{dataset.folder} has no split {split!r}; there are {', '.join(dataset.splits)}")
        tables = [table for name in dataset.splits if split in (None, name) for table in dataset.batches("steps", name)]
        self._require(wanted, tables[0].column_names)
        table = pa.concat_tables([table.select(["id", *wanted]) for table in tables])
        ids = [id for chunk in table["id"].chunks for id in chunk.to_pylist()]
        return ids, {name: _reader(table[name]) for name in wanted}

    def _of_records(self, wanted: Sequence[str]) -> tuple[list[str], _Readers]:
        ids: list[str] = []
        columns: dict[str, list[Any]] = {name: [] for name in wanted}
        there: dict[str, None] = {}
        for source in sources.resolve([self.place]):
            for block in sources.blocks(source):
                for line, record in sources.records(block):
                    try:
                        if isinstance(record, Rejected):
                            raise record
                        ids.append(_sound_id(record))
                    except Rejected as rejected:
                        raise InputError(f"{source.name}:{line}: {rejected}") from rejected
                    there.update(dict.fromkeys(record))
                    for name, column in columns.items():
                        column.append(record.get(name))
        self._require([name for name in wanted if name not in _PLACE], list(there))
        columns["trajectory_id"] = [_if_text(value) for value in columns["trajectory_id"]]
        columns["step_index"] = [_if_index(value) for value in columns["step_index"]]
        return ids, {name: column.__getitem__ for name, column in columns.items()}

    def _require(self, wanted: Sequence[str], there: Sequence[str]) -> None:
        for name in wanted:
            if name not in there:
                raise ColumnError(
                    f"the reward reads the column {name!r}, which {self.place} does not have; "
                    f"there are {listed(there)}{did_you_mean(name, there)}"
                )


def _sound_id(record: dict[str, Any]) -> str:
    id = record.get("id")
    if isinstance(id, bool) or not isinstance(id, (str, int)):
        raise Rejected("no_id", f"a step needs an id, and this one's is {sort_of(id)}")
    for name in ("id", "trajectory_id"):
        require_sound(str(record.get(name)), name)
    return str(id)


def _if_text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _if_index(value: Any) -> int | None:
    return value if isinstance(value, int) and 0 <= value < _MOST_STEPS else None


def _reader(column: pa.ChunkedArray) -> Callable[[int], Any]:
    return lambda row: column[row].as_py()
