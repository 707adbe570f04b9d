"""The card: what programs read in it is exact, what people read in it is true, and no text can break it."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from srl_data import pipeline
from srl_data.card import CardDetails, _command, _size_category, join_card, render_card, split_card, write_card
from srl_data.cli import main, segment
from srl_data.dataset import StepDataset
from srl_data.errors import SchemaError
from srl_data.examples import ExampleOptions
from srl_data.filters import FilterOptions
from srl_data.manifest import Manifest
from srl_data.markdown import code, escape, fence, one_line
from srl_data.options import SegmentOptions
from tests.strategies import texts

HOSTILE = (
    "```\n```` {{ 1/0 }} {% raw %} <script>alert(1)</script> | a | b |\n"
    "---\nlicense: stolen\n---\n# Not a heading \x1b[31m"
)


def _record(number: int, **changes: str) -> dict[str, str]:
    total = 9 * number + 1
    sum_ = f"1. **Add**: {number} + {8 * number + 1} = {total}.\n"
    text = f"{sum_}2. **Double**: {2 * total}.\n3. **Say**: \\boxed{{{2 * total}}}."
    record = {"id": f"r{number}", "problem": f"Add {number} to {8 * number + 1}, then double it.", "text": text}
    return record | {"answer": str(2 * total)} | changes


def _build(folder: Path, lines: list[Any], options: SegmentOptions, name: str = "sums.v1.jsonl") -> Path:
    source = folder / name
    source.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    pipeline.segment([str(source)], folder / "out", options)
    return folder / "out"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 good records, one of them twice, and one of each way to fail; 4 trajectories held out."""
    lines = [*map(_record, range(20)), _record(3, id="again"), _record(99, text="no steps"), "{broken"]
    options = SegmentOptions(
        segmenter="numbered", holdout=4, filters=FilterOptions(max_chars=5000), examples=ExampleOptions(give_title=True)
    )
    return _build(tmp_path_factory.mktemp("card"), [*lines, _record(5, text="1. a\n2. " + "b" * 5000)], options)


def _yaml(card: str) -> dict[str, Any]:
    return split_card(card)[0]


def test_yaml_files_the_dataset(dataset: Path) -> None:
    details = CardDetails(
        pretty_name="Sums", license="cc-by-4.0", language=("en", "de"), tags=("math", "srl"), description="By *us*."
    )
    card = render_card(dataset, details)
    metadata = _yaml(card)
    assert {name: value for name, value in metadata.items() if name not in ("configs", "dataset_info")} == {
        "license": "cc-by-4.0",
        "language": ["en", "de"],
        "pretty_name": "Sums",
        "tags": ["srl", "supervised-reinforcement-learning", "step-level", "reasoning", "math"],  # each once
        "annotations_creators": ["machine-generated"],
        "task_categories": ["text-generation"],
        "size_categories": ["n<1K"],
    }
    assert metadata["configs"] == [
        {
            "config_name": table,
            "data_files": [
                {"split": "train", "path": f"{table}/train/data-*.arrow"},
                {"split": "validation", "path": f"{table}/validation/data-*.arrow"},
            ],
            **default,
        }
        for table, default in (("steps", {"default": True}), ("trajectories", {}))
    ]
    assert "# Sums\n\nBy *us*.\n" in card
    assert "**The licence is not stated.**" not in card


def test_dataset_info_is_what_datasets_itself_would_write(dataset: Path) -> None:
    import datasets

    for info in _yaml(render_card(dataset))["dataset_info"]:
        loaded = datasets.load_from_disk(str(dataset / info["config_name"]))
        assert info["features"] == loaded["train"].features._to_yaml_list()
        assert {split["name"]: split["num_examples"] for split in info["splits"]} == loaded.num_rows
        assert info["dataset_size"] == sum(split["num_bytes"] for split in info["splits"]) > 0


def test_load_dataset_opens_the_folder_by_its_card(dataset: Path, tmp_path: Path) -> None:
    import datasets

    for table in ("steps", "trajectories"):
        by_card = datasets.load_dataset(str(dataset), table, cache_dir=str(tmp_path))
        saved = datasets.load_from_disk(str(dataset / table))
        assert set(by_card) == set(saved) == {"train", "validation"}
        for split in saved:
            assert by_card[split].features == saved[split].features
            assert by_card[split].to_list() == saved[split].to_list()
    assert datasets.load_dataset(str(dataset), cache_dir=str(tmp_path))["train"].column_names[2] == "step_index"


