"""Polynomials as lists of coefficients, highest power first.

Example:
    >>> derivative([3, 0, -1]), multiply([1, 1], [1, -1]), value_at(antiderivative_of([2, 0]), 3)
    ([6, 0], [1, 0, -1], Fraction(9, 1))
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

__all__ = ["add", "antiderivative_of", "derivative", "multiply", "value_at"]


def derivative(coefficients: Sequence[int]) -> list[int]:
    """The coefficients of the derivative."""
    degree = len(coefficients) - 1
    return [c * (degree - i) for i, c in enumerate(coefficients[:-1])] or [0]


def multiply(one: Sequence[int], two: Sequence[int]) -> list[int]:
    """The coefficients of a product."""
    result = [0] * (len(one) + len(two) - 1)
    for i, a in enumerate(one):
        for j, b in enumerate(two):
            result[i + j] += a * b
    return result


def add(one: Sequence[int], two: Sequence[int]) -> list[int]:
    """The coefficients of a sum."""
    size = max(len(one), len(two))
    padded = [[0] * (size - len(part)) + list(part) for part in (one, two)]
    return [a + b for a, b in zip(*padded, strict=True)]


def antiderivative_of(coefficients: Sequence[int]) -> list[Fraction]:
    """The coefficients of the antiderivative that vanishes at 0."""
    degree = len(coefficients)
    return [Fraction(c, degree - i) for i, c in enumerate(coefficients)] + [Fraction(0)]


def value_at(coefficients: Sequence[Fraction], x: int) -> Fraction:
    """The value at ``x``."""
    value = Fraction(0)
    for coefficient in coefficients:
        value = value * x + coefficient
    return value
