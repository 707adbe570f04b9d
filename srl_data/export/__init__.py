"""One step dataset → what each trainer reads, beside a script that trains on it.

::

    steps/  ──▶  out/data/train.parquet, out/data/validation.parquet   the rows
                 out/train.sh, out/train.py, …                         how to train on them
                 out/README.md                                         what it is; datasets.load_dataset opens it
                 out/export.json                                       what it was made from, and how

Rows are streamed, so memory stays flat whatever the dataset, and the folder is renamed to its place last, so that what
carries the name is whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from rewards.errors import ColumnError, OptionError
from rewards.registry import did_you_mean
from rewards.types import Reward
from srl_data import reward_choice
from srl_data.dataset import StepDataset
from srl_data.errors import InputError
from srl_data.export.folder import ExportFolder
from srl_data.export.launch import as_record, launch_files, recipe
from srl_data.export.prm import Candidates
from srl_data.export.shapes import SHAPES, TURNS, LeftOut, Row, Shape
from srl_data.export.shapes import turns as as_turns
from srl_data.export.trainers import TRAINERS
from srl_data.schema import STEPS

__all__ = ["Chosen", "Exported", "choose_reward", "export", "exported_rows"]

_ALWAYS = ("reference", "answer")  # what rewards read; the answer for the stage of outcome rewards that follows SRL


@dataclass(frozen=True, slots=True)
class Chosen:
    """A reward as an export names it.

    Attributes:
        reward: The reward.
        spec: What its launch files hand to the adapter: a name, a mapping with ``name`` and options, or the name of
            the TOML file beside them.
        record: What it was made of (see :mod:`srl_data.reward_choice`).
        config: The text of that TOML file, if there is one.
    """

    reward: Reward
    spec: Any
    record: Mapping[str, Any]
    config: str | None = None


@dataclass
class Exported:
    """What came of an export.

    Attributes:
        splits: How many rows each split has.
        left_out: How many rows of the dataset have no place in it, by reason.
        files: Everything in the folder, in order.
    """

    splits: dict[str, int] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    files: list[str] = field(default_factory=list)


def choose_reward(dataset: StepDataset, name: str | None, pairs: Sequence[str], config: Path | None) -> Chosen:
    """The reward for a dataset: by default SRL's, looking for the tags that the dataset's prompts ask for.

    Args:
        dataset: The dataset.
        name: A reward's name.
        pairs: Its options, ``NAME=VALUE``.
        config: A TOML file that describes a composite, instead of both.

    Raises:
        OptionError: If there is a file and a name or options, or an option is wrong.
        UnknownPlugin: If no reward has the name.
        MissingExtra: If a library that it needs is not installed.
    """
    if config is not None:
        if name is not None or pairs:
            raise OptionError("--config says all about the reward: leave out --reward and -O")
        reward, record = reward_choice.by_file(config)
        return Chosen(reward, "reward.toml", record, config.read_text(encoding="utf-8"))
    name, given = name or "srl", list(pairs)
    tags = dataset.manifest.options["examples"]["tags"]
    if name == "srl" and tags != "think" and not any(pair.startswith("tags=") for pair in given):
        given.append(f"tags={tags}")
    reward, record = reward_choice.by_name(name, given)
    options = {key: record["options"][key] for key in (pair.partition("=")[0] for pair in given)}
    return Chosen(reward, {"name": name, **options} if options else name, record)


def export(
    folder: str | Path,
    to: str,
    out: str | Path,
    chosen: Chosen,
    *,
    columns: Sequence[str] = (),
    model: str | None = None,
    turns: bool = False,
    candidates: Candidates | None = None,
    overwrite: bool = False,
    on_rows: Callable[[int], None] | None = None,
) -> Exported:
    """Write a dataset as a trainer wants it, and how to train on it.

    Args:
        folder: What ``srl-data segment`` wrote.
        to: A key of :data:`srl_data.export.trainers.TRAINERS`.
        out: The folder to make.
        chosen: The reward that the rows are for.
        columns: Columns of the table ``steps`` to take along, beside those that the reward reads.
        model: The model that the launch files name.
        turns: For ``skyrl`` alone: one row a trajectory, with a turn for each step.
        candidates: For ``prm`` alone: scored completions, where wrong steps come from.
        overwrite: Replace an export that stands at ``out``.
        on_rows: Called with a number of rows, now and then, that were written since.

    Raises:
        SchemaError: If the folder holds no step dataset.
        ColumnError: If the reward reads, or the user asks for, a column that there is not.
        InputError: If no row is left.
        OutputError: If ``out`` is in the way or cannot be written.
    """
    dataset, shape = StepDataset(folder), SHAPES[shape_of(to, turns)]
    carried = _carried(shape, chosen.reward, columns)
    done, longest = Exported(), 1
    with ExportFolder(Path(out), overwrite=overwrite) as target:
        for split in dataset.splits:
            with target.table(split, shape.schema(carried)) as table:
                for row in exported_rows(dataset, shape_of(to, turns), split, carried, done.left_out):
                    table.add(row, _size(row))
                    if turns:
                        longest = max(longest, len(row["reward_spec"]["ground_truth"]))
                    if on_rows is not None and not table.rows % 1000:
                        on_rows(1000)
                if candidates is not None:
                    for row in candidates.rows(split):
                        table.add(row, _size(row))
            if table.rows:
                done.splits[split] = table.rows
        if "train" not in done.splits:
            raise InputError(f"nothing to export: {dataset.folder} has no row for {to} in the split train")
        record = _record(dataset, to, chosen, carried, done, model) | {"turns": longest if turns else 1}
        if candidates is not None:
            record["candidates"] = candidates.record()
            done.left_out.update(record["candidates"]["left_out"])
        if chosen.config is not None:
            target.write_text("reward.toml", chosen.config)
        for name, content in launch_files(to, record).items():
            target.write_text(name, content, executable=name.endswith(".sh"))
        target.finish(record)
        done.files = sorted(path.relative_to(target.out).as_posix() for path in target.out.rglob("*") if path.is_file())
    return done


def shape_of(to: str, turns: bool = False) -> str:
    """The name of the shape that a trainer's rows have."""
    return TURNS if turns else to


