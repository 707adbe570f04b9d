"""OpenRLHF: its executor loads the file, calls the reward in a thread, and makes an experience of the answer.

vLLM and Ray, which its rollout needs, are not: an engine that answers what the test says stands for vLLM.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("openrlhf")

import torch
from openrlhf.datasets.prompts_dataset import preprocess_data
from openrlhf.utils.agent import SingleTurnAgentExecutor

import rewards
from rewards.adapters.openrlhf import encode_label

ADAPTER = Path(rewards.__file__).parent / "adapters" / "openrlhf.py"
LABEL = encode_label({"id": "eq#1", "reference": "2x = 8"})
PROMPT = "<|im_start|>user\n2x + 3 = 11<|im_end|>\n<|im_start|>assistant\n"


class Letters:
    """A tokenizer of single characters."""

    def __call__(self, text, **_):
        return {"input_ids": torch.tensor([[ord(each) for each in text]])}

    def decode(self, ids, **_):
        return "".join(map(chr, ids))


class Engine:
    def __init__(self, reply):
        self.reply = reply

    async def generate(self, prompt, params, multi_modal_data=None):
        ids = [ord(each) for each in self.reply]
        return SimpleNamespace(outputs=[SimpleNamespace(token_ids=ids, finish_reason="stop", logprobs=None)])


def rollout(executor, reply, label=LABEL, max_length=1000):
    params = SimpleNamespace(max_tokens=100, logprobs=None)
    return asyncio.run(executor.execute(PROMPT, label, params, max_length, Letters(), Engine(reply)))


@pytest.mark.finding(
    "openrlhf", "`SingleTurnAgentExecutor` loads the adapter's file, and gets reward, score and logs of it"
)
def test_file():
    executor = SingleTurnAgentExecutor(str(ADAPTER))
    found = rollout(executor, "<think>Hm.</think>8 = 2x<|im_end|>")
    assert found["reward"].tolist() == found["scores"].tolist() == [0.5]
    assert found["extra_logs"]["similarity"].tolist() == [0.5]
    assert torch.tensor([found["reward"]]).shape == (1,)  # what the experience is made of


@pytest.mark.finding("openrlhf", "a file of one's own with `to_openrlhf`, its options and a row's other columns")
def test_own_file(tmp_path):
    path = tmp_path / "reward.py"
    path.write_text("from rewards.adapters.openrlhf import to_openrlhf\nreward_func = to_openrlhf('indel')\n")
    assert rollout(SingleTurnAgentExecutor(str(path)), "2x = 8</s>")["reward"].item() == 1.0


@pytest.mark.finding("openrlhf", "a prompt that it cut short still leaves the reply alone")
def test_cut_prompt():
    executor = SingleTurnAgentExecutor(str(ADAPTER))
    found = rollout(executor, "<think>a</think>2x = 8<|im_end|>", max_length=100 + 30)  # 30 letters of the prompt
    assert found["reward"].item() == 1.0


@pytest.mark.finding("openrlhf", "an error of the reward, which it swallows, is in the log as an error")
def test_error(caplog):
    executor = SingleTurnAgentExecutor(str(ADAPTER))
    with caplog.at_level(logging.ERROR, logger="rewards.adapters.openrlhf"):
        found = rollout(executor, "2x = 8", label="2x = 8")
    assert found["reward"] is None
    assert "is not a JSON object of columns" in caplog.text


@pytest.mark.finding("openrlhf", "`preprocess_data` reads prompt and label of an exported row")
def test_dataset():
    row = {"prompt": [{"role": "user", "content": "?"}], "label": LABEL}
    chat = lambda messages, **_: "".join(each["content"] for each in messages)  # noqa: E731
    assert preprocess_data(row, None, "prompt", "label", chat) == ("?", LABEL)
