"""Two expressions as numbers at several points, to as many digits as it takes to tell them apart.

What is sure, and what that rests on:

*Unequal* is sure once the values differ at one point by far more than the rounding can amount to. The working
precision is raised until it exceeds the bits lost to cancellation and the size of every intermediate result, both of
which are recorded; if that takes more than ``MAX_PRECISION`` bits, nothing is said.

*Equal* rests on agreement to at least half of that precision at each of several points. The precision grows with the
digits that the two texts are made of, so that the closest approximations that can be written with them (continued
fractions, ``1 + 10^{-300}``) are still told apart. Where agreement at a few points would not carry over to the rest
(``floor``, absolute values), nothing is said either.

Symbols stand for real numbers. Where an expression leaves the real numbers (a logarithm of a negative one), a
difference decides nothing, since it is a matter of branches.
"""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import chain
from typing import Any

import mpmath

from rewards.maths.multiprecision import MAX_PRECISION, Evaluation, Undefined
from rewards.maths.tree import Apply, Node, Number, fingerprint, symbols, walk
from rewards.maths.work import OverBudget, Work

__all__ = ["CLOSE", "approximate", "close", "has_values", "probe"]

_RANGES = ((0.1, 0.9), (1, 3), (-0.9, -0.1), (0.1, 0.9), (-3, -1), (3, 10), (-10, 10), (-0.9, 0.9))
_WHOLE = (3, 3, 9, 9, 9, 9)  # up to which whole numbers are drawn, for what is defined for them alone
_ENOUGH = 4  # points within the real numbers at which both are defined

_BROKEN = frozenset(["floor", "ceil", "factorial", "binomial", "gcd", "lcm", "abs", "min", "max"])


def probe(gold: Node, answer: Node, work: Work | None = None) -> bool | None:
    """Whether two scalars are equal, as functions of the symbols in them; ``None`` if that is not sure.

    Deterministic, thread-safe, and bounded in time and memory whatever the trees.

    Example:
        >>> from rewards.maths.parse import parse
        >>> probe(parse("(x+1)^2"), parse("x^2 + 2x + 1")), probe(parse("sqrt(8)"), parse("2.828427"))
        (True, False)
        >>> probe(parse("ln(x^2)"), parse("2 ln(x)")) is None
        True
    """
    names = sorted(symbols(gold) | symbols(answer))
    work = work or Work()
    try:
        if not names:
            found = _at(gold, answer, {}, work)
            return None if found is None or (found.doubtful and not found.equal) else found.equal
        return _everywhere(gold, answer, names, work)
    except OverBudget:
        return None


def close(gold: Node, answer: Node, tolerance: float, work: Work | None = None) -> bool | None:
    """Whether a constant is within a relative tolerance of another; ``None`` if either has no value."""
    try:
        found = _at(gold, answer, {}, work or Work())
    except OverBudget:
        return None
    return None if found is None else bool(found.difference <= tolerance * found.size)


CLOSE = Fraction(1, 2**90)
"""How near to a value :func:`approximate` comes at least, relative to it."""


def approximate(node: Node, work: Work) -> Fraction | None:
    """The value of a real constant to many digits, which says what is larger; ``None`` if it has none."""
    try:
        found = None if symbols(node) else _at(node, node, {}, work)
    except OverBudget:
        return None
    if found is None or found.doubtful or not hasattr(found.value, "_mpf_"):
        return None
    sign, mantissa, exponent, _ = found.value._mpf_
    size = Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
    return -size if sign else size


def has_values(node: Node) -> bool:
    """Whether the value of a scalar can be worked out, at one of some points.

    Example:
        >>> from rewards.maths.parse import parse
        >>> [has_values(parse(text)) for text in ("floor(x/2)", "n!", "1/0", "9^{9^{9^9}} + x")]
        [True, True, False, False]
    """
    work, draw = Work(), random.Random(_seed(node, node))  # noqa: S311
    try:
        names = sorted(symbols(node))
        real = ({name: Fraction(draw.uniform(*each)) for name in names} for each in _RANGES)
        whole = ({name: Fraction(draw.randint(1, each)) for name in names} for each in _WHOLE)
        return any(_at(node, node, point, work) is not None for point in chain(real, whole))
    except OverBudget:
        return False


class _Found:
    """Both values at a point, compared."""

    def __init__(self, gold: Any, answer: Any, precision: int, doubtful: bool) -> None:
        self.value = gold
        self.size = abs(gold)
        self.difference = abs(gold - answer)
        self.equal = bool(self.difference <= max(self.size, abs(answer)) * mpmath.ldexp(1, -precision // 2))
        self.doubtful = doubtful


def _everywhere(gold: Node, answer: Node, names: list[str], work: Work) -> bool | None:
    ops = {each.op for tree in (gold, answer) for each in walk(tree) if isinstance(each, Apply) and symbols(each)}
    draw = random.Random(_seed(gold, answer))  # noqa: S311 - points, not secrets
    agreed = 0
    doubt = False
    for low, high in (*_RANGES, *_far(gold, answer)):
        found = _at(gold, answer, {name: Fraction(draw.uniform(low, high)) for name in names}, work)
        if found is None:
            continue
        if found.equal:
            agreed += not found.doubtful
        elif not found.doubtful:
            return False
        else:
            doubt = True
    return None if doubt or agreed < _ENOUGH or ops & _BROKEN else True


def _seed(gold: Node, answer: Node) -> bytes:
    """Of points that are the same on every run, and that no answer can be made for, since they follow from it."""
    return b"".join(sorted(map(fingerprint, (gold, answer))))


def _far(gold: Node, answer: Node) -> list[tuple[float, float]]:
    """Ranges beyond the places where a root of something squared may turn: |x - 1000| is 1000 - x up to there."""
    trees = [each for tree in (gold, answer) for each in walk(tree)]
    if not any(isinstance(each, Apply) and each.op in ("root", "pow") for each in trees):
        return []
    largest = max((abs(each.value) for each in trees if isinstance(each, Number)), default=1)
    far = float(min(100 * (largest + 1), 10**12))
    return [(far, 2 * far), (-2 * far, -far)]


_PRECISIONS = (192, 448, 1024, 2500, MAX_PRECISION)


def _at(gold: Node, answer: Node, point: dict[str, Fraction], work: Work) -> _Found | None:
    """Both values at a point; ``None`` where one of them has none that can be worked out."""
    digits = sum(_bits(each) for tree in (gold, answer) for each in walk(tree))
    least = 96 + 4 * digits
    for precision in _PRECISIONS:
        if precision < least:
            continue
        evaluation = Evaluation(precision, point, work)
        try:
            values = evaluation.value(gold), evaluation.value(answer)
            doubtful = evaluation.doubtful or bool(point and evaluation.complex)
            least = max(least, 96 + 4 * digits + 4 * evaluation.magnitude + 2 * evaluation.lost)
            if precision >= least:
                return _Found(*values, precision, doubtful)
        except (Undefined, ZeroDivisionError):
            return None
    return None


def _bits(node: Node) -> int:
    """How many bits a tree's node brings in that a coincidence could be made of."""
    if isinstance(node, Number):
        return node.value.numerator.bit_length() + node.value.denominator.bit_length() - 1
    return 0
