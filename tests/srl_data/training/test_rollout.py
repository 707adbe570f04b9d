"""Rollouts: what sampling says of a token, scoring says too, and a plain pass over each rollout alone.

Everything is in float32, where the sums of a shared prefill and of a padded piece come in another order than those of
the plain pass: log-probabilities agree within 1e-4, as the module says, gradients within 1e-3 of their size.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from transformers import PreTrainedModel

from srl_data.training.prefix import enable_checkpointing
from srl_data.training.rollout import Rollouts, pieces, sample, score_tokens
from tests.srl_data.training.small_models import NAMES, STOP, VOCABULARY, small

TOLERANCE = 1e-4
STOPS = [STOP, 2, 3, 4, 6, 10]
# lengths 1 to 20, in no order: longer than the sliding windows, and shorter
PROMPTS = [[7, 3, 9, 4, 4, 2, 30, 31, 9], [5], list(range(2, 22)), [8, 8, 8]]


def drawn(model: PreTrainedModel, seed: int = 0, **options: Any) -> Rollouts:
    generator = torch.Generator().manual_seed(seed)
    chosen: dict[str, Any] = {"group_size": 3, "max_new_tokens": 12, "stop": STOPS} | options
    return sample(model, PROMPTS, generator=generator, **chosen)


def plain(model: PreTrainedModel, rollouts: Rollouts, temperature: float = 1.0) -> list[Tensor]:
    """The log-probabilities of each rollout by a pass of its own, unpadded, without a cache."""
    found = []
    for owner, tokens in zip(rollouts.owners.tolist(), rollouts.lists(), strict=True):
        prompt = rollouts.prompts[owner]
        logits = model(input_ids=torch.tensor([prompt + tokens]), use_cache=False).logits[0]
        scores = (logits[len(prompt) - 1 : -1] / temperature).log_softmax(-1)
        found.append(scores.gather(1, torch.tensor(tokens)[:, None])[:, 0])
    return found


def padded(values: list[Tensor], width: int) -> Tensor:
    return torch.stack([torch.nn.functional.pad(each, (0, width - len(each))) for each in values])


def largest(a: Tensor, b: Tensor) -> float:
    assert a.shape == b.shape
    return float((a - b).abs().max())


# -- log-probabilities ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_sampling_scoring_and_a_plain_pass_agree(name: str, temperature: float) -> None:
    model = small(name)
    rollouts = drawn(model, temperature=temperature)
    assert len({len(tokens) for tokens in rollouts.lists()}) > 2  # they end at different tokens
    with torch.no_grad():
        wanted = padded(plain(model, rollouts, temperature), rollouts.tokens.shape[1])
        scored = score_tokens(model, rollouts, temperature=temperature).logprobs
    assert largest(rollouts.logprobs, wanted) < TOLERANCE
    assert largest(scored, wanted) < TOLERANCE


@pytest.mark.parametrize("name", NAMES)
def test_so_do_they_for_groups_of_unequal_size(name: str) -> None:
    model = small(name)
    whole = drawn(model)
    some = whole.select([0, 4, 5, 9, 10, 11])  # one, two, none and three of a prompt's rollouts
    assert some.owners.tolist() == [0, 1, 1, 2, 2, 2]
    assert some.prompts == [PROMPTS[0], PROMPTS[1], PROMPTS[3]]
    with torch.no_grad():
        wanted = padded(plain(model, some), some.tokens.shape[1])
        assert largest(score_tokens(model, some).logprobs, wanted) < TOLERANCE


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("checkpointing", [False, True])
def test_gradients_are_those_of_the_plain_pass(name: str, checkpointing: bool) -> None:
    """Also with gradient checkpointing, and there without the dropout that GPT-2 and OPT have in training."""
    model = small(name)
    rollouts = drawn(model)
    torch.manual_seed(1)
    pushes = torch.randn(rollouts.tokens.shape) * rollouts.mask

    def gradients(logprobs: Tensor) -> list[Tensor]:
        parameters = [each for each in model.parameters() if each.requires_grad]
        return list(torch.autograd.grad((logprobs * pushes).sum(), parameters))

    wanted = gradients(padded(plain(model, rollouts), rollouts.tokens.shape[1]))
    if checkpointing:
        enable_checkpointing(model)
    scores = score_tokens(model, rollouts)
    found = gradients(scores.logprobs)
    size = max(float(each.abs().max()) for each in wanted)
    assert max(largest(a, b) for a, b in zip(found, wanted, strict=True)) < 1e-3 * size
    assert not any(module.training for module in model.modules())
    assert not scores.entropy.requires_grad


def test_checkpointing_really_recomputes_the_layers() -> None:
    model = small("llama")
    rollouts = drawn(model)
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    model.model.layers[0].self_attn.register_forward_hook(count)
    enable_checkpointing(model)
    score_tokens(model, rollouts).logprobs.sum().backward()
    assert calls == 2


@pytest.mark.parametrize("rows", [[0], [3, 4], [1, 2, 6, 11]])
def test_a_rollouts_scores_do_not_depend_on_its_company(rows: list[int]) -> None:
    model = small("llama")
    rollouts = drawn(model)
    part = rollouts.select(rows)
    with torch.no_grad():
        alone, together = score_tokens(model, part), score_tokens(model, rollouts)
    width = part.tokens.shape[1]
    assert largest(alone.logprobs, together.logprobs[rows, :width]) < TOLERANCE
    assert largest(alone.entropy, together.entropy[rows, :width]) < TOLERANCE


def test_entropy_is_that_of_the_distribution() -> None:
    model = small("gpt2")
    rollouts = drawn(model, temperature=0.5)
    with torch.no_grad():
        found = score_tokens(model, rollouts, temperature=0.5).entropy
        prompt, tokens = rollouts.prompts[0], rollouts.lists()[0]
        logits = model(input_ids=torch.tensor([prompt + tokens])).logits[0, len(prompt) - 1 : -1] / 0.5
    shares = logits.softmax(-1)
    assert largest(found[0, : len(tokens)], -(shares * shares.log()).sum(-1)) < TOLERANCE
    assert not bool(found[rollouts.mask == 0].any())


def test_a_single_token_each() -> None:
    """The first token's distribution comes from the prefill alone."""
    model = small("llama")
    rollouts = drawn(model, max_new_tokens=1)
    assert rollouts.tokens.shape == (12, 1)
    with torch.no_grad():
        wanted = padded(plain(model, rollouts), 1)
        assert largest(score_tokens(model, rollouts).logprobs, wanted) < TOLERANCE
    assert largest(rollouts.logprobs, wanted) < TOLERANCE


