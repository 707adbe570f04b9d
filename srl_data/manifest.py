"""The manifest: from what, how, and with what outcome a dataset was made.

It proves that nothing was lost (records = trajectories + rejects, for every input), and holds nothing that differs
between two runs of the same job: no time, no machine, no number of workers.
"""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srl_data.errors import SchemaError
from srl_data.schema import SCHEMA_VERSION
from srl_data.writer import write_json

if TYPE_CHECKING:
    from srl_data.options import SegmentOptions
    from srl_data.segmenters.base import Segmenter
    from srl_data.sources import Input, Layout

__all__ = ["Manifest"]

_NAME = "manifest.json"


@dataclass
class Manifest:
    """What ``manifest.json`` says.

    Attributes:
        options: What was asked for (see :class:`srl_data.options.SegmentOptions`).
        versions: Versions of what made it.
        inputs: For each input its name, format, SHA-256, layout and counts.
        counts: Totals: ``records``, ``trajectories``, ``steps`` (rows), ``rejects``, the last also by reason;
            ``segmenters`` says which segmenter took how many; ``splits`` what is where.
        schema_version: Version of the tables' schema.
    """

    options: dict[str, Any]
    versions: dict[str, str]
    inputs: list[dict[str, Any]]
    counts: dict[str, Any]
    schema_version: int = SCHEMA_VERSION

    @classmethod
    def begin(
        cls,
        inputs: Sequence[Input],
        hashes: Mapping[str, str],
        layouts: Mapping[str, Layout],
        options: SegmentOptions,
        segmenter: Segmenter,
    ) -> Manifest:
        """The manifest of a run that has not counted anything yet."""
        names = ["srl-data", "datasets", "pyarrow", "rapidfuzz"]
        if segmenter.name in ("sentences", "auto"):
            names += ["spacy"]
        return cls(
            options=asdict(options),
            versions={"python": platform.python_version(), **_versions(names)},
            inputs=[
                {
                    "name": source.name,
                    "format": source.format,
                    "sha256": hashes[source.name],
                    "layout": layouts[source.name].describe() if source.name in layouts else "no record",
                    "records": 0,
                    "trajectories": 0,
                    "rejects": 0,
                }
                for source in inputs
            ],
            counts={
                "records": 0,
                "trajectories": 0,
                "steps": 0,
                "rejects": 0,
                "rejects_by_reason": {},
                "segmenters": {},
                "splits": {},
            },
        )

    def plan(self, block_bytes: int) -> dict[str, Any]:
        """What two runs must share for one to go on where the other stopped."""
        return {
            "options": self.options,
            "inputs": [{"name": source["name"], "sha256": source["sha256"]} for source in self.inputs],
            "versions": self.versions,
            "block size": block_bytes,
        }

    def count(self, part: Mapping[str, Any], splits: Mapping[str, Mapping[str, int]], duplicates: Counter[str]) -> None:
        """Add what one part brought, less its duplicates, which are counted by segmenter."""
        kept = part["trajectories"] - duplicates.total()
        rejected = Counter(part["rejects"])
        if duplicates:
            rejected["filter/duplicate"] += duplicates.total()
        source = next(source for source in self.inputs if source["name"] == part["input"])
        for place in (source, self.counts):
            place["records"] += part["records"]
            place["trajectories"] += kept
            place["rejects"] += part["records"] - kept
        self.counts["rejects_by_reason"] = _sum(self.counts["rejects_by_reason"], rejected)
        self.counts["segmenters"] = _sum(self.counts["segmenters"], Counter(part["segmenters"]) - duplicates)
        for split, counts in splits.items():
            self.counts["splits"][split] = _sum(self.counts["splits"].get(split, {}), counts)
        self.counts["steps"] = sum(split["steps"] for split in self.counts["splits"].values())

    def write(self, folder: Path) -> None:
        """Write it into a dataset's folder."""
        write_json(folder / _NAME, asdict(self))

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read it from a dataset's folder.

        Raises:
            SchemaError: If the folder has none, or one of another schema version.
        """
        path = folder / _NAME
        if not path.is_file():
            raise SchemaError(f"{folder} is not a step dataset: it has no {_NAME} (make one with `srl-data segment`)")
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            manifest = cls(**content)
        except (ValueError, TypeError) as error:
            raise SchemaError(f"{path} cannot be read: {error}") from error
        if manifest.schema_version != SCHEMA_VERSION:
            raise SchemaError(
                f"{path} has schema version {manifest.schema_version}, this srl-data reads {SCHEMA_VERSION}: "
                "build the dataset again"
            )
        return manifest


def _versions(names: Sequence[str]) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except ModuleNotFoundError:  # PackageNotFoundError is one: an optional library that is not there
            continue
    return found


def _sum(left: Mapping[str, int], right: Mapping[str, int]) -> dict[str, int]:
    return {name: left.get(name, 0) + right.get(name, 0) for name in sorted({*left, *right})}
