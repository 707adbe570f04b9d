"""What the doctor finds, and what it says to do."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from srl_data.cli import main
from srl_data.export.trainers import TRAINERS
from srl_data.insight import versions
from tests.srl_data.export.tiny import CHATML, save_tokenizer

STEPS = ("trl", "verl", "openrlhf", "skyrl", "swift", "verifiers")


def _run(*arguments: object, code: int | None = 0) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert code is None or result.exit_code == code, result.output
    return result


def _jsonl(path: Path, rows: Iterable[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def _findings(*arguments: object, code: int | None = None) -> dict[str, list[tuple[str, str]]]:
    """What was found: for each check its levels and messages."""
    told = json.loads(_run("doctor", *arguments, "--json", code=code).stdout)
    found: dict[str, list[tuple[str, str]]] = {}
    for finding in told["findings"]:
        assert bool(finding["mend"]) == (finding["level"] != "ok")
        found.setdefault(finding["check"], []).append((finding["level"], finding["message"]))
    assert told["ready"] == all(level != "fail" for entries in found.values() for level, _ in entries)
    return found


@pytest.fixture
def steps(tmp_path: Path) -> Path:
    """Ten trajectories of three steps, two of them held out: 16 rows to train on."""
    rows = [{"id": f"s{at}", "problem": f"What is {at}?", "solution": "1 = 1\n2 = 2\n3 = 3"} for at in range(10)]
    solutions = _jsonl(tmp_path / "solutions.jsonl", rows)
    _run("segment", solutions, "-o", tmp_path / "steps", "-s", "lines", "--holdout", "2")
    return tmp_path / "steps"


@pytest.fixture(autouse=True)
def _no_trainer(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine without one: what is installed differs, and has tests of its own below."""
    monkeypatch.setattr(versions, "_installed", lambda package: None)


@pytest.mark.parametrize("to", TRAINERS)
def test_what_was_exported_is_sound(to: str, steps: Path, tmp_path: Path) -> None:
    _run("export", steps, "--to", to, "-o", tmp_path / "out")
    tokenizer = save_tokenizer(tmp_path / "model")
    for place in (tmp_path / "out", steps):
        found = _findings(place, "--for", to, "--tokenizer", tokenizer, code=0)
        assert {level for level, _ in found["columns"]} == {"ok"}
        assert {level for level, _ in found["lengths"]} == {"ok"}
        assert found["versions"][0][0] == "warn"
        assert ("reward" in found) == (to in STEPS)


def test_an_export_says_what_it_is_for(steps: Path, tmp_path: Path) -> None:
    _run("export", steps, "--to", "verl", "-o", tmp_path / "out")
    tokenizer = save_tokenizer(tmp_path / "model")
    told = json.loads(_run("doctor", tmp_path / "out", "--tokenizer", tokenizer, "--json").stdout)
    assert (told["for"], told["ready"]) == ("verl", True)
    assert "--for trl|verl" in _run("doctor", steps, code=2).output
    record = tmp_path / "out/export.json"
    record.write_text(record.read_text().replace('"to": "verl"', '"to": "velr"'))
    assert "names 'velr'" in _run("doctor", tmp_path / "out", code=1).output


def test_turns_are_scored_step_by_step(steps: Path, tmp_path: Path) -> None:
    _run("export", steps, "--to", "skyrl", "--turns", "-o", tmp_path / "out")
    found = _findings(tmp_path / "out", "--for", "skyrl", "--tokenizer", save_tokenizer(tmp_path / "model"), code=0)
    assert found["reward"] == [("ok", "the reward srl can score every row, and gives the expert's own step the most")]


PROMPT = [{"role": "user", "content": "?"}]
VERL = {
    "data_source": "x",
    "prompt": PROMPT,
    "reward_model": {"style": "rule", "ground_truth": "2 = 2"},
    "extra_info": {"index": 0, "answer": None},
}


