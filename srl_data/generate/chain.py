"""Chains of arithmetic: long problems made of easy steps.

Level sets two things, and nothing else varies: how many operations there are (as many steps, one each), and
how large the running value may become. The operations are adding, subtracting, multiplying and dividing; the
number multiplied or divided by has one digit, the result is always a whole number from 0 to the limit.

===== ========== ===========
level operations largest value
===== ========== ===========
1     2          20
2     3          20
3     4          50
4     5          99
5     6          99
6     8          99
7     10         99
8     12         99
9     14         999
10    16         9,999
===== ========== ===========
"""

from __future__ import annotations

import random

from srl_data.generate.expr import ANSWER, Expr, N, Quot
from srl_data.generate.model import Problem, Step, eq, step

__all__ = ["LIMITS", "OPERATIONS", "chain", "make_chain"]

OPERATIONS = (2, 3, 4, 5, 6, 8, 10, 12, 14, 16)
"""Operations by level, from level 1 on."""

LIMITS = (20, 20, 50, 99, 99, 99, 99, 99, 999, 9999)
"""The largest value by level, from level 1 on."""

_ORDERS = {
    "+": ("add {}", "add {} to it", "increase it by {}"),
    "-": ("subtract {}", "take away {}", "decrease it by {}"),
    "*": ("multiply by {}", "multiply it by {}", "multiply the result by {}"),
    "/": ("divide by {}", "divide it by {}", "divide the result by {}"),
}
_TITLES = {"+": "Add {}", "-": "Subtract {}", "*": "Multiply by {}", "/": "Divide by {}"}


def chain(rng: random.Random, level: int) -> Problem:
    """Easy arithmetic in a chain, as long and with as large numbers as the level says."""
    return make_chain(rng, OPERATIONS[level - 1], LIMITS[level - 1])


def make_chain(rng: random.Random, operations: int, limit: int) -> Problem:
    """A chain of any length.

    Args:
        rng: Where all choices come from.
        operations: How many there are, at least 1.
        limit: The largest value that may occur, at least 10.
    """
    value = start = rng.randint(1, min(limit, 99) // 2)
    whole: Expr = N(start)
    orders: list[str] = []
    steps: list[Step] = []
    sign, amount = "", 0
    for _ in range(operations):
        sign, amount = _next(rng, value, limit, (sign, amount))
        before, value = value, _apply(sign, value, amount)
        whole = _write(sign, whole, amount)
        orders.append(rng.choice(_ORDERS[sign][: 3 if orders else 1]).format(amount))
        prose = rng.choice(("We get {}.", "This gives {}.", "Now we have {}.", "That makes {}."))
        steps.append(_step(sign, before, amount, value, prose))
    return Problem(_statement(rng, start, orders), tuple(steps), (eq(whole, ANSWER),), ({"?": N(value)},))


def _step(sign: str, before: int, amount: int, value: int, prose: str) -> Step:
    return step(_TITLES[sign].format(amount), prose, eq(_write(sign, N(before), amount), value))


def _next(rng: random.Random, value: int, limit: int, last: tuple[str, int]) -> tuple[str, int]:
    """An operation whose result is a whole number from 0 to the limit.

    Two operations in a row are never of the same kind and never undo each other, as far as that is possible.
    """
    most = 9 if limit <= 20 else limit // 3
    factors = [f for f in range(2, 10) if value and value * f <= limit and last != ("/", f)]
    divisors = [d for d in range(2, 10) if value and value % d == 0 and last != ("*", d)]
    choices: list[tuple[str, int]] = []
    if value < limit:
        choices.append(("+", rng.randint(1, min(limit - value, most))))
    if value:
        choices.append(("-", rng.randint(1, min(value, most))))
    if factors:
        choices.append(("*", rng.choice(factors)))
    if divisors:
        choices.append(("/", rng.choice(divisors)))
    return rng.choice([choice for choice in choices if choice[0] != last[0]] or choices)


def _apply(sign: str, value: int, amount: int) -> int:
    return {"+": value + amount, "-": value - amount, "*": value * amount, "/": value // amount}[sign]


def _write(sign: str, value: Expr, amount: int) -> Expr:
    if sign == "/":
        return Quot(value, N(amount))
    return {"+": value.__add__, "-": value.__sub__, "*": value.__mul__}[sign](N(amount))


def _statement(rng: random.Random, start: int, orders: list[str]) -> str:
    listing = ", then ".join(orders)
    match rng.randrange(4):
        case 0:
            return f"Start with {start}, {listing}. What is the result?"
        case 1:
            return f"Take the number {start}, {listing}. Which number do you get?"
        case 2:
            sentences = " ".join(f"{order[0].upper()}{order[1:]}." for order in orders)
            return f"Start with {start}. {sentences} What is the final value?"
    return f"A number machine starts at {start}. It must {listing}. Which number does it show at the end?"
