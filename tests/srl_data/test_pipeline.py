"""``segment`` from end to end, on real files in a real folder: what goes in comes out, or is accounted for."""

from __future__ import annotations

import errno
import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from srl_data import pipeline, segmenters
from srl_data.dataset import StepDataset
from srl_data.errors import InputError, OutputError
from srl_data.examples import ExampleOptions
from srl_data.filters import FilterOptions
from srl_data.insight.validate import validate
from srl_data.manifest import Manifest
from srl_data.options import SegmentOptions
from srl_data.segmenters.base import Segmenter
from srl_data.types import Segmentation, Solution, Step

LINES = SegmentOptions(segmenter="lines")
COLUMNS = {"problem": "problem", "text": "solution"}


def _row(number: int, **changes: Any) -> dict[str, Any]:
    """A GSM8K-like record."""
    a, b = number + 2, 3 * number + 1
    answer = f"Ann has {a} + {b} = {a + b} apples.\nTwice that is 2 * {a + b} = {2 * (a + b)}.\n#### {2 * (a + b)}"
    return {"question": f"Ann has {a} apples, gets {b} more, and doubles them. How many?", "answer": answer} | changes


def _write(path: Path, rows: Sequence[Any]) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def _sound(folder: Path) -> StepDataset:
    dataset = StepDataset(folder)
    assert list(validate(dataset)) == []
    return dataset


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return _write(tmp_path / "train.jsonl", [_row(number) for number in range(40)])


def test_records_become_rows(source: Path, tmp_path: Path) -> None:
    manifest = pipeline.segment([str(source)], tmp_path / "out", LINES)
    assert (manifest.counts["records"], manifest.counts["trajectories"], manifest.counts["steps"]) == (40, 40, 40)
    dataset = _sound(tmp_path / "out")
    row = next(dataset.rows("steps"))
    assert row["id"] == "train.jsonl:1#0"
    assert row["reference"] == "Ann has 2 + 1 = 3 apples."
    assert row["answer"] == "6"
    assert row["history"] == []
    assert row["num_steps"] == 2
    assert [message["role"] for message in row["prompt"]] == ["system", "user"]
    assert _row(0)["question"] in row["prompt"][1]["content"]
    trajectory = next(dataset.rows("trajectories"))
    assert trajectory["text"] == _row(0)["answer"]
    assert (trajectory["segmenter"], trajectory["source"]) == ("lines", "train.jsonl:1")
    assert Manifest.read(tmp_path / "out") == manifest