@pytest.mark.parametrize(
    ("to", "row", "message"),
    [
        ("verl", {**VERL, "prompt": "?"}, "prompt is a text, not a list of messages"),
        ("verl", {**VERL, "prompt": []}, "prompt is an empty list, not a list of messages"),
        ("verl", {**VERL, "prompt": [{"content": "?"}]}, "prompt has a message without a role"),
        ("verl", {**VERL, "prompt": [{"role": "user", "content": None}]}, "has a message whose content is null"),
        ("verl", {**VERL, "prompt": [*PROMPT, {"role": "assistant", "content": "a"}]}, "ends with the assistant"),
        ("verl", {"prompt": PROMPT}, "there is no reward_model.ground_truth"),
        ("verl", {**VERL, "reward_model": {"style": "rule"}}, "there is no reward_model.ground_truth"),
        ("verl", {**VERL, "reward_model": {"ground_truth": 7}}, "reward_model.ground_truth is a int, not a text"),
        ("verl", {**VERL, "reward_model": {"ground_truth": " "}}, "reward_model.ground_truth is an empty text"),
        ("verl", {**VERL, "extra_info": {"index": "0"}}, "extra_info.index is a text, not an integer"),
        ("trl", {"question": "?"}, "there is no prompt"),
        ("openrlhf", {"prompt": PROMPT, "label": "2 = 2"}, "label is not a JSON object of the reward's columns"),
        ("skyrl", {"prompt": PROMPT, "env_class": "srl", "reward_spec": {}}, "no reward_spec.ground_truth"),
        ("swift", {"messages": []}, "messages is an empty list"),
        ("sft", {"messages": PROMPT}, "does not end with the assistant"),
        ("prm", {"prompt": "?", "completions": ["a"], "labels": [1]}, "labels is not a list of true and false"),
        ("prm", {"prompt": "?", "completions": ["a", 1], "labels": [True]}, "completions has an entry that is a int"),
    ],
)
def test_columns_and_types(to: str, row: dict[str, Any], message: str, tmp_path: Path) -> None:
    rows = _jsonl(tmp_path / "train.jsonl", [row])
    (broken,) = {
        text for level, text in _findings(rows, "--for", to, "--batch", "1", code=1)["columns"] if message in text
    }
    assert broken.startswith("1 of 1 rows: ")


def test_rows_of_ones_own_are_named_by_id_or_line(tmp_path: Path) -> None:
    rows = [{**VERL, "extra_info": {"index": 0, "id": "a#0"}, "prompt": "?"}, {**VERL, "prompt": "?"}, VERL]
    told = _run("doctor", _jsonl(tmp_path / "train.jsonl", rows), "--for", "verl", "--batch", "1", code=1)
    assert "2 of 3 rows: prompt is a text" in told.stdout
    assert "for instance a#0, train.jsonl:2" in told.stdout
    assert "→ as in" in told.stdout
    assert "is not ready for verl: 1 thing to mend" in told.stderr


def test_parquet_of_ones_own(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist([VERL] * 4), tmp_path / "train.parquet")
    pq.write_table(pa.Table.from_pylist([VERL] * 2), tmp_path / "test.parquet")
    found = _findings(tmp_path, "--for", "verl", "--batch", "4")
    assert found["rows"] == [("ok", "4 rows to train on, 2 to validate on")]
    assert found["columns"][0][0] == "ok"


@pytest.mark.parametrize(("to", "level"), [("verl", "fail"), ("openrlhf", "ok")])
def test_a_batch_larger_than_the_dataset(to: str, level: str, steps: Path) -> None:
    """verl drops the last batch if it is not full, and stops with `Train dataloader is empty!`."""
    assert _findings(steps, "--for", to, "--batch", "17")["rows"][0][0] == level
    assert _findings(steps, "--for", to, "--batch", "16", code=0)["rows"][0][0] == "ok"


def test_a_reward_that_reads_what_the_rows_do_not_have(tmp_path: Path) -> None:
    rows = _jsonl(tmp_path / "train.jsonl", [{"prompt": PROMPT, "solution": "2 = 2"}])
    ((level, message),) = _findings(rows, "--for", "trl", "--batch", "1", code=1)["reward"]
    assert level == "fail"
    assert "reads the column reference, which is not there (there: solution)" in message


def test_rows_that_the_reward_cannot_score(tmp_path: Path) -> None:
    rows = [{"prompt": PROMPT, "reference": text} for text in ("2 = 2", None, "say <think> twice", "")]
    found = _findings(_jsonl(tmp_path / "train.jsonl", rows), "--for", "trl", "--batch", "1", code=0)["reward"]
    assert sorted(found) == [
        ("warn", "1 of 4 rows: the reward cannot read the reference: such a row has no score, whatever the reply"),
        ("warn", "2 of 4 rows: what the expert wrote ends as 'format' by the reward srl: no reply can be right"),
    ]
    rows = [{"prompt": PROMPT, "reference": None}] * 2
    ((level, message),) = _findings(_jsonl(tmp_path / "train.jsonl", rows), "--for", "trl", "--batch", "1", code=1)[
        "reward"
    ]
    assert level == "fail"
    assert message.startswith("2 of 2 rows: the reward cannot read the reference")


