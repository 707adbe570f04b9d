r"""What a family makes: a problem, the steps of its solution, and what is claimed in each.

Everything that a solution asserts is a :class:`Relation` between formulas. The prose of a step has a ``{}``
where a formula goes; a style fills it in its own notation, :mod:`srl_data.generate.check` verifies it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from srl_data.generate.expr import Expr, N, Seq
from srl_data.generate.notation import write

__all__ = ["Family", "Formula", "Problem", "Relation", "Step", "congruent", "eq", "identity", "less", "listed", "step"]


@dataclass(frozen=True, slots=True)
class Relation:
    """A claim: ``parts`` joined by one sign, ``3x = 20 - 5 = 15``.

    Attributes:
        parts: At least two formulas.
        sign: What joins them.
        modulus: For ``≡``.
        always: Whether it holds for every value of the variables, as a factorisation does. If not, it is
            claimed for the problem's solutions only.
        branch: If it is claimed for one of several solutions, which one, counted from 0.
    """

    parts: tuple[Expr, ...]
    sign: Literal["=", "≡", "<"] = "="
    modulus: int | None = None
    always: bool = False
    branch: int | None = None


Formula = Expr | Relation
"""What may stand in prose: a formula that asserts nothing, or a claim."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a worked solution.

    Attributes:
        title: A short imperative without punctuation at its end: ``Subtract 5 from both sides``.
        prose: One or more sentences, with ``{}`` for each formula; not a repetition of the title.
        formulas: What fills the prose, in order.
        unspoken: Claims that the prose makes in words, ``97 is prime``.
    """

    title: str
    prose: str
    formulas: tuple[Formula, ...]
    unspoken: tuple[Relation, ...] = ()

    @property
    def relations(self) -> tuple[Relation, ...]:
        """The claims that the prose shows, in order."""
        return tuple(formula for formula in self.formulas if isinstance(formula, Relation))


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem with its worked solution.

    Attributes:
        statement: The question, in plain characters, with the numbers that it needs.
        steps: The derivation.
        goal: What the answer must satisfy, in the terms of the question alone: the equation to solve, or
            ``gcd(84, 36) = ?``. The check solves it a second time, without the derivation.
        solutions: The values of the unknowns, one mapping per solution. Several solutions have one unknown.
        complete: Whether ``goal`` has no other solutions than these (the check proves it).
        topic: Tells apart problems whose goals look alike: the template of a word problem.
    """

    statement: str
    steps: tuple[Step, ...]
    goal: tuple[Relation, ...]
    solutions: tuple[Mapping[str, Expr], ...]
    complete: bool = False
    topic: str = field(default="")

    @property
    def answer(self) -> Expr:
        """The final answer: a value, several roots, or a point."""
        if len(self.solutions) == 1:
            values = tuple(self.solutions[0].values())
            return values[0] if len(values) == 1 else Seq(values, point=True)
        return Seq(tuple(value for solution in self.solutions for value in solution.values()), point=False)

    @property
    def key(self) -> str:
        """The same for two problems that differ in their wording only."""
        return f"{self.topic} " + "; ".join(show(relation, latex=False) for relation in self.goal)


Family = Callable[[random.Random, int], Problem]
"""Draws a problem of a level, 1 to 10. All that it makes depends on the generator that it is given."""


def eq(*parts: Expr | int | Fraction, branch: int | None = None) -> Relation:
    """A claim about the problem's solutions; plain arithmetic is one too."""
    return Relation(_formulas(parts), branch=branch)


def identity(*parts: Expr | int | Fraction) -> Relation:
    """A claim for every value of the variables."""
    return Relation(_formulas(parts), always=True)


def congruent(*parts: Expr | int, modulus: int) -> Relation:
    """A claim that the parts leave the same remainder."""
    return Relation(_formulas(parts), sign="≡", modulus=modulus)


def less(*parts: Expr | int) -> Relation:
    """A claim that each part is smaller than the next."""
    return Relation(_formulas(parts), sign="<")


def step(title: str, prose: str, *formulas: Formula, unspoken: tuple[Relation, ...] = ()) -> Step:
    """A step, with the formulas written one after the other."""
    return Step(title, prose, formulas, unspoken)


def listed(items: list[str]) -> str:
    """``a, b and c``.

    Example:
        >>> listed(["2", "3", "5"])
        '2, 3 and 5'
    """
    return " and ".join([", ".join(items[:-1]), items[-1]]) if len(items) > 1 else items[0]


def show(formula: Formula, *, latex: bool) -> str:
    r"""A formula or a claim as text, without delimiters.

    Example:
        >>> show(congruent(17, 5, modulus=12), latex=True)
        '17 \\equiv 5 \\pmod{12}'
    """
    if isinstance(formula, Expr):
        return write(formula, latex=latex)
    sign = r"\equiv" if latex and formula.sign == "≡" else formula.sign
    text = f" {sign} ".join(write(part, latex=latex) for part in formula.parts)
    if formula.modulus is None:
        return text
    return text + (rf" \pmod{{{formula.modulus}}}" if latex else f" (mod {formula.modulus})")


def _formulas(parts: tuple[Expr | int | Fraction, ...]) -> tuple[Expr, ...]:
    return tuple(part if isinstance(part, Expr) else N(part) for part in parts)
