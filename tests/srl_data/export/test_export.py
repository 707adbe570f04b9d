"""Every export, read back by what its trainer reads it with."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

import rewards
from rewards.adapters.openrlhf import decode_label
from rewards.adapters.skyrl import StepEnv
from rewards.adapters.swift import to_swift
from rewards.adapters.trl import to_trl
from rewards.adapters.verl import compute_score
from srl_data import export as exporting
from srl_data.cli import main
from srl_data.dataset import StepDataset
from srl_data.export.folder import RECORD
from srl_data.export.shapes import SHAPES
from srl_data.export.trainers import TRAINERS

TEXTS = {"cats": "3 + 4 = 7\n7 * 2 = 14\n14 - 1 = 13", "dogs": "2 + 2 = 4\n4 / 2 = 2\n#### 2"}
RL = ("trl", "verl", "openrlhf", "skyrl", "swift", "verifiers")
THOUGHT = "<think>Hm.</think>"
STEPS = {"cats#0": "3 + 4 = 7", "cats#1": "7 * 2 = 14", "dogs#0": "2 + 2 = 4"}  # the last step of each is no row


def _run(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


def _jsonl(path: Path, rows: Iterable[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def steps(tmp_path: Path) -> Path:
    solutions = [{"id": name, "problem": f"How many {name}?", "solution": text} for name, text in TEXTS.items()]
    _run("segment", _jsonl(tmp_path / "solutions.jsonl", solutions), "-o", tmp_path / "steps", "-s", "lines")
    return tmp_path / "steps"


def _export(steps: Path, to: str, *options: object) -> Path:
    out = steps.parent / f"for-{to}"
    _run("export", steps, "--to", to, "-o", out, *options)
    return out


def _rows(out: Path, split: str = "train") -> list[dict[str, Any]]:
    table = datasets.load_dataset("parquet", data_files=str(out / "data" / f"{split}.parquet"))["train"]
    rows: list[dict[str, Any]] = table.to_list()
    return rows


@pytest.mark.parametrize("to", TRAINERS)
def test_the_folder_opens_as_a_dataset_of_every_version(to: str, steps: Path) -> None:
    out = _export(steps, to)
    found = datasets.load_dataset(str(out))
    assert found["train"].to_list() == _rows(out)
    # the metadata of newer versions of `datasets` stop older ones
    assert b"huggingface" not in (pq.read_schema(out / "data" / "train.parquet").metadata or {})


def test_the_table_of_commands_and_of_shapes_agree() -> None:
    from srl_data.cli import export as command

    assert list(command.TRAINERS) == list(TRAINERS)
    assert set(TRAINERS) == set(SHAPES) - {"skyrl-turns"}


@pytest.mark.parametrize("to", RL)
def test_what_the_reward_is_given_is_what_the_dataset_says(to: str, steps: Path) -> None:
    read = [SHAPES[to].read(row) for row in _rows(_export(steps, to))]
    for given, row in zip(read, StepDataset(steps).rows("steps"), strict=True):
        for name in ("id", "trajectory_id", "step_index", "prompt", "reference", "answer"):
            if name in given or to != "openrlhf":
                assert given[name] == row[name]


def test_trl(steps: Path) -> None:
    rows = _rows(_export(steps, "trl"))
    assert list(rows[0]) == ["prompt", "id", "trajectory_id", "step_index", "reference", "answer"]
    assert [turn["role"] for turn in rows[0]["prompt"]] == ["system", "user"]
    columns = {name: [row[name] for row in rows] for name in rows[0] if name != "prompt"}
    replies = [[{"role": "assistant", "content": THOUGHT + row["reference"]}] for row in rows]
    scores = to_trl("srl")(prompts=[row["prompt"] for row in rows], completions=replies, completion_ids=[], **columns)
    assert scores == [1.0, 1.0, 1.0]


def test_verl(steps: Path) -> None:
    row = _rows(_export(steps, "verl"))[1]
    assert list(row) == ["data_source", "prompt", "ability", "reward_model", "extra_info"]
    assert row["reward_model"] == {"style": "rule", "ground_truth": "7 * 2 = 14"}
    assert row["extra_info"]["index"] == 1
    assert row["extra_info"]["id"] == "cats#1"
    found = compute_score(
        row["data_source"], THOUGHT + "7 * 2 = 14", row["reward_model"]["ground_truth"], row["extra_info"]
    )
    assert found["score"] == 1.0


def test_openrlhf(steps: Path) -> None:
    row = _rows(_export(steps, "openrlhf"))[2]
    assert decode_label(row["label"]) == {"id": "dogs#0", "reference": "2 + 2 = 4", "answer": "2"}
    assert row["prompt"][-1]["role"] == "user"


def test_skyrl(steps: Path) -> None:
    row = _rows(_export(steps, "skyrl"))[0]
    assert row["env_class"] == "srl"
    turn = StepEnv(extras={**row, "max_turns": 1}).step(THOUGHT + "3 + 4 = 7")
    assert (turn["reward"], turn["done"]) == (1.0, True)


def test_skyrl_turn_by_turn(steps: Path) -> None:
    out = _export(steps, "skyrl", "--turns")
    cats, dogs = _rows(out)
    assert cats["reward_spec"]["ground_truth"] == ["3 + 4 = 7", "7 * 2 = 14"]
    assert dogs["reward_spec"]["ground_truth"] == ["2 + 2 = 4"]
    episode = StepEnv(extras={**cats, "max_turns": 2})
    first = episode.step(THOUGHT + "3 + 4 = 7")
    assert "7" in first["observations"][0]["content"]
    assert episode.step("7 * 2 = 14")["reward"] == -1.0
    assert "generator.max_turns=2" in (out / "train.sh").read_text()


def test_swift(steps: Path) -> None:
    rows = _rows(_export(steps, "swift"))
    assert [turn["role"] for turn in rows[0]["messages"]] == ["system", "user"]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    assert to_swift("srl")()([THOUGHT + row["reference"] for row in rows], **columns) == [1.0, 1.0, 1.0]


def test_prm_and_sft_are_whole_solutions(steps: Path) -> None:
    cats = _rows(_export(steps, "prm"))[0]
    assert cats == {
        "prompt": "How many cats?",
        "completions": TEXTS["cats"].split("\n"),
        "labels": [True, True, True],
        "id": "cats",
    }
    cats = _rows(_export(steps, "sft"))[0]
    assert cats["messages"] == [
        {"role": "user", "content": "How many cats?"},
        {"role": "assistant", "content": TEXTS["cats"]},
    ]


AGENT = [
    {"role": "system", "content": "Work."},
    {"role": "user", "content": "Mend it."},
    {"role": "assistant", "content": "Look.", "tool_calls": [{"function": {"name": "ls", "arguments": "{}"}}]},
    {"role": "tool", "content": "a.py"},
    {
        "role": "assistant",
        "content": "Open.",
        "tool_calls": [{"function": {"name": "cat", "arguments": '{"f": "a.py"}'}}],
    },
    {"role": "tool", "content": "x = 1"},
    {"role": "assistant", "content": "Done.", "tool_calls": [{"function": {"name": "submit", "arguments": "{}"}}]},
    {"role": "tool", "content": "ok"},
]


@pytest.fixture
def agent(tmp_path: Path) -> Path:
    _run("segment", _jsonl(tmp_path / "runs.jsonl", [{"id": "run", "messages": AGENT}]), "-o", tmp_path / "steps")
    return tmp_path / "steps"


def test_an_agents_run(agent: Path) -> None:
    (row,) = _rows(_export(agent, "sft"))
    assert [turn["role"] for turn in row["messages"]] == ["user", "assistant", "user", "assistant", "user", "assistant"]
    assert row["messages"][2]["content"] == "a.py"
    (row,) = _rows(_export(agent, "skyrl", "--turns"))
    (told,) = row["observations"]
    assert "ls" in told
    assert "a.py" in told
    left_out = _run("export", agent, "--to", "prm", "-o", agent.parent / "p", code=1).stderr
    assert "no row for prm" in left_out


def _made(tmp_path: Path, n: int = 30) -> Path:
    _run("generate", "--family", "linear", "-n", n, "-o", tmp_path / "made.jsonl")
    _run("segment", tmp_path / "made.jsonl", "-o", tmp_path / "steps", "-s", "numbered", "--holdout", "5")
    return tmp_path / "steps"


@pytest.mark.parametrize("to", ["verl", "prm"])
def test_splits_are_kept(to: str, tmp_path: Path) -> None:
    made = _made(tmp_path)
    out = _export(made, to)
    counts = StepDataset(made).manifest.counts["splits"]
    table = SHAPES[to].table
    for split in ("train", "validation"):
        assert len(_rows(out, split)) == counts[split][table]
    record = json.loads((out / RECORD).read_text())
    assert record["splits"] == {split: counts[split][table] for split in ("train", "validation")}


def test_a_split_of_no_rows_is_left_out(steps: Path) -> None:
    out = _export(steps, "verl")
    assert [path.name for path in (out / "data").iterdir()] == ["train.parquet"]
    assert "there is no validation split" in (out / "train.sh").read_text()


def test_the_same_export_twice_is_the_same_bytes(steps: Path) -> None:
    for to in TRAINERS:
        one, two = steps.parent / "one" / to, steps.parent / "two" / to
        for out in (one, two):
            _run("export", steps, "--to", to, "-o", out)
        files = [path.relative_to(one) for path in sorted(one.rglob("*")) if path.is_file()]
        assert files == [path.relative_to(two) for path in sorted(two.rglob("*")) if path.is_file()]
        assert all((one / name).read_bytes() == (two / name).read_bytes() for name in files)


def test_the_row_groups_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = _made(tmp_path)
    whole = _rows(_export(made, "verl"))
    monkeypatch.setattr("srl_data.export.folder._ROW_GROUP_ROWS", 7)
    out = tmp_path / "pieces"
    _run("export", made, "--to", "verl", "-o", out)
    assert pq.read_metadata(out / "data" / "train.parquet").num_row_groups > 5
    assert _rows(out) == whole
    monkeypatch.setattr("srl_data.export.folder._ROW_GROUP_CHARS", 1)
    _run("export", made, "--to", "verl", "-o", out, "--overwrite")
    assert pq.read_metadata(out / "data" / "train.parquet").num_row_groups == len(whole)
    assert _rows(out) == whole


def test_columns_go_along_when_they_are_asked_for(steps: Path) -> None:
    row = _rows(_export(steps, "verl", "--column", "history", "--column", "problem"))[1]
    assert row["extra_info"]["history"] == ["3 + 4 = 7"]
    assert row["extra_info"]["problem"] == "How many cats?"
    out = steps.parent / "no"
    message = _run("export", steps, "--to", "trl", "-o", out, "--column", "histroy", code=1).stderr
    assert "did you mean 'history'?" in message
    assert not out.exists()


class _Hungry:
    name, bounds, columns = "hungry", (0.0, 1.0), ("reference", "problem", "hint")


def test_a_reward_that_reads_what_there_is_not(steps: Path) -> None:
    chosen = exporting.Chosen(_Hungry(), "hungry", {"name": "hungry"})  # type: ignore[arg-type]
    with pytest.raises(rewards.errors.ColumnError, match="the reward 'hungry' reads the column 'hint'"):
        exporting.export(steps, "trl", steps.parent / "out", chosen)


def test_nothing_is_overwritten_unasked_and_nothing_but_exports_ever(steps: Path) -> None:
    out = _export(steps, "trl")
    assert "--overwrite to replace it" in _run("export", steps, "--to", "verl", "-o", out, code=1).stderr
    _run("export", steps, "--to", "verl", "-o", out, "--overwrite")
    assert sorted(path.name for path in out.iterdir()) == ["README.md", "data", "export.json", "train.sh"]
    precious = steps.parent / "solutions.jsonl"
    for taken in (steps, precious):
        assert "leaves it alone" in _run("export", steps, "--to", "trl", "-o", taken, "--overwrite", code=1).stderr
    assert precious.is_file()
    empty = steps.parent / "empty"
    empty.mkdir()
    _run("export", steps, "--to", "trl", "-o", empty)


def test_an_export_that_fails_leaves_nothing(steps: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, before = _export(steps, "trl"), sorted(path.name for path in steps.parent.iterdir())
    was = (out / "export.json").read_text()

    def broken(*_: object) -> dict[str, str]:
        raise OSError(28, "No space left on device", "train.sh")

    monkeypatch.setattr("srl_data.export.launch_files", broken)
    with pytest.raises(OSError, match="No space left"):
        exporting.export(
            steps, "verl", out, exporting.choose_reward(StepDataset(steps), None, [], None), overwrite=True
        )
    assert sorted(path.name for path in steps.parent.iterdir()) == before
    assert (out / "export.json").read_text() == was


ROLLOUTS = [
    {"id": "cats#1", "completions": [THOUGHT + "7 * 2 = 14", THOUGHT + "xxxxxxxxxx", "no thought"]},
    {"id": "dogs#0", "completion": THOUGHT + "2 + 2 = 4"},
    {"id": "birds#0", "completion": THOUGHT + "x"},
    {"completion": "x"},
    {"id": "cats#0", "completion": None},
]


def test_wrong_steps_come_from_scored_rollouts(steps: Path) -> None:
    rollouts = _jsonl(steps.parent / "r.jsonl", ROLLOUTS)
    out = _export(steps, "prm", "--completions", rollouts, "--threshold", "0.5")
    rows = _rows(out)
    assert [row["id"] for row in rows] == ["cats", "dogs", "cats#1", "cats#1", "dogs#0"]
    assert rows[2]["completions"] == ["3 + 4 = 7", "7 * 2 = 14"]
    assert [row["labels"] for row in rows[2:]] == [[True, True], [True, False], [True]]
    record = json.loads((out / RECORD).read_text())["candidates"]
    assert (record["right"], record["wrong"]) == (2, 1)
    assert record["left_out"] == {"a broken form": 1, "no such step": 1, "no text": 1, "no_id": 1}
    assert "2 model-written steps are right" in (out / "README.md").read_text()


def test_rollouts_of_two_splits_are_counted_once(tmp_path: Path) -> None:
    made = _made(tmp_path)
    rows = [{"id": row["id"], "completion": THOUGHT + "wrong"} for row in StepDataset(made).rows("steps")]
    rollouts = _jsonl(tmp_path / "r.jsonl", [*rows, {"id": "nowhere#0", "completion": "x"}, {"completion": "x"}])
    out = _export(made, "prm", "-c", rollouts, "--threshold", "1")
    record = json.loads((out / RECORD).read_text())["candidates"]
    assert (record["right"], record["wrong"]) == (0, len(rows))
    assert record["left_out"] == {"no such step": 1, "no_id": 1}
    homes = {
        row["trajectory_id"]: split
        for split in ("train", "validation")
        for row in StepDataset(made).rows("steps", split)
    }
    for split in ("train", "validation"):
        wrong = [row["id"] for row in _rows(out, split) if not all(row["labels"])]
        assert Counter(homes[id.partition("#")[0]] for id in wrong) == Counter({split: len(wrong)})


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (["--to", "trl"], "--output", 2),
        (["-o", "out"], "--to", 2),
        (["--to", "tlr", "-o", "out"], "tlr", 2),
        (["--to", "trl", "-o", "out", "-r", "indle"], "did you mean 'indel'?", 2),
        (["--to", "trl", "-o", "out", "--turns"], "--turns is for --to skyrl", 2),
        (["--to", "trl", "-o", "out", "-c", "r.jsonl", "--threshold", "1"], "for --to prm", 2),
        (["--to", "prm", "-o", "out", "-c", "r.jsonl"], "belong together", 2),
        (["--to", "prm", "-o", "out", "--threshold", "1"], "belong together", 2),
        (["--to", "trl", "-o", "solutions.jsonl/out"], "cannot write", 1),
    ],
)
def test_wrong_calls(
    arguments: list[str], message: str, code: int, steps: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(steps.parent)
    before = sorted(path.name for path in Path().iterdir())
    result = _run("export", "steps", *arguments, code=code)
    assert message in result.stderr
    assert sorted(path.name for path in Path().iterdir()) == before
    assert "is not a step dataset" in _run("export", "steps/steps", "--to", "trl", "-o", "out", code=1).stderr
