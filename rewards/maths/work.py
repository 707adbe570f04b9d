"""How much work a comparison may be, counted in operations, so that what is decided does not depend on the machine."""

from __future__ import annotations

__all__ = ["OverBudget", "Work"]

_UNITS = 60_000  # a few tenths of a second


class OverBudget(Exception):
    """The comparison takes more work than it is worth in process."""


class Work:
    """What is left of a budget that all tiers of a comparison draw on.

    Args:
        units: The budget; a multiplication of short numbers is one unit, about two microseconds.

    Example:
        >>> work = Work(2)
        >>> work.spend(2), work.left
        (None, 0)
    """

    def __init__(self, units: float = _UNITS) -> None:
        self.left = units

    def spend(self, units: int) -> None:
        """Take units off the budget.

        Raises:
            OverBudget: If there are not as many left.
        """
        self.left -= units
        if self.left < 0:
            raise OverBudget
