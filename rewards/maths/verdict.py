"""What a comparison says, and how the parts' verdicts make the whole's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple, TypeAlias

from rewards.maths.tree import Node

__all__ = ["TIERS", "Match", "Tier", "Verdict", "both", "either"]

Tier: TypeAlias = Literal["text", "rational", "numeric", "symbolic"]
TIERS: tuple[Tier, ...] = ("text", "rational", "numeric", "symbolic")
"""The tiers, from the cheapest on."""


class Verdict(NamedTuple):
    """Whether two answers are equal, which tier was sure of it, and why.

    Attributes:
        equal: ``None`` if it is not decided in process; the tier is ``symbolic`` then.
        tier: The dearest tier that took part in the decision.
        reason: One line for people.
    """

    equal: bool | None
    tier: Tier
    reason: str


Match: TypeAlias = Callable[[Node, Node], Verdict]
"""What compares the parts of two containers, the gold one's first."""


def both(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict on parts that must all be equal; parts behind an unequal one are not looked at."""
    open_part: Verdict | None = None
    worst: Verdict | None = None
    for each in verdicts:
        if each.equal is False:
            return each
        if each.equal is None:
            open_part = each
        elif worst is None or TIERS.index(each.tier) > TIERS.index(worst.tier):
            worst = each
    return open_part or worst or Verdict(True, "text", "nothing differs")


def either(first: Verdict, second: Verdict) -> Verdict:
    """The verdict on two readings of which one is enough."""
    for wanted in (True, None):
        for each in (first, second):
            if each.equal is wanted:
                return each
    return second
