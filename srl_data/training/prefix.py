"""What a model has read so far: a prompt goes through it once, and all its rollouts go on from there."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel, cache_utils
from transformers.cache_utils import DynamicLayer

__all__ = ["Prefix", "enable_checkpointing", "is_checkpointing", "reads_prompts_once", "whole_logits"]

_ROOM = 64  # tokens
_LINEAR: Any = getattr(cache_utils, "LinearAttentionCacheLayerMixin", ())  # not in all versions


@dataclass(slots=True)
class Prefix:
    """What the model has read so far for each rollout: keys and values, and the logits of what comes next.

    Attributes:
        cache: The keys and values.
        mask: 1 on tokens, 0 on padding, ``[N, all tokens so far]``.
        logits: Of what follows the prompt, ``[N, V]``.
    """

    cache: DynamicCache
    mask: Tensor
    logits: Tensor

    @classmethod
    def of(cls, model: PreTrainedModel, prompts: Sequence[list[int]], owners: Tensor) -> Prefix:
        """Read the prompts, once each, and hand what was read to their rollouts, of which there is one at least."""
        cache = _cache(model)
        if not _can_select(cache):
            prompts = [prompts[owner] for owner in owners.tolist()]
            owners = torch.arange(len(prompts), device=owners.device)
        ids, mask = _padded(prompts, model.device)
        prefix = cls(cache, mask[:, :0], torch.empty(0))
        prefix.logits = prefix.extend(model, ids, mask, last=True)[:, -1]
        sizes = set(owners.bincount(minlength=len(prompts)).tolist())
        if sizes != {1}:
            if len(sizes) == 1:  # the same as below, with a backward pass that only sums
                prefix.cache.batch_repeat_interleave(*sizes)
                prefix.mask = prefix.mask[owners]
            else:
                prefix.keep(owners)
            prefix.logits = prefix.logits[owners]
        return prefix

    @property
    def can_keep(self) -> bool:
        """Whether :meth:`keep` works: the states of linear attention know nothing of the kind."""
        return _can_select(self.cache)

    def extend(self, model: PreTrainedModel, ids: Tensor, mask: Tensor, *, last: bool = False) -> Tensor:
        """Read on; gives the logits behind each token, or behind the last one."""
        before = self.mask.sum(1, keepdim=True)
        self.mask = torch.cat([self.mask, mask], dim=1)
        keep: dict[str, Any] = {"logits_to_keep": 1} if last and _keeps_logits(model) else {}
        output = model(
            input_ids=ids,
            attention_mask=self.mask,
            position_ids=(before + mask.cumsum(1) - 1).clamp(min=0),
            past_key_values=self.cache,
            use_cache=True,
            **keep,
        )
        logits: Tensor = output.logits
        return logits

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows, which may repeat."""
        self.cache.batch_select_indices(rows)
        self.mask = self.mask[rows]


class _RoomyLayer(DynamicLayer):
    """Keys and values with room behind them while tokens come one by one: else each token copies all before it."""

    _rooms: tuple[Tensor, Tensor] | None = None

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        length, more = self.get_seq_length(), key_states.shape[-2]
        keys, values = self.keys, self.values
        if torch.is_grad_enabled() or keys is None or values is None or not length or more > _ROOM:
            self._rooms = None
            grown: tuple[Tensor, Tensor] = super().update(key_states, value_states, *args, **kwargs)
            return grown
        if self._rooms is None or length + more > self._rooms[0].shape[-2]:
            self._rooms = _with_room(keys), _with_room(values)
        for room, states in zip(self._rooms, (key_states, value_states), strict=True):
            room[..., length : length + more, :] = states
        keys, values = (room[..., : length + more, :] for room in self._rooms)
        self.keys, self.values = keys, values
        return keys, values

    def batch_select_indices(self, indices: Tensor) -> None:
        self._rooms = None
        super().batch_select_indices(indices)

    def batch_repeat_interleave(self, repeats: int) -> None:
        self._rooms = None
        super().batch_repeat_interleave(repeats)


