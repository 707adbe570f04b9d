"""A model of two layers and its tokenizer, made on the spot."""

from __future__ import annotations

from pathlib import Path

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] }}<|im_end|>{% endgeneration %}"
    "{% else %}{{ message['content'] }}<|im_end|>{% endif %}\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TEXT = [
    "You are an expert problem solver. First draft your thoughts inside <think> and </think>.",
    "### Problem\nSolve 2x + 3 = 11.\n\n### Solution so far\n(nothing yet)",
    "1. **Add 5**: Now we have \\(2 + 5 = 7\\). Therefore, the answer is \\(\\boxed{20}\\).",
]


def save_tokenizer(folder: Path, template: str | None = CHATML, length: int = 4096) -> Path:
    """A byte-level tokenizer, trained on three sentences."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    plain = Tokenizer(models.BPE())
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    special = ["<|im_start|>", "<|im_end|>", "<|pad|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    plain.train_from_iterator(TEXT, trainer)
    ends = {"eos_token": "<|im_end|>", "pad_token": "<|pad|>"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, model_max_length=length, **ends)
    tokenizer.chat_template = template
    tokenizer.save_pretrained(str(folder))
    return folder


def save_model(folder: Path) -> Path:
    """A Llama of two layers with that tokenizer."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    save_tokenizer(folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    ends = {"eos_token_id": 1, "pad_token_id": 2, "bos_token_id": None}
    LlamaForCausalLM(LlamaConfig(vocab_size=400, max_position_embeddings=4096, **sizes, **ends)).save_pretrained(folder)
    return folder
