"""Advantages, losses and weights: worked out by hand, beside slow obvious loops, and beside TRL on the same tensors."""

from __future__ import annotations

import math
from statistics import fmean, pstdev, stdev, variance
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, tensor

from srl_data.training.objectives import (
    centred,
    group_mean,
    group_std,
    kl_penalty,
    leave_one_out,
    policy_loss,
    returns_to_go,
    token_weights,
    whitened,
    z_scores,
)

# two prompts, their rollouts mixed, of unequal number: rewards 1, 2, 6 of the first and 4, 0 of the second
REWARDS = tensor([1.0, 4.0, 2.0, 0.0, 6.0])
GROUPS = tensor([5, 0, 5, 0, 5])


def close(found: Tensor, wanted: list[Any] | Tensor, within: float = 1e-5) -> None:
    wanted = torch.as_tensor(wanted, dtype=found.dtype)
    assert found.shape == wanted.shape
    torch.testing.assert_close(found, wanted, atol=within, rtol=within)


# -- by hand ----------------------------------------------------------------------------------------------------------


def test_group_mean() -> None:
    close(group_mean(REWARDS, GROUPS), [3.0, 2.0, 3.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("ddof", "first", "second"),
    [
        # squares around 3: 4 + 1 + 9 = 14; around 2: 4 + 4 = 8
        (0, math.sqrt(14 / 3), 2.0),
        (1, math.sqrt(7), math.sqrt(8)),
    ],
)
def test_group_std(ddof: Any, first: float, second: float) -> None:
    close(group_std(REWARDS, GROUPS, ddof=ddof), [first, second, first, second, first])


def test_the_advantages_of_two_groups() -> None:
    close(centred(REWARDS, GROUPS), [-2.0, 2.0, -1.0, -2.0, 3.0])
    # 1 - (2 + 6) / 2; 4 - 0; 2 - (1 + 6) / 2; 0 - 4; 6 - (1 + 2) / 2
    close(leave_one_out(REWARDS, GROUPS), [-3.0, 4.0, -1.5, -4.0, 4.5])
    root7, root8 = math.sqrt(7), math.sqrt(8)
    close(z_scores(REWARDS, GROUPS), [-2 / root7, 2 / root8, -1 / root7, -2 / root8, 3 / root7])


@pytest.mark.parametrize(("ddof", "by"), [(0, math.sqrt(7)), (1, 7 / math.sqrt(8))])
def test_a_lone_success_among_eight(ddof: Any, by: float) -> None:
    """√(G - 1) = 2.65 by the population's deviation, 2.47 by the sample's; 0.875 centred; 1 against the others."""
    rewards, groups = tensor([1.0] + [0.0] * 7), torch.zeros(8, dtype=torch.long)
    assert float(z_scores(rewards, groups, ddof=ddof)[0]) == pytest.approx(by, rel=1e-4)
    assert float(centred(rewards, groups)[0]) == 0.875
    assert float(leave_one_out(rewards, groups)[0]) == pytest.approx(1.0)


@pytest.mark.parametrize("advantage", [centred, leave_one_out, z_scores])
@pytest.mark.parametrize("rewards", [[7.0], [0.25] * 5, [0.1] * 8, [0.7] * 12, [0.85] * 3])
def test_a_group_without_comparison_gets_nothing(advantage: Any, rewards: list[float]) -> None:
    """One alone, and several that are equal: no advantage, and above all no NaN."""
    found = advantage(tensor(rewards), torch.zeros(len(rewards), dtype=torch.long))
    assert found.tolist() == [0.0] * len(rewards)  # exactly: divided by a deviation near 0, a rounding error is 0.1


def test_returns_to_go() -> None:
    mask = tensor([[1, 1, 1], [1, 0, 0]])
    kl = tensor([[0.1, 0.2, 0.4], [0.3, 9.0, 9.0]])  # what stands on padding does not count
    # 2 - 10 * (0.1 + 0.2 + 0.4), 2 - 10 * (0.2 + 0.4), 2 - 10 * 0.4; -1 - 10 * 0.3
    close(returns_to_go(tensor([2.0, -1.0]), mask, kl, 10.0), [[-5.0, -4.0, -2.0], [-4.0, 0.0, 0.0]])
    close(returns_to_go(tensor([2.0, -1.0]), mask), [[2.0, 2.0, 2.0], [-1.0, 0.0, 0.0]])


def test_whitened() -> None:
    # tokens 3, 3, 0: mean 2, variance (1 + 1 + 4) / 2 = 3
    root3 = math.sqrt(3)
    wanted = [[1 / root3, 1 / root3], [-2 / root3, 0.0]]
    close(whitened(tensor([3.0, 0.0]), tensor([[1, 1], [1, 0]])), wanted)
    close(whitened(tensor([[3.0, 3.0], [0.0, 99.0]]), tensor([[1, 1], [1, 0]])), wanted)


@pytest.mark.parametrize("mask", [[[0, 0]], [[1, 0]], [[1, 1]]])
def test_whitening_next_to_nothing_is_no_nan(mask: list[list[int]]) -> None:
    close(whitened(tensor([5.0]), tensor(mask)), [[0.0, 0.0]])


@pytest.mark.parametrize(
    ("ratio", "advantage", "clip", "loss", "gradient"),
    [
        (1.5, 1.0, None, -1.5, -1.5),
        (1.5, 1.0, (0.2, 0.2), -1.2, 0.0),  # enough of a good thing: no push beyond 1.2
        (1.5, 1.0, (0.2, 0.28), -1.28, 0.0),
        (1.5, -1.0, (0.2, 0.28), 1.5, 1.5),  # a bad one that got likelier is pushed down whatever the ratio
        (0.5, -1.0, (0.2, 0.28), 0.8, 0.0),  # and no further below 0.8
        (0.5, 1.0, (0.2, 0.28), -0.5, -0.5),
        (1.1, 2.0, (0.2, 0.28), -2.2, -2.2),
        (1.0, 2.0, (0.2, 0.28), -2.0, -2.0),
    ],
)
def test_policy_loss(ratio: float, advantage: float, clip: Any, loss: float, gradient: float) -> None:
    """The gradient is taken by the log-probability: -ρA where nothing is clipped, 0 where it is."""
    logprobs = tensor([[math.log(ratio)]], requires_grad=True)
    found = policy_loss(logprobs, torch.zeros(1, 1), tensor([advantage]), clip=clip)
    close(found.detach(), [[loss]])
    found.sum().backward()
    close(logprobs.grad, [[gradient]])


def test_advantages_may_be_each_tokens_own() -> None:
    loss = policy_loss(torch.zeros(2, 2), torch.zeros(2, 2), tensor([[1.0, 2.0], [3.0, 4.0]]))
    close(loss, [[-1.0, -2.0], [-3.0, -4.0]])


def test_kl_penalty() -> None:
    """e^d - d - 1 with d = log(reference / policy): e^1 - 2 for 1, e^-1 for -1."""
    close(kl_penalty(tensor([[0.0, 0.0, 1.0]]), tensor([[0.0, 1.0, 0.0]])), [[0.0, math.e - 2, 1 / math.e]])


def test_token_weights() -> None:
    mask = tensor([[1, 1, 1, 0], [1, 0, 0, 0]])
    close(token_weights(mask, "sequence"), [[1 / 6, 1 / 6, 1 / 6, 0], [1 / 2, 0, 0, 0]])
    close(token_weights(mask, "token"), [[1 / 4, 1 / 4, 1 / 4, 0], [1 / 4, 0, 0, 0]])
    close(token_weights(mask, "constant", length=10), [[1 / 20, 1 / 20, 1 / 20, 0], [1 / 20, 0, 0, 0]])


@pytest.mark.parametrize("length", [None, 0, -3])
def test_a_constant_needs_its_length(length: int | None) -> None:
    with pytest.raises(ValueError, match="positive length"):
        token_weights(tensor([[1]]), "constant", length=length)


# -- beside loops -----------------------------------------------------------------------------------------------------

_values = st.floats(-10, 10, width=32)


@st.composite
def _grouped(draw: st.DrawFn) -> tuple[list[float], list[int]]:
    groups = draw(st.lists(st.integers(-2, 3), min_size=1, max_size=12))
    return draw(st.lists(_values, min_size=len(groups), max_size=len(groups))), groups


@given(_grouped())
def test_advantages_are_those_of_a_loop_over_groups(case: tuple[list[float], list[int]]) -> None:
    rewards, groups = case
    mean, population, sample, left_out = [], [], [], []
    for at, group in enumerate(groups):
        own = [reward for reward, other in zip(rewards, groups, strict=True) if other == group]
        others = [reward for j, reward in enumerate(rewards) if groups[j] == group and j != at]
        mean.append(fmean(own))
        population.append(pstdev(own))
        sample.append(stdev(own) if len(own) > 1 else 0.0)
        left_out.append(rewards[at] - fmean(others) if others else 0.0)
    # in double precision, so that what is compared is the formula
    values, numbers = tensor(rewards, dtype=torch.float64), tensor(groups)
    close(group_mean(values, numbers), mean)
    close(group_std(values, numbers), population)
    close(group_std(values, numbers, ddof=1), sample)
    close(leave_one_out(values, numbers), left_out)
    for ddof, deviation in ((0, population), (1, sample)):
        wanted = [(r - m) / (s + 1e-6) for r, m, s in zip(rewards, mean, deviation, strict=True)]
        close(z_scores(values, numbers, ddof=ddof), wanted, within=1e-4)  # type: ignore[arg-type]


@given(_grouped(), st.randoms())
def test_the_order_of_rollouts_does_not_matter(case: tuple[list[float], list[int]], random: Any) -> None:
    rewards, groups = tensor(case[0], dtype=torch.float64), tensor(case[1])
    order = list(range(len(rewards)))
    random.shuffle(order)
    for advantage in (centred, leave_one_out, z_scores):
        close(advantage(rewards[order], groups[order]), advantage(rewards, groups)[order], within=1e-6)


@st.composite
def _ragged(draw: st.DrawFn) -> tuple[list[list[float]], int]:
    rows = draw(st.lists(st.lists(_values, min_size=0, max_size=4), min_size=1, max_size=4))
    return rows, max(1, *map(len, rows)) if len(rows) > 1 else max(1, len(rows[0]))


def _tensors(rows: list[list[float]], width: int) -> tuple[Tensor, Tensor]:
    values = tensor([row + [99.0] * (width - len(row)) for row in rows], dtype=torch.float64)
    return values, tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])


