"""Writing: first parts, one for each block of input, then the finished folder made from them.

A part is written under a temporary name and renamed when it is whole, so that after a crash every part that
exists is complete, and ``--resume`` needs to ask nothing else. The finished folder is assembled beside its final
place and renamed last: a killed run leaves nothing that looks finished.

The Arrow files are those that ``datasets`` writes itself (IPC streams in small batches, ``state.json``,
``dataset_info.json``), so that ``load_from_disk`` opens them, memory-mapped.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from srl_data.examples import ExampleOptions
from srl_data.schema import STEPS, TABLES, TRAJECTORIES, hf_features, hf_schema
from srl_data.splits import Keys
from srl_data.tables import step_table, trajectory_table
from srl_data.types import Trajectory

__all__ = ["Part", "assemble_part", "finish_tables", "json_line", "read_table", "write_json", "write_part"]

_PORTION_CHARS = 32_000_000  # how much text, counted once for each row that repeats it, is worked on at a time
_BATCH_ROWS = 1000  # the size at which `datasets` reads single rows quickly


class Part:
    """A finished part on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def name(index: int) -> str:
        """The folder name of a part."""
        return f"part-{index:06d}"

    def counts(self) -> dict[str, Any]:
        """What was counted while it was made."""
        counts: dict[str, Any] = json.loads((self.folder / "counts.json").read_text(encoding="utf-8"))
        return counts

    def keys(self) -> Keys:
        """The keys of its records (see :func:`srl_data.splits.record_keys`), one row a trajectory."""
        keys: Keys = np.load(self.folder / "keys.npy")
        return keys

    def table(self, name: str) -> pa.Table:
        """One of its tables, memory-mapped."""
        return read_table(self.folder / f"{name}.arrow")


def read_table(path: Path) -> pa.Table:
    """An Arrow IPC stream file, memory-mapped."""
    with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as reader:
        return reader.read_all()


