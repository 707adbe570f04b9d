r"""What the loop minimises, as pure functions on tensors: advantages, the policy's loss, and how tokens are averaged.

Shapes are N rollouts of at most T tokens. Rewards and group numbers are ``[N]``; log-probabilities and masks are
``[N, T]``, a mask being 1 on the tokens that the policy chose and 0 on padding. Rollouts of one prompt share a group
number; groups may differ in size and stand in any order. Nothing here draws random numbers or keeps a state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from srl_data.training.stage import Aggregation

__all__ = [
    "centred",
    "group_mean",
    "group_std",
    "kl_penalty",
    "leave_one_out",
    "policy_loss",
    "returns_to_go",
    "token_weights",
    "whitened",
    "z_scores",
]


# -- groups -----------------------------------------------------------------------------------------------------------


def group_mean(values: Tensor, groups: Tensor) -> Tensor:
    """The mean of each rollout's group, ``[N]``; of equal values exactly that value, so that none of them stands out.

    Example:
        >>> group_mean(torch.tensor([1.0, 3.0, 5.0]), torch.tensor([7, 7, 2]))
        tensor([2., 2., 5.])
    """
    _, inverse, sizes = groups.unique(return_inverse=True, return_counts=True)
    least = values.new_full((len(sizes),), torch.inf).scatter_reduce_(0, inverse, values, "amin")
    above = torch.zeros_like(least).index_add_(0, inverse, values - least[inverse])
    return (least + above / sizes)[inverse]


def group_std(values: Tensor, groups: Tensor, *, ddof: Literal[0, 1] = 0) -> Tensor:
    """The standard deviation within each rollout's group, ``[N]``; 0 for a group of one.

    Args:
        values: What varies.
        groups: The group numbers.
        ddof: 0 divides by the group's size (the population's: dynamic sampling), 1 by one less (the sample's: TRL and
            verl normalise by it).

    Example:
        >>> group_std(torch.tensor([1.0, 3.0, 5.0]), torch.tensor([7, 7, 2]))
        tensor([1., 1., 0.])
    """
    _, inverse, sizes = groups.unique(return_inverse=True, return_counts=True)
    squares = (values - group_mean(values, groups)) ** 2
    sums = torch.zeros(len(sizes), dtype=values.dtype, device=values.device).index_add_(0, inverse, squares)
    return (sums / (sizes - ddof).clamp(min=1)).sqrt()[inverse]


# -- advantages -------------------------------------------------------------------------------------------------------


def z_scores(rewards: Tensor, groups: Tensor, *, ddof: Literal[0, 1] = 1, eps: float = 1e-6) -> Tensor:
    r"""GRPO's advantage: :math:`\hat A_i = (r_i - \bar r) / (\sigma + \epsilon)` within the group.

    A lone success among G rollouts gets about :math:`\sqrt{G-1}` by the population's deviation, whatever the reward's
    scale: see ``leave_one_out`` and ``centred`` where a lucky one should not weigh so much. A group of one gets 0.

    Source: GRPO, arXiv 2402.03300, section 4.1.2 (outcome supervision).

    Example:
        >>> z_scores(torch.tensor([0.0, 1.0]), torch.tensor([0, 0]), ddof=0)
        tensor([-1.0000,  1.0000])
    """
    return centred(rewards, groups) / (group_std(rewards, groups, ddof=ddof) + eps)


def centred(rewards: Tensor, groups: Tensor) -> Tensor:
    r"""Dr. GRPO's advantage: :math:`r_i - \bar r` within the group.

    Source: Dr. GRPO, arXiv 2503.20783, section 3.2.

    Example:
        >>> centred(torch.tensor([0.0, 1.0]), torch.tensor([0, 0]))
        tensor([-0.5000,  0.5000])
    """
    return rewards - group_mean(rewards, groups)


def leave_one_out(rewards: Tensor, groups: Tensor) -> Tensor:
    r"""RLOO's advantage: :math:`r_i - \frac{1}{G-1} \sum_{j \ne i} r_j = \frac{G}{G-1} (r_i - \bar r)`.

    A group of one has no others to compare with, and gets 0.

    Source: RLOO, arXiv 2402.14740, section 2.

    Example:
        >>> leave_one_out(torch.tensor([0.0, 1.0, 1.0]), torch.tensor([0, 0, 0]))
        tensor([-1.0000,  0.5000,  0.5000])
    """
    _, inverse, sizes = groups.unique(return_inverse=True, return_counts=True)
    size = sizes[inverse]
    return centred(rewards, groups) * size / (size - 1).clamp(min=1)


def returns_to_go(rewards: Tensor, mask: Tensor, token_kl: Tensor | None = None, kl_coef: float = 0.0) -> Tensor:
    r"""REINFORCE++'s returns, ``[N, T]``: what comes from a token on, the reward at the end less the KL of each token.

    :math:`G_t = r - \beta \sum_{s \ge t} KL_s`, undiscounted; 0 where the mask is 0. The advantage is these,
    ``whitened``.

    Args:
        rewards: ``[N]``.
        mask: ``[N, T]``.
        token_kl: ``[N, T]``, :math:`\log \pi_\theta - \log \pi_{ref}` of each token, without gradient. Within a return
            no other estimate of the KL divergence, ``kl_penalty`` among them, has the divergence's gradient.
        kl_coef: β.

    Source: REINFORCE++, arXiv 2501.03262, section 3.

    Example:
        >>> kl = torch.tensor([[0.5, 0.25, 9.0]])
        >>> returns_to_go(torch.tensor([1.0]), torch.tensor([[1, 1, 0]]), kl, kl_coef=1.0)
        tensor([[0.2500, 0.7500, 0.0000]])
    """
    returns = rewards[:, None].expand(mask.shape)
    if token_kl is not None:
        returns = returns - kl_coef * (token_kl * mask).flip(1).cumsum(1).flip(1)
    return returns * mask


def whitened(advantages: Tensor, mask: Tensor, *, eps: float = 1e-8) -> Tensor:
    r"""Advantages with mean 0 and variance 1 over all tokens of the batch, ``[N, T]``; 0 where the mask is 0.

    Of ``returns_to_go`` it makes REINFORCE++, of ``centred`` REINFORCE++-baseline. The variance is the sample's.

    Args:
        advantages: ``[N]`` or ``[N, T]``.
        mask: ``[N, T]``.
        eps: Added to the variance.

    Source: REINFORCE++, arXiv 2501.03262, section 3.

    Example:
        >>> whitened(torch.tensor([1.0, -1.0]), torch.tensor([[1, 1], [1, 0]]))
        tensor([[ 0.5774,  0.5774],
                [-1.1547,  0.0000]])
    """
    spread = advantages[:, None].expand(mask.shape) if advantages.dim() == 1 else advantages
    tokens = mask.sum()
    mean = (spread * mask).sum() / tokens.clamp(min=1)
    variance = ((spread - mean) ** 2 * mask).sum() / (tokens - 1).clamp(min=1)
    return ((spread - mean) * torch.rsqrt(variance + eps)).masked_fill(mask == 0, 0.0)


# -- losses -----------------------------------------------------------------------------------------------------------


def policy_loss(
    logprobs: Tensor,
    old_logprobs: Tensor,
    advantages: Tensor,
    *,
    clip: Sequence[float] | None = None,
) -> Tensor:
    r"""The loss of each token, ``[N, T]``: minus PPO's clipped surrogate.

    :math:`-\min(\rho \hat A, \mathrm{clip}(\rho, 1 - \epsilon_{low}, 1 + \epsilon_{high}) \hat A)` with
    :math:`\rho = \pi_\theta / \pi_{old}`. Without ``clip`` it is :math:`-\rho \hat A`, whose gradient at
    :math:`\rho = 1` is that of REINFORCE, :math:`-\hat A \nabla \log \pi_\theta`.

    Args:
        logprobs: Of the policy that is trained, ``[N, T]``.
        old_logprobs: Of the policy that sampled, ``[N, T]``, without gradient.
        advantages: ``[N]`` or ``[N, T]``.
        clip: ε low and high; equal in PPO, 0.2 and 0.28 in DAPO.

    Source: PPO, arXiv 1707.06347, equation 7; asymmetric: DAPO, arXiv 2503.14476, section 3.1.

    Example:
        >>> ratio = torch.tensor([[1.5, 0.5]]).log()
        >>> policy_loss(ratio, torch.zeros(1, 2), torch.tensor([1.0]), clip=(0.2, 0.28))
        tensor([[-1.2800, -0.5000]])
    """
    if advantages.dim() == 1:
        advantages = advantages[:, None]
    ratio = (logprobs - old_logprobs).exp()
    surrogate = ratio * advantages
    if clip is not None:
        low, high = clip
        surrogate = torch.minimum(surrogate, ratio.clamp(1 - low, 1 + high) * advantages)
    return -surrogate


def kl_penalty(logprobs: Tensor, reference_logprobs: Tensor) -> Tensor:
    r"""An estimate of each token's KL divergence from the reference policy, ``[N, T]``; never negative.

    :math:`e^{d} - d - 1` with :math:`d = \log \pi_{ref} - \log \pi_\theta`: unbiased for tokens that the policy
    sampled, with little variance ("k3").

    Source: GRPO, arXiv 2402.03300, equation 4; J. Schulman, "Approximating KL divergence", 2020.

    Example:
        >>> kl_penalty(torch.zeros(1, 2), torch.tensor([[0.0, 1.0]]))
        tensor([[0.0000, 0.7183]])
    """
    difference = reference_logprobs - logprobs
    return difference.exp() - difference - 1


def token_weights(mask: Tensor, how: Aggregation, *, length: int | None = None) -> Tensor:
    r"""What each token's loss counts, ``[N, T]``: the loss of a batch is the sum of ``weights * losses``.

    Weights are of the whole batch; a batch that is worked off in pieces takes the pieces of its weights, and the
    pieces' sums add up to the same loss.

    Args:
        mask: ``[N, T]``.
        how: ``sequence``: the mean over each rollout's tokens, then over rollouts (GRPO); a long rollout's tokens
            count less. ``token``: the mean over all tokens (DAPO). ``constant``: the sum of tokens by ``length``, then
            the mean over rollouts (Dr. GRPO).
        length: The constant of ``constant``, usually the most tokens that a rollout may have.

    Raises:
        ValueError: If ``length`` is missing or not positive where it is needed.

    Source: GRPO, arXiv 2402.03300, equation 3; DAPO, arXiv 2503.14476, section 3.3; Dr. GRPO, arXiv 2503.20783,
    section 3.2.

    Example:
        >>> mask = torch.tensor([[1, 1, 1], [1, 0, 0]])
        >>> token_weights(mask, "sequence").sum(1), token_weights(mask, "token").sum(1)
        (tensor([0.5000, 0.5000]), tensor([0.7500, 0.2500]))
    """
    weights = mask.to(torch.float32)
    if how == "sequence":
        return weights / weights.sum(1, keepdim=True).clamp(min=1) / len(mask)
    if how == "token":
        return weights / weights.sum().clamp(min=1)
    if length is None or length < 1:
        raise ValueError(f"aggregation 'constant' needs a positive length, not {length}")
    return weights / length / len(mask)
