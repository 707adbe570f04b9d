"""Publishing, against a stand-in for the Hub: what is uploaded is what was made, and a refusal is one clear line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from srl_data import pipeline
from srl_data.card import CardDetails, split_card, write_card
from srl_data.errors import PublishError, SchemaError
from srl_data.hub import parse_size, push
from srl_data.options import SegmentOptions
from tests.fake_hub import READER, WRITER, FakeHub

NAME = "me/sums"

_CALLS = """
import json, sys
from click.testing import CliRunner
from srl_data.cli import main

def call(arguments):
    result = CliRunner().invoke(main, arguments)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr

json.dump([call(arguments) for arguments in json.load(sys.stdin)], sys.stdout)
"""

_LOAD = """
import json, sys, datasets

def load(*where, **how):
    splits = datasets.load_dataset(*where, **how)
    return {name: [str(split.features), split.to_list()] for name, split in splits.items()}

json.dump([load(*where, **how) for where, how in json.load(sys.stdin)], sys.stdout)
"""

pytestmark = pytest.mark.slow  # each test is a process of its own that talks to a server


@dataclass
class Remote:
    """The stand-in, and processes that talk to it."""

    hub: FakeHub
    home: Path

    def run(self, script: str, calls: list[Any], token: str | None) -> Any:
        """Run a script in a process of its own: what the Hub is, its libraries read when they are imported."""
        done = subprocess.run(
            [sys.executable, "-c", script],
            input=json.dumps(calls),
            capture_output=True,
            text=True,
            env=self.hub.environment(self.home, token),
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def push(self, *calls: list[Any], token: str | None = WRITER) -> list[tuple[int, str, str]]:
        """Call ``srl-data push``, several times in one process; exit status, standard output and error of each."""
        commands = [["push", *map(str, arguments)] for arguments in calls]
        return [tuple(result) for result in self.run(_CALLS, commands, token)]

    def load(self, *calls: tuple[list[str], dict[str, str]], token: str | None = None) -> list[dict[str, Any]]:
        """Call ``datasets.load_dataset``; features and rows of each split."""
        loaded: list[dict[str, Any]] = self.run(_LOAD, list(calls), token)
        return loaded


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[Remote]:
    with FakeHub() as hub:
        yield Remote(hub, tmp_path / "home")


def _build(folder: Path, holdout: int = 4, text: str = "1. Add.\n2. Double: {}.\n3. Say \\boxed{{é𝔸}}.") -> Path:
    records = [{"id": f"r{at}", "problem": f"Double {at}?", "text": text.format(at)} for at in range(20)]
    folder.mkdir(exist_ok=True)
    source = folder / "sums.jsonl"
    source.write_text("".join(json.dumps(record) + "\n" for record in [*records, {"problem": "?", "text": "secret"}]))
    pipeline.segment([str(source)], folder / "out", SegmentOptions(segmenter="numbered", holdout=holdout))
    return folder / "out"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = _build(tmp_path_factory.mktemp("hub"))
    write_card(folder, details=CardDetails(license="mit", description="Written by hand."))
    return folder


def _saved(folder: Path, table: str) -> dict[str, Any]:
    import datasets

    splits = datasets.load_from_disk(str(folder / table))
    return {name: [str(split.features), split.to_list()] for name, split in splits.items()}


def test_both_tables_come_back_as_they_went(remote: Remote, dataset: Path) -> None:
    [(status, out, err)] = remote.push([dataset, NAME])
    assert (status, out) == (0, f"{remote.hub.url}/datasets/{NAME}\n")
    assert "steps/train-00000-of-00001.parquet  32 rows" in err
    steps, trajectories, default = remote.load(([NAME, "steps"], {}), ([NAME, "trajectories"], {}), ([NAME], {}))
    assert steps == default == _saved(dataset, "steps")
    assert trajectories == _saved(dataset, "trajectories")


def test_everything_goes_in_one_commit_and_rejects_stay_at_home(remote: Remote, dataset: Path) -> None:
    remote.push([dataset, NAME])
    parquet = [
        f"{table}/{split}-00000-of-00001.parquet"
        for table in ("steps", "trajectories")
        for split in ("train", "validation")
    ]
    repo = remote.hub.repos[NAME]
    assert repo.log == [("main", ["README.md", "manifest.json", *parquet], [])]
    assert (repo.files() or {})["manifest.json"] == (dataset / "manifest.json").read_bytes()
    assert not any(b"secret" in content for content in (repo.files() or {}).values())


def test_card_on_the_hub_is_ours_and_points_at_the_parquet_files(remote: Remote, dataset: Path) -> None:
    remote.push([dataset, NAME], [dataset, NAME])  # a second time, to see that the default config survives it
    files = remote.hub.repos[NAME].files() or {}
    metadata, body = split_card(files["README.md"].decode())
    local, local_body = split_card((dataset / "README.md").read_text())
    assert metadata["configs"] == [
        {
            "config_name": table,
            "data_files": [
                {"split": "train", "path": f"{table}/train-*"},
                {"split": "validation", "path": f"{table}/validation-*"},
            ],
            **default,
        }
        for table, default in (("steps", {"default": True}), ("trajectories", {}))
    ]
    for ours, info in zip(local.pop("dataset_info"), metadata.pop("dataset_info"), strict=True):
        sizes = [len(content) for path, content in files.items() if path.startswith(f"{info['config_name']}/")]
        assert info == ours | {"download_size": sum(sizes)}
    assert metadata["license"] == "mit"
    assert {**metadata, "configs": None} == {**local, "configs": None}
    assert body == local_body.replace("ORG/NAME", NAME)
    assert "Written by hand." in body


def test_a_card_edited_by_hand_is_published_as_it_is(remote: Remote, dataset: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(dataset, folder)
    (folder / "README.md").write_text("---\r\nlicense: gpl-3.0\r\n---\r\n# Mine\n", newline="")
    remote.push([folder, NAME])
    metadata, body = split_card((remote.hub.repos[NAME].files() or {})["README.md"].decode())
    assert (metadata["license"], body) == ("gpl-3.0", "# Mine\n")
    assert metadata["configs"][0]["config_name"] == "steps"


def test_what_an_earlier_push_left_is_removed_and_nothing_else(remote: Remote, dataset: Path, tmp_path: Path) -> None:
    remote.push([dataset, NAME, "--max-shard-size", "4KB", "--with-rejects"])
    repo = remote.hub.repos[NAME]
    shards = [path for path in repo.files() or {} if path.startswith("steps/train-")]
    assert len(shards) > 2
    assert b"secret" in (repo.files() or {})["rejects.jsonl"]
    repo.commit("main", {"LICENSE": b"MIT", "docs/steps/note.md": b"x"}, [])
    without_split = _build(tmp_path, holdout=0)
    remote.push([without_split, NAME])
    assert sorted(repo.files() or {}) == [
        ".gitattributes",
        "LICENSE",
        "README.md",
        "docs/steps/note.md",
        "manifest.json",
        "steps/train-00000-of-00001.parquet",
        "trajectories/train-00000-of-00001.parquet",
    ]
    [steps] = remote.load(([NAME, "steps"], {}))
    assert steps == _saved(without_split, "steps")


def test_private_is_created_so_and_never_promised_of_a_public_dataset(remote: Remote, dataset: Path) -> None:
    new, public, again = remote.push(
        [dataset, NAME, "--private"], [dataset, "me/open"], [dataset, "me/open", "--private"]
    )
    assert (new[0], public[0], again[0]) == (0, 0, 1)
    assert remote.hub.repos[NAME].private
    assert "me/open exists and is public" in again[2]
    assert len(remote.hub.repos["me/open"].log) == 1, "nothing was committed"
    [steps] = remote.load(([NAME, "steps"], {}), token=READER)
    assert steps == _saved(dataset, "steps")


def test_revision_is_a_branch(remote: Remote, dataset: Path) -> None:
    [(status, out, _)] = remote.push([dataset, NAME, "--revision", "v1/draft"])
    assert (status, out) == (0, f"{remote.hub.url}/datasets/{NAME}/tree/v1/draft\n")
    assert list(remote.hub.repos[NAME].files() or {}) == [".gitattributes"]
    [steps] = remote.load(([NAME, "steps"], {"revision": "v1/draft"}))
    assert steps == _saved(dataset, "steps")


def test_a_pull_request_is_one_and_can_be_added_to(remote: Remote, dataset: Path) -> None:
    remote.push([dataset, NAME])
    [(status, out, _)] = remote.push([dataset, NAME, "--create-pr", "--max-shard-size", "4KB"], token=READER)
    assert (status, out) == (0, f"{remote.hub.url}/datasets/{NAME}/discussions/1\n")
    [(status, _, _)] = remote.push([dataset, NAME, "--revision", "refs/pr/1"])
    assert status == 0
    repo = remote.hub.repos[NAME]
    assert [ref for ref, _, _ in repo.log] == ["main", "refs/pr/1", "refs/pr/1"]
    assert repo.files("refs/pr/1") == repo.files("main")
    [steps] = remote.load(([NAME, "steps"], {"revision": "refs/pr/1"}))
    assert steps == _saved(dataset, "steps")


@pytest.mark.parametrize(
    ("token", "line"),
    [
        (None, "Error: not logged in: run `hf auth login` or set HF_TOKEN\n"),
        ("hf_forgotten", "Error: the Hub does not know the token: run `hf auth login` again or set another HF_TOKEN"),
        (READER, "Error: the token may not write to me/sums: it needs the role `write` there; or try --create-pr"),
    ],
    ids=["none", "unknown", "reader"],
)
def test_without_the_right_token_one_line_says_so(remote: Remote, dataset: Path, token: str | None, line: str) -> None:
    [(status, out, err)] = remote.push([dataset, NAME], token=token)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(line)
    assert remote.hub.repos == {}


def test_an_unreachable_hub_and_a_missing_branch_are_one_line_each(remote: Remote, dataset: Path) -> None:
    [(status, _, err)] = remote.push([dataset, NAME, "--create-pr", "--revision", "nowhere"])
    assert (status, err.count("\n")) == (1, 1)
    assert "no such dataset or branch" in err
    remote.hub.url = "http://127.0.0.1:1"  # nobody listens there
    [(status, _, err)] = remote.push([dataset, NAME])
    assert (status, err.count("\n")) == (1, 1)
    assert err.startswith("Error: the Hub cannot be reached: ")


def test_dry_run_lists_what_a_push_uploads_and_asks_nobody(remote: Remote, dataset: Path) -> None:
    text, as_json = remote.push([dataset, NAME, "--dry-run"], [dataset, NAME, "--dry-run", "--json"], token=None)
    assert (text[0], as_json[0]) == (0, 0)
    assert remote.hub.requests == []
    assert "steps/validation-00000-of-00001.parquet  8 rows" in text[1]
    assert text[1].endswith("would go to me/sums; nothing was uploaded\n")
    remote.push([dataset, NAME])
    uploaded = {path: len(content) for path, content in (remote.hub.repos[NAME].files() or {}).items()}
    del uploaded[".gitattributes"]
    assert {file["path"]: file["bytes"] for file in json.loads(as_json[1])["files"]} == uploaded


# what follows needs no Hub; the test process itself is in offline mode (see conftest.py)


def test_offline_mode_is_said_before_any_work(dataset: Path) -> None:
    with pytest.raises(PublishError, match="offline mode is on: unset HF_HUB_OFFLINE"):
        push(dataset, NAME, token=WRITER)


@pytest.mark.parametrize("name", ["sums", "a/b/c", "me/su ms", "me/", "/sums", "me/a--b", "me/a.git", "-me/sums", ""])
def test_a_malformed_name_is_named(dataset: Path, name: str) -> None:
    with pytest.raises(PublishError, match="is no name for a dataset"):
        push(dataset, name, dry_run=True)


def test_a_folder_that_is_no_dataset_or_an_empty_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="is not a step dataset"):
        push(tmp_path, NAME, dry_run=True)
    whole = _build(tmp_path / "whole")
    (whole / "rejects.jsonl").unlink()
    with pytest.raises(SchemaError, match="is missing"):
        push(whole, NAME, with_rejects=True, dry_run=True)
    empty = _build(tmp_path, holdout=0, text="no steps {}")
    with pytest.raises(PublishError, match="has no step rows"):
        push(empty, NAME, dry_run=True)


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # datasets', where an Arrow file is broken
@pytest.mark.parametrize("damage", ["manifest", "file", "bytes", "card"])
def test_a_damaged_dataset_is_not_published(dataset: Path, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(dataset, folder)
    arrow = folder / "steps/train/data-00000.arrow"
    match damage:
        case "manifest":
            manifest = json.loads((folder / "manifest.json").read_text())
            manifest["counts"]["splits"]["train"]["steps"] += 1
            (folder / "manifest.json").write_text(json.dumps(manifest))
        case "file":
            arrow.unlink()
        case "bytes":
            arrow.write_bytes(b"no arrow")
        case "card":
            (folder / "README.md").write_bytes(b"---\nlicense: [mit\n---\n")
    with pytest.raises(SchemaError):
        push(folder, NAME, dry_run=True)


def test_a_split_without_rows_is_left_out(remote: Remote, tmp_path: Path) -> None:
    """``load_dataset`` would refuse the whole table for it. One problem alone leaves the other side empty."""
    source = tmp_path / "one.jsonl"
    source.write_text(json.dumps({"problem": "Double 1?", "text": "1. Add.\n2. Double.\n3. Say."}) + "\n")
    folder = tmp_path / "out"
    pipeline.segment([str(source)], folder, SegmentOptions(segmenter="numbered", holdout=0.001))
    remote.push([folder, NAME])
    loaded = remote.load(([NAME, "steps"], {}), ([NAME, "trajectories"], {}), ([str(folder), "steps"], {}))
    for table, splits in zip(("steps", "trajectories", "steps"), loaded, strict=True):
        assert splits == {name: split for name, split in _saved(folder, table).items() if split[1]}
        assert len(splits) == 1


@pytest.mark.parametrize(
    ("text", "size"), [(7, 7), ("500MB", 500_000_000), ("1 GiB", 1 << 30), ("2k", 2000), ("1.5KiB", 1536)]
)
def test_sizes(text: int | str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "0", "-1GB", "1XB", "1e9", 0])
def test_what_is_no_size_is_refused(text: int | str) -> None:
    with pytest.raises(PublishError, match="is no size"):
        parse_size(text)
