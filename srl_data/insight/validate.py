"""Is this folder what it says it is? Every promise of a step dataset, checked on every row.

The checks read the tables as they stand and trust nothing that ``segment`` computed.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from srl_data.dataset import StepDataset
from srl_data.errors import SchemaError
from srl_data.examples import ExampleOptions, step_examples
from srl_data.schema import TABLES
from srl_data.segmenters.base import check_partition
from srl_data.splits import key, normalise_problem
from srl_data.types import Segmentation, Solution, Step, Trajectory

__all__ = ["CHECKS", "Problem", "unscorable_answers", "validate"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        check: Which check found it.
        where: A file, or a row's id.
        message: What is wrong.
    """

    check: str
    where: str
    message: str


def validate(dataset: StepDataset) -> Iterator[Problem]:
    """Everything that is wrong with a dataset, as it is found.

    A folder whose tables cannot be read as their schema gets only those problems; the rest would be noise.
    """
    broken = list(_schema(dataset))
    yield from broken
    if broken:
        return
    for name, check in CHECKS.items():
        if name != "schema":
            yield from check(dataset)


def _schema(dataset: StepDataset) -> Iterator[Problem]:
    """Every file is there and no other, and both tables have the columns and types of the schema."""
    yield from _files(dataset)
    for table, schema in TABLES.items():
        for split in dataset.splits:
            try:
                for path, batch in zip(dataset.files(table, split), dataset.batches(table, split), strict=True):
                    if not batch.schema.equals(schema, check_metadata=False):
                        yield Problem("schema", str(path), f"columns are {batch.schema.names}, not {schema.names}")
                    batch.validate(full=True)
            except (SchemaError, ValueError) as error:
                yield Problem("schema", f"{table}/{split}", str(error))


def _files(dataset: StepDataset) -> Iterator[Problem]:
    for table in TABLES:
        for split in dataset.splits:
            folder = dataset.folder / table / split
            if not (folder / "dataset_info.json").is_file():
                yield Problem("schema", str(folder / "dataset_info.json"), "is missing")
            try:
                listed = {path.name for path in dataset.files(table, split)}
            except SchemaError:
                continue  # reading it will say so
            for path in sorted(folder.glob("data-*.arrow")):
                if path.name not in listed:
                    yield Problem("schema", str(path), "is no part of the dataset, but load_dataset would read it")
    for name in ("README.md", "dataset_dict.json"):
        if not (dataset.folder / name).is_file():
            yield Problem("schema", str(dataset.folder / name), "is missing")


def _partition(dataset: StepDataset) -> Iterator[Problem]:
    """Each trajectory's steps partition its text, and the preamble is what lies before them."""
    for row in dataset.rows("trajectories"):
        steps = tuple(Step(**step) for step in row["steps"])
        try:
            check_partition(row["text"], Segmentation(steps, row["segmenter"]))
        except ValueError as error:
            yield Problem("partition", row["id"], str(error))
            continue
        if row["text"][: steps[0].start] != row["preamble"]:
            yield Problem("partition", row["id"], "the preamble is not what lies before the first step")
        empty = [number for number, step in enumerate(steps, start=1) if not step.action.strip()]
        if empty:
            yield Problem("partition", row["id"], f"step {empty[0]} has an empty action")


def _rows(dataset: StepDataset) -> Iterator[Problem]:
    """The step examples are those that the trajectories give with the options of the manifest, to the letter."""
    options = ExampleOptions(**dataset.manifest.options["examples"])
    for split in dataset.splits:
        found = dataset.rows("steps", split)
        for row in dataset.rows("trajectories", split):
            for example in step_examples(_trajectory(row), options):
                there = next(found, None)
                if there is None or there["id"] != example.id:
                    what = "nothing" if there is None else there["id"]
                    yield Problem("rows", example.id, f"expected here in steps/{split}, found {what}")
                    return
                wrong = [name for name, value in there.items() if value != getattr(example, name)]
                if wrong:
                    yield Problem("rows", example.id, f"not what its trajectory gives: {', '.join(wrong)}")
        extra = next(found, None)
        if extra is not None:
            yield Problem("rows", extra["id"], f"belongs to no trajectory of {split}")


