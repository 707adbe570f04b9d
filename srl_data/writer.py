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
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from srl_data.schema import STEPS, TABLES, TRAJECTORIES, hf_features, hf_schema
from srl_data.splits import Keys
from srl_data.types import StepExample, Trajectory

__all__ = ["Part", "assemble_part", "finish_tables", "json_line", "read_table", "write_json", "write_part"]

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
    examples: Sequence[StepExample],
    rejects: Sequence[dict[str, Any]],
    keys: Sequence[Sequence[int]],
    counts: dict[str, Any],
) -> None:
    """Write one part, all or nothing."""
    scratch = folder.with_name(f"{folder.name}.tmp")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    _write_table(scratch / "trajectories.arrow", _trajectory_table(trajectories))
    _write_table(scratch / "steps.arrow", _step_table(examples))
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
    rows = pc.list_value_length(trajectories["steps"]).to_numpy() - rows_without_last
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


def finish_tables(out: Path, splits: Iterable[str]) -> None:
    """Write what ``datasets`` wants beside the Arrow files, so that ``load_from_disk`` opens the folder.

    ``out/steps`` and ``out/trajectories`` each open as a ``DatasetDict`` of splits; ``out`` itself opens as one of
    all splits of both tables (``"steps/train"``, …).
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
            _write_state(folder, schema, split, files)
        write_json(out / name / "dataset_dict.json", {"splits": splits})
    write_json(out / "dataset_dict.json", {"splits": [f"{name}/{split}" for name in TABLES for split in splits]})


def _write_state(folder: Path, schema: pa.Schema, split: str, files: Sequence[str]) -> None:
    fingerprint = blake2b(digest_size=8)  # `datasets` caches by it: another content must have another one
    for file in files:
        fingerprint.update(f"{file} {(folder / file).stat().st_size} ".encode())
        with (folder / file).open("rb") as stream:
            while chunk := stream.read(1 << 20):
                fingerprint.update(chunk)
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


def _strings(values: list[Any]) -> pa.Array:
    return pa.array(values, pa.string())


def _offsets(lengths: list[int]) -> pa.Array:
    ends = np.zeros(len(lengths) + 1, dtype=np.int32)
    np.cumsum(lengths, out=ends[1:])
    return pa.array(ends)


def _step_table(rows: Sequence[StepExample]) -> pa.Table:
    messages = [message for row in rows for message in row.prompt]
    prompt = pa.StructArray.from_arrays(
        [_strings([message["role"] for message in messages]), _strings([message["content"] for message in messages])],
        ["role", "content"],
    )
    columns = [
        _strings([row.id for row in rows]),
        _strings([row.trajectory_id for row in rows]),
        pa.array([row.step_index for row in rows], pa.int32()),
        pa.array([row.num_steps for row in rows], pa.int32()),
        pa.ListArray.from_arrays(_offsets([len(row.prompt) for row in rows]), prompt),
        _strings([row.reference for row in rows]),
        _strings([row.title for row in rows]),
        _strings([row.problem for row in rows]),
        pa.ListArray.from_arrays(
            _offsets([len(row.history) for row in rows]), _strings([text for row in rows for text in row.history])
        ),
        _strings([row.answer for row in rows]),
        _strings([row.source for row in rows]),
    ]
    return pa.Table.from_arrays(columns, schema=hf_schema(STEPS))


def _trajectory_table(rows: Sequence[Trajectory]) -> pa.Table:
    steps = [step for row in rows for step in row.steps]
    struct = pa.StructArray.from_arrays(
        [
            pa.array([step.start for step in steps], pa.int32()),
            pa.array([step.end for step in steps], pa.int32()),
            _strings([step.title for step in steps]),
            _strings([step.action for step in steps]),
            _strings([step.observation for step in steps]),
            _strings([step.kind for step in steps]),
        ],
        ["start", "end", "title", "action", "observation", "kind"],
    )
    solutions = [row.solution for row in rows]
    segmentations = [row.segmentation for row in rows]
    columns = [
        _strings([solution.id for solution in solutions]),
        _strings([solution.problem for solution in solutions]),
        _strings([solution.text for solution in solutions]),
        _strings([row.segmentation.preamble(row.solution.text) for row in rows]),
        pa.ListArray.from_arrays(_offsets([len(row.steps) for row in rows]), struct),
        _strings([row.answer for row in rows]),
        _strings([segmentation.segmenter for segmentation in segmentations]),
        _strings([solution.source for solution in solutions]),
        _strings([_meta(row) for row in rows]),
    ]
    return pa.Table.from_arrays(columns, schema=hf_schema(TRAJECTORIES))


def _meta(row: Trajectory) -> str:
    meta = dict(row.solution.meta)
    if row.segmentation.confidence is not None:
        meta["auto_confidence"] = round(row.segmentation.confidence, 3)
    return json.dumps(meta, ensure_ascii=False, sort_keys=True) if meta else "{}"
