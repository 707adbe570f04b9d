"""A tokenizer and a model small enough for two cores, made from texts: for demonstrations, tests and experiments.

Digits are tokens of their own, so that arithmetic can be learnt at all; other text is cut into the byte pairs that the
texts hold most often. The model is a Llama of a few layers with random weights. :func:`pretrain` teaches it to read and
write what a step dataset holds, in minutes; ``srl-data tiny`` does all of this at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from srl_data.dataset import StepDataset
from srl_data.prompts import solve_messages
from srl_data.training.optimiser import Optimiser
from srl_data.training.policy import Policy
from srl_data.training.reinforce import Progress, Update
from srl_data.training.sft import imitate
from srl_data.training.stage import Stage
from srl_data.training.tasks import Epochs, Task, load_tasks

__all__ = ["lessons", "pretrain", "texts_of", "tiny_model", "tiny_tokenizer"]


def tiny_tokenizer(
    texts: Iterable[str], *, size: int = 512, digits: bool = True, apart: str | None = None
) -> PreTrainedTokenizerFast:
    r"""Train a byte-level tokenizer; any text can be encoded, and comes back as it was.

    Args:
        texts: What it is trained on.
        size: How many tokens there are at most.
        digits: Whether each digit is a token, or numbers that are frequent are one: small numbers are learnt faster
            so, large ones hardly at all.
        apart: A regular expression, instead of what cuts texts otherwise: what it finds stands apart, and what lies
            between is not cut, so that sentences that are frequent become tokens.

    Example:
        >>> tokenizer = tiny_tokenizer(["We get 12 + 30 = 42.\n"] * 9, size=300)
        >>> tokenizer.decode(tokenizer("We get 7 + é")["input_ids"])
        'We get 7 + é'
        >>> len(tokenizer("12345")["input_ids"])
        5
        >>> sentences = tiny_tokenizer(["We get 12 + 30 = 42.\n"] * 9, size=300, apart=r"\d+")
        >>> len(sentences("We get 12")["input_ids"])
        2
    """
    tokenizer = Tokenizer(models.BPE())
    cut: pre_tokenizers.PreTokenizer | None = None
    if apart is not None:
        cut = pre_tokenizers.Split(Regex(apart), "isolated")
    elif digits:
        cut = pre_tokenizers.Digits(individual_digits=True)
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=apart is None)
    tokenizer.pre_tokenizer = byte_level if cut is None else pre_tokenizers.Sequence([cut, byte_level])
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
    spread: float = 0.02,
) -> LlamaForCausalLM:
    """A Llama with random weights: 0.9 million parameters by default, with a vocabulary of 512.

    Args:
        tokenizer: Whose tokens it reads.
        width: Of the hidden states.
        layers: How many there are.
        heads: Of attention, in each layer.
        context: The most tokens that it reads.
        seed: Decides the weights.
        spread: The standard deviation of the weights. 0.02 is what large models have; for one of a width of 64, 0.08
            leads to a third of the loss in the same time.
    """
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=int(width * 8 / 3) // 8 * 8,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=context,
        initializer_range=spread,
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


def texts_of(folder: str) -> Iterator[str]:
    """What a step dataset has for a tokenizer to learn from: what is asked of whole problems, and the solutions."""
    for row in StepDataset(folder).rows("trajectories", "train"):
        yield solve_messages(row["problem"])[0]["content"]
        yield row["text"]


def lessons(policy: Policy, folder: str) -> list[Task]:
    """What a step dataset has to teach: each solution as a whole, and each step given those before it."""
    stages = [Stage(method="sft", on=on, data=folder, steps=1) for on in ("solutions", "steps")]
    return [task for stage in stages for task in load_tasks(stage, policy, "train")[0]]


def pretrain(
    policy: Policy, tasks: Sequence[Task], *, updates: int, texts: int = 16, lr: float = 3e-3, seed: int = 0
) -> Iterator[Update]:
    """Teach a model its lessons, one update at a time.

    Args:
        policy: The model; its weights change.
        tasks: What it is taught.
        updates: How many updates there are. The learning rate falls to 0 over them.
        texts: How many texts an update takes. Many small updates teach a small model more than few large ones.
        lr: The learning rate.
        seed: Decides the order.
    """
    stage = Stage(method="sft", name="pretrain", data="", steps=updates, lr=lr, prompts=texts)
    optimiser = Optimiser(policy.model, lr=lr, steps=updates, warmup=0.05, schedule="cosine", seed=seed)
    return imitate(policy, Epochs(tasks, seed), stage, optimiser, Progress())
