"""``srl-data tiny``: a model that learns from a step dataset in a minute, to try training on without a network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from srl_data.cli.extras import needs

if TYPE_CHECKING:
    from srl_data.training.policy import Policy

__all__ = ["command", "make"]


@click.command(
    epilog="""\b
Examples:
  srl-data generate -f chain -l 1-2 -s terse -n 2000 | srl-data segment - -o easy -s lines --system ''
  srl-data tiny easy -o model
  srl-data train --model model --data easy -o run --method rlvr --steps 50 --lr 3e-4 --max-new-tokens 64
"""
)
@click.argument("data", type=click.Path(exists=True, file_okay=False))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The model's folder.")
@click.option(
    "--updates", type=click.IntRange(min=1), default=1000, show_default=True, help="How many updates it is trained for."
)
@click.option("--texts", type=click.IntRange(min=1), default=8, show_default=True, help="How many texts an update has.")
@click.option("--lr", type=click.FloatRange(min=0), default=3e-3, show_default=True, help="The learning rate at first.")
@click.option("--width", type=click.IntRange(min=8), default=64, show_default=True, help="Of the hidden states.")
@click.option("--layers", type=click.IntRange(min=1), default=2, show_default=True, help="How many there are.")
@click.option("--heads", type=click.IntRange(min=1), default=4, show_default=True, help="Of attention in each layer.")
@click.option("--context", type=click.IntRange(min=16), default=1024, show_default=True, help="Tokens it can read.")
@click.option(
    "--vocabulary", type=click.IntRange(min=300), default=512, show_default=True, help="Tokens that there are."
)
@click.option("--digits", is_flag=True, help="Make each digit a token: slower to learn, needed for large numbers.")
@click.option("--seed", type=int, default=0, show_default=True, help="Same seed, same model.")
def command(data: str, output: Path, updates: int, texts: int, lr: float, seed: int, **shape: int) -> None:
    """Make a tiny model and a tokenizer from a step dataset, and teach it the solutions and the steps there.

    It is a Llama of some 100,000 weights that from_pretrained opens, and a minute on one core is enough for it to be
    worth training further. DATA is a folder that `srl-data segment` wrote; small contexts want it made with
    --system ''.
    """
    if shape["width"] % (2 * shape["heads"]):
        raise click.UsageError(f"--width {shape['width']} is not a multiple of twice the --heads, {shape['heads']}")
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise click.ClickException(f"{output} is there already: choose another output")
    policy, loss = make(data, updates=updates, texts=texts, lr=lr, seed=seed, **shape)
    from srl_data.workspace import disk_errors

    with disk_errors(output):
        policy.save(output)
    weights = sum(each.numel() for each in policy.model.parameters())
    click.echo(f"{output}: {weights:,} weights, {len(policy.tokenizer)} tokens, loss {loss:.3f} at the end")


def make(
    data: str,
    *,
    updates: int,
    texts: int = 8,
    lr: float = 3e-3,
    seed: int = 0,
    vocabulary: int = 512,
    digits: int = False,
    **shape: int,
) -> tuple[Policy, float]:
    """Make the model; gives it and the loss of its last updates."""
    with needs("train", "tiny"):
        from srl_data.training.policy import Policy
        from srl_data.training.tiny import lessons, pretrain, texts_of, tiny_model, tiny_tokenizer
    from tqdm import tqdm

    tokenizer = tiny_tokenizer(texts_of(data), size=vocabulary, digits=bool(digits))
    policy = Policy.of(tiny_model(tokenizer, spread=0.08, seed=seed, **shape), tokenizer, device="cpu")
    learnt = pretrain(policy, lessons(policy, data), updates=updates, texts=texts, lr=lr, seed=seed)
    losses = [each.figures["loss"] for each in tqdm(learnt, total=updates, unit="update", disable=None, leave=False)]
    last = losses[-20:]
    return policy, sum(last) / len(last)
