"""OpenRLHF against ``srl-data serve``: its executor asks the server, many times at once, with a token in the URL."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("openrlhf")
pytest.importorskip("fastapi")
pytest.importorskip("httpx")

import torch
from openrlhf.utils.agent import SingleTurnAgentExecutor

from rewards.adapters.openrlhf import encode_label
from tests.server import serve

PROMPT = "<|im_start|>user\n2x + 3 = 11<|im_end|>\n<|im_start|>assistant\n"


@pytest.mark.finding(
    "openrlhf", "200 requests at once to `srl-data serve`, with a token, answered each with its own reward"
)
def test_server(tmp_path):
    async def ask(url):
        executor = SingleTurnAgentExecutor(url)
        replies = [f"<think>a</think>{number}<|im_end|>" for number in range(200)]
        fetch = executor._fetch_rewards_via_http
        asked = (fetch([PROMPT + each], [PROMPT], [encode_label({"reference": "8"})]) for each in replies)
        return [answers[0] for answers in await asyncio.gather(*asked)]

    with serve(tmp_path, "-r srl", SRL_DATA_TOKEN="s3cret") as server:  # noqa: S106
        found = asyncio.run(ask(server.url.replace("//", "//srl:s3cret@") + "/get_reward"))
    for number, answer in enumerate(found):
        shared = str(number).count("8") > 0  # 2·1/T where the number has the digit: 1.0 for 8, 2/3 for 18, 1/2 for 108
        assert answer["rewards"] == answer["scores"] == [2 / (1 + len(str(number))) if shared else 0.0]
        assert answer["extra_logs"]["status/ok"] == [1.0]
    assert torch.tensor(found[8]["rewards"]).shape == (1,)