# -- sampling ---------------------------------------------------------------------------------------------------------


def test_equal_states_sample_equal_rollouts() -> None:
    model = small("llama")
    first, again, other = drawn(model), drawn(model), drawn(model, seed=1)
    assert torch.equal(first.tokens, again.tokens)
    assert torch.equal(first.logprobs, again.logprobs)
    assert first.lists() != other.lists()


def test_the_callers_random_numbers_are_left_alone() -> None:
    state = torch.random.get_rng_state()
    drawn(small("llama"))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_rollouts_come_in_the_order_of_their_prompts() -> None:
    """Though they are sampled by length; at temperature 0 each prompt's are what it gets alone."""
    model = small("llama")
    rollouts = drawn(model, temperature=0.0, group_size=2, most_rows=3)
    assert rollouts.owners.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert rollouts.prompts == PROMPTS
    for at, prompt in enumerate(PROMPTS):
        (alone,) = sample(model, [prompt], group_size=1, max_new_tokens=12, stop=STOPS, temperature=0).lists()
        assert rollouts.lists()[2 * at : 2 * at + 2] == [alone, alone]


@pytest.mark.parametrize("name", NAMES)
def test_the_likeliest_tokens_are_those_of_a_plain_loop(name: str) -> None:
    """70 tokens, more than the room that the cache grows by at a time."""
    model = small(name)
    rollouts = drawn(model, temperature=0.0, group_size=1, max_new_tokens=70, stop=[STOP])
    for prompt, found in zip(PROMPTS, rollouts.lists(), strict=True):
        tokens = list(prompt)
        while len(tokens) < len(prompt) + 70 and tokens[len(prompt) :][-1:] != [STOP]:
            with torch.no_grad():
                tokens.append(int(model(input_ids=torch.tensor([tokens])).logits[0, -1].argmax()))
        assert found == tokens[len(prompt) :]


def test_tokens_come_as_often_as_the_model_says() -> None:
    model = small("llama")
    rollouts = sample(
        model, [[5, 6]], group_size=4000, max_new_tokens=1, stop=[STOP], generator=torch.Generator().manual_seed(0)
    )
    with torch.no_grad():
        shares = model(input_ids=torch.tensor([[5, 6]])).logits[0, -1].softmax(-1)
    counts = rollouts.tokens[:, 0].bincount(minlength=VOCABULARY) / 4000
    assert largest(counts, shares) < 0.04  # five standard deviations of a share of a half


def test_a_stop_token_ends_a_rollout_and_belongs_to_it() -> None:
    rollouts = drawn(small("llama"), group_size=8, stop=STOPS)
    ended = 0
    for tokens, truncated in zip(rollouts.lists(), rollouts.truncated.tolist(), strict=True):
        assert not set(STOPS) & set(tokens[:-1])
        assert truncated == (tokens[-1] not in set(STOPS))
        assert not truncated or len(tokens) == 12
        ended += not truncated
    assert 0 < ended < len(rollouts)
    assert not bool(rollouts.tokens[rollouts.mask == 0].any())
    assert not bool(rollouts.logprobs[rollouts.mask == 0].any())


