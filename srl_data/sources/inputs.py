"""What a user names on the command line → the inputs that are read, in a fixed order, each with a unique name."""

from __future__ import annotations

import glob
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from srl_data.errors import InputError, Rejected
from srl_data.sources.chunks import STDIN, Chunks

__all__ = ["Input", "fingerprint", "resolve"]

_FORMATS = {
    ".arrow": "arrow",
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".traj": "json",
    ".tsv": "csv",
}
_COMPRESSED = (".gz", ".zst")
_ABOUT_DATA = {  # JSON files that lie beside data and describe them
    "dataset_dict.json",
    "dataset_info.json",
    "dataset_infos.json",
    "manifest.json",
    "rejects.jsonl",
    "state.json",
}


@dataclass(frozen=True, slots=True)
class Input:
    """One thing to read.

    Attributes:
        name: As users see it and as ``Solution.source`` has it: the file's name, with as many of its folders
            as tell it from the other inputs; ``hub:org/name/config/split``; ``stdin``. Never an absolute path.
        path: Where it is: a file, a folder saved by ``datasets``, a dataset on the Hub, or ``-``.
        format: ``jsonl``, ``json``, ``parquet``, ``csv``, ``arrow``, ``hub`` or ``stdin``.
        size: In bytes; None if unknown.
    """

    name: str
    path: str
    format: str
    size: int | None


def resolve(inputs: Sequence[str]) -> list[Input]:
    """Find what is named.

    Args:
        inputs: Files, folders, glob patterns (``**`` goes down folders), names of datasets on the Hub
            (``org/name[:config][:split][@revision]``, with ``hub:`` before it if a folder has the same name),
            or ``-`` for JSONL from standard input. The order is kept; within a folder or pattern it is
            alphabetical. Of a folder the files of a known format are taken, whatever their depth, but hidden
            ones and those that only describe data; of a folder that ``srl-data segment`` wrote, the
            trajectories.

    Raises:
        InputError: If something does not exist, cannot be read, is not in a known format, or is named twice.
    """
    if not inputs:
        raise InputError("no input: name a file, a folder, a dataset on the Hub, or - for standard input")
    found = [input for text in inputs for input in _find(text)]
    seen: set[str] = set()
    for input in found:
        place = os.path.realpath(input.path) if _is_local(input) else input.path
        if place in seen:
            raise InputError(f"{input.path} is named more than once")
        seen.add(place)
    return _named(found)


def fingerprint(input: Input) -> str:
    """SHA-256 of the input's bytes, in hex; the commit for a dataset on the Hub; empty for standard input.

    Raises:
        InputError: If it cannot be read.
    """
    if input.format == "hub":
        from srl_data.sources.hub import commit

        return commit(input.path)
    if input.path == STDIN:
        return ""
    digest = hashlib.sha256()
    try:
        for path in _files(input):
            with open(path, "rb") as file:
                while piece := file.read(1 << 20):
                    digest.update(piece)
    except OSError as error:
        raise InputError(f"cannot read {input.path}: {error.strerror or error}") from error
    return digest.hexdigest()


def _find(text: str) -> Iterator[Input]:
    path = Path(text)
    if text == STDIN:
        yield Input("stdin", STDIN, "stdin", None)
    elif text.startswith("hub:"):
        yield _hub(text)
    elif path.is_dir():
        yield from _folder(path)
    elif path.exists():
        yield _file(path)
    elif glob.has_magic(text):
        matches = sorted(glob.glob(text, recursive=True))
        if "**" in text:  # matches the folders too that the files lie in
            matches = [match for match in matches if not os.path.isdir(match)]
        if not matches:
            raise InputError(f"no file matches {text!r}")
        for match in matches:
            yield from _find(match)
    elif _may_be_on_hub(path):
        yield _hub(text)
    else:
        raise InputError(_missing(path))


def _may_be_on_hub(path: Path) -> bool:
    from srl_data.sources.hub import is_name

    return is_name(str(path)) and _format_by_name(path) is None and not path.parent.exists()


def _hub(text: str) -> Input:
    from srl_data.sources.hub import locate

    repository, config, split, revision = locate(text.removeprefix("hub:"))
    path = f"{repository}:{config}:{split}" + (f"@{revision}" if revision else "")
    return Input(f"hub:{repository}/{config}/{split}", path, "hub", None)


