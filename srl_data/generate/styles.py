r"""Writing a solution down: one derivation, several manners of telling it.

Every style puts each step of the derivation into exactly one step of its layout, so that the segmenter named
beside it finds the derivation again:

======== ========== ==================================================================
style    segmenter  layout
======== ========== ==================================================================
numbered numbered   ``1. **Title**: body``, LaTeX (the target layout of the SRL paper)
plain    numbered   ``1. Title: body``, plain characters
lines    lines      GSM8K: a line a step, ``<<3*4=12>>`` annotations, ``#### answer``
prose    paragraphs a paragraph a step, LaTeX
wordy    numbered   as ``numbered``, with plenty of talk around each step
terse    lines      equations only, a line a step, ``#### answer``
thinking numbered   a ``<think>`` monologue with slips and checks, then as ``numbered``
======== ========== ==================================================================

``wordy`` exists to give supervised fine-tuning its known way to fail: few long write-ups, beyond the student.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

from srl_data.generate.expr import Expr, Num, Pow, Prod, Quot, Sum, symbols
from srl_data.generate.model import Formula, Problem, Relation, Step, show
from srl_data.generate.phrases import (
    AFTERTHOUGHTS,
    CHECKS,
    CLOSINGS,
    CONNECTIVES,
    FIRSTS,
    LASTS,
    OPENINGS,
    REASSURANCES,
    RECAPS,
    SLIPS,
    THOUGHTS,
    WORDY_OPENINGS,
)

__all__ = ["LATEX_STYLES", "STYLES", "answer", "render"]

LATEX_STYLES = frozenset({"numbered", "prose", "wordy", "thinking"})
"""Styles that write formulas, and the answer, in LaTeX."""


def render(problem: Problem, style: str, rng: random.Random) -> str:
    """A problem's solution in one style, the final answer at its end.

    Args:
        problem: What to write down.
        style: One of :data:`STYLES`.
        rng: Chooses between phrasings.
    """
    return STYLES[style](problem, rng)


def answer(problem: Problem, style: str) -> str:
    """The final answer exactly as a solution in this style states it."""
    return show(problem.answer, latex=style in LATEX_STYLES)


def _numbered(problem: Problem, rng: random.Random) -> str:
    bodies = [f"**{step.title}**: {_tell(step)}" for step in problem.steps]
    return _count([*bodies[:-1], f"{bodies[-1]} {_boxed(problem, rng)}"])


def _plain(problem: Problem, rng: random.Random) -> str:
    bodies = [f"{step.title}: {_tell(step, latex=False)}" for step in problem.steps]
    ending = rng.choice(CLOSINGS).format(answer(problem, "plain"))
    return _count([*bodies[:-1], f"{bodies[-1]} {ending}"])


def _lines(problem: Problem, rng: random.Random) -> str:
    lines = [_tell(step, latex=False, annotate=True) for step in problem.steps]
    return "\n".join([*lines, f"#### {answer(problem, 'lines')}"])


def _terse(problem: Problem, rng: random.Random) -> str:
    lines = []
    for step in problem.steps:
        shown = step.relations or step.unspoken or step.formulas
        lines.append("; ".join(show(formula, latex=False) for formula in shown))
    return "\n".join([*lines, f"#### {answer(problem, 'terse')}"])


def _prose(problem: Problem, rng: random.Random) -> str:
    paragraphs = []
    last = len(problem.steps) - 1
    connectives = _turns(CONNECTIVES, rng)
    for index, step in enumerate(problem.steps):
        lead = rng.choice(FIRSTS) if index == 0 else rng.choice(LASTS) if index == last else next(connectives)
        paragraphs.append(f"{lead.format(_lower(step.title))} {_tell(step)}")
    paragraphs[-1] += f" {_boxed(problem, rng)}"
    return "\n\n".join(paragraphs)


def _wordy(problem: Problem, rng: random.Random) -> str:
    bodies = []
    talk = [_turns(phrases, rng) for phrases in (OPENINGS, REASSURANCES, RECAPS, AFTERTHOUGHTS)]
    for index, step in enumerate(problem.steps):
        opening, reassurance, recap, afterthought = map(next, talk)
        if index == 0:
            opening = rng.choice(WORDY_OPENINGS)
        parts = [opening.format(_lower(step.title)), reassurance, _tell(step)]
        if len(step.relations) == 1:
            parts.append(recap.format(_math(step.relations[0], latex=True)))
        parts.append(afterthought)
        bodies.append(f"**{step.title}**: {' '.join(parts)}")
    bodies[-1] += f" {_boxed(problem, rng)}"
    return _count(bodies)


def _thinking(problem: Problem, rng: random.Random) -> str:
    thoughts = [f"Okay, let me read the problem again. {problem.statement}"]
    leads, checks = _turns(THOUGHTS, rng), _turns(CHECKS, rng)
    for step in problem.steps:
        slip = _slip(step, rng)
        told = _tell(step, latex=False)
        thoughts.append(" ".join([next(leads).format(_lower(step.title)), *([slip] if slip else []), told]))
        if not slip and len(step.relations) == 1 and rng.random() < 0.3:
            thoughts.append(next(checks).format(show(step.relations[0], latex=False)))
    thoughts.append(f"So the answer should be {answer(problem, 'plain')}. Let me write this up properly.")
    monologue = "\n\n".join(thoughts)
    return f"<think>\n{monologue}\n</think>\n\n{_numbered(problem, rng)}"


STYLES: dict[str, Callable[[Problem, random.Random], str]] = {
    "numbered": _numbered,
    "plain": _plain,
    "lines": _lines,
    "prose": _prose,
    "wordy": _wordy,
    "terse": _terse,
    "thinking": _thinking,
}
"""Every style, name → how a problem is written in it."""


def _tell(step: Step, *, latex: bool = True, annotate: bool = False) -> str:
    return step.prose.format(*(_math(formula, latex=latex, annotate=annotate) for formula in step.formulas))


def _math(formula: Formula, *, latex: bool, annotate: bool = False) -> str:
    if latex:
        return rf"\({show(formula, latex=True)}\)"
    if annotate and isinstance(formula, Relation):
        return _annotated(formula)
    return show(formula, latex=False)


def _annotated(relation: Relation) -> str:
    """``3 * 4 = <<3*4=12>>12``: before each number that is worked out, the calculation, as in GSM8K."""
    text = show(relation, latex=False)
    *before, worked, result = relation.parts
    if relation.sign != "=" or not isinstance(result, Num) or not _is_calculation(worked):
        return text
    head = " = ".join(show(part, latex=False) for part in (*before, worked))
    shown = show(result, latex=False)
    return f"{head} = <<{show(worked, latex=False).replace(' ', '')}={shown}>>{shown}"


def _is_calculation(expr: Expr) -> bool:
    """Whether a formula is arithmetic that a calculator could take: numbers, + - * / and brackets."""
    match expr:
        case Sum(parts) | Prod(parts):
            return all(isinstance(part, Num) or _is_part(part) for part in parts)
        case Quot(over, under):
            return _is_part(over) and _is_part(under)
    return False


def _is_part(expr: Expr) -> bool:
    match expr:
        case Num() | Sum() | Prod() | Quot():
            return isinstance(expr, Num) or _is_calculation(expr)
        case Pow():
            return False
    return hasattr(expr, "inner") and not symbols(expr) and _is_part(expr.inner)


def _boxed(problem: Problem, rng: random.Random) -> str:
    return rng.choice(CLOSINGS).format(rf"\(\boxed{{{answer(problem, 'numbered')}}}\)")


def _count(bodies: list[str]) -> str:
    return "\n".join(f"{number}. {body}" for number, body in enumerate(bodies, start=1))


def _slip(step: Step, rng: random.Random) -> str | None:
    """A wrong result of this step's calculation, noticed at once."""
    if not step.relations or rng.random() > 0.25:
        return None
    *_, worked, result = step.relations[-1].parts
    if not isinstance(result, Num) or result.value.denominator != 1 or not _is_calculation(worked):
        return None
    wrong = Num(result.value + Fraction(rng.choice((-10, -2, -1, 1, 2, 10))))
    return rng.choice(SLIPS).format(show(worked, latex=False), show(wrong, latex=False), show(result, latex=False))


def _turns(phrases: Sequence[str], rng: random.Random) -> Iterator[str]:
    """The phrases over and over, shuffled anew each time: variety without repeating oneself at once."""
    while True:
        yield from rng.sample(phrases, len(phrases))


def _lower(title: str) -> str:
    return title[0].lower() + title[1:]