def _with_room(states: Tensor) -> Tensor:
    room = states.new_empty(*states.shape[:-2], states.shape[-2] + _ROOM, states.shape[-1])
    room[..., : states.shape[-2], :] = states
    return room


def _cache(model: PreTrainedModel) -> DynamicCache:
    cache = DynamicCache(config=model.config)
    # layers of other kinds (sliding windows, states of linear attention) stay as they are
    cache.layers = [_RoomyLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache


def _can_select(cache: DynamicCache) -> bool:
    return all(hasattr(layer, "batch_select_indices") and not isinstance(layer, _LINEAR) for layer in cache.layers)


def _padded(prompts: Sequence[list[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Tokens and mask of prompts, padded on the left."""
    width = max(map(len, prompts))
    ids = torch.zeros(len(prompts), width, dtype=torch.long)
    mask = torch.zeros(len(prompts), width, dtype=torch.long)
    for row, prompt in enumerate(prompts):
        ids[row, width - len(prompt) :] = torch.tensor(prompt)
        mask[row, width - len(prompt) :] = 1
    return ids.to(device), mask.to(device)


def _keeps_logits(model: PreTrainedModel) -> bool:
    base: Any = model
    while hasattr(base, "get_base_model"):  # adapters hide the signature
        base = base.get_base_model()
    return "logits_to_keep" in inspect.signature(base.forward).parameters


# -- without a shared prefill -----------------------------------------------------------------------------------------


def reads_prompts_once(model: PreTrainedModel) -> bool:
    """Whether what was read of a prompt can be handed to its rollouts, here with a gradient if autograd is on.

    Gradient checkpointing knows no cache, and the states of linear attention cannot be handed on.
    """
    return _can_select(_cache(model)) and not (is_checkpointing(model) and torch.is_grad_enabled())


def enable_checkpointing(model: PreTrainedModel) -> None:
    """Have the layers recomputed in the backward pass, so that what is within them need not be kept.

    Dropout goes for good: layers checkpoint in training mode only, and what a policy says of a token is no lottery.

    Raises:
        ValueError: If the model does not support that.
    """
    for module in model.modules():
        for name, value in vars(module).items():
            if isinstance(value, float) and ("dropout" in name or isinstance(module, torch.nn.Dropout)):
                setattr(module, name, 0.0)
    options = {"use_reentrant": False}
    if hasattr(model, "activation_checkpointing_enable"):  # the name of later versions, where the other warns
        model.activation_checkpointing_enable(options)
    else:
        model.gradient_checkpointing_enable(options)


def is_checkpointing(model: PreTrainedModel) -> bool:
    """Whether gradient checkpointing was enabled."""
    for name in ("is_activation_checkpointing", "is_gradient_checkpointing"):  # the older name warns where both are
        if hasattr(model, name):
            return bool(getattr(model, name))
    return False


def whole_logits(
    model: PreTrainedModel, prompts: Sequence[list[int]], owners: Tensor, tokens: Tensor, mask: Tensor
) -> Tensor:
    """The logits of every token from one pass over prompt and rollout together, prompts as often as need be."""
    before, before_mask = _padded([prompts[owner] for owner in owners.tolist()], model.device)
    whole = torch.cat([before_mask, mask], dim=1)
    length = tokens.shape[1]
    keep: dict[str, Any] = {"logits_to_keep": length + 1} if _keeps_logits(model) else {}
    with _layers_in_training(model):
        output = model(
            input_ids=torch.cat([before, tokens], dim=1),
            attention_mask=whole,
            position_ids=(whole.cumsum(1) - 1).clamp(min=0),
            use_cache=False,
            **keep,
        )
    logits: Tensor = output.logits[:, -length - 1 : -1]
    return logits


@contextmanager
def _layers_in_training(model: PreTrainedModel) -> Iterator[None]:
    """Layers checkpoint in training mode only; what is within them stays as it is, without dropout."""
    layers = [module for module in model.modules() if getattr(module, "gradient_checkpointing", False)]
    for layer in layers:
        layer.training = True
    try:
        yield
    finally:
        for layer in layers:
            layer.training = False
