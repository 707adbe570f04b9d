"""Equations and inequalities, compared with each other and with the values and sets that they state."""

from __future__ import annotations

from fractions import Fraction
from typing import TypeAlias

from rewards.maths.exact import exact
from rewards.maths.points import has_own_solution, holds, placed, points
from rewards.maths.sets import contains, is_set
from rewards.maths.tree import (
    Apply,
    Collection,
    Constant,
    Interval,
    Node,
    Number,
    Quantity,
    Relation,
    RelationOp,
    Symbol,
    Union,
    is_scalar,
    symbols,
)
from rewards.maths.verdict import Match, Verdict, both
from rewards.maths.work import Work

__all__ = ["alternatives", "compare_relations"]


def compare_relations(gold: Node, answer: Node, match: Match, work: Work) -> Verdict:
    """Whether two statements are the same, or a statement and what it states.

    Args:
        gold: The one; either it or the other is a :class:`Relation`.
        answer: The other.
        match: Compares anything else.
        work: The comparison's budget.
    """
    if isinstance(gold, Relation) and isinstance(answer, Relation):
        return _two(gold, answer, match, work)
    if isinstance(gold, Relation):
        return _stated(gold, answer, match, work)
    if isinstance(answer, Relation):
        return _stated(answer, gold, lambda a, b: match(b, a), work)
    raise TypeError("neither is a relation")


def _stated(relation: Relation, other: Node, match: Match, work: Work) -> Verdict:
    """A statement against a value, a set, or values."""
    if set(relation.ops) == {"="}:
        named = _named(relation)
        return both(match(term, other) for term in (named[1] if named else relation.terms))
    if is_set(other):
        solved = _solved(relation, work)
        if solved is not None:
            return match(solved[1], other)
        for at in points(relation) if len(symbols(relation)) == 1 else ():
            (value,) = at.values()
            if {holds(relation, at, work), contains(other, value, work)} == {True, False}:
                return Verdict(False, "rational", "only one of the two holds at some point")
        return Verdict(None, "symbolic", "an inequality that is not solved")
    if relation.ops == ("in",) and _is_name(relation.terms[0]):
        values = relation.terms[1]
        listed = is_scalar(other) or (isinstance(other, Collection) and other.kind == "bare")
        if listed and isinstance(values, Collection) and values.kind == "set":
            return match(values, other)
    if isinstance(other, Collection) and other.kind == "set":
        return Verdict(None, "symbolic", "an inequality against a set")
    return Verdict(False, "text", "an inequality is no value")


def _is_name(node: Node) -> bool:
    if isinstance(node, Collection):
        return all(isinstance(item, Symbol) for item in node.items)
    return isinstance(node, Symbol)


def _two(gold: Relation, answer: Relation, match: Match, work: Work) -> Verdict:
    equations = set(gold.ops) == {"="}, set(answer.ops) == {"="}
    if all(equations):
        return _equations(gold, answer, match, work)
    if any(equations):
        return Verdict(False, "text", "an equation is no inequality")
    ours, theirs = _solved(gold, work), _solved(answer, work)
    if ours and theirs:
        if ours[0] != theirs[0]:
            return Verdict(False, "text", f"statements about {ours[0]} and {theirs[0]}")
        return match(ours[1], theirs[1])
    single = len(gold.ops) == len(answer.ops) == 1 and "in" not in gold.ops + answer.ops
    if single and all(is_scalar(term) for term in gold.terms + answer.terms):
        return _inequalities(gold, answer, match, work)
    return _chains(gold, answer, match, work)


def _chains(gold: Relation, answer: Relation, match: Match, work: Work) -> Verdict:
    """Chains term by term, in either direction; a difference there need not be one in what they state."""
    for chain in (answer, _turned(answer)):
        if chain and gold.ops == chain.ops and len(gold.terms) == len(chain.terms):
            verdict = both(match(a, b) for a, b in zip(gold.terms, chain.terms, strict=True))
            if verdict.equal:
                return verdict
    if set(gold.ops) != {"="}:
        for at in points(gold, answer):
            if {holds(gold, at, work), holds(answer, at, work)} == {True, False}:
                return Verdict(False, "rational", "only one of the two holds at some point")
    return Verdict(None, "symbolic", "statements of different forms")


