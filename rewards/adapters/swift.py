"""ms-swift: a reward as an ORM class, for a file that ``--external_plugins`` names.

::

    from swift.rewards import orms

    from rewards.adapters.swift import to_swift

    orms["srl"] = to_swift("srl")

and ``--reward_funcs srl`` on the command line. Completions are texts there, also of conversations, and every column of
the dataset comes as a keyword.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from rewards.adapters.core import RewardLike, Unscorable, resolve, score
from rewards.types import Reward

__all__ = ["SwiftReward", "to_swift"]


class SwiftReward:
    """What ms-swift makes of a class in ``orms``: it is made with the run's arguments, and called with a batch.

    ms-swift asks for no base class: anything callable will do. It logs under the name of the class.
    """

    reward: ClassVar[Reward]
    unscorable: ClassVar[Unscorable]

    def __init__(self, args: Any = None, **kwargs: Any) -> None:
        self.args = args

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float]:
        """Score a batch.

        Raises:
            ColumnError: If the dataset lacks a column that the reward reads.
            NotScorable: If a completion has no score, and ``unscorable`` is ``"raise"``.
        """
        return self.unscorable(score(self.reward, completions, columns))


def to_swift(
    reward: RewardLike = "srl",
    *,
    name: str | None = None,
    unscorable: Literal["raise"] | float | None = None,
    **options: Any,
) -> type[SwiftReward]:
    """A reward as a class for ``swift.rewards.orms``.

    Args:
        reward: What scores, see :func:`rewards.adapters.core.resolve`.
        name: The name under which ms-swift logs it; the reward's by default. Two of one name share their metrics.
        unscorable: What stands for a score that is missing, or ``"raise"``; by default the reward's lower bound.
            ms-swift would count a missing score as 0.
        options: Options of the reward.

    Raises:
        ToolkitError: If there is no such reward, or it does not take these options.

    Example:
        >>> orm = to_swift("indel")(args=None)
        >>> orm(["ab", "cd"], reference=["ab", "ab"], messages=[[], []])
        [1.0, 0.0]
    """
    found = resolve(reward, **options)
    policy = Unscorable(found.bounds[0] if unscorable is None else unscorable)
    return type(name or found.name, (SwiftReward,), {"reward": found, "unscorable": policy, "__doc__": found.__doc__})
