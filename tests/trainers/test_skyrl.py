"""SkyRL: its generator plays episodes of our environment, and puts the rewards where they were earned.

An engine that gives fixed replies stands for vLLM.
"""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("skyrl_gym")
pytest.importorskip("skyrl.train.generators.skyrl_gym_generator", reason="needs skyrl")

from skyrl.train.config import GeneratorConfig, SkyRLGymConfig
from skyrl.train.generators.skyrl_gym_generator import SkyRLGymGenerator
from skyrl_gym.envs import deregister, register
from skyrl_gym.envs.base_text_env import BaseTextEnv
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from rewards.adapters.skyrl import StepEnv

EOS = "<|im_end|>"
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


class SrlEnv(StepEnv, BaseTextEnv):
    pass


class Engine:
    """Gives its replies in turn."""

    def __init__(self, tokenizer, replies):
        self.tokenizer = tokenizer
        self.replies = iter(replies)
        self.asked = []

    async def generate(self, asked, model=None):
        self.asked.append(self.tokenizer.decode(asked["prompt_token_ids"][0]))
        reply = next(self.replies)
        ids = self.tokenizer(reply + EOS, add_special_tokens=False)["input_ids"]
        return {"responses": [reply], "response_ids": [ids], "stop_reasons": ["stop"]}

    async def finish_session(self, session_id):
        pass


@pytest.fixture
def tokenizer():
    """Bytes, and the tokens that open and close a message."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = Tokenizer(models.BPE({letter: at for at, letter in enumerate(alphabet)}, []))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    inner.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        eos_token=EOS,
        pad_token=EOS,
        additional_special_tokens=["<|im_start|>"],
    )
    made.chat_template = TEMPLATE
    return made


@pytest.fixture
def registered():
    register(id="srl", entry_point=SrlEnv, kwargs={"reward": "srl"})
    yield
    deregister("srl")


def played(tokenizer, replies, row):
    engine = Engine(tokenizer, replies)
    settings = GeneratorConfig()
    settings.max_turns, settings.max_input_length, settings.batched = 10, 10_000, False
    generator = SkyRLGymGenerator(settings, SkyRLGymConfig(max_env_workers=2), engine, tokenizer)
    batch = {
        "prompts": [[{"role": "user", "content": "2x + 3 = 11"}]],
        "env_classes": ["srl"],
        "env_extras": [row],
        "sampling_params": None,
        "trajectory_ids": None,
    }
    return asyncio.run(generator.generate(batch, disable_tqdm=True)), engine


@pytest.mark.finding(
    "skyrl", "`SkyRLGymGenerator` plays an episode; each turn's reward stands at that turn's last token"
)
def test_rewards_at_the_turns_ends(tokenizer, registered):
    replies = ["<think>a</think>2x = 8", "x = 4", "<think>a</think>4 = x"]
    row = {"reward_spec": {"method": "rule", "ground_truth": ["2x = 8", "x = 4", "x = 4"]}, "observations": None}
    found, engine = played(tokenizer, replies, row)
    (ids,), (scores,) = found["response_ids"], found["rewards"]
    ends = [at for at, score in enumerate(scores) if score]
    assert [scores[at] for at in ends] == [1.0, -1.0, 0.6]  # 2·3/10: " = " is what `4 = x` and `x = 4` share
    begun = 0
    for end, reply in zip(ends, replies, strict=True):
        assert tokenizer.decode(ids[begun : end + 1]).endswith(reply + EOS)
        begun = end + 1
    assert "The expert's step was:\n\n2x = 8" in engine.asked[1]


@pytest.mark.finding("skyrl", "the environment's parts and statuses are in the rollout's metrics")
def test_metrics(tokenizer, registered):
    found, _ = played(tokenizer, ["x = 4"], {"reward_spec": {"method": "rule", "ground_truth": "x = 4"}})
    metrics = found["rollout_metrics"]
    assert metrics["environment/score"] == -1.0
    assert metrics["environment/status/format"] == 1.0
