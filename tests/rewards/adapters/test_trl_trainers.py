"""The reward functions inside TRL's own trainers: two steps of a tiny model, and what TRL logs of them.

Beside each reward function stands a witness, a plain function of the kind that TRL's documentation shows, with weight
0.0: it says what the trainer really handed over, and from that the rewards are worked out once more, by difflib.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from difflib import SequenceMatcher
from math import isfinite
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import torch
from datasets import Dataset

from rewards import Term, compose
from rewards.adapters.dynamic_sampling import spread, with_dynamic_sampling
from rewards.adapters.trl import to_trl, to_trl_async
from rewards.errors import ColumnError, OptionError
from tests.rewards.adapters.tiny_models import needs_trl, tiny_model, tiny_tokenizer

# torch, accelerate and TRL warn of one another
pytestmark = [pytest.mark.slow, needs_trl, pytest.mark.filterwarnings("default")]

TRAINERS = ("GRPO", "RLOO")
REFERENCE = "3 + 4 = 7, so x = 7."
GROUP = 4


class Witness:
    """Notes what TRL hands over, call by call."""

    __name__ = "witness"

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def __call__(self, prompts: list[Any], completions: list[Any], **columns: Any) -> list[float]:
        texts = [each if isinstance(each, str) else each[0]["content"] for each in completions]
        self.calls.append({"prompts": prompts, "texts": texts, "raw": completions, **columns})
        return [0.0] * len(prompts)


def _dataset(form: str, references: list[str | None]) -> Dataset:
    questions = [f"{number} + 4?" for number in range(len(references))]
    prompts = [[{"role": "user", "content": each}] for each in questions] if form == "conversational" else questions
    return Dataset.from_dict({"prompt": prompts, "reference": references, "other": list(range(len(references)))})


def _train(
    kind: str, functions: list[Callable[..., Any]], data: Dataset, folder: Path, wrap: Any = None, **more: Any
) -> Any:
    import trl  # takes seconds, also where slow tests are left out

    trainer_class, config_class = getattr(trl, f"{kind}Trainer"), getattr(trl, f"{kind}Config")
    tokenizer = tiny_tokenizer()
    config = config_class(
        output_dir=str(folder),
        per_device_train_batch_size=8,
        num_generations=GROUP,
        max_completion_length=12,
        max_steps=2,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        beta=0.0,
        disable_tqdm=True,
        seed=3,
        **more,
    )
    trainer = (wrap(trainer_class) if wrap else trainer_class)(
        tiny_model(tokenizer), reward_funcs=functions, args=config, train_dataset=data, processing_class=tokenizer
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.train()
    return trainer


def _steps(trainer: Any) -> list[dict[str, float]]:
    return [entry for entry in trainer.state.log_history if "reward" in entry]


def _ratios(call: dict[str, Any]) -> list[float]:
    pairs = zip(call["texts"], call["reference"], strict=True)
    return [SequenceMatcher(None, text, reference, autojunk=False).ratio() for text, reference in pairs]


@pytest.fixture
def witness() -> Witness:
    return Witness()


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """A model of this size is slower with two threads than with one, and much slower beside other work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("make", [to_trl, to_trl_async])
@pytest.mark.parametrize("form", ["standard", "conversational"])
@pytest.mark.parametrize("kind", TRAINERS)
def test_what_is_logged_is_the_reward(kind: str, form: str, make: Any, witness: Witness, tmp_path: Path) -> None:
    function = make("sequence_match")
    trainer = _train(kind, [function, witness], _dataset(form, [REFERENCE] * 8), tmp_path, reward_weights=[1.0, 0.0])
    steps = _steps(trainer)
    assert len(steps) == len(witness.calls) == 2
    for step, call in zip(steps, witness.calls, strict=True):
        assert isinstance(call["raw"][0], str) == (form == "standard")
        expected = fmean(_ratios(call))
        assert step["reward"] == pytest.approx(expected, abs=1e-6)
        assert step["rewards/sequence_match/mean"] == pytest.approx(expected, abs=1e-6)
        assert step["sequence_match/status/ok"] == 1.0
        assert step["sequence_match/status/timeout"] == 0.0
        assert isfinite(step["grad_norm"])
    assert any(step["grad_norm"] > 0 for step in steps)


@pytest.mark.parametrize("kind", TRAINERS)
def test_several_rewards_sync_and_async_are_weighed_by_trl(kind: str, witness: Witness, tmp_path: Path) -> None:
    # no random model writes <think>: srl is -1 throughout, and says why
    both = compose(Term("sequence_match", 0.5), Term("format", 0.5), name="both")
    functions = [to_trl("srl"), to_trl_async("sequence_match"), to_trl_async(both), witness]
    weights = [0.25, 2.0, 1.0, 0.0]
    trainer = _train(kind, functions, _dataset("standard", [REFERENCE] * 8), tmp_path, reward_weights=weights)
    for step, call in zip(_steps(trainer), witness.calls, strict=True):
        ratio = fmean(_ratios(call))
        assert step["rewards/srl/mean"] == -1.0
        assert step["srl/status/format"] == 1.0
        assert step["srl/format"] == 0.0
        assert "srl/similarity" not in step  # known of none
        assert step["rewards/both/mean"] == pytest.approx(0.5 * ratio, abs=1e-6)
        assert step["both/sequence_match"] == pytest.approx(ratio, abs=1e-6)
        assert step["reward"] == pytest.approx(-0.25 + 2.0 * ratio + 0.5 * ratio, abs=1e-5)


