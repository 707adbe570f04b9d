"""SkyRL: an environment that takes a model through an expert's steps, with a reward for each.

Rewards stand at the turns that earned them, so that credit is a step's own. SkyRL's environments have a base class of
its package, which this module does not import: put the two together, and register the result in the process that makes
environments::

    from skyrl_gym.envs import register
    from skyrl_gym.envs.base_text_env import BaseTextEnv

    from rewards.adapters.skyrl import StepEnv

    class SrlEnv(StepEnv, BaseTextEnv):
        pass

    register(id="srl", entry_point=SrlEnv, kwargs={"reward": "srl"})

A row of the dataset has ``env_class`` (``srl``), ``prompt``, and beside them

* ``reward_spec``: ``{"method": "rule", "ground_truth": REFERENCE}``, the expert's step, or a list of them: the turns;
* ``observations``, for several turns: what the model is told after each step but the last. By default it is shown the
  expert's step and asked for the next one, since the references take the expert's way, whatever the model did;
* any other column that the reward reads, the same for every turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from rewards.adapters.core import RewardLike
from rewards.adapters.scorer import shared
from rewards.errors import ColumnError

__all__ = ["StepEnv"]

NEXT_STEP = "The expert's step was:\n\n{reference}\n\nWrite the next one."
"""What the model is told after a step, where the row does not say."""


class StepEnv:
    """What ``skyrl_gym.make`` makes, together with ``BaseTextEnv``: one episode.

    Args:
        env_config: SkyRL's configuration of the environment; not used.
        extras: The row's columns but ``prompt`` and ``env_class``; SkyRL adds ``max_turns``.
        reward: What scores, see :func:`rewards.adapters.core.resolve`.
        unscorable: What stands for a score that is missing, or ``"raise"``; by default the reward's lower bound.
            SkyRL knows no missing score.
        options: Options of the reward.

    Raises:
        ColumnError: If the row has no ``reward_spec`` with a ground truth, or not an observation for each turn.
        ToolkitError: If there is no such reward, or it does not take these options.

    Example:
        >>> row = {"reward_spec": {"ground_truth": ["2x = 8", "x = 4"]}, "max_turns": 4}
        >>> episode = StepEnv(extras=row, reward="indel")
        >>> turn = episode.step("2x = 8")
        >>> turn["reward"], turn["done"], turn["observations"][0]["role"]
        (1.0, False, 'user')
        >>> turn = episode.step("x = 4")
        >>> turn["reward"], turn["done"], turn["observations"]
        (1.0, True, [])
    """

    def __init__(
        self,
        env_config: Any = None,
        extras: Mapping[str, Any] | None = None,
        *,
        reward: RewardLike = "srl",
        unscorable: Literal["raise"] | float | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        row = dict(extras or {})
        spec = row.get("reward_spec")
        truth = spec.get("ground_truth") if isinstance(spec, Mapping) else None
        if truth is None:
            there = ", ".join(sorted(row)) or "nothing"
            raise ColumnError(f"SkyRL's row needs reward_spec.ground_truth, a step or a list of them; it has {there}")
        self.references: list[str] = [truth] if isinstance(truth, str) else list(truth)
        self.observations: Sequence[str] | None = row.get("observations")
        if self.observations is not None and len(self.observations) < len(self.references) - 1:
            raise ColumnError(
                f"SkyRL's row has {len(self.references)} steps, but {len(self.observations)} observations: one for "
                "each step but the last"
            )
        self.scorer = shared(reward, unscorable=unscorable, **options)
        self.row = row
        self.turns = 0
        self.max_turns = min(len(self.references), int(row.get("max_turns") or len(self.references)))
        self._logged: list[dict[str, float]] = []

    def step(self, action: str) -> dict[str, Any]:
        """Score the model's step against the expert's, and go on to the next one.

        Raises:
            ColumnError: If the row lacks a column that the reward reads.
            NotScorable: If there is no score, and ``unscorable`` is ``"raise"``.
        """
        at = self.turns
        entry = self.scorer(action, {**self.row, "reference": self.references[at]})
        self._logged.append(entry)
        self.turns += 1
        done = self.turns >= self.max_turns
        told = NEXT_STEP.format(reference=self.references[at]) if self.observations is None else self.observations[at]
        return {
            "observations": [] if done else [{"role": "user", "content": told}],
            "reward": entry["score"],
            "done": done,
            "metadata": entry,
        }

    def get_metrics(self) -> dict[str, float]:
        """The episode's steps, and the mean over them of the score, its parts and its statuses."""
        turns = len(self._logged)
        names = self._logged[0] if turns else {}
        means = {name: sum(entry[name] for entry in self._logged) / turns for name in names}
        return {"steps": float(turns), **means}
