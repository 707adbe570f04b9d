"""What several families draw: numbers with a sign, names, things."""

from __future__ import annotations

import random

__all__ = ["NAMES", "THINGS", "a_thing", "people", "signed"]

NAMES = (
    "Aisha", "Amara", "Anders", "Ben", "Carla", "Chen", "Daria", "Elif", "Emeka", "Farid", "Grace", "Hana",
    "Hugo", "Ines", "Ivan", "Jonas", "Kavya", "Kofi", "Leila", "Liam", "Lucia", "Mateo", "Mei", "Milan",
    "Nadia", "Noah", "Olga", "Oscar", "Priya", "Ravi", "Rosa", "Samir", "Sofia", "Tariq", "Thea", "Tomas",
    "Uma", "Viktor", "Yara", "Zoe",
)  # fmt: skip

THINGS = (
    "marbles", "stickers", "coins", "apples", "cards", "shells", "pencils", "stamps", "beads", "walnuts",
    "buttons", "tickets",
)  # fmt: skip


def people(rng: random.Random, count: int) -> list[str]:
    """Different names."""
    return rng.sample(NAMES, count)


def a_thing(rng: random.Random) -> str:
    """Something that can be counted, in the plural."""
    return rng.choice(THINGS)


def signed(rng: random.Random, bound: int) -> int:
    """A whole number that is not zero, at most ``bound`` from it."""
    return rng.choice((-1, 1)) * rng.randint(1, bound)
