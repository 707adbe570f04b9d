"""Models with random weights of the architectures that differ in what rollouts touch: heads, positions, caches."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    OPTConfig,
    OPTForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3NextConfig,
    Qwen3NextForCausalLM,
)

VOCABULARY = 40
STOP = 1

_SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 128,
    "initializer_range": 0.3,  # far from uniform, so that what is wrong shows
    "bos_token_id": None,
    "eos_token_id": STOP,
    "pad_token_id": 0,
}


def _llama() -> PreTrainedModel:
    return LlamaForCausalLM(LlamaConfig(**_SIZES, num_key_value_heads=2))


def _tied() -> PreTrainedModel:
    return LlamaForCausalLM(LlamaConfig(**_SIZES, num_key_value_heads=1, tie_word_embeddings=True))


def _gpt2() -> PreTrainedModel:
    """Learnt positions, tied, one matrix for queries, keys and values, and dropout by default."""
    config = GPT2Config(
        vocab_size=VOCABULARY,
        n_embd=32,
        n_layer=2,
        n_head=4,
        n_positions=128,
        initializer_range=0.3,
        bos_token_id=None,
        eos_token_id=STOP,
    )
    return GPT2LMHeadModel(config)


def _opt() -> PreTrainedModel:
    """Learnt positions with an offset, and dropout that layers switch on by themselves in training."""
    return OPTForCausalLM(OPTConfig(**_SIZES, ffn_dim=64, word_embed_proj_dim=32, init_std=0.3))


def _qwen2() -> PreTrainedModel:
    """Biases, and layers of two kinds: the second has a sliding window of 8 tokens."""
    config = Qwen2Config(
        **_SIZES, num_key_value_heads=2, use_sliding_window=True, sliding_window=8, max_window_layers=1
    )
    return Qwen2ForCausalLM(config)


def _qwen3() -> PreTrainedModel:
    return Qwen3ForCausalLM(Qwen3Config(**_SIZES, num_key_value_heads=2, head_dim=16))


def _mistral() -> PreTrainedModel:
    """A sliding window of 6 tokens, shorter than prompts are."""
    return MistralForCausalLM(MistralConfig(**_SIZES, num_key_value_heads=2, sliding_window=6))


def _hybrid() -> PreTrainedModel:
    """Linear attention in the first layer, whose state cannot be handed from a prompt to its rollouts."""
    config = Qwen3NextConfig(
        **_SIZES,
        num_key_value_heads=2,
        head_dim=16,
        linear_num_key_heads=2,
        linear_num_value_heads=2,
        linear_key_head_dim=16,
        linear_value_head_dim=16,
        num_experts=0,
        layer_types=["linear_attention", "full_attention"],
    )
    return Qwen3NextForCausalLM(config)


_MAKERS: dict[str, Callable[[], PreTrainedModel]] = {
    "llama": _llama,
    "tied": _tied,
    "gpt2": _gpt2,
    "opt": _opt,
    "qwen2": _qwen2,
    "qwen3": _qwen3,
    "mistral": _mistral,
    "hybrid": _hybrid,
}
_OFTEN = ("llama", "hybrid")  # what every change is tried on; the others with the slow tests
NAMES = [pytest.param(name, marks=() if name in _OFTEN else pytest.mark.slow) for name in _MAKERS]


def small(name: str) -> PreTrainedModel:
    """A model, the same on every call."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = _MAKERS[name]()
    return model.eval()
