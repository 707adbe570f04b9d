"""Publishing a step dataset on the Hugging Face Hub: both tables as Parquet, the card, the manifest, in one commit.

One commit, because ``Dataset.push_to_hub`` would make one for each table and one for the card: readers would meet
tables that do not belong together, and ``--create-pr`` would open three pull requests. It also loses the default
config when a dataset is pushed a second time. So the files are made first, beside each other in a temporary
folder, exactly as they will stand on the Hub, and a dry run is the same thing without the upload.
"""

from __future__ import annotations

import errno
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srl_data.card import CARD, HUB_NAME, filled_splits, join_card, render_card, split_card, tables_metadata
from srl_data.dataset import StepDataset
from srl_data.errors import PublishError, SchemaError
from srl_data.schema import TABLES

if TYPE_CHECKING:
    from huggingface_hub import CommitInfo, HfApi
    from huggingface_hub.errors import HfHubHTTPError

__all__ = ["PushReport", "PushedFile", "parse_size", "push"]

_SHARD_SIZE = "500MB"
_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[KMGT]?)(?P<binary>I?)B?", re.IGNORECASE)
_OURS = re.compile(rf"(?:{'|'.join(TABLES)})/.+|rejects\.jsonl")  # what an earlier push may have left


@dataclass(frozen=True, slots=True)
class PushedFile:
    """One file as it stands on the Hub.

    Attributes:
        path: Its path there.
        bytes: Its size.
        rows: How many rows it holds; None if it is no table.
    """

    path: str
    bytes: int
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class PushReport:
    """What was published, or would be.

    Attributes:
        repo_id: The dataset's name on the Hub.
        files: What it consists of.
        license: What the card says about the licence.
        dry_run: Whether nothing was uploaded.
        url: Where to look at it: the pull request, or the dataset; None if nothing was uploaded.
    """

    repo_id: str
    files: tuple[PushedFile, ...]
    license: str
    dry_run: bool
    url: str | None = None


def push(
    folder: str | Path,
    repo_id: str,
    *,
    private: bool = False,
    revision: str | None = None,
    create_pr: bool = False,
    max_shard_size: int | str = _SHARD_SIZE,
    with_rejects: bool = False,
    token: str | None = None,
    dry_run: bool = False,
) -> PushReport:
    """Publish a step dataset; what an earlier push left there and is no part of it any more is removed.

    Parquet files are made in the system's temporary folder (``TMPDIR``) first, which needs room for them.

    Args:
        folder: What ``srl-data segment`` wrote. Its ``README.md`` is published as it is, but for the entries that
            say where the tables are.
        repo_id: ``org/name``; it is created if it does not exist.
        private: Create it so that only its owner sees it.
        revision: The branch to commit to, created if it does not exist; ``refs/pr/N`` adds to a pull request.
        create_pr: Open a pull request instead of committing.
        max_shard_size: No Parquet file is made from more than about so many bytes of Arrow data.
        with_rejects: Publish ``rejects.jsonl`` too. It holds raw input records.
        token: A token that may write; the one of ``hf auth login`` or ``HF_TOKEN`` if None.
        dry_run: Make everything and upload nothing; needs neither network nor token.

    Raises:
        SchemaError: If the folder holds no step dataset, or a damaged one.
        PublishError: If the dataset has no rows, the name is malformed, there is no token, the Hub cannot be
            reached or refuses, or ``private`` is wanted of a dataset that exists and is public.
    """
    shard_bytes = parse_size(max_shard_size)
    dataset = StepDataset(folder)
    _check_name(repo_id)
    if not dataset.manifest.counts["steps"]:
        raise PublishError(f"{dataset.folder} has no step rows: there is nothing to publish")
    if not dry_run:
        _check_access(token)
    with _scratch_folder() as scratch:
        files, license = _stage(dataset, repo_id, scratch, shard_bytes, with_rejects)
        if dry_run:
            return PushReport(repo_id, files, license, dry_run=True)
        with _hub_errors(repo_id):
            url = _upload(scratch, files, repo_id, private, revision, create_pr, token)
        return PushReport(repo_id, files, license, dry_run=False, url=url)


def parse_size(size: int | str) -> int:
    """Read a number of bytes, ``500MB`` or ``1GiB``.

    Raises:
        PublishError: If it is no size, or zero.

    Example:
        >>> [parse_size(size) for size in (7, "500MB", "1.5 GiB")]
        [7, 500000000, 1610612736]
    """
    match = _SIZE.fullmatch(str(size).strip())
    if match is not None:
        base = 1024 if match["binary"] else 1000
        value = int(float(match["number"]) * base ** " KMGT".index(match["unit"].upper() or " "))
        if value > 0:
            return value
    raise PublishError(f"{size!r} is no size: write 500MB or 1GiB")


def _check_name(repo_id: str) -> None:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise PublishError(f"{repo_id!r} is no name for a dataset: {error}") from error
    if repo_id.count("/") != 1:
        raise PublishError(f"{repo_id!r} is no name for a dataset: write org/name or user/name")


def _check_access(token: str | None) -> None:
    """Fail before any work is done where it is known that nothing can be uploaded."""
    from huggingface_hub import constants, get_token

    if constants.HF_HUB_OFFLINE:
        raise PublishError("offline mode is on: unset HF_HUB_OFFLINE, or use --dry-run")
    if not (token or get_token()):
        raise PublishError("not logged in: run `hf auth login` or set HF_TOKEN")


@contextmanager
def _scratch_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="srl-data-push-") as scratch:
        try:
            yield Path(scratch)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise PublishError(
                    f"no room for the Parquet files in {scratch}: set TMPDIR to a larger disk"
                ) from error
            raise