@pytest.mark.parametrize(
    ("reward", "answers", "expected"),
    [
        ("outcome", ["2", "\\frac{1}{2}"], [("ok", "can score every row, and gives the expert's own answer the most")]),
        ("outcome", ["2", None], [("warn", "1 of 2 rows: the reward cannot read the reference")]),
        ("mixed.toml", ["2", "3"], [("ok", "the reward mixed can score every row")]),
        ("format", ["2", None], [("ok", "the reward format can score every row")]),
    ],
)
def test_rewards_that_read_the_answer(
    reward: str, answers: list[str | None], expected: list[tuple[str, str]], tmp_path: Path
) -> None:
    rows = [{"prompt": PROMPT, "reference": "1 + 1 = 2", "answer": answer} for answer in answers]
    toml = tmp_path / "mixed.toml"
    toml.write_text('name = "mixed"\n[[term]]\nreward = "srl"\n[[term]]\nreward = "outcome"\n')
    choice = ["--config", toml] if reward == "mixed.toml" else ["--reward", reward]
    found = _findings(_jsonl(tmp_path / "train.jsonl", rows), "--for", "trl", "--batch", "1", *choice)["reward"]
    assert [level for level, _ in found] == [level for level, _ in expected]
    assert all(part in message for (_, message), (_, part) in zip(found, expected, strict=True)), found


def test_tags_that_the_prompts_do_not_ask_for(steps: Path) -> None:
    ((level, message), *_) = _findings(steps, "--for", "trl", "-O", "tags=think+solution", code=1)["reward"]
    assert level == "fail"
    assert "the prompts ask for the tags 'think'" in message


@pytest.mark.parametrize(
    ("options", "level", "message"),
    [
        ([], "ok", "tokens, of 4,096 allowed"),
        (["--max-prompt-length", "20"], "warn", "20 rows: more than 20 tokens of prompt: verl leaves them out"),
        (["--max-completion-length", "2"], "fail", "no reply can match it"),
        (["--max-completion-length", "5000"], "fail", "beyond the 4,096 tokens that the model reads"),
    ],
)
def test_lengths(options: list[str], level: str, message: str, steps: Path, tmp_path: Path) -> None:
    tokenizer = save_tokenizer(tmp_path / "model")
    limits = ["--max-completion-length", "64"] if "--max-completion-length" not in options else []
    found = _findings(steps, "--for", "verl", "--tokenizer", tokenizer, *limits, *options)["lengths"]
    assert any(each == level and message in text for each, text in found), found


def test_lengths_are_those_of_the_tokenizer(steps: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    from srl_data.dataset import StepDataset

    folder = save_tokenizer(tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    rows = list(StepDataset(steps).rows("steps"))
    prompts = [
        len(tokenizer.apply_chat_template(row["prompt"], add_generation_prompt=True, return_dict=False)) for row in rows
    ]
    longest = max(prompts)
    for limit, level in ((longest, "ok"), (longest - 1, "warn")):
        options = ["--max-prompt-length", limit, "--max-completion-length", "64"]
        found = _findings(steps, "--for", "verl", "--tokenizer", folder, *options)["lengths"]
        assert found[0][0] == level
        assert f"to {longest:,} tokens" in found[-1][1]


@pytest.mark.parametrize(
    ("ending", "options", "message"),
    [
        ("", [], None),
        ("<think>\n", [], "the prompt ends with <think>"),
        ("<think>\n", ["-O", "prefilled=true"], None),
        ("", ["-O", "prefilled=true"], "the prompt does not end with <think>"),
        ("<think>\n\n</think>\n\n", [], "closes the thought before the model begins"),
        ("<think>\n", ["-r", "indel"], None),
    ],
)
def test_what_the_chat_template_does_to_the_form(
    ending: str, options: list[str], message: str | None, steps: Path, tmp_path: Path
) -> None:
    template = CHATML.replace("assistant\n{% endif %}", "assistant\n" + ending + "{% endif %}")
    tokenizer = save_tokenizer(tmp_path / "model", template)
    found = _findings(steps, "--for", "verl", "--tokenizer", tokenizer, *options)["reward"]
    broken = [text for level, text in found if level == "fail"]
    assert (message is None and not broken) or (message is not None and message in broken[0])


def test_a_template_that_refuses_the_prompt(steps: Path, tmp_path: Path) -> None:
    template = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('No system role!') }}{% endif %}"
    found = _findings(steps, "--for", "trl", "--tokenizer", save_tokenizer(tmp_path / "a", template), code=1)
    assert "refuses the prompt: No system role!" in found["lengths"][0][1]
    found = _findings(steps, "--for", "trl", "--tokenizer", save_tokenizer(tmp_path / "b", None), code=1)
    assert "refuses the prompt: Cannot use chat template functions" in found["lengths"][0][1]


