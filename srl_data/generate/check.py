"""Verify a worked solution with sympy: every claim in every step, and the answer once more from the question.

The formulas were made by the generator and are converted node by node; no text is parsed.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from itertools import pairwise
from math import lcm
from typing import TYPE_CHECKING, Any

from srl_data.errors import SrlDataError
from srl_data.generate.expr import (
    ANSWER,
    Call,
    Deriv,
    Expr,
    Integral,
    Named,
    Neg,
    Num,
    Pow,
    Prod,
    Quot,
    Sum,
    Sym,
    symbols,
)
from srl_data.generate.model import Problem, Relation, show

if TYPE_CHECKING:
    import sympy

__all__ = ["WrongSolution", "check", "to_sympy"]


class WrongSolution(SrlDataError):
    """A generated solution claims something false: a defect of its family."""


def check(problem: Problem) -> None:
    """Verify a problem's solution.

    Raises:
        WrongSolution: If a step claims something false, or the answer is not the answer.

    Example:
        >>> from srl_data.generate.expr import ANSWER, N
        >>> from srl_data.generate.model import Problem, eq, step
        >>> add = step("Add", "It is {}.", eq(N(2) + 2, 5))
        >>> check(Problem("2 + 2?", (add,), (eq(N(2) + 2, ANSWER),), ({"?": N(5)},)))
        Traceback (most recent call last):
        srl_data.generate.check.WrongSolution: step 1 (Add): false: 2 + 2 = 5
    """
    for number, one in enumerate(problem.steps, start=1):
        for relation in (*one.relations, *one.unspoken):
            if not _holds(relation, problem.solutions):
                raise WrongSolution(f"step {number} ({one.title}): false: {show(relation, latex=False)}")
    for relation in problem.goal:
        if not _holds(relation, problem.solutions):
            raise WrongSolution(f"the answer does not satisfy {show(relation, latex=False)}")
    if problem.complete:
        _prove_complete(problem)


def to_sympy(expr: Expr, values: Mapping[str, Any] | None = None) -> Any:
    """A formula as a sympy object, with the variables in ``values`` replaced."""
    import sympy

    values = values or {}

    def convert(node: Expr) -> Any:
        match node:
            case Num(value):
                return sympy.Rational(value.numerator, value.denominator)
            case Sym(name):
                return values[name] if name in values else sympy.E if name == "e" else sympy.Symbol(name)
            case Named(_, meaning):
                return convert(meaning)
            case Sum(terms):
                return sympy.Add(*map(convert, terms))
            case Neg(inner):
                return -convert(inner)
            case Prod(factors):
                return sympy.Mul(*map(convert, factors))
            case Quot(over, under):
                return convert(over) / convert(under)
            case Pow(base, exponent):
                return convert(base) ** convert(exponent)
            case Call(name, arguments):
                return _FUNCTIONS[name](*map(convert, arguments))
            case Deriv(inner, variable):
                return sympy.diff(convert(inner), sympy.Symbol(variable))
            case Integral(inner, variable, None):
                return sympy.Integral(convert(inner), sympy.Symbol(variable))
            case Integral(inner, variable, (low, high)):
                return sympy.integrate(convert(inner), (sympy.Symbol(variable), convert(low), convert(high)))
        raise TypeError(f"not a value: {node!r}")

    return convert(expr)


def _function(name: str) -> Any:
    def apply(*arguments: Any) -> Any:
        import sympy

        match name:
            case "gcd":
                return reduce(sympy.gcd, arguments)
            case "lcm":
                return sympy.Integer(lcm(*map(int, arguments)))
            case "isprime":
                return sympy.Integer(sympy.isprime(*arguments))
            case "ln":
                return sympy.log(*arguments)
        return getattr(sympy, name)(*arguments)

    return apply


_FUNCTIONS = {name: _function(name) for name in ("cos", "gcd", "isprime", "lcm", "ln", "sin", "sqrt")}


def _holds(relation: Relation, solutions: tuple[Mapping[str, Expr], ...]) -> bool:
    if relation.always:
        solutions = tuple({name: solution[name] for name in solution if name == ANSWER.name} for solution in solutions)
    elif not any(map(symbols, relation.parts)):
        solutions = ({},)
    elif relation.branch is not None:
        solutions = (solutions[relation.branch],)
    return all(_holds_at(relation, solution) for solution in solutions)


def _holds_at(relation: Relation, solution: Mapping[str, Expr]) -> bool:
    values = {name: to_sympy(value) for name, value in solution.items()}
    parts = [to_sympy(part, values) for part in relation.parts]
    for left, right in pairwise(parts):
        if relation.sign == "<":
            if not left < right:
                return False
        elif relation.modulus is not None:
            if (left - right) % relation.modulus != 0:
                return False
        elif not _vanishes(left - right):
            return False
    return True


def _vanishes(difference: sympy.Expr) -> bool:
    import sympy

    for integral in difference.atoms(sympy.Integral):  # antiderivatives are equal up to a constant
        difference = difference.diff(integral.variables[0])
        break
    if difference.is_Rational:
        return bool(difference == 0)
    if sympy.expand(difference) == 0 or sympy.expand(sympy.numer(sympy.together(difference))) == 0:
        return True
    return bool(sympy.simplify(difference) == 0)


def _prove_complete(problem: Problem) -> None:
    import sympy

    unknowns = [sympy.Symbol(name) for name in problem.solutions[0]]
    equations = [to_sympy(relation.parts[0]) - to_sympy(relation.parts[1]) for relation in problem.goal]
    found = sympy.solve(equations, unknowns, dict=True)
    ours = [{sympy.Symbol(name): to_sympy(value) for name, value in one.items()} for one in problem.solutions]
    if len(found) != len(ours) or not all(any(_same(one, other) for other in found) for one in ours):
        raise WrongSolution(f"the equation has the solutions {found}, not {ours}")


def _same(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> bool:
    return one.keys() == other.keys() and all(_vanishes(value - other[name]) for name, value in one.items())