def _missing(path: Path) -> str:
    if not path.parent.exists():
        return f"no such file: {path} (there is no folder {path.parent})"
    close = get_close_matches(path.name, sorted(entry.name for entry in path.parent.iterdir()), n=3)
    hint = f"; did you mean {' or '.join(str(path.parent / name) for name in close)}?" if close else ""
    return f"no such file: {path}{hint}"


def _file(path: Path) -> Input:
    try:
        format = _format(path)
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    return Input(path.name, str(path), format, size)


def _folder(path: Path) -> Iterator[Input]:
    if _is_dataset(path):
        yield _dataset(path)
        return
    if _is_ours(path):
        yield from _folder(path / "trajectories")
        return
    if (path / "dataset_dict.json").is_file():
        found = [_dataset(entry) for entry in sorted(path.iterdir()) if _is_dataset(entry)]
        if not found:
            raise InputError(f"{path} has a dataset_dict.json, but none of its splits lies in it")
        yield from found
        return
    found = list(_walk(path))
    if not found:
        known = ", ".join(sorted(_FORMATS))
        raise InputError(f"the folder {path} holds no file to read ({known}, also with {' or '.join(_COMPRESSED)})")
    yield from found


def _walk(folder: Path) -> Iterator[Input]:
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith((".", "_")) or entry.name in _ABOUT_DATA:
            continue
        if entry.is_dir():
            if _is_ours(entry) or entry.name.endswith(".partial"):
                continue  # what segment made of these inputs is none of them
            if not entry.is_symlink():  # may lead round in a circle
                yield from [_dataset(entry)] if _is_dataset(entry) else _walk(entry)
        elif _format_by_name(entry):
            yield _file(entry)


def _is_ours(folder: Path) -> bool:
    """Whether a folder is a step dataset."""
    return (folder / "manifest.json").is_file() and (folder / "trajectories").is_dir()


def _is_dataset(folder: Path) -> bool:
    return (folder / "state.json").is_file() and (folder / "dataset_info.json").is_file()


def _dataset(folder: Path) -> Input:
    """A dataset that ``Dataset.save_to_disk`` wrote."""
    input = Input(folder.resolve().name, str(folder), "arrow", None)
    try:
        return replace(input, size=sum(os.path.getsize(file) for file in _files(input)))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{folder} is not a whole saved dataset: {error}") from error


def _files(input: Input) -> list[str]:
    if input.format != "arrow":
        return [input.path]
    from srl_data.sources.tables import arrow_files

    return arrow_files(input.path)


def _format_by_name(path: Path) -> str | None:
    name = path.name.lower()
    for suffix in _COMPRESSED:
        name = name.removesuffix(suffix)
    return _FORMATS.get(Path(name).suffix)


def _format(path: Path) -> str:
    """The format, by the file's name, and by a look inside where JSON goes by the wrong one."""
    format = _format_by_name(path)
    if format in ("parquet", "arrow", "csv"):
        return format
    try:
        head = next(iter(Chunks(str(path))), b"")
    except Rejected:
        head = b""
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    line, _, rest = head.partition(b"\n")
    if head.startswith(b"[") and (format != "jsonl" or line[1:].lstrip()[:1] in (b"{", b"")):
        return "json"
    if head.startswith(b"{") and (format != "json" or (rest.lstrip()[:1] == b"{" and _is_json(line))):
        return "jsonl" if format else _json_or_lines(line)
    if format is None:
        for magic, guess in ((b"PAR1", "parquet"), (b"ARROW1", "arrow")):
            if head.startswith(magic):
                return guess
        known = ", ".join(sorted(_FORMATS))
        raise InputError(f"{path}: cannot tell the format; its name should end in one of {known}")
    return format


def _json_or_lines(line: bytes) -> str:
    return "jsonl" if _is_json(line) else "json"


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _is_local(input: Input) -> bool:
    return input.format not in ("hub", "stdin")


def _named(inputs: list[Input]) -> list[Input]:
    """Give each file the shortest name, from its own upwards, that no other input has."""
    parts = [Path(os.path.abspath(input.path)).parts[1:] if _is_local(input) else (input.name,) for input in inputs]
    depth = [1] * len(inputs)
    while True:
        names = ["/".join(part[-size:]) for part, size in zip(parts, depth, strict=True)]
        counts = Counter(names)
        if max(counts.values()) == 1:
            break
        grown = [
            min(size + (counts[name] > 1), len(part)) for name, size, part in zip(names, depth, parts, strict=True)
        ]
        if grown == depth:
            break
        depth = grown
    printable = [os.fsencode(name).decode(errors="replace") for name in names]
    return [replace(input, name=name) for input, name in zip(inputs, printable, strict=True)]
