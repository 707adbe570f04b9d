"""Word problems, told as stories with names, prices, rates, ages and percentages.

Six templates: shopping, ages, stock, journey, prices in percent, machines. The level sets how many things
happen (from one or two at level 1 to eight or more at level 10) and how large the numbers are: one digit up to
level 2, two digits up to level 7, three digits beyond. One to about twenty steps.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from srl_data.generate.model import Problem
from srl_data.generate.stories import ages, shopping, stock
from srl_data.generate.stories_of_rates import journey, machines, prices
from srl_data.generate.story import Story

__all__ = ["word"]

_EVENTS = (1, 1, 2, 2, 3, 4, 5, 6, 7, 8)
_SIZES = (9, 9, 12, 20, 20, 30, 50, 120, 250, 500)

_TEMPLATES: tuple[Callable[[Story, int, int, int], Problem], ...] = (
    shopping,
    ages,
    stock,
    journey,
    prices,
    machines,
)


def word(rng: random.Random, level: int) -> Problem:
    """A story with names, prices, rates, ages or percentages, as long as the level says."""
    return rng.choice(_TEMPLATES)(Story(rng), _EVENTS[level - 1], _SIZES[level - 1], level)