def test_a_rollout_that_ends_with_the_last_token_it_may_have_is_not_truncated() -> None:
    model = small("llama")
    first = int(drawn(model, temperature=0.0, group_size=1, max_new_tokens=1).tokens[0, 0])
    rollouts = sample(model, PROMPTS[:1], group_size=1, max_new_tokens=1, stop=[first], temperature=0)
    assert not bool(rollouts.truncated.any())


def test_the_width_is_that_of_the_longest() -> None:
    rollouts = drawn(small("llama"), stop=list(range(VOCABULARY)))
    assert rollouts.tokens.shape == (12, 1)


def test_what_cannot_be_sampled_from_is_said() -> None:
    model = small("llama")
    with torch.no_grad():
        model.lm_head.weight.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match="not finite"):
        drawn(model)


def test_selecting_nothing_and_everything() -> None:
    rollouts = drawn(small("llama"))
    everything = rollouts.select(range(len(rollouts)))
    assert everything.prompts == PROMPTS
    assert torch.equal(everything.tokens, rollouts.tokens)
    assert len(rollouts.select([])) == 0


# -- pieces -----------------------------------------------------------------------------------------------------------


@st.composite
def _cut(draw: st.DrawFn) -> tuple[Rollouts, int]:
    sizes = draw(st.lists(st.tuples(st.integers(1, 30), st.integers(1, 6)), min_size=1, max_size=8))
    prompts = [[5] * length for length, _ in sizes]
    owners = [owner for owner, (_, count) in enumerate(sizes) for _ in range(count)]
    lengths = draw(st.lists(st.integers(1, 20), min_size=len(owners), max_size=len(owners)))
    mask = (torch.arange(20)[None] < torch.tensor(lengths)[:, None]).long()
    nothing = torch.zeros(len(owners), dtype=torch.bool)
    return Rollouts(prompts, torch.tensor(owners), mask, mask, mask.float(), nothing), draw(st.integers(1, 400))


def _size(rollouts: Rollouts, rows: list[int]) -> int:
    owners = {int(rollouts.owners[row]) for row in rows}
    prompt = max(len(rollouts.prompts[owner]) for owner in owners)
    return len(owners) * prompt + len(rows) * int(rollouts.mask[rows].sum(1).max())


@given(_cut())
def test_pieces_hold_each_rollout_once_and_no_more_tokens_than_they_may(case: tuple[Rollouts, int]) -> None:
    rollouts, most = case
    found = list(pieces(rollouts, most))
    assert sorted(row for piece in found for row in piece) == list(range(len(rollouts)))
    for piece in found:
        assert piece == sorted(piece)
        assert len(piece) == 1 or _size(rollouts, piece) <= most


@given(_cut())
def test_where_each_rollout_reads_its_prompt_it_counts_with_each(case: tuple[Rollouts, int]) -> None:
    rollouts, most = case
    lengths = rollouts.mask.sum(1).tolist()
    found = list(pieces(rollouts, most, shared=False))
    assert sorted(row for piece in found for row in piece) == list(range(len(rollouts)))
    for piece in found:
        prompt = max(len(rollouts.prompts[int(rollouts.owners[row])]) for row in piece)
        assert len(piece) == 1 or len(piece) * (prompt + max(lengths[row] for row in piece)) <= most


@given(_cut())
def test_a_group_is_cut_only_if_it_is_too_large_alone(case: tuple[Rollouts, int]) -> None:
    rollouts, most = case
    found = list(pieces(rollouts, most))
    for owner in range(len(rollouts.prompts)):
        own = [row for row in range(len(rollouts)) if int(rollouts.owners[row]) == owner]
        if _size(rollouts, own) <= most:
            assert any(set(own) <= set(piece) for piece in found)


@given(_cut())
def test_groups_of_like_lengths_come_together(case: tuple[Rollouts, int]) -> None:
    rollouts, most = case
    spans = []
    for piece in pieces(rollouts, most):
        lengths = [len(rollouts.prompts[int(rollouts.owners[row])]) for row in piece]
        spans.append((min(lengths), max(lengths)))
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


def test_pieces_add_up_to_the_whole_gradient() -> None:
    model = small("llama")
    rollouts = drawn(model)
    parameters = list(model.parameters())
    whole = torch.autograd.grad(score_tokens(model, rollouts).logprobs.sum(), parameters)
    found = [torch.zeros_like(each) for each in parameters]
    count = 0
    for piece in pieces(rollouts, 40):
        count += 1
        part = torch.autograd.grad(score_tokens(model, rollouts.select(piece)).logprobs.sum(), parameters)
        for total, each in zip(found, part, strict=True):
            total += each
    assert count > 2
    size = max(float(each.abs().max()) for each in whole)
    assert max(largest(a, b) for a, b in zip(found, whole, strict=True)) < 1e-3 * size