def _trajectory(row: dict[str, Any]) -> Trajectory:
    """A row of the table ``trajectories`` as what it was made from."""
    solution = Solution(row["id"], row["problem"], row["text"], row["answer"], row["source"])
    return Trajectory(solution, Segmentation(tuple(Step(**step) for step in row["steps"]), row["segmenter"]))


def _meta(dataset: StepDataset) -> Iterator[Problem]:
    """Each ``meta`` is a JSON object, and every segmenter is one that the manifest counts."""
    known = dataset.manifest.counts["segmenters"]
    for row in dataset.rows("trajectories"):
        try:
            sound = isinstance(json.loads(row["meta"]), dict)
        except (TypeError, ValueError):
            sound = False
        if not sound:
            yield Problem("meta", row["id"], "meta is no JSON object")
        if row["segmenter"] not in known:
            yield Problem("meta", row["id"], f"the manifest knows no segmenter {row['segmenter']!r}")


def _ids(dataset: StepDataset) -> Iterator[Problem]:
    """No two trajectories share an id."""
    seen: set[int] = set()
    for row in dataset.rows("trajectories"):
        number = key(row["id"])
        if number in seen:
            yield Problem("ids", row["id"], "two trajectories have this id")
        seen.add(number)


def _counts(dataset: StepDataset) -> Iterator[Problem]:
    """The manifest's counts are those of the tables, and nothing was lost on the way."""
    counts = dataset.manifest.counts
    totals: Counter[str] = Counter()
    for split in dataset.splits:
        found = {
            table: sum(batch.num_rows for batch in dataset.batches(table, split)) for table in ("trajectories", "steps")
        }
        totals.update(found)
        if found != counts["splits"].get(split):
            yield Problem("counts", split, f"the manifest says {counts['splits'].get(split)}, the tables hold {found}")
    try:
        totals["rejects"] = sum(1 for _ in dataset.rejects())
    except (OSError, ValueError) as error:
        yield Problem("counts", "rejects.jsonl", f"cannot be read: {error}")
        return
    for name in ("trajectories", "steps", "rejects"):
        if totals[name] != counts[name]:
            yield Problem("counts", name, f"the manifest says {counts[name]}, there are {totals[name]}")
    for source in [*dataset.manifest.inputs, counts | {"name": "all inputs"}]:
        if source["records"] != source["trajectories"] + source["rejects"]:
            yield Problem(
                "counts",
                source["name"],
                f"{source['records']} records are not {source['trajectories']} trajectories + "
                f"{source['rejects']} rejects: something was lost",
            )


def _leakage(dataset: StepDataset) -> Iterator[Problem]:
    """No problem stands in two splits."""
    home: dict[int, str] = {}
    for split in dataset.splits:
        for row in dataset.rows("trajectories", split):
            number = key(normalise_problem(row["problem"]))
            if home.setdefault(number, split) != split:
                yield Problem("leakage", row["id"], f"its problem stands in {home[number]} too, here in {split}")


def unscorable_answers(dataset: StepDataset) -> Iterator[Problem]:
    """Gold answers by which no reply could be scored, as the reward ``outcome`` has it.

    They break no promise of a step dataset, whose rows are scored by their references; but whoever trains on answers
    trains on nothing there.
    """
    from srl_data.answers import fault

    known: dict[str, str | None] = {}
    for row in dataset.rows("trajectories"):
        gold = row["answer"]
        if gold is None:
            continue
        if gold not in known:
            known[gold] = fault(gold)
        if known[gold]:
            yield Problem("answers", row["id"], f"{known[gold]}: {gold[:80]!r}")


CHECKS: dict[str, Callable[[StepDataset], Iterator[Problem]]] = {
    "schema": _schema,
    "partition": _partition,
    "rows": _rows,
    "meta": _meta,
    "ids": _ids,
    "counts": _counts,
    "leakage": _leakage,
}
"""Every check by name; what each promises stands in its docstring."""


def promise(check: str) -> str:
    """What a check promises, in a line."""
    return (CHECKS[check].__doc__ or "").split("\n")[0]


def summary(problems: Iterator[Problem], limit: int) -> tuple[list[Problem], dict[str, Any]]:
    """The first problems, and how many each check found."""
    shown: list[Problem] = []
    counts: Counter[str] = Counter()
    for problem in problems:
        counts[problem.check] += 1
        if len(shown) < limit:
            shown.append(problem)
    return shown, dict(counts)
