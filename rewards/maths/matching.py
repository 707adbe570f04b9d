"""Pairing what stands on two sides, each thing with one of the other side at most."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["matching"]


def matching(partners: Sequence[Sequence[int]], weights: Sequence[float]) -> list[int | None]:
    """Pair things on the left with things on the right, so that the paired ones on the left weigh as much as can be.

    Taking the first free partner is not enough, unless to be partners is transitive; equality of expressions is not,
    where ``x = 3`` equals 3 and 3 equals ``y = 3``, or 50% equals both 0.5 and 50. So earlier pairs make room for
    later ones, along augmenting paths. Who is paired stays paired, so that the heaviest first is best: the sets that
    can be paired are the independent ones of a matroid. For the same reason there is one pairing that is best for the
    left and for the right at once, and it has as many pairs as any.

    Takes time in proportion to the number of things on the left times that of partners.

    Args:
        partners: For each thing on the left, those on the right that it may be paired with.
        weights: How much each thing on the left weighs; none is negative.

    Returns:
        For each thing on the left, the one on the right that it is paired with, or ``None``.

    Example:
        >>> matching([[0, 1], [0]], [1.0, 1.0])
        [1, 0]
    """
    taken: dict[int, int] = {}  # right to left

    def place(one: int, tried: set[int]) -> bool:
        for other in partners[one]:
            if other not in tried:
                tried.add(other)
                if other not in taken or place(taken[other], tried):
                    taken[other] = one
                    return True
        return False

    for one in sorted(range(len(partners)), key=lambda each: -weights[each]):
        place(one, set())
    found: list[int | None] = [None] * len(partners)
    for other, one in taken.items():
        found[one] = other
    return found
