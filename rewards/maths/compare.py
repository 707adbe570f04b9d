"""Whether two parsed answers are equal, decided in process where that is sure.

Three tiers answer, each only when it is sure: *text* (the same tree, or words), *rational* (exact arithmetic on
fractions and rational functions) and *numeric* (``rewards.maths.probe``). What they leave open is *symbolic*: for a
worker. Containers are compared part by part.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Literal, TypeAlias

from rewards.maths.containers import compare_containers
from rewards.maths.conventions import DEFAULT, Conventions
from rewards.maths.exact import exact
from rewards.maths.modular import same_function
from rewards.maths.probe import close, probe
from rewards.maths.relations import compare_relations
from rewards.maths.sets import are_apart
from rewards.maths.solve import alternatives
from rewards.maths.tree import (
    INFINITY,
    MINUS_INFINITY,
    Apply,
    Choice,
    Collection,
    Constant,
    Interval,
    Node,
    Number,
    Quantity,
    Relation,
    Symbol,
    Text,
    Union,
    is_scalar,
    symbols,
    walk,
)
from rewards.maths.units import measure, modulus
from rewards.maths.verdict import Match, Verdict, either
from rewards.maths.work import Work

__all__ = ["Conventions", "Decide", "Verdict", "compare"]

Decide: TypeAlias = Callable[[Node, Node, float], bool | None]
"""Decides whether two scalars are equal, or, if they are constants, within a relative tolerance of the first."""


def compare(
    gold: Node,
    answer: Node,
    conventions: Conventions = DEFAULT,
    decide: Decide | None = None,
) -> Verdict:
    r"""Decide whether an answer is the gold one.

    Symmetric but for ``rel_tol``, which is relative to the gold value. What is equal to what:

    - Numbers and expressions by value, with symbols standing for any real number.
    - Sets without order or repetition, values listed without brackets in any order (unless ``ordered``), tuples and
      lists in order. A list without brackets may stand for any of the three, ``(a, b)`` for a point or an open
      interval, and a column or row of a matrix for a tuple.
    - Intervals and unions by the set that they are.
    - Equations up to a factor, ``x = 3`` also with ``3``; inequalities up to a positive one, and with their interval.
    - Units by what they measure: ``1 m`` is ``100 cm``. For one that stands on one side only, see ``Conventions``.

    Args:
        gold: The right answer.
        answer: What is compared with it.
        conventions: What mathematics leaves open.
        decide: The last tier: it decides on two scalars where no other is sure, and takes them and the relative
            tolerance. Only a worker has one, since it may never end. Without one, the work is bounded.

    Example:
        >>> from rewards.maths.parse import parse
        >>> print(compare(parse("3 1/2"), parse("3.5")).equal, compare(parse("(1,2)"), parse(r"\{1,2\}")).equal)
        True False
        >>> compare(parse(r"\sqrt{8}"), parse(r"2\sqrt2"))
        Verdict(equal=True, tier='numeric', reason='the values agree')
    """
    if type(gold) is Number and type(answer) is Number and gold.value != answer.value and not conventions.rel_tol:
        return _DIFFERENT_NUMBERS
    return _Comparison(conventions, decide).match(gold, answer)


_DIFFERENT_NUMBERS = Verdict(False, "rational", "different numbers")
_KINDS = Verdict(False, "text", "different kinds of answers")


class _Comparison:
    """One comparison: what it goes by, and what is left of its budget."""

    def __init__(self, conventions: Conventions, decide: Decide | None) -> None:
        self._conventions = conventions
        self._decide = decide
        self._work = Work(math.inf) if decide else Work()

    def match(self, gold: Node, answer: Node) -> Verdict:
        """Compare two nodes of any kinds."""
        if gold == answer:
            return Verdict(True, "text", "the same")
        kinds = (type(gold), type(answer))
        if Text in kinds or Choice in kinds:
            return _words(gold, answer)
        if Collection in kinds and not {Interval, Union, Relation}.isdisjoint(kinds):
            for one, other in ((gold, answer), (answer, gold)):
                stated = alternatives(one, self._work)
                if stated and not are_apart(stated, self.match, self._work):
                    return Verdict(False, "text", "inequalities that do not exclude each other")
                if stated:
                    return self.match(stated, other) if one is gold else self.match(other, stated)
        if Relation in kinds:
            return compare_relations(gold, answer, self.match, self._work)
        if is_scalar(gold) and is_scalar(answer):
            return self._scalars(gold, answer)
        if Quantity in kinds and Collection not in kinds:
            return self._quantities(gold, answer)
        return compare_containers(gold, answer, self.match, self._work, ordered=self._conventions.ordered)

    def _swapped(self, gold: Node, answer: Node) -> Verdict:
        return self.match(answer, gold)

    # --- scalars ------------------------------------------------------------------------------------------------

    def _scalars(self, gold: Node, answer: Node) -> Verdict:
        ours, theirs = exact(gold, self._work), exact(answer, self._work)
        if ours is not None and theirs is not None:
            return self._numbers(ours, theirs)
        endless = _infinite(gold), _infinite(answer)
        if any(endless):
            if not all(endless) and _has_infinity(answer if endless[0] else gold):
                return Verdict(None, "symbolic", "arithmetic with infinity")
            return Verdict(endless[0] == endless[1], "rational", "infinities" if all(endless) else "infinite or not")
        tolerance = self._conventions.rel_tol
        same = same_function(gold, answer, self._work)
        if same or (same is False and not tolerance):
            return Verdict(same, "rational", "the same function" if same else "different functions")
        same = probe(gold, answer, self._work)
        if not same and tolerance and not symbols(gold) and not symbols(answer):
            near = close(gold, answer, tolerance, self._work)
            if near is not None:
                return Verdict(near, "numeric", "within the relative tolerance" if near else "the values differ")
        if same is not None:
            return Verdict(same, "numeric", "the values agree" if same else "the values differ")
        decided = self._decide(gold, answer, tolerance) if self._decide else None
        if decided is None:
            return Verdict(None, "symbolic", "neither exact nor numeric values decide")
        return Verdict(decided, "symbolic", f"computer algebra finds {'no' if decided else 'a'} difference")

    def _numbers(self, gold: Fraction, answer: Fraction) -> Verdict:
        if gold == answer:
            return Verdict(True, "rational", "the same number")
        tolerance = self._conventions.rel_tol
        if tolerance and abs(gold - answer) <= Fraction(tolerance) * abs(gold):
            return Verdict(True, "rational", "within the relative tolerance")
        return _DIFFERENT_NUMBERS

    # --- quantities ---------------------------------------------------------------------------------------------

    def _quantities(self, gold: Node, answer: Node) -> Verdict:
        if not isinstance(gold, Quantity):
            return self._one_unit(answer, gold, self._swapped) if isinstance(answer, Quantity) else _KINDS
        if not isinstance(answer, Quantity):
            return self._one_unit(gold, answer, self.match)
        if gold.unit == answer.unit:
            return _remainders(gold, answer) or self.match(gold.value, answer.value)
        if modulus(gold) or modulus(answer):
            return Verdict(False, "text", f"{gold.unit} is not {answer.unit}")
        if self._conventions.units == "ignore" and gold.unit != "%" != answer.unit:
            return self.match(gold.value, answer.value)
        if not is_scalar(gold.value) or not is_scalar(answer.value):
            return _KINDS
        if {gold.unit, answer.unit} == {"°", "rad"}:
            return self.match(_plain(gold), _plain(answer))
        ours, factor = measure(gold.unit)
        theirs, other = measure(answer.unit)
        if ours != theirs:
            return Verdict(False, "text", f"{gold.unit} is not {answer.unit}")
        return self.match(_times(factor, gold.value), _times(other, answer.value))

    def _one_unit(self, side: Quantity, other: Node, match: Match) -> Verdict:
        """A quantity against something without a unit."""
        if not is_scalar(side.value):
            return _KINDS
        if not is_scalar(other):
            return Verdict(False, "text", "a quantity is no " + type(other).__name__.lower())
        if side.unit in symbols(other):  # 5 m is also the product of 5 and a variable
            return match(Apply("mul", (side.value, Symbol(side.unit))), other)
        if side.unit == "%":
            percent = self._conventions.percent
            exactly = match(Apply("div", (side.value, Number(Fraction(100)))), other)
            if percent == "exact":
                return exactly
            bare = match(side.value, other)
            return bare if percent == "ignore" else either(exactly, bare)
        plain = match(_plain(side), other) if _is_pure(side.unit) else None
        if plain is not None and plain.equal:
            return plain
        if self._conventions.units == "exact":
            return plain or Verdict(False, "text", f"the unit {side.unit} stands on one side only")
        return match(side.value, other)


def _remainders(gold: Quantity, answer: Quantity) -> Verdict | None:
    """Two remainders of one division by a number: the same if their difference is a multiple of that."""
    divisor = modulus(gold)
    ours, theirs = exact(gold.value), exact(answer.value)
    if not divisor.isdecimal() or not int(divisor) or ours is None or theirs is None:
        return None
    same = (ours - theirs) % int(divisor) == 0
    return Verdict(same, "rational", "the same remainder" if same else "different remainders")


def _infinite(node: Node) -> Literal[-1, 0, 1]:
    return 1 if node == INFINITY else -1 if node == MINUS_INFINITY else 0


def _has_infinity(node: Node) -> bool:
    return INFINITY in walk(node)


def _is_pure(unit: str) -> bool:
    return unit in ("°", "rad") or "dozen" in unit.split("*")


def _plain(side: Quantity) -> Node:
    """The number that a quantity without a dimension is."""
    if side.unit == "°":
        return Apply("deg", (side.value,))
    return side.value if side.unit == "rad" else _times(Fraction(12), side.value)


def _times(factor: Fraction, value: Node) -> Node:
    return value if factor == 1 else Apply("mul", (Number(factor), value))


# --- words -------------------------------------------------------------------------------------------------------


def _words(gold: Node, answer: Node) -> Verdict:
    ours, theirs = _spelled(gold), _spelled(answer)
    return Verdict(bool(ours) and ours == theirs, "text", "the same words" if ours == theirs else "different words")


def _spelled(node: Node) -> str:
    """What a node says in letters; ``no`` was read as a product of two variables."""
    match node:
        case Text(words):
            return words
        case Choice(letter):
            return letter.lower()
        case Symbol(name) | Constant(name) if len(name) == 1:
            return name.lower()
        case Apply("mul", args) if all(isinstance(each, Symbol | Constant) for each in args):
            return "".join(map(_spelled, args))
    return ""