_TURNED: dict[str, RelationOp] = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "!=": "!="}


def _turned(relation: Relation) -> Relation | None:
    if "in" in relation.ops:
        return None
    return Relation(relation.terms[::-1], tuple(_TURNED[op] for op in relation.ops[::-1]))


# --- equations ---------------------------------------------------------------------------------------------------


def _equations(gold: Relation, answer: Relation, match: Match, work: Work) -> Verdict:
    ours, theirs = _named(gold), _named(answer)
    if ours and theirs and ours[0] == theirs[0] and len(gold.terms) == len(answer.terms) == 2:
        return match(ours[1][0], theirs[1][0])
    straight = _chains(gold, answer, match, work)
    if straight.equal or len(gold.terms) != 2 or len(answer.terms) != 2:
        return straight
    if not all(is_scalar(term) for term in gold.terms + answer.terms):
        return straight
    left, right = _difference(gold), _difference(answer)
    line, other = _linear(left, work), _linear(right, work)
    if line is not None and other is not None:
        same = _multiple(line, other) is not None
        return Verdict(same, "rational", "the same equation" if same else "different linear equations")
    verdict = _proportional(left, right, match, work, positive=False)
    if verdict.equal is None and (has_own_solution(left, right, work) or has_own_solution(right, left, work)):
        return Verdict(False, "rational", "only one of the two has a certain solution")
    return verdict


def _named(relation: Relation) -> tuple[Node, tuple[Node, ...]] | None:
    """A variable, or a tuple of some, and what an equation says it to be: ``x = 2 + 3 = 5``."""
    for terms in (relation.terms, relation.terms[::-1]):
        if _is_name(terms[0]) and not any(symbols(terms[0]) & symbols(term) for term in terms[1:]):
            return terms[0], terms[1:]
    return None


def _difference(relation: Relation) -> Node:
    left, right = relation.terms
    return Apply("add", (left, Apply("neg", (right,))))


def _proportional(left: Node, right: Node, match: Match, work: Work, *, positive: bool) -> Verdict:
    """Whether one side is a constant times the other, which their quotient at a point tells."""
    if symbols(left) == symbols(right):
        for at in points(left):
            ours, theirs = exact(placed(left, at), work), exact(placed(right, at), work)
            if not ours or not theirs:
                continue
            factor = ours / theirs
            if not positive or factor > 0:
                verdict = match(left, Apply("mul", (Number(factor), right)))
                if verdict.equal:
                    return verdict
            break
    return Verdict(None, "symbolic", "statements that are no multiples of each other")


_Linear: TypeAlias = dict[str, Fraction]


def _linear(node: Node, work: Work) -> _Linear | None:
    """A sum of rational multiples of variables, the constant under ""; ``None`` if the node is not one."""
    value = exact(node, work)
    if value is not None:
        return {"": value} if value else {}
    match node:
        case Symbol(name):
            return {name: Fraction(1)}
        case Apply("neg", (inner,)):
            return _scaled(_linear(inner, work), Fraction(-1))
        case Apply("add", args):
            total: _Linear = {}
            for each in args:
                part = _linear(each, work)
                if part is None:
                    return None
                for name, times in part.items():
                    total[name] = total.get(name, Fraction(0)) + times
            return {name: times for name, times in total.items() if times}
        case Apply("mul", args):
            factor, rest = Fraction(1), []
            for each in args:
                value = exact(each, work)
                if value is None:
                    rest.append(each)
                else:
                    factor *= value
            return _scaled(_linear(rest[0], work), factor) if len(rest) == 1 else None
        case Apply("div", (above, below)):
            value = exact(below, work)
            return _scaled(_linear(above, work), 1 / value) if value else None
    return None


def _scaled(form: _Linear | None, factor: Fraction) -> _Linear | None:
    return form and {name: times * factor for name, times in form.items() if factor}


