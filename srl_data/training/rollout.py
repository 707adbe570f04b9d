r"""Rollouts: sampling them, and the log-probabilities of what was sampled, with or without a gradient.

The rollouts of one prompt share its prefill, in both: the prompt goes through the model once, and its keys and values
are handed to all of its rollouts. In step-level training prompts are long (the problem, all steps so far) and
completions short, so that this, and not the sampling itself, is most of the work that a group of eight costs. Models
with linear attention, and the backward pass with gradient checkpointing, cannot share it: there each rollout reads its
prompt.

Prompts are padded on the left and completions on the right, within a piece of like lengths; positions are counted
without the padding, so that a rollout's log-probabilities do not depend on its company (to rounding: 1e-4 in float32).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel

from srl_data.training.prefix import Prefix, reads_prompts_once, whole_logits

__all__ = ["Rollouts", "TokenScores", "pieces", "sample", "score_tokens"]


@dataclass(frozen=True, slots=True)
class Rollouts:
    """N rollouts of P prompts, those of one prompt next to each other.

    Attributes:
        prompts: The prompts' tokens, P lists.
        owners: Which prompt each rollout answers, ``[N]``, ascending.
        tokens: What was sampled, ``[N, T]``, padded on the right.
        mask: 1 on the tokens that were sampled, the one that ends a rollout among them, ``[N, T]``.
        logprobs: Of each token, by the policy that sampled it, ``[N, T]``; 0 on padding.
        truncated: Whether a rollout was cut off at the most tokens, ``[N]``.
    """

    prompts: list[list[int]]
    owners: Tensor
    tokens: Tensor
    mask: Tensor
    logprobs: Tensor
    truncated: Tensor

    def __len__(self) -> int:
        return len(self.owners)

    def select(self, rows: Sequence[int]) -> Rollouts:
        """Some of the rollouts, in ascending order, without padding that none of them needs."""
        at = torch.tensor(sorted(rows), dtype=torch.long, device=self.tokens.device)
        owners, renumbered = self.owners[at].unique(return_inverse=True)
        width = max(1, int(self.mask[at].sum(1).max())) if len(at) else 0
        return Rollouts(
            [self.prompts[owner] for owner in owners.tolist()],
            renumbered,
            self.tokens[at, :width],
            self.mask[at, :width],
            self.logprobs[at, :width],
            self.truncated[at],
        )

    def lists(self) -> list[list[int]]:
        """Each rollout's tokens, without padding."""
        return [row[: int(length)].tolist() for row, length in zip(self.tokens, self.mask.sum(1), strict=True)]


@dataclass(frozen=True, slots=True)
class TokenScores:
    """What a policy says of tokens: ``[N, T]`` both, 0 on padding; the entropy never has a gradient."""

    logprobs: Tensor
    entropy: Tensor


# -- sampling ---------------------------------------------------------------------------------------------------------