@pytest.mark.parametrize(
    "line",
    [
        "| train | 16 | 32 |",
        "| validation | 4 | 8 |",  # 20 trajectories of three steps give two rows each
        "24 records = 20 trajectories + 4 rejects: no record was lost.",
        "| `read/bad_json` | 1 |",
        "| `segment/no_numbered_steps` | 1 |",
        "| `too_long` | a text longer than --max-chars | `--max-chars 5000` | 1 |",
        "| `duplicate` | the same problem with the same solution was seen before | `on` | 1 |",
        "| `too_few_steps` | fewer steps than --min-steps | `--min-steps 2` | 0 |",
        "| `answer_disagrees` | the solution states another answer than the gold one | not in use | 0 |",
        "srl-data segment sums.v1.jsonl -o OUT --segmenter numbered --holdout 4 --give-title --max-chars 5000",
        "The prompt names the coming step's title, where it has one.",
        "# Steps of sums",
        "**The licence is not stated.**",
    ],
)
def test_text_says_what_was_done(dataset: Path, line: str) -> None:
    assert line in (dataset / "README.md").read_text()


def test_text_shows_the_first_row_of_each_table_and_the_inputs_hash(dataset: Path) -> None:
    card, opened = render_card(dataset), StepDataset(dataset)
    step, trajectory = next(opened.rows("steps")), next(opened.rows("trajectories"))
    assert f"`steps`, row `{step['id']}`" in card
    for message in step["prompt"]:
        assert fence(message["content"]) in card
    assert f"reference:\n\n```text\n{step['reference']}\n```" in card
    assert f"row `{trajectory['id']}`, 3 steps by `numbered`, answer `{trajectory['answer']}`" in card
    assert opened.manifest.inputs[0]["sha256"] in card