def exported_rows(
    dataset: StepDataset, shape: str, split: str, columns: Sequence[str], left_out: Counter[str]
) -> Iterator[Row]:
    """The rows of a split as a trainer wants them; those that have no place there are counted."""
    if shape == TURNS:
        for _, steps in groupby(dataset.rows("steps", split), itemgetter("trajectory_id")):
            yield as_turns(list(steps), split, columns)
        return
    form, at = SHAPES[shape], 0
    for row in dataset.rows(form.table, split):
        try:
            yield form.write(row, at, split, columns)
        except LeftOut as reason:
            left_out[str(reason)] += 1
        else:
            at += 1


def _carried(shape: Shape, reward: Reward, asked: Sequence[str]) -> tuple[str, ...]:
    if shape.table == "trajectories":
        return ()
    for name, whose in [
        *((name, f"the reward {reward.name!r} reads") for name in reward.columns),
        *((name, "--column asks for") for name in asked),
    ]:
        if name not in STEPS.names:
            raise ColumnError(
                f"{whose} the column {name!r}, which a step dataset does not have; "
                f"there are {', '.join(STEPS.names)}{did_you_mean(name, STEPS.names)}"
            )
    wanted = dict.fromkeys([*_ALWAYS, *reward.columns, *asked])
    return tuple(name for name in wanted if name not in ("prompt", "id", "trajectory_id", "step_index"))


def _size(row: Any) -> int:
    """About how many characters a row has."""
    if isinstance(row, str):
        return len(row)
    if isinstance(row, Mapping):
        return sum(map(_size, row.values()))
    return sum(map(_size, row)) if isinstance(row, list) else 8


def _record(
    dataset: StepDataset, to: str, chosen: Chosen, carried: Sequence[str], done: Exported, model: str | None
) -> dict[str, Any]:
    """What says how to make the export again, and what its launch files are made from; plain JSON values."""
    options = dataset.manifest.options
    return {
        "to": to,
        "title": TRAINERS[to].title,
        "columns": list(carried),
        "splits": dict(done.splits),
        "left_out": dict(sorted(done.left_out.items())),
        "reward": {
            **chosen.record,
            "name": chosen.reward.name,
            "spec": chosen.spec,
            "bounds": list(chosen.reward.bounds),
        },
        "recipe": as_record(recipe(done.splits["train"], model)),
        "dataset": {
            "name": dataset.folder.resolve().name,
            "inputs": [{key: source[key] for key in ("name", "sha256")} for source in dataset.manifest.inputs],
            "segmenter": options["segmenter"],
            "examples": options["examples"],
        },
        "versions": {"srl-data": version("srl-data")},
    }
