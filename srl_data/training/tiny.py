"""A tokenizer and a model small enough for two cores, made from texts: for demonstrations, tests and experiments.

Digits are tokens of their own, so that arithmetic can be learnt at all; other text is cut into the byte pairs that the
texts hold most often. The model is a Llama of a few layers with random weights: pretrain it by a stage of ``sft``.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

__all__ = ["tiny_model", "tiny_tokenizer"]


def tiny_tokenizer(texts: Iterable[str], *, size: int = 512) -> PreTrainedTokenizerFast:
    r"""Train a byte-level tokenizer; any text can be encoded, and comes back as it was.

    Example:
        >>> tokenizer = tiny_tokenizer(["We get 12 + 30 = 42.\n"] * 9, size=300)
        >>> tokenizer.decode(tokenizer("We get 7 + é")["input_ids"])
        'We get 7 + é'
        >>> len(tokenizer("12345")["input_ids"])
        5
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=["<pad>", "<eos>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    special = {"pad_token": "<pad>", "eos_token": "<eos>"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, clean_up_tokenization_spaces=False, **special)


def tiny_model(
    tokenizer: PreTrainedTokenizerFast,
    *,
    width: int = 128,
    layers: int = 4,
    heads: int = 4,
    context: int = 1024,
    seed: int = 0,
) -> LlamaForCausalLM:
    """A Llama with random weights: 0.9 million parameters by default, with a vocabulary of 512."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=int(width * 8 / 3) // 8 * 8,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=context,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    state = torch.random.get_rng_state()
    torch.manual_seed(seed)
    try:
        return LlamaForCausalLM(config)
    finally:
        torch.random.set_rng_state(state)  # whoever else draws random numbers draws the same as without this