def _multiple(ours: _Linear, theirs: _Linear) -> Fraction | None:
    """The number that the one is the other times, if there is one and it is not 0."""
    if ours.keys() != theirs.keys():
        return None
    if not ours:
        return Fraction(1)
    factors = {ours[name] / theirs[name] for name in ours}
    return factors.pop() if len(factors) == 1 else None


# --- inequalities ------------------------------------------------------------------------------------------------


def _inequalities(gold: Relation, answer: Relation, match: Match, work: Work) -> Verdict:
    """Two inequalities of two terms each, at least one of which is not solved for a variable."""
    (ours, op), (theirs, other) = _positive(gold), _positive(answer)
    line, second = _linear(ours, work), _linear(theirs, work)
    if line is not None and second is not None:
        factor = _multiple(line, second)
        same = op == other and factor is not None and (factor > 0 or op == "!=")
        return Verdict(same, "rational", "the same inequality" if same else "different linear inequalities")
    verdict = _proportional(ours, theirs, match, work, positive=op != "!=") if op == other else _OPEN
    return verdict if verdict.equal else _chains(gold, answer, match, work)


_OPEN = Verdict(None, "symbolic", "statements of different forms")


def _positive(relation: Relation) -> tuple[Node, str]:
    """What an inequality says to be positive, not negative, or not zero, and which of these."""
    turned = relation if relation.ops[0][0] in ">!" else _turned(relation)
    return (_difference(turned), turned.ops[0]) if turned else (relation, "")


def _solved(relation: Relation, work: Work) -> tuple[str, Node] | None:
    """The variable that a statement is about, and the set that it is said to be in."""
    terms, ops = relation.terms, relation.ops
    if ops == ("in",):
        return (terms[0].name, terms[1]) if isinstance(terms[0], Symbol) and is_set(terms[1]) else None
    if "in" in ops or "=" in ops:
        return None
    if len(ops) == 1:
        return _half_line(relation, work)
    if len(ops) != 2 or "!=" in ops or symbols(terms[0]) | symbols(terms[2]):
        return None
    middle = terms[1]
    if not isinstance(middle, Symbol):
        return None
    if {op[0] for op in ops} == {">"}:
        terms, ops = terms[::-1], ops[::-1]
    elif {op[0] for op in ops} != {"<"}:
        return None
    return middle.name, Interval(terms[0], terms[2], len(ops[0]) == 2, len(ops[1]) == 2)


def alternatives(node: Node, work: Work) -> Union | None:
    """The set that several inequalities about one variable state: ``x < 1 or x > 2``, ``x < 1, x > 2``."""
    if not isinstance(node, Collection) or node.kind != "bare":
        return None
    solved = [_solved(item, work) for item in node.items if isinstance(item, Relation)]
    sets = [each for each in solved if each]
    if len(sets) < len(node.items) or len({name for name, _ in sets}) != 1:
        return None
    return Union(tuple(stated for _, stated in sets))


def _half_line(relation: Relation, work: Work) -> tuple[str, Node] | None:
    (left, right), (op,) = relation.terms, relation.ops
    if isinstance(left, Symbol) and not symbols(right):
        name, bound = left.name, right
    elif isinstance(right, Symbol) and not symbols(left):
        name, bound, op = right.name, left, _TURNED[op]
    else:
        form = _linear(_difference(relation), work) if is_scalar(left) and is_scalar(right) else None
        names = [each for each in form or () if each]
        if not form or len(names) != 1:
            return None
        name = names[0]
        bound = Number(-form.get("", Fraction(0)) / form[name])
        if form[name] < 0:
            op = _TURNED[op]
    if isinstance(bound, Quantity):
        bound = bound.value
    if not is_scalar(bound):
        return None
    least, most = Apply("neg", (Constant("oo"),)), Constant("oo")
    if op == "!=":
        return name, Union((Interval(least, bound, False, False), Interval(bound, most, False, False)))
    if op[0] == "<":
        return name, Interval(least, bound, False, op == "<=")
    return name, Interval(bound, most, op == ">=", False)
