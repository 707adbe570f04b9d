"""The dataset card: ``README.md``, rendered from the manifest through a template in ``data_cards``.

A card is two things, and both are read by programs as well as people: YAML between two lines of ``---``, by which
the Hub files the dataset and ``datasets.load_dataset`` finds its tables, and a text. The same dataset gives the same
card: no date, no machine, no path.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from srl_data.dataset import StepDataset
from srl_data.errors import SchemaError
from srl_data.filters import FILTER_REASONS
from srl_data.manifest import Manifest
from srl_data.markdown import clip, code, escape, fence, one_line
from srl_data.options import SegmentOptions
from srl_data.schema import TABLES

__all__ = [
    "CARD",
    "HUB_NAME",
    "CardDetails",
    "filled_splits",
    "join_card",
    "render_card",
    "split_card",
    "tables_metadata",
    "write_card",
]

CARD = "README.md"

HUB_NAME = "ORG/NAME"
"""What stands for the dataset's name on the Hub as long as it has none; ``srl-data push`` fills it in."""

_TEMPLATE = "step_dataset.md.jinja"
_FOLDERS = [  # installed, the folder lies in the package; in a checkout beside it
    Path(__file__).parent / "data_cards",
    Path(__file__).parents[1] / "data_cards",
]
_FRONT_MATTER = re.compile(r"---[ \t]*\r?\n(?P<yaml>.*?)^---[ \t]*\r?$\n?", re.DOTALL | re.MULTILINE)
_SIZES = [("K", 10**3), ("M", 10**6), ("B", 10**9), ("T", 10**12)]
_TAGS = ("srl", "supervised-reinforcement-learning", "step-level", "reasoning")
_OPTION_OF_FILTER = {
    "too_few_steps": "min_steps",
    "too_many_steps": "max_steps",
    "too_long": "max_chars",
    "step_too_long": "max_step_chars",
    "rows_too_large": "rows",
    "no_answer": "answers",
    "answer_disagrees": "answers",
    "answer_unreadable": "check_answers",
    "duplicate": "duplicates",
}


@dataclass(frozen=True, slots=True)
class CardDetails:
    """What no program can know about a dataset.

    Attributes:
        pretty_name: Its title; made from the names of the inputs if None.
        license: The Hub's identifier of a licence, ``apache-2.0``.
        language: ISO 639 codes, ``en``; left out if there are none.
        tags: What to find it by, beside the usual tags.
        description: A paragraph of Markdown to begin with.
        repo_id: Its name on the Hub, ``org/name``, if it has one already.
    """

    pretty_name: str | None = None
    license: str = "unknown"
    language: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    description: str = ""
    repo_id: str | None = None


def write_card(folder: Path, *, details: CardDetails | None = None) -> Path:
    """Write a dataset's card into its folder, in place of the one that is there.

    Args:
        folder: A step dataset.
        details: What the manifest does not say.

    Returns:
        Where the card is.

    Raises:
        SchemaError: If the folder holds no step dataset.
    """
    path = folder / CARD
    path.write_text(render_card(folder, details), encoding="utf-8", newline="\n")
    return path