@torch.no_grad()
def sample(
    model: PreTrainedModel,
    prompts: Sequence[list[int]],
    *,
    group_size: int,
    max_new_tokens: int,
    stop: Sequence[int],
    temperature: float = 1.0,
    most_rows: int = 64,
    generator: torch.Generator | None = None,
) -> Rollouts:
    """Sample ``group_size`` rollouts of each prompt.

    Args:
        model: A causal language model.
        prompts: Tokens, at least one in each.
        group_size: Rollouts of each prompt, 1 or more.
        max_new_tokens: The most tokens of a rollout, 1 or more.
        stop: The tokens of which each ends a rollout.
        temperature: What logits are divided by; 0 takes the likeliest token.
        most_rows: How many rollouts are sampled at once, whole groups but at least one.
        generator: Where randomness comes from, on the model's device; equal states sample equal rollouts.
    """
    order = sorted(range(len(prompts)), key=lambda at: len(prompts[at]))
    together = max(1, most_rows // group_size)
    device = model.device
    found: dict[int, _Decoded] = {}
    for start in range(0, len(order), together):
        piece = order[start : start + together]
        decoded = _decode(
            model, [prompts[at] for at in piece], group_size, max_new_tokens, stop, temperature, generator
        )
        for place, at in enumerate(piece):
            found[at] = decoded.group(place, group_size)
    width = max((group.width for group in found.values()), default=1)
    ordered = [found[at].widened(width) for at in range(len(prompts))]
    mask = torch.cat([group.mask for group in ordered])
    tokens = torch.cat([group.tokens for group in ordered])
    ended = torch.isin(tokens, torch.tensor(list(stop), device=device)).logical_and(mask.bool()).any(1)
    owners = torch.arange(len(prompts), device=device).repeat_interleave(group_size)
    logprobs = torch.cat([group.logprobs for group in ordered])
    return Rollouts([list(each) for each in prompts], owners, tokens, mask, logprobs, ~ended)


@dataclass(frozen=True, slots=True)
class _Decoded:
    tokens: Tensor
    mask: Tensor
    logprobs: Tensor

    @property
    def width(self) -> int:
        return max(1, int(self.mask.sum(1).max()))

    def group(self, place: int, size: int) -> _Decoded:
        rows = slice(place * size, (place + 1) * size)
        return _Decoded(self.tokens[rows], self.mask[rows], self.logprobs[rows])

    def widened(self, width: int) -> _Decoded:
        def fit(values: Tensor) -> Tensor:
            return torch.nn.functional.pad(values[:, :width], (0, max(0, width - values.shape[1])))

        return _Decoded(fit(self.tokens), fit(self.mask), fit(self.logprobs))


def _decode(
    model: PreTrainedModel,
    prompts: Sequence[list[int]],
    group_size: int,
    most: int,
    stop: Sequence[int],
    temperature: float,
    generator: torch.Generator | None,
) -> _Decoded:
    device = model.device
    prefix = Prefix.of(model, prompts, torch.arange(len(prompts), device=device).repeat_interleave(group_size))
    rows = len(prompts) * group_size
    tokens = torch.zeros(rows, most, dtype=torch.long, device=device)
    mask = torch.zeros(rows, most, dtype=torch.long, device=device)
    logprobs = torch.zeros(rows, most, device=device)
    stops = torch.tensor(list(stop), dtype=torch.long, device=device)
    at = torch.arange(rows, device=device)  # which rollouts the cache still holds
    alive = torch.ones(rows, dtype=torch.bool, device=device)  # of those, which have not ended
    logits = prefix.logits
    for step in range(most):
        scores = torch.log_softmax(logits.float() / (temperature or 1.0), dim=-1)
        chosen = _draw(scores, temperature, generator)
        tokens[at, step] = torch.where(alive, chosen, 0)
        mask[at, step] = alive.long()
        logprobs[at, step] = torch.where(alive, scores.gather(1, chosen[:, None])[:, 0], 0.0)
        alive = alive & ~torch.isin(chosen, stops)
        living = int(alive.sum())
        if not living or step + 1 == most:
            break
        if (
            living <= 0.75 * len(at) and prefix.can_keep
        ):  # what has ended is let go, now and then: that copies the cache
            keep = alive.nonzero()[:, 0]
            prefix.keep(keep)
            at, chosen, alive = at[keep], chosen[keep], alive[keep]
        logits = prefix.extend(model, chosen[:, None], torch.ones_like(chosen)[:, None])[:, -1]
    return _Decoded(tokens, mask, logprobs)


def _draw(scores: Tensor, temperature: float, generator: torch.Generator | None) -> Tensor:
    if not torch.isfinite(scores.amax(1)).all():
        raise FloatingPointError("the model's logits are not finite, so nothing can be sampled from them")
    if temperature == 0:
        return scores.argmax(1)
    return torch.multinomial(scores.exp(), 1, generator=generator)[:, 0]


# -- scoring tokens ---------------------------------------------------------------------------------------------------


def score_tokens(model: PreTrainedModel, rollouts: Rollouts, *, temperature: float = 1.0) -> TokenScores:
    """The log-probability of every token under a policy, and the policy's entropy there.

    Has a gradient if autograd is on: then a backward pass goes through each prompt once too.

    Args:
        model: A causal language model.
        rollouts: What to score; all at once, see :func:`pieces`.
        temperature: What the rollouts were sampled at, above 0.
    """
    tokens, mask = rollouts.tokens, rollouts.mask
    if not reads_prompts_once(model):
        parts = [whole_logits(model, rollouts.prompts, rollouts.owners, tokens, mask)]
    else:
        prefix = Prefix.of(model, rollouts.prompts, rollouts.owners)
        parts = [prefix.logits[:, None]]
        if tokens.shape[1] > 1:
            parts.append(prefix.extend(model, tokens[:, :-1], mask[:, :-1]))
    logprobs, entropies, start = [], [], 0
    for logits in parts:  # not joined: with a large vocabulary they are most of the memory
        scaled = logits.float() if temperature == 1 else logits.float() / temperature
        normaliser = scaled.logsumexp(-1)
        chosen = tokens[:, start : start + logits.shape[1], None]
        logprobs.append(scaled.gather(-1, chosen)[..., 0] - normaliser)
        entropies.append(_entropy(scaled.detach(), normaliser.detach()))
        start += logits.shape[1]
    return TokenScores(
        torch.cat(logprobs, 1).masked_fill(mask == 0, 0.0), torch.cat(entropies, 1).masked_fill(mask == 0, 0.0)
    )


def _entropy(logits: Tensor, normaliser: Tensor) -> Tensor:
    """Row by row, for the copies that it takes."""
    rows = zip(logits, normaliser, strict=True)
    return torch.stack([whole - (row.softmax(-1) * row).sum(-1) for row, whole in rows])


def pieces(rollouts: Rollouts, most_tokens: int, *, shared: bool = True) -> Iterator[list[int]]:
    """Divide rollouts into lists of rows of at most so many tokens each, padding included.

    Groups stay whole unless one alone is too large, and groups of like lengths come together. One rollout always fits.

    Args:
        rollouts: What is divided.
        most_tokens: The most tokens of a list.
        shared: Whether a prompt is read, and so counted, once for all of its rollouts, or with each of them.
    """
    lengths = rollouts.mask.sum(1).tolist()
    groups: dict[int, list[int]] = {}
    for row, owner in enumerate(rollouts.owners.tolist()):
        groups.setdefault(owner, []).append(row)
    sizes = {owner: len(rollouts.prompts[owner]) for owner in groups}
    piece: list[int] = []
    prompts = longest_prompt = longest = 0
    for owner in sorted(groups, key=lambda each: (sizes[each], max(lengths[row] for row in groups[each]))):
        rows = groups[owner]
        fresh = True  # whether this group's prompt is not in the piece yet
        while rows:
            room = 0
            prompt, width = max(longest_prompt, sizes[owner]), longest
            for taken, row in enumerate(rows, start=1):
                width = max(width, lengths[row])
                read = prompts + fresh if shared else len(piece) + taken
                if read * prompt + (len(piece) + taken) * width > most_tokens:
                    break
                room = taken
            if room < len(rows) and piece:  # a piece of its own, before it is cut
                yield sorted(piece)
                piece, prompts, longest_prompt, longest, fresh = [], 0, 0, 0, True
                continue
            room = max(1, room)
            piece += rows[:room]
            prompts, longest_prompt = prompts + fresh, prompt
            longest = max(longest, *(lengths[row] for row in rows[:room]))
            rows, fresh = rows[room:], False
    if piece:
        yield sorted(piece)
