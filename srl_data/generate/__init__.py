"""Worked expert solutions, made by the project itself: correct by construction, and checked.

A *family* draws a problem of a level, with its derivation; a *style* writes the derivation down. Each claim in
a derivation is a formula that :func:`srl_data.generate.check.check` can verify, and the text is made from the
same formulas.

A row depends on the seed, its family, its level and its index, and on nothing else, with one exception: a
problem that an earlier row of the same call already has is drawn again. So the first rows of a longer call are
the rows of a shorter one. For training and test problems without overlap make one call and split its rows; two
calls with different seeds may share problems at low levels, of which there are few.

Example:
    >>> row = next(generate("linear", level=2, n=1, seed=0, style="terse"))
    >>> print(row["problem"])
    Find the value of x for which 4x + 6 = 42.
    >>> print(row["solution"])
    4x = 42 - 6 = 36
    x = 36 / 4 = 9
    x = 9; 4 * 9 + 6 = 42
    #### 9
"""

from __future__ import annotations

import inspect
import random
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

from rewards.errors import OptionError
from rewards.registry import did_you_mean
from srl_data.errors import SrlDataError
from srl_data.generate.model import Family, Problem
from srl_data.generate.styles import STYLES, answer, render

__all__ = [
    "MAX_LEVEL",
    "TooFewProblems",
    "draw",
    "families",
    "family_doc",
    "generate",
    "styles",
    "to_row",
]

MAX_LEVEL = 10
"""Levels go from 1 to this."""

_FAMILIES = {
    "chain": "chain",
    "crt": "number_theory",
    "derivatives": "derivatives",
    "factor": "number_theory",
    "fractions": "fractions",
    "gcd": "number_theory",
    "integrals": "integrals",
    "linear": "linear",
    "modpower": "number_theory",
    "quadratics": "quadratics",
    "ratios": "ratios",
    "systems": "systems",
    "word": "word",
}
_ATTEMPTS = 1000
"""So many draws in a row without a new problem mean that there are none left, or as good as none."""


class TooFewProblems(SrlDataError):
    """More distinct problems were asked for than a family has at a level."""


def families() -> list[str]:
    """The names of the families, sorted."""
    return list(_FAMILIES)


def styles() -> list[str]:
    """The names of the styles."""
    return list(STYLES)


def family_doc(name: str) -> str:
    """What a family is, in one line, then what its levels mean."""
    module = _module(name)
    return f"{inspect.getdoc(getattr(module, name))}\n\n{inspect.getdoc(module)}"


def generate(
    family: str | Sequence[str] = "all",
    *,
    level: int | tuple[int, int] = 3,
    n: int = 100,
    seed: int = 0,
    style: str | Sequence[str] = "numbered",
    check: bool = False,
) -> Iterator[dict[str, Any]]:
    """Make worked solutions, as rows ``id, problem, solution, answer, family, level, style``.

    Rows go round over the families and, within each round, the levels.

    Args:
        family: A name, several, or ``all``; see :func:`families`.
        level: 1 (trivial) to 10, or the lowest and highest of a range. The module of each family says what its
            levels mean (:func:`family_doc`).
        n: How many rows, 0 or more.
        seed: Same seed, same rows.
        style: How solutions are written; see :func:`styles`. If there are several, rows take turns. Problems do
            not depend on it. ``answer`` is written as the solution states it: in LaTeX (without ``$``) where
            the style uses LaTeX.
        check: Verify every step with sympy before a row is given out (1 to 50 ms a row).

    Raises:
        OptionError: At once, if a family, level, style or number does not exist.
        TooFewProblems: While rows are drawn, if there are not so many different problems.
        WrongSolution: If ``check`` finds a false claim.
    """
    names, manners = _names("family", family, _FAMILIES), _names("style", style, STYLES)
    low, high = (level, level) if isinstance(level, int) else level
    if not 1 <= low <= high <= MAX_LEVEL:
        raise OptionError(f"level {low}-{high}: levels go from 1 to {MAX_LEVEL}, the lower one first")
    if n < 0:
        raise OptionError(f"n is {n}: the number of rows cannot be negative")
    cells = [(name, one) for one in range(low, high + 1) for name in names]
    return _rows(cells, n, seed, manners, check)


def draw(family: str, level: int, index: int, *, seed: int = 0, attempt: int = 0) -> Problem:
    """One problem with its derivation, before any style. The row with this index, unless it was drawn again."""
    make: Family = getattr(_module(family), family)
    key = f"{seed}/{family}/{level}/{index}" + (f"/{attempt}" if attempt else "")
    return make(random.Random(key), level)  # noqa: S311 - no secret depends on it


def to_row(problem: Problem, *, id: str, family: str, level: int, style: str, seed: int = 0) -> dict[str, Any]:
    """A row from a problem of one's own, say one of :func:`srl_data.generate.chain.make_chain`."""
    rng = random.Random(f"{seed}/{id}/{style}")  # noqa: S311
    return {
        "id": id,
        "problem": problem.statement,
        "solution": render(problem, style, rng),
        "answer": answer(problem, style),
        "family": family,
        "level": level,
        "style": style,
    }


def _module(family: str) -> ModuleType:
    _require("family", family, _FAMILIES)
    return import_module(f"srl_data.generate.{_FAMILIES[family]}")


def _rows(cells: list[tuple[str, int]], n: int, seed: int, manners: list[str], check: bool) -> Iterator[dict[str, Any]]:
    seen: dict[str, set[str]] = {}
    for number in range(n):
        index, cell = divmod(number, len(cells))
        family, level = cells[cell]
        problem = _draw_new(family, level, index, seed, seen.setdefault(family, set()), n)
        if check:
            from srl_data.generate.check import check as verify

            verify(problem)
        style = manners[(index + cell) % len(manners)]  # so that each family meets each style
        identity = f"{family}-{level}-{index:06}"
        yield to_row(problem, id=identity, family=family, level=level, style=style, seed=seed)


def _draw_new(family: str, level: int, index: int, seed: int, seen: set[str], asked: int) -> Problem:
    for attempt in range(_ATTEMPTS):
        problem = draw(family, level, index, seed=seed, attempt=attempt)
        if problem.key not in seen:
            seen.add(problem.key)
            return problem
    raise TooFewProblems(
        f"family {family!r} at level {level} has no more than about {index} different problems: {_ATTEMPTS} draws "
        f"brought no new one ({asked} rows were asked for in all); ask for fewer, or for more levels or families"
    )


def _names(kind: str, given: str | Sequence[str], known: Mapping[str, Any]) -> list[str]:
    asked = [given] if isinstance(given, str) else list(given)
    if not asked:
        raise OptionError(f"no {kind} is given; there are {', '.join(known)}")
    if "all" in asked:
        return list(known)
    for name in asked:
        _require(kind, name, known)
    return list(dict.fromkeys(asked))


def _require(kind: str, name: str, known: Mapping[str, Any]) -> None:
    if name not in known:
        raise OptionError(f"unknown {kind} {name!r}; there are {', '.join(known)}{did_you_mean(name, known)}")