@pytest.mark.parametrize("kind", TRAINERS)
def test_a_row_without_a_reference_is_left_out_and_not_zero(kind: str, witness: Witness, tmp_path: Path) -> None:
    data = _dataset("standard", [REFERENCE, None] * 4)
    trainer = _train(kind, [to_trl("sequence_match")], data, tmp_path)
    # the witness is no reward function here: a number of its own would make those rows scorable
    for step in _steps(trainer):
        share = step["sequence_match/status/ok"]
        assert share + step["sequence_match/status/unparseable_reference"] == 1.0
        assert isfinite(step["grad_norm"])
        if share:
            assert step["reward"] > 0.0
    values = trainer._logs["rewards"]["sequence_match"]
    statuses = trainer._logs["extra"]["sequence_match/status"]
    assert len(statuses) == len(values) == 8
    assert [value != value for value in values] == [status != "ok" for status in statuses]  # TRL's NaN is our None


def test_the_table_of_completions_takes_parts_and_statuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = _dataset("conversational", [REFERENCE, None] * 4)
    _train("GRPO", [to_trl("srl")], data, tmp_path, log_completions=True)
    assert "srl" in capsys.readouterr().out


def test_a_missing_column_stops_the_run_and_says_what_there_is(tmp_path: Path) -> None:
    data = _dataset("standard", [REFERENCE] * 8).rename_column("reference", "solution")
    with pytest.raises(ColumnError, match=r"'reference', which the dataset does not have; it has other, prompt, sol"):
        _train("GRPO", [to_trl("sequence_match")], data, tmp_path)


def test_two_functions_of_one_name_are_told_apart_or_refused(tmp_path: Path) -> None:
    data = _dataset("standard", [REFERENCE] * 8)
    with pytest.raises(OptionError, match="2 reward functions are called 'indel'"):
        _train("GRPO", [to_trl("indel"), to_trl("indel")], data, tmp_path)
    trainer = _train("GRPO", [to_trl("indel"), to_trl("indel", unit="token")], data, tmp_path)
    assert {"rewards/indel/mean", "rewards/indel_token/mean"} <= _steps(trainer)[0].keys()


@pytest.mark.parametrize("form", ["standard", "conversational"])
@pytest.mark.parametrize("kind", TRAINERS)
def test_dynamic_sampling_replaces_groups_without_spread(
    kind: str, form: str, witness: Witness, tmp_path: Path
) -> None:
    # nothing is like an empty reference: each of its rollouts scores 0.0, and half of the prompts have one
    data = _dataset(form, [REFERENCE, ""] * 8)
    pairs = {str(row["prompt"]): row["reference"] for row in data}
    trainer = _train(
        kind,
        [to_trl("sequence_match"), witness],
        data,
        tmp_path,
        wrap=lambda each: with_dynamic_sampling(each, "sequence_match", epsilon=0.001, max_rounds=20),
        reward_weights=[1.0, 0.0],
    )
    assert f"{kind}Trainer" in [each.__name__ for each in type(trainer).__mro__]
    kept = []
    for step, call in zip(_steps(trainer), witness.calls, strict=True):
        assert step["dynamic_sampling/filled"] == 0.0
        kept.append(step["dynamic_sampling/kept"])
        assert len(call["texts"]) == 8
        assert set(call["reference"]) == {REFERENCE}
        # rows, prompts and completions of a replaced group belong together
        assert [pairs[str(prompt)] for prompt in call["prompts"]] == call["reference"]
        assert all(len({str(each) for each in call["prompts"][at : at + GROUP]}) == 1 for at in (0, GROUP))
        ratios = _ratios(call)
        assert all(spread(ratios[at : at + GROUP]) > 0.001 for at in (0, GROUP))
        assert step["rewards/sequence_match/mean"] == pytest.approx(fmean(ratios), abs=1e-6)
        assert step["frac_reward_zero_std"] == 0.0
        assert step["grad_norm"] > 0.0
    assert min(kept) < 1.0  # something was dropped, or this shows nothing


def test_dynamic_sampling_gives_up_where_no_prompt_has_a_spread(tmp_path: Path, witness: Witness) -> None:
    trainer = _train(
        "GRPO",
        [to_trl("sequence_match"), witness],
        _dataset("standard", [""] * 8),
        tmp_path,
        wrap=lambda each: with_dynamic_sampling(each, "sequence_match", max_rounds=3),
    )
    for step in _steps(trainer):
        assert (step["dynamic_sampling/rounds"], step["dynamic_sampling/filled"]) == (3.0, 1.0)
        assert step["dynamic_sampling/kept"] == step["grad_norm"] == 0.0
    assert len(witness.calls) == 2