@given(_ragged())
def test_weighted_sums_are_the_means_that_they_stand_for(case: tuple[list[list[float]], int]) -> None:
    rows, width = case
    losses, mask = _tensors(rows, width)

    def total(how: Any, length: int | None = None) -> float:
        return float((token_weights(mask, how, length=length) * losses).sum())

    every = [value for row in rows for value in row]
    assert total("sequence") == pytest.approx(fmean(fmean(row) if row else 0.0 for row in rows), abs=1e-4)
    assert total("token") == pytest.approx(fmean(every) if every else 0.0, abs=1e-4)
    assert total("constant", 7) == pytest.approx(fmean(sum(row) / 7 for row in rows), abs=1e-4)


@given(_ragged())
def test_whitening_is_over_all_tokens(case: tuple[list[list[float]], int]) -> None:
    rows, width = case
    values, mask = _tensors(rows, width)
    tokens = [value for row in rows for value in row]
    found = whitened(values, mask)
    assert not bool(found[mask == 0].any())
    if len(tokens) > 1:
        scale = math.sqrt(variance(tokens) + 1e-8)
        wanted = [(value - fmean(tokens)) / scale for value in tokens]
        close(found[mask == 1], wanted, within=1e-4)


@given(_ragged(), st.floats(0, 2))
def test_returns_are_those_of_a_loop_from_behind(case: tuple[list[list[float]], int], beta: float) -> None:
    rows, width = case
    kl, mask = _tensors(rows, width)
    rewards = [float(at) for at in range(len(rows))]
    wanted = []
    for reward, row in zip(rewards, rows, strict=True):
        left = [reward - beta * sum(row[at:]) for at in range(len(row))]
        wanted.append(left + [0.0] * (width - len(row)))
    close(returns_to_go(tensor(rewards, dtype=torch.float64), mask, kl, beta), wanted)


