"""Completions in, scores out: what is matched, what is written, what is said."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from click.testing import CliRunner, Result

import rewards
from rewards.errors import ToolkitError
from rewards.types import Scores
from srl_data import scoring, sources
from srl_data.cli import main
from srl_data.dataset import StepDataset
from srl_data.rollouts import Rollouts
from srl_data.score_file import METADATA_KEY, ScoreFile
from srl_data.step_index import StepIndex

TEXTS = {"cats": "3 + 4 = 7\n7 * 2 = 14\n14 - 1 = 13", "dogs": "2 + 2 = 4\n4 / 2 = 2\n#### 2"}


def _run(*arguments: object, input: str | None = None, code: int = 0) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], input=input)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


def _jsonl(path: Path, rows: Iterable[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def steps(tmp_path: Path) -> Path:
    """The steps cats#0 `3 + 4 = 7`, cats#1 `7 * 2 = 14`, dogs#0 `2 + 2 = 4`."""
    solutions = [{"id": name, "problem": f"How many {name}?", "solution": text} for name, text in TEXTS.items()]
    _run("segment", _jsonl(tmp_path / "solutions.jsonl", solutions), "-o", tmp_path / "steps", "-s", "lines")
    return tmp_path / "steps"


def _rows(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


def test_every_completion_becomes_a_row(steps: Path, tmp_path: Path) -> None:
    rollouts = [
        {"id": "cats#1", "completions": ["7 * 2 = 14", "7 * 2 = 13"]},
        {"id": "dogs#0", "completion": ""},
        {"id": "cats#1", "completion": "xxxxxxxxxx"},
    ]
    out = tmp_path / "new" / "scores.parquet"
    result = _run("score", steps, "-c", _jsonl(tmp_path / "r.jsonl", rollouts), "-r", "indel", "-o", out)
    assert result.stdout == ""
    assert "3 rows: 4 completions of 2 of 3 steps; 0 rows not used" in result.stderr
    cats = {"id": "cats#1", "trajectory_id": "cats", "step_index": 1, "file": "r.jsonl", "status": "ok"}
    dogs = {"id": "dogs#0", "trajectory_id": "dogs", "step_index": 0, "file": "r.jsonl", "status": "ok"}
    assert _rows(out) == [
        {**cats, "sample": 0, "line": 1, "score": 1.0},
        {**cats, "sample": 1, "line": 1, "score": 0.9},  # 9 of 10 characters in common: 2·9/20
        {**dogs, "sample": 0, "line": 2, "score": 0.0},
        {**cats, "sample": 2, "line": 3, "score": 0.0},
    ]
    assert sorted(path.name for path in out.parent.iterdir()) == ["scores.parquet"]
    made_with = json.loads(pq.read_schema(out).metadata[METADATA_KEY.encode()])
    assert made_with["reward"]["name"] == "indel"
    assert made_with["reward"]["options"]["unit"] == "char"
    assert {"python", "srl-data"} <= set(made_with["reward"]["versions"])


_CHAT = [{"role": "assistant", "content": "3 + 4 = 8"}]


@pytest.mark.parametrize(
    ("row", "mapped"),
    [
        ({"id": "cats#0", "completion": "3 + 4 = 8"}, []),
        ({"id": "cats#0", "completions": ["3 + 4 = 8"]}, []),
        ({"id": "cats#0", "completion": ["3 + 4 = 8"]}, []),
        ({"id": "cats#0", "completion": _CHAT}, []),
        ({"id": "cats#0", "completion": [{"role": "user", "content": "and?"}, *_CHAT]}, []),
        ({"id": "cats#0", "completions": [_CHAT]}, []),
        ({"trajectory_id": "cats", "step_index": 0, "completion": "3 + 4 = 8"}, []),
        ({"trajectory_id": "cats", "step_index": 0.0, "completion": "3 + 4 = 8"}, []),  # from a column with nulls
        ({"trajectory_id": "cats", "step_index": "0", "completion": "3 + 4 = 8"}, []),
        ({"id": "dump-17", "info": {"id": "cats#0"}, "output": "3 + 4 = 8"}, ["id=info.id", "completion=output"]),
        ({"id": "cats#0", "completion": "no", "choices": [{"text": "3 + 4 = 8"}]}, ["completion=choices.0.text"]),
    ],
)
def test_rows_as_people_have_them(row: dict[str, Any], mapped: list[str], steps: Path, tmp_path: Path) -> None:
    options = [argument for name in mapped for argument in ("--map", name)]
    out = tmp_path / "scores.parquet"
    _run("score", steps, "-c", _jsonl(tmp_path / "r.jsonl", [row]), "-r", "indel", "-o", out, *options)
    ((id, score),) = [(row["id"], row["score"]) for row in _rows(out)]
    assert (id, score) == ("cats#0", pytest.approx(8 / 9))  # 8 of 9 characters in common: 2·8/18


_LINES = "".join(json.dumps({"id": "cats#0", "completion": text}) + "\n" for text in ("3 + 4 = 7", "")).encode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("r.jsonl", lambda: _LINES),
        ("r.jsonl.gz", lambda: gzip.compress(_LINES)),
        ("r.jsonl.zst", lambda: zstandard.compress(_LINES)),
        ("r.csv", lambda: b"id,completion\ncats#0,3 + 4 = 7\ncats#0,\n"),
        ("r.parquet", None),
        ("-", None),
    ],
)
def test_files_as_people_have_them(
    name: str, content: Callable[[], bytes] | None, steps: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path(name).write_bytes(content())
    elif name == "r.parquet":
        pq.write_table(pa.table({"id": ["cats#0"] * 2, "completion": ["3 + 4 = 7", ""]}), name)
    piped = _LINES.decode() if name == "-" else None
    summary = json.loads(_run("score", steps, "-c", name, "-r", "indel", "--json", input=piped).stdout)
    assert (summary["completions"], summary["score"]["mean"], summary["score"]["std"]) == (2, 0.5, 0.5)


@pytest.mark.parametrize(
    ("line", "reason", "detail"),
    [
        ('{"id": "cats#2", "completion": "x"}', "match/unknown_id", "has the id 'cats#2'"),  # the last step is no row
        ('{"id": "cats", "completion": "x"}', "match/unknown_id", "has the id 'cats'"),
        ('{"id": "\\ud800", "completion": "x"}', "match/unknown_id", "ud800"),
        ('{"completion": "x"}', "match/no_id", "--map id=COLUMN"),
        ('{"trajectory_id": "cats", "completion": "x"}', "match/no_id", "there are trajectory_id, completion"),
        ('{"id": null, "completion": "x"}', "match/no_id", "column id is null"),
        ('{"id": true, "completion": "x"}', "match/no_id", "column id is a boolean"),
        ('{"id": "cats#0", "response": "x"}', "match/no_completion", "--map completion=COLUMN"),
        ('{"id": "cats#0", "completions": []}', "match/no_completion", "an empty list"),
        ('{"id": "cats#0", "completion": "x", "completions": ["y"]}', "match/no_completion", "--map completion=COLUMN"),
        ('{"id": "cats#0", "compl', "read/bad_json", "Unterminated string"),
        ("[1]", "read/not_an_object", "a list"),
    ],
)
def test_what_cannot_be_matched_is_kept_beside_the_scores(
    line: str, reason: str, detail: str, steps: Path, tmp_path: Path
) -> None:
    rollouts = tmp_path / "r.jsonl"
    rollouts.write_text('{"id": "cats#0", "completion": "x"}\n' + line + "\n")
    arguments = ("score", steps, "-c", rollouts, "-r", "indel", "-o", tmp_path / "s.parquet")
    told = _run(*arguments).stderr
    assert "2 rows: 1 completions of 1 of 3 steps; 1 rows not used" in told
    assert f"1 × {reason}" in told
    assert f"    r.jsonl:2: {reason.split('/')[1]}: " in told
    (reject,) = [json.loads(row) for row in (tmp_path / "s.rejects.jsonl").read_text().splitlines()]
    assert (reject["file"], reject["line"]) == ("r.jsonl", 2)
    assert f"{reject['stage']}/{reject['reason']}" == reason
    assert detail in reject["detail"]

    before = sorted(path.name for path in tmp_path.iterdir())
    assert f"r.jsonl:2: {reject['reason']}" in _run(*arguments, "--overwrite", "--strict", code=1).stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == before  # a run that fails leaves nothing

    rollouts.write_text('{"id": "cats#0", "completion": "x"}\n')
    _run(*arguments, "--overwrite")
    assert not (tmp_path / "s.rejects.jsonl").exists()


@pytest.mark.parametrize("completion", [None, 7, {"text": "3 + 4 = 7"}, [[]], [[{"role": "user", "content": "hm"}]]])
def test_what_is_no_text_is_the_completions_own_fault(completion: Any, steps: Path, tmp_path: Path) -> None:
    rollouts = _jsonl(tmp_path / "r.jsonl", [{"id": "cats#0", "completion": completion}])
    summary = json.loads(_run("score", steps, "-c", rollouts, "-r", "indel", "--json").stdout)
    assert (summary["statuses"], summary["score"]["mean"]) == ({"unparseable_completion": 1}, 0.0)


def test_srl_is_the_default_and_its_parts_are_columns(steps: Path, tmp_path: Path) -> None:
    good = "<think>Add.</think>3 + 4 = 7"
    rollouts = _jsonl(tmp_path / "r.jsonl", [{"id": "cats#0", "completions": [good, good, "3 + 4 = 7"]}])
    out = tmp_path / "scores.parquet"
    result = _run("score", steps, "-c", rollouts, "-o", out, "--json")
    summary = json.loads(result.stdout)
    reward = rewards.get("srl")
    expected = reward([good, good, "3 + 4 = 7"], reference=["3 + 4 = 7"] * 3)
    assert [row["score"] for row in _rows(out)] == expected.values == [1.0, 1.0, -1.0]
    for name, values in expected.parts.items():
        assert [row[f"part_{name}"] for row in _rows(out)] == values
        known = [value for value in values if value is not None]
        assert summary["parts"][name] == (pytest.approx(sum(known) / len(known)) if known else None)
    assert summary["statuses"] == {"ok": 2, "format": 1}
    assert summary["groups"]["all"] == {"measured": 1, "spread": 1, "share": 1.0}
    assert summary["groups"]["well_formed"] == {"measured": 1, "spread": 0, "share": 0.0}
    assert "1 of these spread by broken forms alone" in result.stderr


def test_a_composite_from_a_file(steps: Path, tmp_path: Path) -> None:
    config = tmp_path / "reward.toml"
    config.write_text('name = "mixed"\n[[term]]\nreward = "indel"\nweight = 0.5\n[[term]]\nreward = "token_f1"\n')
    rollouts = _jsonl(tmp_path / "r.jsonl", [{"id": "cats#0", "completion": "3 + 4 = 7"}])
    out = tmp_path / "scores.parquet"
    _run("score", steps, "-c", rollouts, "--config", config, "-o", out)
    (row,) = _rows(out)
    assert (row["score"], row["part_indel"], row["part_token_f1"]) == (1.5, 1.0, 1.0)
    made_with = json.loads(pq.read_schema(out).metadata[METADATA_KEY.encode()])
    assert made_with["reward"]["config"] == config.read_text()
    config.write_text("[[terms]]\n")
    assert "did you mean 'term'?" in _run("score", steps, "-c", rollouts, "--config", config, code=2).stderr


def test_steps_may_come_from_any_records(tmp_path: Path) -> None:
    table = _jsonl(tmp_path / "table.jsonl", [{"id": 7, "reference": "ab"}, {"id": "x", "reference": None}])
    rollouts = _jsonl(tmp_path / "r.jsonl", [{"id": 7, "completion": "ab"}, {"id": "x", "completion": "ab"}])
    out = tmp_path / "scores.parquet"
    _run("score", table, "-c", rollouts, "-r", "indel", "-o", out)
    found = [(row["id"], row["trajectory_id"], row["score"], row["status"]) for row in _rows(out)]
    assert found == [("7", None, 1.0, "ok"), ("x", None, None, "unparseable_reference")]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"id": "a"}, "the reward reads the column 'reference', which"),
        ({"id": "a", "referense": "x"}, "there are id, referense; did you mean 'referense'?"),
        ({"reference": "x"}, "table.jsonl:1: no_id: a step needs an id"),
        ({"id": "\ud800", "reference": "x"}, "table.jsonl:1: lone_surrogate"),
        ([1], "table.jsonl:1: not_an_object"),
        ({"id": "first", "reference": "x"}, "the id 'first' is there 2 times"),
    ],
)
def test_records_that_are_no_steps(row: Any, message: str, tmp_path: Path) -> None:
    rows = [row, row] if isinstance(row, dict) and row.get("id") == "first" else [row]
    table = _jsonl(tmp_path / "table.jsonl", rows)
    rollouts = _jsonl(tmp_path / "r.jsonl", [{"id": "a", "completion": "x"}])
    assert message in _run("score", table, "-c", rollouts, "-r", "indel", code=1).stderr


