"""What would be trained on: an export, a step dataset that is yet to be exported, or rows of one's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rewards.adapters.core import resolve
from rewards.types import Reward
from srl_data import sources
from srl_data.dataset import StepDataset
from srl_data.errors import InputError, Rejected, SchemaError
from srl_data.export import Chosen, choose_reward, exported_rows, shape_of
from srl_data.export.folder import RECORD, data_file, read_record
from srl_data.export.launch import Recipe, as_record
from srl_data.export.launch import recipe as fitting
from srl_data.export.shapes import SHAPES, Row
from srl_data.reward_choice import by_file, by_name

__all__ = ["TrainingRows"]

_BLOCK_BYTES = 1 << 20


class TrainingRows:
    """Rows, split by split, and what their training is set to. Iterating gives split, place and row.

    Args:
        place: A folder of ``srl-data export``, one of ``srl-data segment``, or any file or folder of records whose
            names say the split (``train.parquet``; all of it is ``train`` otherwise).
        to: The trainer.
        name: A reward's name; by default the export's own, or SRL's.
        pairs: Its options, ``NAME=VALUE``.
        config: A TOML file that describes a composite reward, instead of both.
        batch: Prompts in a batch; by default what the launch files say.

    Attributes:
        shape: The name of the rows' shape in :data:`srl_data.export.shapes.SHAPES`.
        reward: What would score.
        recipe: The settings of the launch files.
        tags: The tags that the prompts ask for; None if that is not known.

    Raises:
        SchemaError: If an export was made for another trainer, or a folder is damaged.
        InputError: If there is nothing to read.
        ToolkitError: If the reward cannot be made.
    """

    def __init__(
        self, place: str, to: str, name: str | None, pairs: Sequence[str], config: Path | None, batch: int | None = None
    ) -> None:
        self.to, self.shape = to, to
        self.tags: str | None = None
        self._dataset: StepDataset | None = None
        self._files: list[tuple[str, sources.Input]] = []
        self._columns: tuple[str, ...] = ()
        folder = Path(place)
        recipe = as_record(Recipe())
        if (folder / RECORD).is_file():
            record = read_record(folder)
            if record["to"] != to:
                raise SchemaError(f"{folder} was exported for {record['to']}, not for {to}: export it again")
            self.shape, recipe = shape_of(to, turns=record["turns"] > 1), record["recipe"]
            self.tags = record["dataset"]["examples"]["tags"]
            chosen = _given(name, pairs, config) or _recorded(folder, record)
            for split in record["splits"]:
                self._files += [(split, each) for each in sources.resolve([str(folder / data_file(split))])]
        elif (folder / "manifest.json").is_file():
            self._dataset = StepDataset(folder)
            self.tags = self._dataset.manifest.options["examples"]["tags"]
            made = choose_reward(self._dataset, name, pairs, config)
            chosen, self._columns = made.reward, _columns(made)
            rows = self._dataset.manifest.counts["splits"].get("train", {}).get(SHAPES[to].table, 0)
            recipe = as_record(fitting(rows))
        else:
            chosen = _given(name, pairs, config) or by_name("srl", [])[0]
            self._files = [(_split_of(each.name), each) for each in sources.resolve([place])]
        self.reward: Reward = chosen
        self.recipe: dict[str, Any] = {**recipe, "prompts": batch or recipe["prompts"]}

    @property
    def prefilled(self) -> bool | None:
        """Whether the reward takes the prompt to end with ``<think>``; None if it does not look for tags."""
        return getattr(self.reward, "prefilled", None)

    def __iter__(self) -> Iterator[tuple[str, str, Row]]:
        if self._dataset is not None:
            left_out: Counter[str] = Counter()
            for split in self._dataset.splits:
                for at, row in enumerate(exported_rows(self._dataset, self.shape, split, self._columns, left_out)):
                    yield split, _name(row, f"{split}:{at}"), row
        for split, source in self._files:
            for block in sources.blocks(source, _BLOCK_BYTES):
                for line, record in sources.records(block):
                    if isinstance(record, Rejected):
                        raise InputError(f"{source.name}:{line}: {record}")
                    yield split, _name(record, f"{source.name}:{line}"), record


def _given(name: str | None, pairs: Sequence[str], config: Path | None) -> Reward | None:
    if config is not None:
        return by_file(config)[0]
    return by_name(name or "srl", pairs)[0] if name is not None or pairs else None


def _recorded(folder: Path, record: Row) -> Reward:
    """The reward that the export's launch files name."""
    made = record["reward"]
    return resolve(folder / made["spec"] if "config" in made else made["spec"])


def _columns(chosen: Chosen) -> tuple[str, ...]:
    wanted = dict.fromkeys(["reference", "answer", *chosen.reward.columns])
    return tuple(name for name in wanted if name != "prompt")


def _split_of(name: str) -> str:
    """Which split a file is, by its name, as ``datasets`` goes by it."""
    stem = Path(name).name.lower()
    return "validation" if any(word in stem for word in ("valid", "dev", "eval", "test")) else "train"


def _name(row: Row, place: str) -> str:
    """What to call a row: its id, where it has one."""
    extra = row.get("extra_info")
    id = row.get("id") or (extra.get("id") if isinstance(extra, dict) else None)
    return str(id) if isinstance(id, (str, int)) else place
