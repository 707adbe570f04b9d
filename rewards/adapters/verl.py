"""verl: a reward as verl's custom reward function.

In the configuration of a run::

    reward.custom_reward_function.path=pkg://rewards.adapters.verl
    +reward.custom_reward_function.reward_kwargs.reward=srl
    +reward.custom_reward_function.reward_kwargs.similarity=sequence_match

verl may load this file by its path too. It calls :func:`compute_score` once per sample, from the threads of an
executor, and takes the names of what it logs from the first sample's answer: they are the same for all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

try:
    from rewards.adapters.core import RewardLike, check_identity
    from rewards.adapters.scorer import shared
except ModuleNotFoundError as error:
    if not str(error.name).startswith("rewards"):
        raise
    raise ImportError(
        f"{__file__} needs the package rewards of srl-data, and found another module of that name (a file or folder "
        f"beside the training script, or on PYTHONPATH) or none: {error}"
    ) from error

__all__ = ["compute_score"]

check_identity()


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    *,
    reward: RewardLike = "srl",
    ground_truth_column: str = "reference",
    unscorable: Literal["raise"] | float | None = None,
    reward_router_address: Any = None,
    reward_model_tokenizer: Any = None,
    **options: Any,
) -> dict[str, float]:
    """Score one sample. verl passes the first four; the others are ``reward_kwargs``.

    Args:
        data_source: The sample's ``data_source``; a column by that name, for a reward that reads it.
        solution_str: What the model wrote.
        ground_truth: ``reward_model.ground_truth`` of the row.
        extra_info: ``extra_info`` of the row: the other columns, by name.
        reward: A reward's name, a TOML file, or a mapping; see :func:`rewards.adapters.core.resolve`.
        ground_truth_column: Which column of the reward ``ground_truth`` is: ``answer`` for rewards of final answers.
        unscorable: What stands for a score that is missing, or ``"raise"``, which ends the run; by default the
            reward's lower bound. verl knows no missing score.
        reward_router_address: verl's, for model-based rewards; not used.
        reward_model_tokenizer: verl's, for model-based rewards; not used.
        options: Options of the reward.

    Returns:
        ``score`` and the other keys of :func:`rewards.adapters.core.flat`, always the same ones.

    Raises:
        ToolkitError: If there is no such reward, it does not take these options, or a column that it reads is neither
            ``ground_truth`` nor in ``extra_info``.

    Example:
        >>> found = compute_score("gsm8k", "<think>Undo it.</think>2x = 8", "2x = 8", {"index": 0})
        >>> found["score"], found["similarity"], found["status/ok"]
        (1.0, 1.0, 1.0)
    """
    scorer = shared(reward, unscorable=unscorable, **options)
    columns = {**(extra_info or {}), "data_source": data_source, ground_truth_column: ground_truth}
    return scorer(solution_str, columns)