@given(st.lists(st.tuples(_values, _values), min_size=1))
def test_the_kl_estimate_is_never_negative(pairs: list[tuple[float, float]]) -> None:
    policy, reference = tensor(pairs, dtype=torch.float64).T
    assert bool((kl_penalty(policy, reference) >= -1e-12).all())


def test_the_kl_estimate_is_unbiased() -> None:
    """Its mean over the policy's own distribution is the divergence itself."""
    policy, reference = tensor([0.5, 0.3, 0.2]), tensor([0.2, 0.2, 0.6])
    exact = (policy * (policy / reference).log()).sum()
    assert float((policy * kl_penalty(policy.log(), reference.log())).sum()) == pytest.approx(float(exact))


def test_without_clip_the_gradient_is_that_of_reinforce() -> None:
    """-A times the gradient of the log-probability, by automatic differentiation of that alone."""
    torch.manual_seed(0)
    logits, chosen, pushes = torch.randn(2, 3, 5, requires_grad=True), torch.randint(5, (2, 3)), torch.randn(2)

    def logprobs() -> Tensor:
        return logits.log_softmax(-1).gather(-1, chosen[..., None])[..., 0]

    now = logprobs()
    (gradient,) = torch.autograd.grad(policy_loss(now, now.detach(), pushes).sum(), logits)
    (wanted,) = torch.autograd.grad(-(pushes[:, None] * logprobs()).sum(), logits)
    close(gradient, wanted)


