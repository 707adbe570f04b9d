"""From parts to the finished folder: decide what only all records together can tell, and put every row in its place."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from srl_data.engines import local
from srl_data.errors import InputError, Rejected
from srl_data.manifest import Manifest
from srl_data.options import SegmentOptions
from srl_data.rejects import reject_row
from srl_data.splits import Resolution, resolve
from srl_data.writer import Part, assemble_part, finish_tables, json_line

__all__ = ["assemble"]


def assemble(parts: Sequence[Part], out: Path, options: SegmentOptions, manifest: Manifest, jobs: int) -> None:
    """Assemble the tables and ``rejects.jsonl`` in ``out``, and count them in the manifest."""
    keys = [part.keys() for part in parts]
    width = max((block.shape[1] for block in keys if len(block)), default=2)
    starts = np.cumsum([0, *(len(block) for block in keys)])
    catalogue = _Catalogue(parts, starts)
    all_keys = np.concatenate([np.empty((0, width), np.uint64), *(block.reshape(-1, width) for block in keys)])
    resolution = resolve(
        all_keys,
        catalogue.problem,
        holdout=options.holdout,
        keep_duplicates=options.filters.duplicates,
        similarity=options.near_duplicate,
    )
    kept = resolution.duplicate_of < 0
    if kept.any() and resolution.held_out[kept].all():
        raise InputError(
            f"--holdout {options.holdout} would leave nothing to train on: there are {kept.sum()} trajectories"
        )
    splits = ["train", "validation"] if options.holdout else ["train"]
    rows_without_last = 0 if options.examples.include_last else 1
    tasks = [
        _Assembly(part, index, out, splits, _slice(resolution, start, end), rows_without_last)
        for index, (part, (start, end)) in enumerate(zip(parts, pairwise(starts.tolist()), strict=True))
    ]
    rejects_path = out / "rejects.jsonl"
    copying = (~kept).any() or resolution.held_out.any() or resolution.suffix.any()  # else files are only given names
    done = dict(local.run(_assemble_one, tasks, jobs if copying and len(tasks) > jobs else 1))
    with rejects_path.open("w", encoding="utf-8") as stream:
        for index, part in enumerate(parts):
            duplicates, segmented_by = catalogue.duplicates(index, resolution)
            manifest.count(part.counts(), done[index], segmented_by)
            stream.write((part.folder / "rejects.jsonl").read_text(encoding="utf-8"))
            stream.writelines(json_line(row) + "\n" for row in duplicates)
    content = blake2b(all_keys.tobytes()).hexdigest()
    finish_tables(out, splits, f"{content} {json.dumps(asdict(manifest), sort_keys=True)}")


@dataclass(frozen=True, slots=True)
class _Assembly:
    part: Part
    index: int
    out: Path
    splits: Sequence[str]
    resolution: Resolution
    rows_without_last: int


def _slice(resolution: Resolution, start: int, end: int) -> Resolution:
    return Resolution(resolution.duplicate_of[start:end], resolution.held_out[start:end], resolution.suffix[start:end])


def _assemble_one(task: _Assembly) -> tuple[int, dict[str, dict[str, int]]]:
    kept = task.resolution.duplicate_of < 0
    masks = {"train": kept & ~task.resolution.held_out, "validation": kept & task.resolution.held_out}
    chosen = [(split, masks[split]) for split in task.splits]
    return task.index, assemble_part(
        task.part, task.index, task.out, chosen, task.resolution.suffix, task.rows_without_last
    )


class _Catalogue:
    """Looks up single records in the parts by their number over all."""

    def __init__(self, parts: Sequence[Part], starts: npt.NDArray[np.int64]) -> None:
        self._parts = parts
        self._starts = starts
        self._open: tuple[int, Any] | None = None

    def problem(self, record: int) -> str:
        """The problem of a record."""
        return str(self._column(record, "problem"))

    def duplicates(self, index: int, resolution: Resolution) -> tuple[list[dict[str, Any]], Counter[str]]:
        """The rows of ``rejects.jsonl`` for the duplicates in one part, and how many each segmenter had split."""
        start, end = int(self._starts[index]), int(self._starts[index + 1])
        rows = []
        segmented_by: Counter[str] = Counter()
        for record in range(start, end):
            first = int(resolution.duplicate_of[record])
            if first < 0:
                continue
            file, _, line = str(self._column(record, "source")).rpartition(":")
            rejected = Rejected("duplicate", f"the same problem and solution as {self._column(first, 'source')}")
            content = {name: self._column(record, name) for name in ("id", "problem", "text", "answer", "meta")}
            rows.append(reject_row(file, int(line), "filter", rejected, content))
            segmented_by[self._column(record, "segmenter")] += 1
        return rows, segmented_by

    def _column(self, record: int, name: str) -> Any:
        index = int(np.searchsorted(self._starts, record, side="right")) - 1
        if self._open is None or self._open[0] != index:
            self._open = (index, self._parts[index].table("trajectories"))
        return self._open[1][name][record - int(self._starts[index])].as_py()