def render_card(folder: Path, details: CardDetails | None = None) -> str:
    """A dataset's card; see :func:`write_card`."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    dataset, details = StepDataset(folder), details or CardDetails()
    environment = Environment(
        loader=FileSystemLoader(_FOLDERS),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  Markdown, not HTML: the filters below do what escaping does there
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"clip": clip, "code": code, "escape": escape, "fence": fence}
    manifest = dataset.manifest
    body = environment.get_template(_TEMPLATE).render(
        title=details.pretty_name or _name(manifest),
        details=details,
        repo_id=details.repo_id or HUB_NAME,
        manifest=manifest,
        command=_command(manifest),
        filters=list(_filters(manifest)),
        reasons=FILTER_REASONS,
        row=_first(dataset, "steps"),
        trajectory=_first(dataset, "trajectories"),
    )
    return join_card(_metadata(dataset, details), body)


def split_card(text: str) -> tuple[dict[str, Any], str]:
    """Take a card apart into what its YAML says and the text; nothing and the text if it has no YAML.

    Raises:
        SchemaError: If the YAML cannot be read.
    """
    import yaml

    text = text.removeprefix("\ufeff")
    match = _FRONT_MATTER.match(text)
    if match is None:
        return {}, text
    try:
        metadata = yaml.safe_load(match["yaml"]) or {}
    except yaml.YAMLError as error:
        raise SchemaError(f"the YAML at the head of {CARD} cannot be read: {one_line(str(error))}") from error
    if not isinstance(metadata, dict):
        raise SchemaError(f"the YAML at the head of {CARD} is no mapping of names to values")
    return metadata, text[match.end() :]


def join_card(metadata: Mapping[str, Any], body: str) -> str:
    """Put a card together."""
    import yaml

    head = yaml.safe_dump(dict(metadata), sort_keys=False, allow_unicode=True, width=float("inf"))
    return f"---\n{head}---\n{body}"


def tables_metadata(
    dataset: StepDataset, pattern: Callable[[str, str], str], download_size: Callable[[str], int] | None = None
) -> dict[str, Any]:
    """The two entries of a card's YAML by which ``load_dataset`` finds the tables: ``configs``, ``dataset_info``.

    Args:
        dataset: The dataset.
        pattern: Table and split → which files hold them.
        download_size: Table → how many bytes these files have; that of the Arrow files if None.
    """
    configs: list[dict[str, Any]] = []
    infos: list[dict[str, Any]] = []
    for table, schema in TABLES.items():
        filled = filled_splits(dataset, table)
        files = [{"split": split, "path": pattern(table, split)} for split in filled]
        configs.append({"config_name": table, "data_files": files} | ({"default": True} if not configs else {}))
        splits = [
            {
                "name": split,
                "num_bytes": sum(path.stat().st_size for path in dataset.files(table, split)),
                "num_examples": dataset.manifest.counts["splits"][split][table],
            }
            for split in filled
        ]
        size = sum(split["num_bytes"] for split in splits)
        infos.append(
            {
                "config_name": table,
                "features": _yaml_features(schema),
                "splits": splits,
                "download_size": download_size(table) if download_size else size,
                "dataset_size": size,
            }
        )
    return {"configs": configs, "dataset_info": infos}


def filled_splits(dataset: StepDataset, table: str) -> list[str]:
    """The splits that have rows: ``load_dataset`` opens nothing of a table of which one split has none."""
    return [split for split in dataset.splits if dataset.manifest.counts["splits"][split][table]]


def _metadata(dataset: StepDataset, details: CardDetails) -> dict[str, Any]:
    counts = dataset.manifest.counts
    tags = [*_TAGS, *(["agent"] if "agent" in counts["segmenters"] else []), *map(one_line, details.tags)]
    languages = {"language": [one_line(code) for code in details.language]} if details.language else {}
    return {
        "license": one_line(details.license),
        **languages,
        "pretty_name": one_line(details.pretty_name or _name(dataset.manifest)),
        "tags": list(dict.fromkeys(tags)),
        "annotations_creators": ["machine-generated"],
        "task_categories": ["text-generation"],
        "size_categories": [_size_category(counts["steps"])],
        **tables_metadata(dataset, lambda table, split: f"{table}/{split}/data-*.arrow"),
    }


def _size_category(rows: int) -> str:
    """The Hub's name for a number of rows.

    Example:
        >>> [_size_category(rows) for rows in (0, 999, 1_000, 99_999, 2_000_000_000)]
        ['n<1K', 'n<1K', '1K<n<10K', '10K<n<100K', '1B<n<10B']
    """
    bounds = [(f"{number}{letter}", number * size) for letter, size in _SIZES for number in (1, 10, 100)]
    lower = None
    for name, bound in bounds[: len(bounds) - 2]:  # the last is 1T
        if rows < bound:
            return f"{lower}<n<{name}" if lower else f"n<{name}"
        lower = name
    return f"n>{lower}"


def _yaml_features(fields: pa.Schema | pa.StructType) -> list[dict[str, Any]]:
    """Columns in the words of a card, as ``datasets`` writes them."""
    return [{"name": field.name, **_yaml_type(field.type)} for field in fields]


def _yaml_type(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(kind):
        member = _yaml_type(kind.value_type)
        return {"list": member.get("struct") or member.get("dtype") or member}
    if pa.types.is_struct(kind):
        return {"struct": _yaml_features(kind)}
    return {"dtype": str(kind)}


def _name(manifest: Manifest) -> str:
    """A title from the names of the inputs: ``Steps of gsm8k_train``."""
    stems = [PurePosixPath(source["name"]).name.split(".")[0] or source["name"] for source in manifest.inputs]
    shown = stems if len(stems) <= 3 else [*stems[:2], f"{len(stems) - 2} more"]
    return "Steps of " + " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))


def _first(dataset: StepDataset, table: str) -> dict[str, Any] | None:
    for split in dataset.splits:
        for batch in dataset.batches(table, split):
            if batch.num_rows:
                row: dict[str, Any] = batch.slice(0, 1).to_pylist()[0]
                return row
    return None


def _filters(manifest: Manifest) -> Iterator[tuple[str, str, int]]:
    """Each filter's name, its setting as on the command line (empty if it was not in use), and what it left out."""
    options, taken = manifest.options["filters"], manifest.counts["rejects_by_reason"]
    for reason, option in _OPTION_OF_FILTER.items():
        value = options.get(option)
        if option == "rows":
            setting = "on"
        elif option == "duplicates":
            setting = "" if value else "on"
        elif option == "check_answers":
            setting = "--check-answers" if value else ""
        elif value in (None, "any") or (reason == "answer_disagrees" and value != "agree"):
            setting = ""
        else:
            setting = f"--{option.replace('_', '-')} {value}"
        yield reason, setting, taken.get(f"filter/{reason}", 0)


def _command(manifest: Manifest) -> str:
    """The command line that builds the dataset again, given its inputs by the names that the manifest has."""
    given, default = manifest.options, asdict(SegmentOptions())
    words = ["srl-data", "segment"]
    words += ["-" if source["format"] == "stdin" else source["name"] for source in manifest.inputs]
    words += ["-o", "OUT", "--segmenter", given["segmenter"]]
    for name, value in sorted(given["segmenter_options"].items()):
        words += ["-O", f"{name}={','.join(map(str, value)) if isinstance(value, list) else value}"]
    for name, column in sorted(given["columns"].items()):
        words += ["--map", f"{name}={column}"]
    for group in (None, "examples", "filters"):
        options, usual = (given[group], default[group]) if group else (given, default)
        for name in ("holdout", "near_duplicate") if group is None else usual:
            if options[name] != usual[name]:
                flag = "--keep-duplicates" if name == "duplicates" else f"--{name.replace('_', '-')}"
                words += [flag] if options[name] is True else [flag, str(options[name])]
    return shlex.join(words)