def _stage(
    dataset: StepDataset, repo_id: str, scratch: Path, shard_bytes: int, with_rejects: bool
) -> tuple[tuple[PushedFile, ...], str]:
    """Make every file as it will stand on the Hub; returns them, and the licence."""
    tables = [file for table in TABLES for file in _parquet(dataset, table, scratch, shard_bytes)]
    sizes: Counter[str] = Counter()
    for file in tables:
        sizes[file.path.partition("/")[0]] += file.bytes
    metadata, body = split_card(_card(dataset))
    metadata |= tables_metadata(dataset, lambda table, split: f"{table}/{split}-*", lambda table: sizes[table])
    body = body.replace(f'load_dataset("{HUB_NAME}"', f'load_dataset("{repo_id}"')
    (scratch / CARD).write_text(join_card(metadata, body), encoding="utf-8", newline="\n")
    names = ["manifest.json", *(["rejects.jsonl"] if with_rejects else [])]
    for name in names:
        if not (dataset.folder / name).is_file():
            raise SchemaError(f"{dataset.folder / name} is missing: the dataset is not whole")
        shutil.copyfile(dataset.folder / name, scratch / name)
    texts = [PushedFile(name, (scratch / name).stat().st_size) for name in (CARD, *names)]
    return (*texts, *tables), str(metadata.get("license") or "unknown")


def _card(dataset: StepDataset) -> str:
    path = dataset.folder / CARD
    if not path.is_file():
        return render_card(dataset.folder)
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise SchemaError(f"{path} is not UTF-8: {error}") from error


def _parquet(dataset: StepDataset, table: str, scratch: Path, shard_bytes: int) -> Iterator[PushedFile]:
    import datasets
    import pyarrow as pa

    try:
        splits = datasets.load_from_disk(str(dataset.folder / table))
    except (OSError, KeyError, ValueError, pa.ArrowInvalid) as error:
        raise SchemaError(f"{dataset.folder / table} cannot be opened: {error}") from error
    (scratch / table).mkdir()
    for split in dataset.splits:
        rows, counted = len(splits[split]), dataset.manifest.counts["splits"][split][table]
        if rows != counted:
            raise SchemaError(
                f"{dataset.folder / table / split} has {rows} rows, the manifest says {counted}: "
                f"see `srl-data validate {dataset.folder}`"
            )
        arrow_bytes = sum(path.stat().st_size for path in dataset.files(table, split))
        if split not in filled_splits(dataset, table):
            continue
        shards = min(-(-arrow_bytes // shard_bytes), rows)
        for index in range(shards):
            path = f"{table}/{split}-{index:05d}-of-{shards:05d}.parquet"
            shard = splits[split].shard(shards, index, contiguous=True)
            shard.to_parquet(str(scratch / path))
            yield PushedFile(path, (scratch / path).stat().st_size, len(shard))


def _upload(
    scratch: Path,
    files: tuple[PushedFile, ...],
    repo_id: str,
    private: bool,
    revision: str | None,
    create_pr: bool,
    token: str | None,
) -> str:
    from huggingface_hub import HfApi

    api = HfApi(token=token, library_name="srl-data")
    where: dict[str, Any] = {"repo_id": repo_id, "repo_type": "dataset"}
    api.create_repo(**where, private=private or None, exist_ok=True)
    if private and not api.repo_info(**where).private:
        raise PublishError(f"{repo_id} exists and is public, and --private does not change that: see its settings")
    if revision and not create_pr and not revision.startswith("refs/"):
        api.create_branch(**where, branch=revision, exist_ok=True)
    commit = _commit(api, scratch, files, where | {"revision": revision}, create_pr)
    tree = f"/tree/{revision}" if revision else ""
    return commit.pr_url or f"{api.endpoint}/datasets/{repo_id}{tree}"


def _commit(
    api: HfApi, scratch: Path, files: tuple[PushedFile, ...], where: dict[str, Any], create_pr: bool
) -> CommitInfo:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    paths = [file.path for file in files]
    stale = [path for path in api.list_repo_files(**where) if _OURS.fullmatch(path) and path not in paths]
    commit: CommitInfo = api.create_commit(
        **where,
        operations=[
            *(CommitOperationDelete(path_in_repo=path) for path in stale),
            *(CommitOperationAdd(path_in_repo=path, path_or_fileobj=str(scratch / path)) for path in paths),
        ],
        commit_message="Upload step dataset",
        create_pr=create_pr,
    )
    return commit


@contextmanager
def _hub_errors(repo_id: str) -> Iterator[None]:
    """Say in one line what the Hub, or the way to it, has against us."""
    from huggingface_hub.errors import HfHubHTTPError

    network_error: type[BaseException] = HfHubHTTPError.__bases__[0]  # the root error of the httpx that it uses
    try:
        yield
    except HfHubHTTPError as error:
        raise PublishError(_refusal(error, repo_id)) from error
    except (network_error, ConnectionError) as error:
        raise PublishError(f"the Hub cannot be reached: {error or type(error).__name__}") from error
    except ValueError as error:  # how huggingface_hub reports what the Hub has against a card's YAML
        raise PublishError(f"the Hub refuses the card: {' '.join(str(error).split())}") from error


def _refusal(error: HfHubHTTPError, repo_id: str) -> str:
    status = error.response.status_code
    said = " ".join((error.server_message or str(error)).split())
    if status == 401:
        return f"the Hub does not know the token: run `hf auth login` again or set another HF_TOKEN ({said})"
    if status == 403:
        return f"the token may not write to {repo_id}: it needs the role `write` there; or try --create-pr ({said})"
    if status == 404:
        return f"the Hub has no such dataset or branch, or hides it from this token: {repo_id} ({said})"
    return f"the Hub refused {repo_id} with status {status}: {said}"