def test_datasets_opens_the_folder(source: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    pipeline.segment([str(source)], tmp_path / "out", SegmentOptions(segmenter="lines", holdout=4))
    steps = datasets.load_from_disk(str(tmp_path / "out" / "steps"))
    assert {split: len(rows) for split, rows in steps.items()} == {"train": 36, "validation": 4}
    assert steps["train"].features == datasets.Features.from_arrow_schema(steps["train"].data.schema)
    assert steps["train"].features["prompt"] == datasets.List(
        {"role": datasets.Value("string"), "content": datasets.Value("string")}
    )
    trajectories = datasets.load_from_disk(str(tmp_path / "out" / "trajectories"))
    assert trajectories["train"][0]["steps"][0]["title"] is None
    whole = datasets.load_from_disk(str(tmp_path / "out"))
    assert sorted(whole) == ["steps/train", "steps/validation", "trajectories/train", "trajectories/validation"]
    again = steps["train"].map(lambda row: {"length": len(row["reference"])})  # a real use, fingerprint and all
    assert again[0]["length"] == len(again[0]["reference"])


DIRTY = [
    ("{broken", "read", "bad_json"),
    ("[1, 2]", "read", "not_an_object"),
    (json.dumps({"question": "?"}), "read", "missing_column"),
    (json.dumps(_row(1, answer=None)), "read", "empty_text"),
    (json.dumps(_row(1, question={"an": "object"})), "read", "wrong_type"),
    (json.dumps(_row(1, answer="one line")), "segment", "single_line"),
    (json.dumps(_row(3)), "filter", "duplicate"),
    ('{"question": "\\ud800?", "answer": "a\\nb"}', "read", "lone_surrogate"),
]


def test_what_cannot_be_used_is_accounted_for(tmp_path: Path) -> None:
    good = [_row(number) for number in range(5)]
    source = _write(tmp_path / "dirty.jsonl", [*good, *(line for line, _, _ in DIRTY), _row(9)])
    manifest = pipeline.segment([str(source)], tmp_path / "out", LINES)
    assert manifest.counts["records"] == 14
    assert manifest.counts["trajectories"] == 6
    assert manifest.counts["segmenters"] == {"lines": 6}
    dataset = _sound(tmp_path / "out")
    rejects = {row["line"]: row for row in dataset.rejects()}
    assert {line: (row["stage"], row["reason"]) for line, row in rejects.items()} == {
        number: (stage, reason) for number, (_, stage, reason) in enumerate(DIRTY, start=6)
    }
    assert all(row["file"] == "dirty.jsonl" and row["detail"] for row in rejects.values())
    assert rejects[12]["detail"] == "the same problem and solution as dirty.jsonl:4"
    assert rejects[11]["record"]["answer"] == "one line"


def test_strict_stops_at_the_first_reject(tmp_path: Path) -> None:
    source = _write(tmp_path / "dirty.jsonl", [_row(0), "{broken", _row(1)])
    with pytest.raises(InputError, match=r"dirty\.jsonl:2: bad_json"):
        pipeline.segment([str(source)], tmp_path / "out", LINES, strict=True)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_the_result_does_not_depend_on_the_number_of_workers(source: Path, tmp_path: Path) -> None:
    options = SegmentOptions(segmenter="lines", holdout=0.2)
    for jobs in (1, 2):
        pipeline.segment([str(source)], tmp_path / f"jobs{jobs}", options, jobs=jobs, block_bytes=1000)
    assert _files(tmp_path / "jobs1") == _files(tmp_path / "jobs2")
    assert len(list((tmp_path / "jobs1" / "steps" / "train").glob("*.arrow"))) > 3, "several parts, or nothing is shown"
    _sound(tmp_path / "jobs1")


def test_equal_ids_are_told_apart(tmp_path: Path) -> None:
    rows = [_row(number, id="same") for number in range(3)]
    options = SegmentOptions(segmenter="lines", columns={"id": "id"})
    pipeline.segment([str(_write(tmp_path / "a.jsonl", rows))], tmp_path / "out", options)
    dataset = _sound(tmp_path / "out")
    assert [row["id"] for row in dataset.rows("trajectories")] == ["same", "same-2", "same-3"]
    assert [row["id"] for row in dataset.rows("steps")] == ["same#0", "same-2#0", "same-3#0"]


def test_several_inputs(tmp_path: Path) -> None:
    _write(tmp_path / "a.jsonl", [_row(0)])
    with gzip.open(tmp_path / "b.jsonl.gz", "wt") as stream:
        stream.write(json.dumps(_row(1)) + "\n")
    manifest = pipeline.segment([str(tmp_path / "*.jsonl*")], tmp_path / "out", LINES)
    assert [(source["name"], source["trajectories"]) for source in manifest.inputs] == [
        ("a.jsonl", 1),
        ("b.jsonl.gz", 1),
    ]
    _sound(tmp_path / "out")


@pytest.mark.parametrize(
    ("filters", "reason"),
    [
        (FilterOptions(min_steps=3), "too_few_steps"),
        (FilterOptions(min_steps=1, max_steps=1), "too_many_steps"),
        (FilterOptions(max_chars=10), "too_long"),
        (FilterOptions(max_step_chars=5), "step_too_long"),
    ],
)
def test_filters_are_counted(source: Path, tmp_path: Path, filters: FilterOptions, reason: str) -> None:
    manifest = pipeline.segment([str(source)], tmp_path / "out", SegmentOptions(segmenter="lines", filters=filters))
    assert manifest.counts["rejects_by_reason"] == {f"filter/{reason}": 40}
    assert manifest.counts["steps"] == 0
    _sound(tmp_path / "out")


def test_answers_must_be_known_or_agree(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"problem": "2+2, 3 times?", "solution": "2 + 2 = 4\n3 * 4 = 12\n#### 12", "gold": "12.0"},
        {"problem": "2+2, 4 times?", "solution": "2 + 2 = 4\n4 * 4 = 16\n#### 16", "gold": "17"},
        {"problem": "2+2, 5 times?", "solution": "2 + 2 = 4\n5 * 4 = 20", "gold": "20"},
        {"problem": "2+2, 6 times?", "solution": "2 + 2 = 4\n6 * 4 = 24", "gold": None},
    ]
    source = _write(tmp_path / "a.jsonl", rows)
    expected: dict[str, dict[str, int]] = {
        "any": {},
        "known": {"filter/no_answer": 1},
        "agree": {"filter/answer_disagrees": 1, "filter/no_answer": 2},
    }
    for answers, reasons in expected.items():
        options = SegmentOptions(segmenter="lines", filters=FilterOptions(answers=answers))  # type: ignore[arg-type]
        manifest = pipeline.segment([str(source)], tmp_path / answers, options)
        assert manifest.counts["rejects_by_reason"] == reasons


