"""A small dataset and a model of two layers, made once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from srl_data import pipeline
from srl_data.dataset import StepDataset
from srl_data.generate import generate
from srl_data.options import SegmentOptions
from srl_data.training.policy import Policy
from srl_data.training.tiny import tiny_model, tiny_tokenizer

torch.set_num_threads(1)  # the tests' own processes share the machine


@pytest.fixture(scope="session")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A step dataset of 28 short solutions, 4 of them for validation."""
    folder = tmp_path_factory.mktemp("training")
    rows = generate("chain", level=(2, 3), n=28, seed=0, style="lines")
    (folder / "solutions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pipeline.segment([str(folder / "solutions.jsonl")], folder / "steps", SegmentOptions(segmenter="lines", holdout=4))
    return folder / "steps"


@pytest.fixture(scope="session")
def model(steps: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of 2 layers with random weights, and a tokenizer trained on the dataset."""
    rows = list(StepDataset(steps).rows("steps"))
    tokenizer = tiny_tokenizer([message["content"] for row in rows for message in row["prompt"]], size=512)
    folder = tmp_path_factory.mktemp("model")
    Policy.of(tiny_model(tokenizer, width=32, layers=2, heads=2, context=512), tokenizer, device="cpu").save(folder)
    return folder


@pytest.fixture
def policy(model: Path) -> Policy:
    """That model, fresh."""
    return Policy.load(model, device="cpu")
