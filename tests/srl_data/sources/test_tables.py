"""CSV, Parquet, Arrow: the same rows whatever the container, broken rows rejected one by one."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from srl_data import sources
from srl_data.errors import InputError, Rejected

pa = pytest.importorskip("pyarrow")


def read(path: Path, block_bytes: int = 4 << 20) -> list[tuple[int, Any]]:
    pairs = []
    for source in sources.resolve([str(path)]):
        for block in sources.blocks(source, block_bytes):
            pairs += list(sources.records(block))
    return [(number, record.reason if isinstance(record, Rejected) else record) for number, record in pairs]


# a CSV file → what comes out of it
CSV: dict[str, tuple[bytes, list[tuple[int, Any]]]] = {
    "plain": (b"q,a\nx,1\ny,2\n", [(1, {"q": "x", "a": "1"}), (2, {"q": "y", "a": "2"})]),
    "quotes": (b'q,a\n"x, ""y""\nz",1\n', [(1, {"q": 'x, "y"\nz', "a": "1"})]),
    "Windows": (b"\xef\xbb\xbfq,a\r\nx,1\r\n", [(1, {"q": "x", "a": "1"})]),
    "blank lines": (b"q,a\n\nx,1\n\n", [(1, {"q": "x", "a": "1"})]),
    "too few fields": (b"q,a\nx\ny,2\n", [(1, "wrong_fields"), (2, {"q": "y", "a": "2"})]),
    "too many fields": (b"q,a\nx,1,2\ny,2\n", [(1, "wrong_fields"), (2, {"q": "y", "a": "2"})]),
    "invalid UTF-8": (b"q,a\ncaf\xe9,1\ny,2\n", [(1, "bad_utf8"), (2, {"q": "y", "a": "2"})]),
    "NUL": (b"q,a\nx\x00y,1\n", [(1, {"q": "x\x00y", "a": "1"})]),
    "stray quote": (b'q,a\n"x"y,1\nz,2\n', [(1, "bad_csv"), (2, {"q": "z", "a": "2"})]),
    "open quote": (b'q,a\ny,2\n"x,1\n', [(1, {"q": "y", "a": "2"}), (2, "bad_csv")]),
    "long field": (b"q,a\n" + b"x" * 200_000 + b",1\n", [(1, {"q": "x" * 200_000, "a": "1"})]),
    "a column twice": (b"q,q\nx,1\n", [(0, "bad_csv")]),
    "header only": (b"q,a\n", [(0, "empty_file")]),
    "empty": (b"", [(0, "empty_file")]),
}


@pytest.mark.parametrize("block_bytes", [1, 4 << 20])
@pytest.mark.parametrize("case", CSV)
def test_csv(tmp_path: Path, case: str, block_bytes: int) -> None:
    content, expected = CSV[case]
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    assert read(path, block_bytes) == expected


def test_csv_rejects_name_the_line_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'q,a\n"x\ny",1\nz\n')
    [source] = sources.resolve([str(path)])
    [_, (number, rejected)] = [pair for block in sources.blocks(source) for pair in sources.records(block)]
    assert (number, str(rejected)) == (2, "wrong_fields: line 4 of the file has 1 fields, the header 2: 'z'")


def test_tsv(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("q\ta\nx, y\t1\n")
    assert read(path) == [(1, {"q": "x, y", "a": "1"})]


ROWS = [{"id": n, "q": f"What is {n}?", "steps": [{"text": "a"}, {"text": None}], "score": n / 2} for n in range(5000)]


@pytest.mark.parametrize("block_bytes", [10_000, 4 << 20])
def test_parquet(tmp_path: Path, block_bytes: int) -> None:
    import pyarrow.parquet as pq

    path = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist(ROWS), path, row_group_size=1300)
    assert read(path, block_bytes) == list(enumerate(ROWS, 1))
    [source] = sources.resolve([str(path)])
    positions = [block.position for block in sources.blocks(source, block_bytes)]
    assert positions == sorted(positions)
    assert positions[-1] == source.size


def test_a_small_block_holds_few_rows(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["x" * 10_000 + str(n) for n in range(1000)]}), path, compression="none")
    [source] = sources.resolve([str(path)])
    sizes = [len(block.data) for block in sources.blocks(source, 100_000)]
    assert len(sizes) > 50
    assert max(sizes) < 300_000


@pytest.mark.parametrize("content", [b"PAR1 and no more", b"not at all", b""])
@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
def test_a_broken_table_is_one_reject(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    [(number, reason)] = read(path)
    assert (number, reason) in [(0, "unreadable_file"), (0, "empty_file")]


def test_a_table_without_rows(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"q": pa.array([], pa.string())}), path)
    assert read(path) == [(0, "empty_file")]


def test_text_that_is_not_utf8_costs_its_row(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    column = pa.array([b"fine", b"caf\xe9", b"too"]).view(pa.string())
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"q": column}), path)
    assert read(path) == [(1, {"q": "fine"}), (2, "bad_utf8"), (3, {"q": "too"})]


@pytest.mark.parametrize("new", [pa.ipc.new_stream, pa.ipc.new_file])
def test_arrow_files(tmp_path: Path, new: Any) -> None:
    path = tmp_path / "a.arrow"
    table = pa.Table.from_pylist(ROWS)
    with new(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=999)
    assert read(path, 10_000) == list(enumerate(ROWS, 1))


def test_folders_that_datasets_saved(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    data = datasets.Dataset.from_list(ROWS[:100])
    data.save_to_disk(str(tmp_path / "one"), num_shards=3)
    datasets.DatasetDict({"train": data, "test": data.select(range(7))}).save_to_disk(str(tmp_path / "two"))

    assert read(tmp_path / "one") == list(enumerate(ROWS[:100], 1))
    found = sources.resolve([str(tmp_path / "two")])
    assert [source.name for source in found] == ["test", "train"]
    assert read(tmp_path / "two") == [*enumerate(ROWS[:7], 1), *enumerate(ROWS[:100], 1)]
    everything = sources.resolve([str(tmp_path)])
    assert [source.name for source in everything] == ["one", "test", "train"]
    assert all(source.size and len(sources.fingerprint(source)) == 64 for source in everything)
    (tmp_path / "one" / "data-00001-of-00003.arrow").unlink()
    with pytest.raises(InputError, match="not a whole saved dataset"):
        sources.resolve([str(tmp_path / "one")])


def test_values_that_json_lacks_reach_meta_as_strings(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    path = tmp_path / "a.parquet"
    day = datetime.date(2025, 3, 1)
    row = {"problem": "?", "solution": "!", "day": day, "raw": b"\xff", "nan": float("nan"), "days": [day]}
    pq.write_table(pa.Table.from_pylist([row]), path)
    [(_, record)] = read(path)
    solution = sources.to_solution(record, sources.Layout("problem", "solution"), "a", "a")
    assert solution.meta == {"day": "2025-03-01", "raw": "b'\\xff'", "nan": "NaN", "days": ["2025-03-01"]}