# -- beside TRL -------------------------------------------------------------------------------------------------------

CLIP = (0.2, 0.28)
LENGTH = 9


@pytest.fixture
def case() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(3)
    lengths = torch.randint(1, 8, (6,), generator=generator)
    now = -torch.rand(6, 7, generator=generator) * 3
    return {
        "now": now,
        "old": now + torch.randn(6, 7, generator=generator) * 0.3,
        "reference": now + torch.randn(6, 7, generator=generator) * 0.3,
        "advantages": torch.randn(6, generator=generator),
        "mask": (torch.arange(7)[None] < lengths[:, None]).long(),
    }


def _trl_loss(loss_type: str, case: dict[str, Tensor], beta: float) -> float:
    """GRPOTrainer's own method on our tensors: the model is left out, its log-probabilities are given."""
    trl = pytest.importorskip("trl")
    rows, width = case["mask"].shape
    accelerator = SimpleNamespace(
        num_processes=1,
        gather=lambda value: value,
        gather_for_metrics=lambda value: value,
        reduce=lambda value, reduction: value,
        device=torch.device("cpu"),
        sync_gradients=True,
    )
    trainer = SimpleNamespace(
        _get_per_token_logps_and_entropies=lambda *_, **__: (case["now"], torch.zeros(rows, width), None),
        aux_loss_enabled=False,
        top_entropy_quantile=1.0,
        off_policy_mask_threshold=None,
        importance_sampling_level="token",
        beta=beta,
        loss_type=loss_type,
        epsilon_low=CLIP[0],
        epsilon_high=CLIP[1],
        max_completion_length=LENGTH,
        use_vllm=False,
        current_gradient_accumulation_steps=1,
        model=SimpleNamespace(training=True),
        accelerator=accelerator,
        args=SimpleNamespace(delta=None, use_bias_correction_kl=False, steps_per_generation=1),
        _entropy_bonus_enabled=False,
        _metrics={"train": {}},
    )
    trainer._metrics["train"] = _Lists()
    inputs = {
        "prompt_ids": torch.zeros(rows, 1, dtype=torch.long),
        "prompt_mask": torch.ones(rows, 1, dtype=torch.long),
        "completion_ids": torch.zeros(rows, width, dtype=torch.long),
        "completion_mask": case["mask"],
        "advantages": case["advantages"],
        "old_per_token_logps": case["old"],
        "ref_per_token_logps": case["reference"],
        "num_items_in_batch": case["mask"].sum(),
    }
    return float(trl.GRPOTrainer._compute_loss(trainer, None, inputs))


class _Lists(dict[str, list[float]]):
    def __missing__(self, key: str) -> list[float]:
        return self.setdefault(key, [])


@pytest.mark.parametrize("beta", [0.0, 0.1])
@pytest.mark.parametrize(("loss_type", "ours"), [("grpo", "sequence"), ("dapo", "token"), ("dr_grpo", "constant")])
def test_the_loss_is_that_of_trl(loss_type: str, ours: Any, beta: float, case: dict[str, Tensor]) -> None:
    losses = policy_loss(case["now"], case["old"], case["advantages"], clip=CLIP)
    losses = losses + beta * kl_penalty(case["now"], case["reference"])
    found = (token_weights(case["mask"], ours, length=LENGTH) * losses).sum()
    assert float(found) == pytest.approx(_trl_loss(loss_type, case, beta), rel=1e-5)


# what TRL's trainers compute in the midst of a long method; on full groups they are the lines quoted here (1.16)
def _trl_grpo(rewards: Tensor, size: int, scaled: bool) -> Tensor:
    pytest.importorskip("trl")
    from trl.trainer.utils import nanstd

    groups = rewards.view(-1, size)
    advantages = rewards - groups.nanmean(1).repeat_interleave(size)
    return advantages / (nanstd(groups, dim=1).repeat_interleave(size) + 1e-4) if scaled else advantages


def _trl_rloo(rewards: Tensor, size: int) -> Tensor:
    groups = rewards.view(-1, size)
    return rewards - ((groups.sum(1, keepdim=True) - groups) / (size - 1)).view(-1)


def test_the_advantages_are_those_of_trl() -> None:
    generator = torch.Generator().manual_seed(4)
    rewards, groups = torch.rand(24, generator=generator), torch.arange(3).repeat_interleave(8)
    close(z_scores(rewards, groups, ddof=1, eps=1e-4), _trl_grpo(rewards, 8, scaled=True))
    close(centred(rewards, groups), _trl_grpo(rewards, 8, scaled=False))
    close(leave_one_out(rewards, groups), _trl_rloo(rewards, 8))