def test_answers_are_compared_by_the_verifier(tmp_path: Path) -> None:
    golds = {
        "one half": ("1/2", "0.5"),
        "thousands": ("1,200", "1200.0"),
        "other": ("1/3", "0.33"),
        "none": ("1/0", "2"),
    }
    rows = [
        {"problem": f"Which number, {name}?", "solution": f"Let us see, {name}.\nThere.\n#### {stated}", "answer": gold}
        for name, (gold, stated) in golds.items()
    ]
    source = _write(tmp_path / "a.jsonl", rows)
    options = SegmentOptions(segmenter="lines", filters=FilterOptions(answers="agree"))
    manifest = pipeline.segment([str(source)], tmp_path / "agree", options)
    assert manifest.counts["rejects_by_reason"] == {"filter/answer_disagrees": 1, "filter/answer_unreadable": 1}
    options = SegmentOptions(segmenter="lines", filters=FilterOptions(check_answers=True))
    manifest = pipeline.segment([str(source)], tmp_path / "checked", options)
    assert manifest.counts["rejects_by_reason"] == {"filter/answer_unreadable": 1}
    assert [row["answer"] for row in _sound(tmp_path / "checked").rows("trajectories")] == ["1/2", "1,200", "1/3"]


def test_rows_follow_the_options(source: Path, tmp_path: Path) -> None:
    options = SegmentOptions(segmenter="lines", examples=ExampleOptions(include_last=True, system="Be brief."))
    manifest = pipeline.segment([str(source)], tmp_path / "out", options)
    assert manifest.counts["steps"] == 80
    row = next(_sound(tmp_path / "out").rows("steps"))
    assert row["prompt"][0] == {"role": "system", "content": "Be brief."}


