"""What a user names → which inputs, in which order, under which names."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from srl_data import sources
from srl_data.errors import InputError
from srl_data.sources import hub


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("b.jsonl", "a.jsonl.gz", "c/train.jsonl", "d/train.jsonl", "d/x.csv", "run.traj", "c/deep/e.parquet"):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('{"a": 1}\n')
    for name in (
        ".hidden.jsonl",
        "README.md",
        "manifest.json",
        "_temp/x.jsonl",
        "c/dataset_info.json",
        "rejects.jsonl",
    ):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("named", "names"),
    [
        (["data/b.jsonl"], ["b.jsonl"]),
        (["data/b.jsonl", "data/a.jsonl.gz"], ["b.jsonl", "a.jsonl.gz"]),  # as given
        (["data/*.jsonl*"], ["a.jsonl.gz", "b.jsonl", "rejects.jsonl"]),  # a pattern takes what it says
        (["data/**/*.csv"], ["x.csv"]),
        (["data/c"], ["e.parquet", "train.jsonl"]),
        (["data/c/train.jsonl", "data/d/train.jsonl"], ["c/train.jsonl", "d/train.jsonl"]),
        (["data"], ["a.jsonl.gz", "b.jsonl", "e.parquet", "c/train.jsonl", "d/train.jsonl", "x.csv", "run.traj"]),
        (["-", "data/b.jsonl"], ["stdin", "b.jsonl"]),
    ],
)
@pytest.mark.usefixtures("tree")
def test_names_and_order(named: list[str], names: list[str]) -> None:
    assert [source.name for source in sources.resolve(named)] == names


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ([], "no input"),
        (["data/bb.jsonl"], r"no such file: data/bb.jsonl; did you mean data/b.jsonl"),
        (["dota/b.jsonl"], r"no such file: dota/b.jsonl \(there is no folder dota\)"),
        (["nothing"], "no such file: nothing"),
        (["data/*.json"], None),
        (["data/*.xyz"], r"no file matches 'data/\*.xyz'"),
        (["empty"], "the folder empty holds no file to read"),
        (["data/README.md", "data/b.jsonl"], None),
        (["data/b.jsonl", "data/c/../b.jsonl"], "data/c/../b.jsonl is named more than once"),
        (["data/b.jsonl", "data"], "data/b.jsonl is named more than once"),
        (["-", "-"], "- is named more than once"),
    ],
)
@pytest.mark.usefixtures("tree")
def test_what_cannot_be_resolved(named: list[str], message: str | None) -> None:
    if message is None:  # a file of another name that holds JSON is read
        assert sources.resolve(named)
        return
    with pytest.raises(InputError, match=message):
        sources.resolve(named)


def test_an_unknown_format(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    with pytest.raises(InputError, match=r"cannot tell the format; its name should end in one of .arrow, .csv"):
        sources.resolve([str(path)])


def test_a_link_to_the_same_file_is_the_same_file(tree: Path) -> None:
    (tree / "link.jsonl").symlink_to(tree / "data" / "b.jsonl")
    with pytest.raises(InputError, match="more than once"):
        sources.resolve(["link.jsonl", "data/b.jsonl"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tree: Path) -> None:
    (tree / "data" / "b.jsonl").chmod(0)
    with pytest.raises(InputError, match="Permission denied"):
        sources.resolve(["data/b.jsonl"])


def test_a_name_that_is_no_text(tree: Path) -> None:
    path = os.fsencode(tree) + b"/caf\xe9.jsonl"
    with open(path, "wb") as file:
        file.write(b'{"a": 1}\n')
    [source] = sources.resolve([os.fsdecode(path)])
    assert source.name == "caf\ufffd.jsonl", "it must be possible to write it down"
    assert sources.peek(source) == [{"a": 1}]


def test_our_own_output_is_read_by_its_trajectories(tmp_path: Path) -> None:
    for part in ("steps", "trajectories"):
        (tmp_path / "out" / part).mkdir(parents=True)
        (tmp_path / "out" / part / f"{part}.jsonl").write_text('{"a": 1}\n')
    (tmp_path / "out" / "manifest.json").write_text("{}")
    assert [source.name for source in sources.resolve([str(tmp_path / "out")])] == ["trajectories.jsonl"]


@pytest.mark.usefixtures("tree")
def test_fingerprint_is_of_the_bytes() -> None:
    [source] = sources.resolve(["data/b.jsonl"])
    assert sources.fingerprint(source) == hashlib.sha256(b'{"a": 1}\n').hexdigest()


class FakeDatasets:
    """Stands in for the library: one dataset with two configs, one with a single split."""

    SPLITS = {"org/two": {"main": ["train", "test"], "socratic": ["train"]}, "org/one": {"default": ["train"]}}  # noqa: RUF012

    def get_dataset_config_names(self, name: str, revision: str | None) -> list[str]:
        if name not in self.SPLITS:
            raise type("DatasetNotFoundError", (Exception,), {})(f"Dataset '{name}' doesn't exist on the Hub")
        return list(self.SPLITS[name])

    def get_dataset_split_names(self, name: str, config: str, revision: str | None) -> list[str]:
        return self.SPLITS[name][config]

    def load_dataset(self, name: str, config: str, *, split: str, revision: str | None, streaming: bool) -> Any:
        assert streaming
        for n in range(1000):
            if n == 700 and revision == "torn":
                raise ConnectionError("the line is dead")
            yield {"n": n, "from": f"{name}/{config}/{split}"}


@pytest.fixture
def fake_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "datasets", FakeDatasets())  # type: ignore[arg-type]
    monkeypatch.setattr(hub, "_is_offline", lambda: False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("org/one", "hub:org/one/default/train"),
        ("hub:org/one", "hub:org/one/default/train"),
        ("org/one:train", "hub:org/one/default/train"),
        ("org/two:socratic", "hub:org/two/socratic/train"),
        ("org/two:main:test@abc123", "hub:org/two/main/test"),
    ],
)
@pytest.mark.usefixtures("fake_hub")
def test_hub_names(text: str, name: str) -> None:
    [source] = sources.resolve([text])
    assert (source.name, source.format, source.size) == (name, "hub", None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("org/two", "org/two has several configs, main, socratic: name one, for instance org/two:main"),
        ("org/two:main", "org/two:main has several splits, train, test"),
        ("org/two:mian:test", "org/two has no config 'mian'; there are main, socratic; did you mean 'main'"),
        ("org/two:main:tset", "org/two:main has no split 'tset'"),
        ("org/none", "cannot read the dataset org/none from the Hub: check the name"),
        ("hub:what is this", "does not name a dataset"),
    ],
)
@pytest.mark.usefixtures("fake_hub")
def test_hub_names_that_do_not_work(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message.replace("?", r"\?")):
        sources.resolve([text])


@pytest.mark.usefixtures("fake_hub")
def test_hub_rows_stream() -> None:
    [source] = sources.resolve(["org/one"])
    pairs = [pair for block in sources.blocks(source, 2000) for pair in sources.records(block)]
    assert pairs == [(n + 1, {"n": n, "from": "org/one/default/train"}) for n in range(1000)]
    [torn] = sources.resolve(["org/one@torn"])
    with pytest.raises(InputError, match=r"the Hub cannot be reached: check the network.*the line is dead"):
        list(sources.blocks(torn))


def test_offline_says_so() -> None:
    """With the real library, in a process of its own since it reads the switch when it is imported."""
    code = "from srl_data import sources\nsources.resolve(['openai/gsm8k:main:train'])"
    root = Path(__file__).parents[3]
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(root)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert "cannot read the dataset openai/gsm8k from the Hub: the Hub is switched off" in done.stderr
