"""Models small enough for a laptop: what they are made from, the command that makes one, and the demo's second half."""

from __future__ import annotations

import re
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from transformers import AutoModelForCausalLM, AutoTokenizer

from srl_data.cli import demo_training, main
from srl_data.dataset import StepDataset
from srl_data.training.policy import Policy
from srl_data.training.tiny import lessons, pretrain, texts_of, tiny_model, tiny_tokenizer


def _run(*words: str | Path, code: int = 0) -> Result:
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert done.exit_code == code, done.output
    return done


@pytest.fixture
def policy(steps: Path) -> Policy:
    words = tiny_tokenizer(texts_of(str(steps)), size=400)
    return Policy.of(tiny_model(words, width=32, layers=2, heads=2, context=512, spread=0.08), words, device="cpu")


def test_numbers_are_single_tokens_where_digits_need_not_be() -> None:
    texts = ["12 + 30 = 42\n", "30 - 12 = 18\n"] * 20
    assert len(tiny_tokenizer(texts, size=400, digits=False)("30 - 12")["input_ids"]) == 3
    words = tiny_tokenizer(texts, size=400)
    assert [words.decode(token) for token in words("30")["input_ids"]] == ["3", "0"]


def test_a_model_is_decided_by_its_seed_and_disturbs_no_other_random_number() -> None:
    words = tiny_tokenizer(["We add."] * 9, size=300)

    def first(seed: int, spread: float = 0.02) -> torch.Tensor:
        weights: torch.Tensor = tiny_model(words, width=32, layers=1, heads=2, seed=seed, spread=spread).lm_head.weight
        return weights

    state = torch.random.get_rng_state()
    assert torch.equal(first(1), first(1))
    assert not torch.equal(first(1), first(2))
    assert torch.equal(state, torch.random.get_rng_state())
    assert float(first(1, 0.08).detach().std()) == pytest.approx(0.08, rel=0.05)


def test_lessons_are_each_solution_and_each_step(policy: Policy, steps: Path) -> None:
    data = StepDataset(steps)
    expected = {row["id"]: row["text"] for row in data.rows("trajectories", "train")}
    expected |= {row["id"]: row["reference"] for row in data.rows("steps", "train")}
    assert {task.id: task.reply for task in lessons(policy, str(steps))} == expected


@pytest.mark.slow
def test_pretraining_is_decided_by_its_seed(steps: Path, policy: Policy) -> None:
    start = {name: weights.clone() for name, weights in policy.trained().items()}

    def losses(seed: int) -> list[float]:
        policy.restore(start)
        return [
            each.figures["loss"]
            for each in pretrain(policy, lessons(policy, str(steps)), updates=25, texts=4, seed=seed)
        ]

    first = losses(0)
    assert losses(0) == first
    assert losses(1) != first
    assert first[-1] < 0.75 * first[0]


def test_the_command_makes_a_model_that_transformers_opens(steps: Path, tmp_path: Path) -> None:
    shape = ["--width", "16", "--layers", "1", "--heads", "2", "--vocabulary", "300"]
    told = _run("tiny", steps, "-o", tmp_path / "model", "--updates", "2", *shape).output
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    weights = sum(each.numel() for each in model.parameters())
    assert f"{weights:,} weights, {len(AutoTokenizer.from_pretrained(tmp_path / 'model'))} tokens" in told
    assert "choose another output" in _run("tiny", steps, "-o", tmp_path / "model", code=1).output


def test_the_command_wants_heads_that_divide_the_width(steps: Path, tmp_path: Path) -> None:
    told = _run("tiny", steps, "-o", tmp_path / "model", "--width", "20", "--heads", "4", code=2).output
    assert "--width 20" in told


def test_careless_solutions_follow_from_their_slips() -> None:
    row = {"id": "row", "answer": "3", "solution": "2 + 5 = 7\n7 - 2 = 5\n5 * 4 = 20\n20 / 5 = 4\n4 - 1 = 3\n#### 3"}
    rows = [demo_training.careless(row | {"id": str(number)}) for number in range(50)]
    slips = 0
    for each in rows:
        *lines, last = each["solution"].splitlines()
        value = "2"
        for line in lines:
            first, sign, second, _, result = line.split()
            assert first == value
            right = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__, "/": int.__floordiv__}[sign]
            assert int(result) - right(int(first), int(second)) in (0, 1)
            slips += int(result) != right(int(first), int(second))
            value = result
        assert last == f"#### {value}"
        assert each["answer"] == value
    assert 90 < slips < 160  # 125 of 250


def test_the_demo_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_torch(name: str) -> ModuleSpec | None:
        return None if name == "torch" else find_spec(name)

    monkeypatch.setattr(demo_training, "find_spec", without_torch)
    command = ["demo", "-n", "16", "-o", tmp_path / "demo"]
    assert "pip install 'srl-data[train]'" in _run(*command).output
    assert "pip install 'srl-data[train]'" in _run(*command, "--train", code=1).output
    assert not (tmp_path / "demo" / "model").exists()


@pytest.mark.slow
def test_the_demo_shows_a_model_that_gets_better(tmp_path: Path) -> None:
    """Twice as many problems solved as before: what it prints."""
    told = _run("demo", "-n", "16", "-o", tmp_path / "demo", "--train").output
    line = next(line for line in told.splitlines() if line.startswith("problems solved, likeliest reply"))
    before, srl, rlvr = (float(cell) for cell in re.findall(r"(\d\.\d\d) \(", line))
    assert before < 0.3
    assert srl > before + 0.1
    assert rlvr > before + 0.15
