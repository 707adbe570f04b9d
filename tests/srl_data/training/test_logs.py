"""What a run writes of itself, and what it shows."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from srl_data.errors import OutputError
from srl_data.training.logs import Log, NoLog, read_log
from srl_data.training.stage import ConfigError


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_each_record_is_a_line(tmp_path: Path) -> None:
    log = Log(tmp_path, terminal=io.StringIO())
    log.event("stage", name="é")
    log.update("srl", 1, {"reward": 0.5})
    position = log.position
    log.close()
    assert position == (tmp_path / "log.jsonl").stat().st_size
    assert read_log(tmp_path / "log.jsonl") == [
        {"event": "stage", "name": "é"},
        {"event": "update", "stage": "srl", "step": 1, "reward": 0.5},
    ]


def test_a_resumed_log_goes_on_from_where_the_checkpoint_was(tmp_path: Path) -> None:
    log = Log(tmp_path, terminal=io.StringIO())
    log.update("srl", 1, {})
    position = log.position
    log.update("srl", 2, {})
    log.close()
    with log.path.open("ab") as file:
        file.write(b'{"event": "upd')  # killed while it wrote
    assert len(read_log(log.path)) == 2  # a reader takes whole lines
    resumed = Log(tmp_path, after=position, terminal=io.StringIO())
    assert resumed.position == position
    resumed.update("srl", 2, {"again": 1.0})
    resumed.close()
    assert [record.get("again") for record in read_log(log.path)] == [None, 1.0]


def test_a_log_that_is_shorter_than_it_was_is_not_filled_up(tmp_path: Path) -> None:
    log = Log(tmp_path, after=1000, terminal=io.StringIO())
    log.event("done")
    log.close()
    assert log.path.read_bytes() == b'{"event": "done"}\n'


def test_a_full_disk_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(tmp_path, terminal=io.StringIO())
    with Path("/dev/full").open("ab", buffering=0) as full, monkeypatch.context() as patch:
        patch.setattr(log, "_file", full)
        with pytest.raises(OutputError, match=r"the disk is full: .*--resume"):
            log.event("stage", name="srl")
    log.close()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_null(tmp_path: Path, value: float) -> None:
    log = Log(tmp_path, terminal=io.StringIO())
    log.update("srl", 1, {"kl": value})
    log.close()
    assert json.loads(log.path.read_text())["kl"] is None


def test_a_terminal_gets_a_table_with_the_rewards_parts(tmp_path: Path) -> None:
    screen = _Terminal()
    log = Log(tmp_path, terminal=screen)
    log.update("sft", 1, {"loss": 2.0, "entropy": 3.25, "length": 20.0, "tokens_per_second": 1234.0})
    sampled = {"reward": 0.5, "reward_std": 0.125, "keep_rate": 0.0, "length": 9.0, "reward/similarity": 0.75}
    log.update("srl", 1, sampled)
    log.update("srl", 2, sampled | {"loss": 0.1, "entropy": 1.0})  # the first that has something to learn
    log.update("srl", 3, sampled)
    log.event("validation", stage="srl", step=3, value=0.51234)
    log.close()
    assert screen.getvalue().splitlines() == [
        "stage        step       loss    entropy     length      tok/s",
        "sft             1          2       3.25         20   1.23e+03",
        "stage        step     reward        std       kept     length similarity",
        "srl             1        0.5      0.125          0          9       0.75",
        "stage        step     reward        std       kept       loss    entropy     length similarity",
        "srl             2        0.5      0.125          0        0.1          1          9       0.75",
        "srl             3        0.5      0.125          0                                9       0.75",
        "validation: stage srl  step 3  value 0.5123",
    ]


def test_what_is_no_terminal_hears_of_alarms_only(tmp_path: Path) -> None:
    out = io.StringIO()
    log = Log(tmp_path, terminal=out)
    log.update("srl", 1, {"reward": 0.5})
    log.event("stage_done", name="srl")
    log.event("alarm", stage="srl", step=1, message="entropy fell")
    log.close()
    assert out.getvalue() == "alarm: stage srl  step 1  message entropy fell\n"


def test_a_logger_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "trackio", None)  # as if it were not
    with pytest.raises(ConfigError, match=r"trackio is not installed: pip install trackio, or leave it out"):
        Log(tmp_path, ["trackio"], terminal=io.StringIO())
    assert list(tmp_path.iterdir()) == []


def test_tensorboard_gets_the_figures(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = Log(tmp_path, ["tensorboard"], {"seed": 1}, terminal=io.StringIO())
    log.update("srl", 7, {"reward": 0.5})
    log.event("validation", stage="srl", step=7, value=0.25)
    log.close()
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [(each.step, each.value) for each in events.Scalars("srl/reward")] == [(7, 0.5)]
    assert [(each.step, each.value) for each in events.Scalars("srl/validation")] == [(7, 0.25)]


@pytest.mark.parametrize("name", ["trackio", "wandb"])
def test_other_loggers_get_the_figures(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(name)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    log = Log(tmp_path, [name], {"seed": 1}, terminal=io.StringIO())
    log.update("sft", 2, {"loss": 0.5})
    log.update("srl", 1, {"reward": 0.5})  # each stage counts anew
    log.close()


def test_a_process_without_a_log_writes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    log = NoLog()
    log.update("srl", 1, {})
    log.event("done")
    assert log.position == 0
    assert list(tmp_path.iterdir()) == []