def test_an_existing_output_is_left_alone(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    pipeline.segment([str(source)], out, LINES)
    before = _files(out)
    with pytest.raises(OutputError, match="exists"):
        pipeline.segment([str(source)], out, LINES)
    assert _files(out) == before
    pipeline.segment([str(source)], out, SegmentOptions(segmenter="lines", holdout=5), overwrite=True)
    assert _sound(out).splits == ["train", "validation"]


def test_overwrite_spares_what_is_no_dataset(source: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("years of work")
    with pytest.raises(OutputError, match="no step dataset"):
        pipeline.segment([str(source)], tmp_path / "thesis", LINES, overwrite=True)
    assert (tmp_path / "thesis" / "chapter.tex").read_text() == "years of work"


class _Killer:
    """A segmenter that kills its own process at a given record, as the kernel would for want of memory."""

    name = "killer"

    def __init__(self, at: str, flag: Path) -> None:
        self.at, self.flag = at, flag

    def segment(self, solution: Solution) -> Segmentation:
        if solution.source == self.at and not self.flag.exists():
            self.flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return segmenters.get("lines").segment(solution)

    def fit(self, solution: Solution) -> float:
        return 0.0


@pytest.fixture
def killer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    segmenter: Segmenter = _Killer("train.jsonl:25", tmp_path / "killed")
    monkeypatch.setitem(segmenters.registry._registered, "killer", lambda: segmenter)


@pytest.mark.slow
@pytest.mark.usefixtures("killer")
def test_a_killed_worker_loses_nothing(source: Path, tmp_path: Path) -> None:
    options = SegmentOptions(segmenter="killer")
    out = tmp_path / "out"
    with pytest.raises(Exception, match="--resume"):
        pipeline.segment([str(source)], out, options, jobs=2, block_bytes=1000)
    assert not out.exists(), "nothing looks finished"
    with pytest.raises(OutputError, match="options changed"):
        pipeline.segment([str(source)], out, LINES, resume=True, block_bytes=1000)
    pipeline.segment([str(source)], out, options, jobs=2, resume=True, block_bytes=1000)
    _sound(out)
    assert not out.with_name("out.partial").exists()
    pipeline.segment([str(source)], tmp_path / "unharmed", options, block_bytes=1000)
    assert _files(out) == _files(tmp_path / "unharmed")


RUN_AND_WAIT = """
import sys, time
from srl_data import pipeline
from srl_data.options import SegmentOptions
def report(progress):
    print("part", flush=True)
    time.sleep(0.05)
pipeline.segment([sys.argv[1]], sys.argv[2], SegmentOptions(segmenter="lines"), block_bytes=500, on_progress=report)
"""


def test_a_killed_run_is_resumed(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run = subprocess.Popen([sys.executable, "-c", RUN_AND_WAIT, str(source), str(out)], stdout=subprocess.PIPE)
    assert run.stdout is not None
    for _ in range(3):
        assert run.stdout.readline()
    run.kill()
    run.wait()
    run.stdout.close()
    assert not out.exists()
    finished = sorted((tmp_path / "out.partial" / "parts").iterdir())
    assert len(finished) >= 3
    kept = {path.name: path.stat().st_ino for path in finished if not path.name.endswith(".tmp")}
    calls = []
    pipeline.segment([str(source)], out, LINES, resume=True, block_bytes=500, on_progress=calls.append)
    pipeline.segment([str(source)], tmp_path / "fresh", LINES, block_bytes=500)
    assert _files(out) == _files(tmp_path / "fresh")
    assert len(kept) >= 3


def test_two_runs_cannot_share_an_output(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run = subprocess.Popen([sys.executable, "-c", RUN_AND_WAIT, str(source), str(out)], stdout=subprocess.PIPE)
    try:
        assert run.stdout is not None
        assert run.stdout.readline()
        with pytest.raises(OutputError, match="another run is at work"):
            pipeline.segment([str(source)], out, LINES)
    finally:
        run.kill()
        run.communicate()


def test_nothing_to_resume(source: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="nothing to resume"):
        pipeline.segment([str(source)], tmp_path / "out", LINES, resume=True)


def test_a_changed_input_is_not_resumed(source: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", RUN_AND_WAIT, str(source), str(tmp_path / "out")]
    run = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert run.stdout is not None
    assert run.stdout.readline()
    run.kill()
    run.communicate()
    _write(source, [_row(number) for number in range(41)])
    with pytest.raises(OutputError, match="inputs changed"):
        pipeline.segment([str(source)], tmp_path / "out", LINES, resume=True, block_bytes=500)


def test_a_full_disk_says_so(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand-in: a write that fails as on a full disk; a real one needs a file system of our own."""

    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("srl_data.pipeline.write_part", full)
    with pytest.raises(OutputError, match=r"disk is full.*--resume"):
        pipeline.segment([str(source)], tmp_path / "out", LINES)
    assert not (tmp_path / "out").exists()


class _Broken:
    """A plug-in with bugs: it raises on one record, breaks the partition on another."""

    name = "broken"

    def segment(self, solution: Solution) -> Segmentation:
        if solution.source.endswith(":1"):
            raise KeyError("oops")
        steps = (Step(0, 10, "a"), Step(5, 12, "b"))
        return Segmentation(steps, "broken")

    def fit(self, solution: Solution) -> float:
        return 0.0


def test_a_plugin_with_bugs_does_not_end_the_run(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(segmenters.registry._registered, "broken", _Broken)
    manifest = pipeline.segment([str(source)], tmp_path / "out", SegmentOptions(segmenter="broken"))
    assert manifest.counts["rejects_by_reason"] == {"segment/segmenter_error": 40}
    details = [row["detail"] for row in StepDataset(tmp_path / "out").rejects()]
    assert details[0] == "KeyError: 'oops'"
    assert "step 2 is text[5:12]" in details[1]


def test_an_empty_file_is_a_reject_and_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    _write(tmp_path / "good.jsonl", [_row(0)])
    manifest = pipeline.segment([str(tmp_path / "empty.jsonl"), str(tmp_path / "good.jsonl")], tmp_path / "out", LINES)
    assert manifest.counts["rejects_by_reason"] == {"read/empty_file": 1}
    assert manifest.counts["trajectories"] == 1
    _sound(tmp_path / "out")


def test_the_manifest_names_no_place_and_no_time(source: Path, tmp_path: Path) -> None:
    pipeline.segment([str(source)], tmp_path / "out", LINES)
    for name, content in _files(tmp_path / "out").items():
        assert str(tmp_path).encode() not in content, name


def test_a_dataset_can_be_segmented_again(source: Path, tmp_path: Path) -> None:
    pipeline.segment([str(source)], tmp_path / "first", LINES)
    manifest = pipeline.segment([str(tmp_path / "first")], tmp_path / "second", LINES)
    assert manifest.counts["trajectories"] == 40
    _sound(tmp_path / "second")


def test_what_was_made_of_a_folder_is_none_of_its_inputs(source: Path, tmp_path: Path) -> None:
    for _ in range(2):
        manifest = pipeline.segment([str(tmp_path)], tmp_path / "out", LINES, overwrite=True)
        assert [entry["name"] for entry in manifest.inputs] == ["train.jsonl"]


def test_leftovers_are_not_thrown_away_unasked(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    monkeypatch.setattr("srl_data.pipeline.assemble", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        pipeline.segment([str(source)], out, LINES)
    monkeypatch.undo()
    with pytest.raises(OutputError, match="--resume goes on"):
        pipeline.segment([str(source)], out, LINES)
    pipeline.segment([str(source)], out, LINES, overwrite=True)
    _sound(out)


def test_a_good_dataset_is_not_replaced_by_nothing(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    pipeline.segment([str(source)], out, LINES)
    before = _files(out)
    options = SegmentOptions(segmenter="lines", filters=FilterOptions(max_chars=5))
    with pytest.raises(OutputError, match="left as it was"):
        pipeline.segment([str(source)], out, options, overwrite=True)
    assert _files(out) == before


def test_a_holdout_of_everything_is_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to train on"):
        pipeline.segment([str(source)], tmp_path / "out", SegmentOptions(segmenter="lines", holdout=60))


def test_rows_that_would_fill_the_disk_are_refused(tmp_path: Path) -> None:
    """Every row repeats what came before it, so that the rows of n steps take n² of room."""
    text = "\n".join(f"{number} + 1 = {number + 1}, as anyone can see." for number in range(3000))
    source = _write(tmp_path / "long.jsonl", [{"problem": "?", "solution": text}, _row(1)])
    manifest = pipeline.segment([str(source)], tmp_path / "out", SegmentOptions(segmenter="lines", columns=COLUMNS))
    assert manifest.counts["rejects_by_reason"]["filter/rows_too_large"] == 1


def test_long_solutions_are_written_a_few_at_a_time(tmp_path: Path) -> None:
    texts = ["\n".join(f"{copy}: {number} + 1 = {number + 1}" for number in range(700)) for copy in range(8)]
    source = _write(tmp_path / "long.jsonl", [{"problem": "?", "solution": text} for text in texts])
    manifest = pipeline.segment([str(source)], tmp_path / "out", LINES)
    assert manifest.counts["steps"] == 8 * 699
    _sound(tmp_path / "out")


def test_a_link_is_followed(source: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "out")
    pipeline.segment([str(source)], tmp_path / "link", LINES)
    assert (tmp_path / "link").is_symlink()
    _sound(tmp_path / "disk" / "out")
