"""The command line as a person uses it: one test for each thing one does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from srl_data.cli import main


def _run(*arguments: object, input: str | None = None, code: int = 0) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], input=input)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    solutions = tmp_path / "made.jsonl"
    _run("generate", "--family", "linear", "--level", "2-4", "-n", "30", "--style", "numbered", "-o", solutions)
    _run("segment", solutions, "-o", tmp_path / "steps", "-s", "numbered", "--holdout", "5")
    return tmp_path / "steps"


def test_segments_and_says_what_became_of_every_record(tmp_path: Path) -> None:
    rows = [{"question": f"{at}+1, twice?", "answer": f"{at}+1={at + 1}\n#### {at + 1}"} for at in range(3)]
    rows = [{**row, "answer": "So:\n" + row["answer"]} for row in rows] + [{"question": "?", "answer": "one line"}]
    source = tmp_path / "a.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = _run("segment", source, "-o", tmp_path / "out", "-s", "lines")
    assert result.stdout == ""
    assert "a.jsonl: gsm8k layout" in result.stderr
    assert "4 records = 3 trajectories + 1 rejects" in result.stderr
    assert "1 × segment/single_line" in result.stderr


def test_segment_prints_its_manifest_for_scripts(tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text(json.dumps({"question": "1+1, twice?", "answer": "1+1=2\n2*2=4\n#### 4"}) + "\n")
    printed = json.loads(_run("segment", source, "-o", tmp_path / "out", "-s", "lines", "--json").stdout)
    assert printed == json.loads((tmp_path / "out" / "manifest.json").read_text())


def test_segment_reads_standard_input(tmp_path: Path) -> None:
    row = {"problem": "1+1, twice?", "solution": "1+1=2\n2*2=4\n#### 4"}
    lines = "".join(json.dumps(row | {"problem": f"{at}: {row['problem']}"}) + "\n" for at in range(300))
    done = subprocess.run(
        [sys.executable, "-m", "srl_data", "segment", "-", "-o", str(tmp_path / "out"), "-s", "lines"],
        input=lines.encode(),
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert b"300 records = 300 trajectories + 0 rejects" in done.stderr
    assert next(iter(_rows(tmp_path / "out")))["source"] == "stdin:1"


def test_segment_fails_if_nothing_could_be_used(tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text(json.dumps({"problem": "?", "solution": "one line"}) + "\n")
    result = _run("segment", source, "-o", tmp_path / "out", "-s", "lines", code=1)
    assert "no record could be used" in result.stderr
    assert (tmp_path / "out" / "rejects.jsonl").read_text()


def test_columns_and_segmenter_options_can_be_given(tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    row = {"q": "1+1, twice?", "w": {"up": "1+1=<<1+1=2>>2\n2*2=4"}, "gold": {"value": 4}, "key": "x1"}
    source.write_text(json.dumps(row) + "\n")
    _run(
        *("segment", source, "-o", tmp_path / "out", "-s", "lines", "-O", "strip_calc=yes"),
        *("--map", "problem=q", "--map", "text=w.up", "--map", "answer=gold.value", "--map", "id=key"),
    )
    (found,) = _rows(tmp_path / "out")
    assert (found["id"], found["reference"], found["answer"]) == ("x1#0", "1+1=2", "4")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["segmant"], "did you mean 'segment'?"),
        (["segment", "a.jsonl", "-o", "out", "-s", "numberd"], "did you mean 'numbered'?"),
        (["segment", "a.jsonl", "-o", "out", "-s", "lines", "-O", "strip_calk=1"], "did you mean 'strip_calc'?"),
        (["segment", "a.jsonl", "-o", "out", "-s", "lines", "-O", "strip_calc=maybe"], "'maybe' is not bool"),
        (["segment", "a.jsonl", "-o", "out", "--holdot", "3"], "--holdout"),
        (["segment", "a.jsonl", "-o", "out", "--holdout", "1.5"], "neither a count"),
        (["segment", "a.jsonl", "-o", "out", "--map", "texts=a"], "--map problem=question"),
        (["segment", "a.jsonl"], "--output"),
        (["segment"], "INPUT"),
        (["generate", "--family", "liner"], "did you mean 'linear'?"),
        (["segmenters", "line"], "did you mean 'lines'?"),
    ],
)
def test_wrong_calls_end_with_2_and_say_what_was_meant(arguments: list[str], message: str) -> None:
    assert message in _run(*arguments, code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["segment", "absent.jsonl", "-o", "out"], "absent.jsonl"),
        (["stats", "absent"], "no folder absent"),
        (["show", "absent"], "no folder absent"),
        (["validate", "absent"], "no folder absent"),
    ],
)
def test_failures_end_with_1_and_one_line(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = _run(*arguments, code=1)
    assert message in result.stderr
    assert "Traceback" not in result.output


def test_lists_and_describes_segmenters() -> None:
    listed = _run("segmenters").stdout
    for name in ("agent", "auto", "lines", "numbered", "paragraphs", "sentences", "thinking"):
        assert f"\n{name} " in f"\n{listed}"
    described = _run("segmenters", "lines").stdout
    assert "-O strip_calc=bool  (default false)" in described
    as_json = json.loads(_run("segmenters", "lines", "--json").stdout)
    assert {"name": "strip_calc", "type": "bool", "default": False}.items() <= as_json["options"][0].items()


def test_shows_a_trajectory_and_a_row(dataset: Path) -> None:
    shown = _run("show", dataset).stdout
    assert "step 0 [" in shown
    assert "answer" in shown
    row = next(iter(_rows(dataset)))
    example = _run("show", dataset, row["id"]).stdout
    assert row["reference"] in example
    assert row["prompt"][-1]["content"] in example
    assert json.loads(_run("show", dataset, row["id"], "--json").stdout) == row
    assert "no trajectory and no row" in _run("show", dataset, "nobody", code=1).stderr


def test_counts_and_measures(dataset: Path) -> None:
    figures = json.loads(_run("stats", dataset, "--json").stdout)
    assert figures["counts"]["records"] == 30
    assert figures["splits"] == ["train", "validation"]
    lengths = sorted(len(row["reference"]) for row in _rows(dataset))
    assert figures["reference_chars"]["max"] == lengths[-1]
    assert figures["reference_chars"]["mean"] == pytest.approx(sum(lengths) / len(lengths), abs=0.01)
    prompts = [sum(len(message["content"]) for message in row["prompt"]) for row in _rows(dataset)]
    assert figures["prompt_chars"]["mean"] == pytest.approx(sum(prompts) / len(prompts), abs=0.01)
    assert "steps per trajectory" in _run("stats", dataset).stdout


def test_validates(dataset: Path) -> None:
    assert "✗" not in _run("validate", dataset).stdout
    assert json.loads(_run("validate", dataset, "--json").stdout)["valid"] is True


def _damage_manifest(folder: Path) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["counts"]["records"] += 1
    path.write_text(json.dumps(manifest))


def _lose_a_file(folder: Path) -> None:
    next((folder / "steps" / "train").glob("*.arrow")).unlink()


def _lose_rejects(folder: Path) -> None:
    (folder / "rejects.jsonl").write_text('{"file": "a"}\n')


def _truncate(folder: Path) -> None:
    path = next((folder / "trajectories" / "train").glob("*.arrow"))
    path.write_bytes(path.read_bytes()[:-400])


def _rewrite(folder: Path, table: str, change: Any) -> None:
    import pyarrow as pa

    from srl_data.schema import TABLES
    from srl_data.writer import read_table

    path = next((folder / table / "train").glob("*.arrow"))
    rows = read_table(path).to_pylist()
    change(rows)
    content = pa.Table.from_pylist(rows, schema=TABLES[table])
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, content.schema) as stream:
        stream.write_table(content)


def _move_an_offset(folder: Path) -> None:
    _rewrite(folder, "trajectories", lambda rows: rows[0]["steps"][0].update(end=rows[0]["steps"][1]["start"] + 3))


def _repeat_an_id(folder: Path) -> None:
    _rewrite(folder, "trajectories", lambda rows: rows[1].update(id=rows[0]["id"]))


def _drop_a_row(folder: Path) -> None:
    _rewrite(folder, "steps", lambda rows: rows.pop(3))


def _change_a_reference(folder: Path) -> None:
    _rewrite(folder, "steps", lambda rows: rows[2].update(reference="something else"))


def _leak(folder: Path) -> None:
    from srl_data.dataset import StepDataset

    held_out = next(StepDataset(folder).rows("trajectories", "validation"))["problem"]
    _rewrite(folder, "trajectories", lambda rows: rows[0].update(problem=held_out.upper()))


def _change_a_prompt(folder: Path) -> None:
    _rewrite(folder, "steps", lambda rows: rows[2]["prompt"][-1].update(content="hi"))


def _spoil_meta(folder: Path) -> None:
    _rewrite(folder, "trajectories", lambda rows: rows[0].update(meta="{"))


def _add_a_file(folder: Path) -> None:
    path = next((folder / "steps" / "train").glob("*.arrow"))
    path.with_name("data-00099.arrow").write_bytes(path.read_bytes())


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        (_change_a_prompt, "rows"),
        (_spoil_meta, "meta"),
        (_add_a_file, "schema"),
        (_damage_manifest, "counts"),
        (_lose_a_file, "schema"),
        (_lose_rejects, "counts"),
        (_truncate, "schema"),
        (_move_an_offset, "partition"),
        (_repeat_an_id, "ids"),
        (_drop_a_row, "rows"),
        (_change_a_reference, "rows"),
        (_leak, "leakage"),
    ],
)
def test_validate_finds_what_is_broken(dataset: Path, damage: Any, check: str) -> None:
    damage(dataset)
    found = json.loads(_run("validate", dataset, "--json", code=1).stdout)
    assert check in found["found"], found
    assert f"✗ {check}" in _run("validate", dataset, code=1).stdout


def test_demo_tells_the_story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(2):  # again over what the first one left
        told = _run("demo", "-n", "40", "--no-train").output
    assert "✗" not in told
    assert "40 records = " in told
    assert len(list(_rows(tmp_path / "demo-out" / "steps"))) > 40


def test_every_command_explains_itself() -> None:
    for name in main.list_commands(None):  # type: ignore[arg-type]
        assert "Example" in _run(name, "--help").stdout, name
        found = main.get_command(None, name)  # type: ignore[arg-type]
        assert found is not None
        mute = [option.name for option in found.params if isinstance(option, click.Option) and not option.help]
        assert not mute, name


def _rows(folder: Path) -> Any:
    from srl_data.dataset import StepDataset

    return StepDataset(folder).rows("steps")