def test_labels_that_are_all_true(steps: Path, tmp_path: Path) -> None:
    assert ("warn", "every label is true: a model learns to say yes to everything") in _findings(
        steps, "--for", "prm", code=0
    )["rows"]
    rollouts = _jsonl(tmp_path / "r.jsonl", [{"id": "s0#0", "completion": "<think>Hm.</think>no"}])
    _run("export", steps, "--to", "prm", "-o", tmp_path / "out", "-c", rollouts, "--threshold", "0.5")
    assert not any("every label" in text for _, text in _findings(tmp_path / "out", "--for", "prm", code=0)["rows"])


INSTALLED = {"verl": "0.9.1", "transformers": "5.10.4", "numpy": "2.4.6", "packaging": "26.3"}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, [("ok", "verl 0.9.1 and what it needs fit each other")]),
        (
            {"transformers": "5.23.0"},
            [("fail", "verl 0.9.1 needs transformers!=5.6.0,<5.11,>=5.5.3, and 5.23.0 is installed")],
        ),
        ({"numpy": None}, [("fail", "verl 0.9.1 needs numpy>=2, and none is installed")]),
        ({"verl": "0.6.0"}, [("fail", "verl 0.6.0 is installed: the names of its settings")]),
        ({"verl": None}, [("warn", "verl is not installed here")]),
    ],
)
def test_versions(
    changed: dict[str, str | None], expected: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    there: dict[str, str | None] = {**INSTALLED, **changed}
    monkeypatch.setattr(versions, "_installed", there.get)
    needs = ["transformers>=5.5.3,!=5.6.0,<5.11", "numpy>=2", 'vllm>=0.9; extra == "vllm"', "pip @ nonsense ("]
    monkeypatch.setattr(versions, "requires", lambda package: needs)
    found = [(each.level, each.message) for each in versions.version_findings("verl")]
    for (level, message), (wanted, beginning) in zip(found, expected, strict=False):
        assert level == wanted
        assert message.startswith(beginning)


def test_versions_of_what_is_installed_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    pytest.importorskip("trl")
    found = {finding.level: finding.message for finding in versions.version_findings("sft")}
    assert found == {"ok": f"trl {metadata.version('trl')} and what it needs fit each other"}


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (["steps"], "--for", 2),
        (["steps", "--for", "tlr"], "tlr", 2),
        (["absent", "--for", "trl"], "no such file: absent", 1),
        (["steps", "--for", "trl", "-r", "indle"], "did you mean 'indel'?", 2),
        (["steps", "--for", "trl", "--tokenizer", "absent/model"], "the tokenizer 'absent/model' cannot be loaded", 1),
        (["for-trl", "--for", "verl"], "for-trl was exported for trl, not for verl", 1),
        (["broken.jsonl", "--for", "trl"], "broken.jsonl:1: bad_json", 1),
        (["damaged", "--for", "trl"], "export the dataset again", 1),
    ],
)
def test_wrong_calls(
    arguments: list[str], message: str, code: int, steps: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(steps.parent)
    _run("export", "steps", "--to", "trl", "-o", "for-trl")
    Path("broken.jsonl").write_text("{\n")
    Path("damaged").mkdir()
    Path("damaged/export.json").write_text('{"to": "trl"}')
    result = _run("doctor", *arguments, code=code)
    assert message in result.stderr
    assert "Traceback" not in result.output