def write_json(path: Path, value: Any) -> None:
    """Write JSON that reads well and is the same bytes for the same value."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


def json_line(value: Any) -> str:
    """One line of JSON; what is no valid Unicode is escaped rather than refused."""
    line = json.dumps(value, ensure_ascii=False)
    try:
        line.encode()
    except UnicodeEncodeError:
        return json.dumps(value)
    return line


def write_part(
    folder: Path,
    trajectories: Sequence[Trajectory],
    options: ExampleOptions,
    rejects: Sequence[dict[str, Any]],
    keys: Sequence[Sequence[int]],
    counts: dict[str, Any],
) -> None:
    """Write one part, all or nothing."""
    scratch = folder.with_name(f"{folder.name}.tmp")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    _write_tables(scratch, trajectories, options)
    (scratch / "rejects.jsonl").write_text("".join(json_line(row) + "\n" for row in rejects), encoding="utf-8")
    width = len(keys[0]) if keys else 0  # numpy cannot tell where every record of a part was rejected
    np.save(scratch / "keys.npy", np.array(keys, dtype=np.uint64).reshape(len(keys), width))
    write_json(scratch / "counts.json", counts)
    os.replace(scratch, folder)


def assemble_part(
    part: Part,
    index: int,
    out: Path,
    splits: Sequence[tuple[str, npt.NDArray[np.bool_]]],
    suffix: npt.NDArray[np.int64],
    rows_without_last: int,
) -> dict[str, dict[str, int]]:
    """Put a part's rows where they belong in the finished folder.

    Args:
        part: The part.
        index: Its number, which names its files.
        out: The folder that is being assembled.
        splits: Split name and a mask over the part's trajectories; a trajectory in no mask is left out.
        suffix: What to append to each trajectory's id; 0 for nothing.
        rows_without_last: 1 if a trajectory of N steps has N−1 rows, 0 if it has N.

    Returns:
        For each split how many trajectories and steps it got.
    """
    trajectories, steps = part.table("trajectories"), part.table("steps")
    # not to_numpy(), which imports pandas, a fifth of a second
    rows = np.array(pc.list_value_length(trajectories["steps"]).to_pylist(), dtype=np.int64) - rows_without_last
    if suffix.any():
        trajectories, steps = _rename(trajectories, steps, suffix, rows)
    counts = {}
    for split, mask in splits:
        step_mask = np.repeat(mask, rows)
        for name, table, chosen in (("trajectories", trajectories, mask), ("steps", steps, step_mask)):
            if chosen.any():
                folder = out / name / split
                folder.mkdir(parents=True, exist_ok=True)
                path = folder / f"data-{index:05d}.arrow"
                if chosen.all() and not suffix.any():
                    _link(part.folder / f"{name}.arrow", path)
                else:
                    _write_table(path, table.filter(pa.array(chosen)))
        counts[split] = {"trajectories": int(mask.sum()), "steps": int(step_mask.sum())}
    return counts


def finish_tables(out: Path, splits: Iterable[str], identity: str) -> None:
    """Write what ``datasets`` wants beside the Arrow files, so that ``load_from_disk`` opens the folder.

    ``out/steps`` and ``out/trajectories`` each open as a ``DatasetDict`` of splits; ``out`` itself opens as one of
    all splits of both tables (``"steps/train"``, …).

    Args:
        out: The folder.
        splits: The names of the splits.
        identity: A text that differs whenever the content does.
    """
    splits = list(splits)
    for name, schema in TABLES.items():
        for split in splits:
            folder = out / name / split
            folder.mkdir(parents=True, exist_ok=True)
            files = sorted(path.name for path in folder.glob("data-*.arrow"))
            if not files:  # `datasets` cannot open a split of no files
                _write_table(folder / "data-00000.arrow", schema.empty_table())
                files = ["data-00000.arrow"]
            _write_state(folder, schema, split, files, identity)
        write_json(out / name / "dataset_dict.json", {"splits": splits})
    write_json(out / "dataset_dict.json", {"splits": [f"{name}/{split}" for name in TABLES for split in splits]})


def _write_state(folder: Path, schema: pa.Schema, split: str, files: Sequence[str], identity: str) -> None:
    # `datasets` caches what it computes under the fingerprint, so another content must have another one
    fingerprint = blake2b(f"{identity} {folder.parent.name} {split}".encode(), digest_size=8)
    write_json(
        folder / "state.json",
        {
            "_data_files": [{"filename": file} for file in files],
            "_fingerprint": fingerprint.hexdigest(),
            "_format_columns": None,
            "_format_kwargs": {},
            "_format_type": None,
            "_output_all_columns": False,
            "_split": split,
        },
    )
    write_json(
        folder / "dataset_info.json",
        {"citation": "", "description": "", "features": hf_features(schema), "homepage": "", "license": ""},
    )


def _rename(
    trajectories: pa.Table, steps: pa.Table, suffix: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]
) -> tuple[pa.Table, pa.Table]:
    ids = trajectories["id"].to_pylist()
    new = [f"{name}-{number}" if number else name for name, number in zip(ids, suffix.tolist(), strict=True)]
    of_step = [name for name, count in zip(new, rows.tolist(), strict=True) for _ in range(count)]
    indices = steps["step_index"].to_pylist()
    trajectories = trajectories.set_column(0, TRAJECTORIES.field("id"), pa.array(new, pa.string()))
    steps = steps.set_column(
        0, STEPS.field("id"), pa.array([f"{name}#{at}" for name, at in zip(of_step, indices, strict=True)], pa.string())
    )
    return trajectories, steps.set_column(1, STEPS.field("trajectory_id"), pa.array(of_step, pa.string()))


def _write_tables(folder: Path, trajectories: Sequence[Trajectory], options: ExampleOptions) -> None:
    """Both tables, some trajectories at a time: the rows of long ones are many times larger than they are."""
    with ExitStack() as stack:
        streams = {}
        for name, schema in TABLES.items():
            sink = stack.enter_context(pa.OSFile(str(folder / f"{name}.arrow"), "wb"))
            streams[name] = stack.enter_context(pa.ipc.new_stream(sink, hf_schema(schema)))
        for some in _portions(trajectories):
            table = trajectory_table(some)
            streams["trajectories"].write_table(table, max_chunksize=_BATCH_ROWS)
            streams["steps"].write_table(step_table(some, options, table), max_chunksize=_BATCH_ROWS)


def _portions(trajectories: Sequence[Trajectory]) -> Iterator[Sequence[Trajectory]]:
    start = size = 0
    for index, trajectory in enumerate(trajectories):
        own = len(trajectory.solution.text) * len(trajectory.steps)
        if size + own > _PORTION_CHARS and index > start:
            yield trajectories[start:index]
            start, size = index, 0
        size += own
    if start < len(trajectories):
        yield trajectories[start:]


def _link(source: Path, target: Path) -> None:
    """Give a file a second name; copy it where the file system cannot do that."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _write_table(path: Path, table: pa.Table) -> None:
    table = table.combine_chunks()
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table, max_chunksize=_BATCH_ROWS)