def test_a_split_narrows_where_steps_are_looked_for(tmp_path: Path) -> None:
    made = tmp_path / "made.jsonl"
    _run("generate", "--family", "linear", "-n", "20", "-o", made)
    _run("segment", made, "-o", tmp_path / "steps", "-s", "numbered", "--holdout", "4")
    dataset = StepDataset(tmp_path / "steps")
    rows = [{"id": row["id"], "completion": row["reference"]} for row in dataset.rows("steps")]
    held_out = sum(1 for _ in dataset.rows("steps", "validation"))
    arguments = ("score", tmp_path / "steps", "-c", _jsonl(tmp_path / "r.jsonl", rows), "-r", "indel", "--json")
    assert json.loads(_run(*arguments).stdout)["scored"] == len(rows)
    narrowed = json.loads(_run(*arguments, "--split", "validation").stdout)
    assert (narrowed["scored"], narrowed["rejects"]["total"]) == (held_out, len(rows) - held_out)
    assert "there are train, validation" in _run(*arguments, "--split", "test", code=1).stderr


def test_nothing_is_overwritten_unasked_and_nothing_but_scores_ever(steps: Path, tmp_path: Path) -> None:
    rollouts = _jsonl(tmp_path / "r.jsonl", [{"id": "cats#0", "completion": "x"}])
    own = tmp_path / "own.parquet"
    pq.write_table(pa.table({"id": ["cats#0"], "completion": ["x"]}), own)
    arguments = ("score", steps, "-r", "indel", "-c", rollouts, "-o")
    _run(*arguments, tmp_path / "s.parquet")
    assert "--overwrite to replace it" in _run(*arguments, tmp_path / "s.parquet", code=1).stderr
    _run(*arguments, tmp_path / "s.parquet", "--overwrite")
    for precious in (rollouts, own, steps):
        assert "leaves it alone" in _run(*arguments, precious, "--overwrite", code=1).stderr
    assert own.exists()
    assert rollouts.exists()


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (["score"], "STEPS", 2),
        (["score", "steps"], "--completions", 2),
        (["score", "steps", "-c", "r.jsonl", "-r", "indle"], "did you mean 'indel'?", 2),
        (["score", "steps", "-c", "r.jsonl", "-r", "indel", "-O", "unitt=char"], "did you mean 'unit'?", 2),
        (["score", "steps", "-c", "r.jsonl", "--config", "absent.toml"], "absent.toml", 2),
        (["score", "steps", "-c", "r.jsonl", "-r", "indel", "--config", "r.jsonl"], "leave out --reward", 2),
        (["score", "steps", "-c", "r.jsonl", "--map", "text=output"], "one of id, completion", 2),
        (["score", "steps", "-c", "r.jsonl", "--epsilon", "-1"], "--epsilon", 2),
        (["score", "steps", "-c", "r.jsonl", "--epsilon", "nan"], "nan is no number", 2),
        (["score", "steps", "-c", "absent.jsonl", "-r", "indel"], "no such file: absent.jsonl", 1),
        (["score", "absent", "-c", "r.jsonl", "-r", "indel"], "no such file: absent", 1),
        (["score", "steps", "-c", "none.jsonl", "-r", "indel"], "nothing could be scored", 1),
        (["score", "steps", "-c", "r.jsonl", "-r", "indel", "-o", "r.jsonl/s.parquet"], "cannot write", 1),
    ],
)
def test_wrong_calls(
    arguments: list[str], message: str, code: int, steps: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _jsonl(Path("r.jsonl"), [{"id": "cats#0", "completion": "x"}])
    Path("none.jsonl").touch()
    result = _run(*arguments, code=code)
    assert message in result.stderr
    assert "Traceback" not in result.output


class _Fragile:
    """A third party's reward that raises for some texts, and gives one part."""

    name = "fragile"
    bounds = (0.0, 1.0)
    columns = ("reference",)

    def __call__(self, completions: Sequence[str], /, **columns: Sequence[Any]) -> Scores:
        if "boom" in completions:
            raise ZeroDivisionError("division by zero")
        return Scores([1.0] * len(completions), ["ok"] * len(completions), {"half": [0.5] * len(completions)})

    def explain(self, completion: str, /, **columns: Any) -> Any:
        raise NotImplementedError


class _Forgetful(_Fragile):
    """One that breaks the contract: the parts of the empty batch are not those of others."""

    def __call__(self, completions: Sequence[str], /, **columns: Sequence[Any]) -> Scores:
        return Scores([1.0] * len(completions), ["ok"] * len(completions), {"late": [0.5]} if completions else {})


def _score(steps: Path, rollouts: Path, reward: Any, file: ScoreFile | None = None) -> scoring.Outcome:
    index = StepIndex(str(steps), reward.columns)
    return scoring.score(index, sources.resolve([str(rollouts)]), reward, Rollouts(), file)


def test_a_reward_that_raises_costs_that_completion_and_not_the_run(steps: Path, tmp_path: Path) -> None:
    rollouts = _jsonl(tmp_path / "r.jsonl", [{"id": "cats#0", "completions": ["fine", "boom", "fine"]}])
    outcome = _score(steps, rollouts, _Fragile(), ScoreFile(tmp_path / "s.parquet", {}))
    found = [(row["score"], row["status"], row["part_half"]) for row in _rows(tmp_path / "s.parquet")]
    assert found == [(1.0, "ok", 0.5), (None, "error", None), (1.0, "ok", 0.5)]
    assert outcome.failure == "ZeroDivisionError: division by zero"


def test_a_reward_that_breaks_its_contract_is_named(steps: Path, tmp_path: Path) -> None:
    rollouts = _jsonl(tmp_path / "r.jsonl", [{"id": "cats#0", "completion": "x"}])
    with pytest.raises(ToolkitError, match="'fragile' breaks its contract"):
        _score(steps, rollouts, _Forgetful(), ScoreFile(tmp_path / "s.parquet", {}))
    assert not list(tmp_path.glob("*s.parquet*"))


def test_blocks_batches_and_row_groups_do_not_show(
    steps: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ["3 + 4 = 7", "7 = 3 + 4", "", "9", "3 + 4 = 7, so 14"]
    ids = ["cats#0", "dogs#0", "cats#1"]
    rows = [{"id": ids[at % 3], "completions": texts[: at % 6]} for at in range(200)]
    rollouts = _jsonl(tmp_path / "r.jsonl", rows)
    _score(steps, rollouts, rewards.get("indel"), ScoreFile(tmp_path / "whole.parquet", {}))
    monkeypatch.setattr("srl_data.scoring._BLOCK_BYTES", 300)
    monkeypatch.setattr("srl_data.scoring._BATCH", 3)
    monkeypatch.setattr("srl_data.score_file._ROW_GROUP", 7)
    outcome = _score(steps, rollouts, rewards.get("indel"), ScoreFile(tmp_path / "pieces.parquet", {}))
    assert _rows(tmp_path / "whole.parquet") == _rows(tmp_path / "pieces.parquet")
    assert pq.read_metadata(tmp_path / "pieces.parquet").num_row_groups > 10
    expected: dict[str, int] = {}
    for row in _rows(tmp_path / "pieces.parquet"):
        assert row["sample"] == expected.get(row["id"], 0)
        expected[row["id"]] = row["sample"] + 1
    assert outcome.rejects == {"match/no_completion": 34}  # every sixth of 200 rows has an empty list