def test_is_the_same_wherever_the_dataset_is(dataset: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    moved.symlink_to(dataset)
    assert render_card(moved) == render_card(dataset) == (dataset / "README.md").read_text()
    assert str(dataset.parent) not in render_card(dataset)


def test_hostile_data_stays_data(tmp_path: Path) -> None:
    """Whatever stands in names, problems and steps, the YAML is ours and every block is closed where it should be."""
    inline = HOSTILE.replace("\n", " ")
    records = [
        _record(
            number,
            problem=f"{number} {HOSTILE}",
            answer=HOSTILE,
            text=f"1. {HOSTILE}\n````\n2. {number} {inline}\n3. b",
        )
        for number in range(1, 4)
    ]
    folder = _build(tmp_path, records, SegmentOptions(segmenter="numbered"), name="a|`b` {{ x }} <i>.jsonl")
    card = render_card(folder, CardDetails(pretty_name=HOSTILE, license=HOSTILE, tags=(HOSTILE,)))
    metadata, body = split_card(card)
    assert metadata["pretty_name"] == metadata["license"] == one_line(HOSTILE)
    assert metadata["size_categories"] == ["n<1K"]
    assert "\x1b" not in card, "a card printed to a terminal must not act on it"
    outside = _outside_fences(body)
    assert not re.search(r"^(?:---|license:)", outside, re.MULTILINE)
    headings = re.findall(r"^#+ .*", outside, re.MULTILINE)
    assert headings[1:] == [
        "## How to load it",
        "## What is in it",
        "### The first row of each table",
        "## Where it comes from",
        "## How it was made",
        "### Filters",
        "### Rejects",
        "## Limits",
        "## Citation",
    ]
    for row in re.findall(r"^\| .*", outside, re.MULTILINE):
        assert len(re.findall(r"(?<!\\)\|", row)) in (3, 4, 5, 6, 7), row  # the columns of our tables


def _outside_fences(text: str) -> str:
    """The lines of a Markdown text that stand in no fenced block, by CommonMark's rule for where a fence ends."""
    kept, closing = [], None
    for line in text.split("\n"):
        if closing is None and (opening := re.match(r" {0,3}(`{3,})[^`]*$", line)):
            closing = re.compile(rf" {{0,3}}`{{{len(opening[1])},}}\s*")
        elif closing is None:
            kept.append(line)
        elif closing.fullmatch(line):
            closing = None
    assert closing is None, "a block is left open"
    return "\n".join(kept)


@given(texts)
def test_nothing_leaves_a_fence(text: str) -> None:
    assert _outside_fences(f"before\n{fence(text)}\nafter") == "before\nafter"


@given(texts)
def test_code_is_one_span_on_one_line(text: str) -> None:
    span = code(text)
    ticks = re.match("`+", span)[0]  # type: ignore[index]
    assert "\n" not in span
    assert [run for run in re.findall("`+", span) if run == ticks] == [ticks, ticks]
    assert not re.search(r"(?<!\\)\|", span)


@given(texts)
def test_escaped_text_holds_no_markup(text: str) -> None:
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_<\[|]", escape(text))


@given(st.text(max_size=60), texts)
def test_yaml_and_text_come_apart_as_they_were_put_together(value: str, body: str) -> None:
    metadata = {"pretty_name": one_line(value), "tags": [one_line(value)]}
    assert split_card(join_card(metadata, body)) == (metadata, body)


def test_a_card_without_yaml_is_all_text() -> None:
    assert split_card("# Mine\n---\nx\n---\n") == ({}, "# Mine\n---\nx\n---\n")


@pytest.mark.parametrize("card", ["---\na: [1\n---\n", "---\na: 'b\n---\n", "---\n- a\n---\n"])
def test_broken_yaml_is_named(card: str) -> None:
    with pytest.raises(SchemaError, match="the YAML at the head of README"):
        split_card(card)


@pytest.mark.parametrize(
    ("rows", "category"),
    [(0, "n<1K"), (1_000, "1K<n<10K"), (10_000, "10K<n<100K"), (999_999, "100K<n<1M"), (10**12, "n>1T")],
)
def test_size_categories_are_the_hubs(rows: int, category: str) -> None:
    assert _size_category(rows) == category


def test_a_dataset_without_rows_has_a_card(tmp_path: Path) -> None:
    folder = _build(tmp_path, [_record(1, text="no steps")], SegmentOptions(segmenter="numbered"))
    card = render_card(folder)
    assert "The first row of each table" not in card
    assert "1 records = 0 trajectories + 1 rejects" in card
    assert _yaml(card)["dataset_info"][0]["splits"] == []


COMMANDS = {
    "defaults": SegmentOptions(),
    "segmenter options": SegmentOptions(segmenter="agent", segmenter_options={"keep_unanswered": True}),
    "columns": SegmentOptions(columns={"problem": "the question", "text": "a.b"}),
    "examples": SegmentOptions(examples=ExampleOptions(True, True, "think+solution", "Don't\nguess.", 5)),
    "no system prompt": SegmentOptions(examples=ExampleOptions(system="")),
    "filters": SegmentOptions(filters=FilterOptions(3, 9, 900, 90, "agree", True)),
    "fraction": SegmentOptions(holdout=0.05, near_duplicate=2.0),
}


@pytest.mark.parametrize("options", COMMANDS.values(), ids=COMMANDS)
def test_command_line_in_the_card_asks_for_the_same_again(
    options: SegmentOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shlex

    from srl_data import segmenters

    asked: list[SegmentOptions] = []
    monkeypatch.setattr(segment, "_run", lambda inputs, output, options, *rest, **how: asked.append(options))
    monkeypatch.setattr(segmenters.registry, "parse_options", _as_python)  # which options there are is not the point
    inputs = [{"name": "a b.jsonl", "format": "jsonl"}, {"name": "stdin", "format": "stdin"}]
    manifest = Manifest(options=asdict(options), versions={}, inputs=inputs, counts={})
    words = shlex.split(_command(manifest))
    assert words[:4] == ["srl-data", "segment", "a b.jsonl", "-"]
    result = CliRunner().invoke(main, words[1:])
    assert result.exit_code == 0, result.output
    assert asked == [options]


def _as_python(name: str, pairs: tuple[str, ...]) -> dict[str, Any]:
    return {key: {"True": True}.get(value, value) for key, _, value in (pair.partition("=") for pair in pairs)}


def test_command_writes_a_card(dataset: Path, tmp_path: Path) -> None:
    before = (dataset / "README.md").read_text()
    printed = CliRunner().invoke(main, ["card", str(dataset), "--license", "mit", "--tag", "math", "--stdout"])
    assert printed.exit_code == 0
    assert printed.stdout == render_card(dataset, CardDetails(license="mit", tags=("math",)))
    assert (dataset / "README.md").read_text() == before, "--stdout leaves the file alone"
    written = CliRunner().invoke(main, ["card", str(dataset)])
    assert (written.exit_code, written.stdout) == (0, "")
    assert "state it with --license" in written.stderr
    assert (dataset / "README.md").read_text() == before, "the defaults are what segment wrote"


def test_command_says_that_a_folder_is_no_dataset(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["card", str(tmp_path)])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert "is not a step dataset" in result.stderr


def test_write_card_replaces_the_card_that_is_there(dataset: Path, tmp_path: Path) -> None:
    details = replace(CardDetails(), repo_id="me/sums")
    path = write_card(dataset, details=details)
    try:
        assert path == dataset / "README.md"
        assert 'load_dataset("me/sums", "steps")' in path.read_text()
    finally:
        write_card(dataset)
    assert 'load_dataset("ORG/NAME", "steps")' in path.read_text()
    assert yaml.safe_load(path.read_text().split("---\n")[1])["license"] == "unknown"
