"""Supervised RL with TRL from nothing: step data, a tiny model, GRPO on the SRL reward, in under two minutes on a CPU.

    pip install 'srl-data[trl]'
    python examples/train_trl.py

1. Worked solutions of linear equations, made by the toolkit, are cut into steps: a step dataset, as
   ``srl-data segment`` writes it from your own solutions.
2. A Llama of 150,000 parameters learns to reply from a few of the steps, and gets bad habits with it: every fourth
   reply that it is shown lacks the thought, every fourth says nothing.
3. TRL's GRPOTrainer trains it on the rest. The reward is SRL's: -1 for a broken form, else the similarity of the
   model's step with the expert's.

The table at the end shows the reward of each tenth of the training, and that of held-out steps (greedy replies) before
and after. With a model of your own, parts 1 and 3 are all there is, and ``load_from_disk("steps/steps")["train"]`` is
the training set.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
import time
import warnings
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from datasets import Dataset, load_from_disk
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, PrinterCallback
from trl import GRPOConfig, GRPOTrainer

import rewards
from rewards.adapters.trl import to_trl
from srl_data import pipeline
from srl_data.generate import generate
from srl_data.options import SegmentOptions

THOUGHT = "<think>Next.</think>"
# the system message is for models that can read it
TEMPLATE = (
    "{% for message in messages %}{% if message.role != 'system' %}{{ message.content }}<eos>{% endif %}{% endfor %}"
)


def make_steps(folder: Path) -> tuple[Dataset, Dataset]:
    """Solutions → a step dataset; its training and validation splits."""
    solutions = folder / "solutions.jsonl"
    with solutions.open("w") as file:
        for row in generate("linear", level=(1, 2), n=240, seed=0, style="terse"):
            file.write(json.dumps(row) + "\n")
    pipeline.segment([str(solutions)], folder / "steps", SegmentOptions(segmenter="lines", holdout=0.1))
    steps = load_from_disk(str(folder / "steps" / "steps"))
    return steps["train"], steps["validation"]


def make_model(texts: list[str]) -> tuple[LlamaForCausalLM, PreTrainedTokenizerFast]:
    """A tokenizer of these texts and a model with random weights."""
    bare = Tokenizer(models.BPE())
    bare.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    bare.decoder = decoders.ByteLevel()
    special = ["<pad>", "<eos>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bare.train_from_iterator(
        texts,
        trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False),
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bare, chat_template=TEMPLATE, padding_side="left")
    tokenizer.add_special_tokens({"pad_token": "<pad>", "eos_token": "<eos>"})
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=192,
        num_hidden_layers=2,
        num_attention_heads=4,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    torch.manual_seed(0)
    return LlamaForCausalLM(config), tokenizer


def warm_up(model: Any, tokenizer: Any, rows: list[dict[str, Any]], updates: int) -> None:
    """Next-token training on replies good and bad, the prompt left out of the loss."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    order = torch.Generator().manual_seed(0)
    for _ in range(updates):
        batch = [rows[at] for at in torch.randint(len(rows), (16,), generator=order)]
        prompts = [tokenizer.apply_chat_template(row["prompt"], return_dict=False) for row in batch]
        habits = torch.randint(4, (16,), generator=order)
        texts = [_habits(row["reference"])[int(which)] for row, which in zip(batch, habits, strict=True)]
        replies = [tokenizer(f"{text}<eos>")["input_ids"] for text in texts]
        width = max(len(prompt) + len(reply) for prompt, reply in zip(prompts, replies, strict=True))
        ids = torch.full((len(batch), width), tokenizer.pad_token_id)
        labels = torch.full_like(ids, -100)
        for at, (prompt, reply) in enumerate(zip(prompts, replies, strict=True)):  # padded on the left
            ids[at, width - len(prompt) - len(reply) :] = torch.tensor(prompt + reply)
            labels[at, width - len(reply) :] = torch.tensor(reply)
        loss = model(input_ids=ids, attention_mask=(ids != tokenizer.pad_token_id).long(), labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def _habits(step: str) -> list[str]:
    return [f"{THOUGHT}{step}", f"{THOUGHT}{step}", step, f"{THOUGHT}I do not know."]


def held_out(model: Any, tokenizer: Any, rows: Dataset) -> rewards.Scores:
    """The reward of the greedy reply to each of the rows."""
    prompts = tokenizer.apply_chat_template(list(rows["prompt"]), padding=True, return_tensors="pt", return_dict=True)
    with torch.no_grad():
        model.eval()
        ids = model.generate(**prompts, max_new_tokens=24, do_sample=False)
    replies = tokenizer.batch_decode(ids[:, prompts["input_ids"].shape[1] :], skip_special_tokens=True)
    return rewards.get("srl")(replies, reference=rows["reference"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=40, help="updates of GRPO (default: %(default)s)")
    parser.add_argument("--warm-up", type=int, default=120, help="updates before it (default: %(default)s)")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.getLogger("transformers").setLevel(logging.ERROR)
    torch.set_num_threads(1)  # which is as fast for a model of this size, and does not mind what else runs
    began = time.perf_counter()

    with tempfile.TemporaryDirectory() as folder:
        train, test = make_steps(Path(folder))
        model, tokenizer = make_model([row["prompt"][-1]["content"] + THOUGHT + row["reference"] for row in train])
        print(f"{len(train)} steps to train on, {len(test)} held out; {model.num_parameters():,} parameters")
        warm_up(model, tokenizer, train.select(range(200)).to_list(), arguments.warm_up)
        before = held_out(model, tokenizer, test)

        trainer = GRPOTrainer(
            model,
            reward_funcs=to_trl("srl"),
            train_dataset=train,
            processing_class=tokenizer,
            args=GRPOConfig(
                output_dir=folder,
                max_steps=arguments.steps,
                per_device_train_batch_size=32,  # 4 prompts with 8 rollouts each
                num_generations=8,
                max_completion_length=24,
                learning_rate=5e-4,  # for so few weights; the paper's, for a real model, is 5e-7
                beta=0.0,
                temperature=1.0,
                logging_steps=1,
                save_strategy="no",
                report_to=[],
                use_cpu=True,
                disable_tqdm=True,
                seed=0,
            ),
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        after = held_out(model, tokenizer, test)

    logs = [entry for entry in trainer.state.log_history if "reward" in entry]
    tenth = max(1, len(logs) // 10)
    print("\nupdates    reward  similarity  form kept")
    for at in range(0, len(logs), tenth):
        part = logs[at : at + tenth]
        means = [fmean(entry.get(key, 0.0) for entry in part) for key in ("reward", "srl/similarity", "srl/format")]
        print(f"{at + 1:3d} - {at + len(part):3d} {means[0]:8.3f}  {means[1]:10.3f}  {means[2]:9.3f}")
    for name, scores in (("before", before), ("after", after)):
        print(f"held out, {name:6s} {fmean(value for value in scores.values if value is not None):.3f}")
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
