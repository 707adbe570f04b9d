"""Equations and inequalities, compared with each other and with the values and sets that they state."""

from __future__ import annotations

import re
from typing import TypeAlias

from rewards.maths.exact import exact
from rewards.maths.linear import linear, multiple
from rewards.maths.points import has_own_solution, holds, placed, points
from rewards.maths.sets import contains, is_set
from rewards.maths.solve import difference, solved, turned
from rewards.maths.tree import Apply, Collection, Node, Number, Relation, Symbol, is_scalar, symbols
from rewards.maths.units import modulus
from rewards.maths.verdict import Match, Verdict, both
from rewards.maths.work import Work

__all__ = ["compare_relations"]


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
        found = solved(relation, work)
        if found is not None:
            return match(found.values, other)
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
    """Whether a node is a variable, several, or the length of a segment."""
    if isinstance(node, Collection):
        return all(isinstance(item, Symbol) for item in node.items)
    return isinstance(node, Symbol) or _segment(node) is not None


def _segment(node: Node) -> frozenset[str] | None:
    """The ends of the segment whose length is meant, if one is: ``AB``, ``|AB|``."""
    match node:
        case Apply("abs", (Apply("mul", (Symbol(one), Symbol(other))),)) | Apply("mul", (Symbol(one), Symbol(other))):
            return frozenset([one, other]) if one.isupper() and other.isupper() else None
    return None


def _two(gold: Relation, answer: Relation, match: Match, work: Work) -> Verdict:
    equations = set(gold.ops) == {"="}, set(answer.ops) == {"="}
    if all(equations):
        return _equations(gold, answer, match, work)
    if any(equations):
        return Verdict(False, "text", "an equation is no inequality")
    ours, theirs = solved(gold, work), solved(answer, work)
    if ours and theirs:
        if ours.name != theirs.name:
            return Verdict(False, "text", f"statements about {ours.name} and {theirs.name}")
        return match(ours.values, theirs.values)
    single = len(gold.ops) == len(answer.ops) == 1 and "in" not in gold.ops + answer.ops
    if single and all(is_scalar(term) for term in gold.terms + answer.terms):
        return _inequalities(gold, answer, match, work)
    return _chains(gold, answer, match, work)


def _chains(gold: Relation, answer: Relation, match: Match, work: Work) -> Verdict:
    """Chains term by term, in either direction; a difference there need not be one in what they state."""
    for chain in (answer, turned(answer)):
        if chain and gold.ops == chain.ops and len(gold.terms) == len(chain.terms):
            verdict = both(match(a, b) for a, b in zip(gold.terms, chain.terms, strict=True))
            if verdict.equal:
                return verdict
    if set(gold.ops) != {"="}:
        for at in points(gold, answer):
            if {holds(gold, at, work), holds(answer, at, work)} == {True, False}:
                return Verdict(False, "rational", "only one of the two holds at some point")
    return Verdict(None, "symbolic", "statements of different forms")


# --- equations ---------------------------------------------------------------------------------------------------


def _equations(gold: Relation, answer: Relation, match: Match, work: Work) -> Verdict:
    ours, theirs = _named(gold), _named(answer)
    if modulus(gold.terms[-1]) != modulus(answer.terms[-1]):
        return Verdict(False, "text", "a congruence and an equation, or congruences of two moduli")
    if ours and theirs and _name_the_same(ours, theirs):
        return both(match(a, b) for a in ours[1] for b in theirs[1])
    if ours and theirs and not any(map(symbols, ours[1] + theirs[1])):
        return Verdict(False, "text", "equations for different variables")
    straight = _chains(gold, answer, match, work)
    if straight.equal or len(gold.terms) != 2 or len(answer.terms) != 2:
        return straight
    if not all(is_scalar(term) for term in gold.terms + answer.terms):
        if straight.equal is None and symbols(gold) != symbols(answer):
            return Verdict(False, "text", "equations for different variables")
        return straight
    left, right = difference(gold), difference(answer)
    line, other = linear(left, work), linear(right, work)
    if line is not None and other is not None:
        same = multiple(line, other) is not None
        return Verdict(same, "rational", "the same equation" if same else "different linear equations")
    verdict = _proportional(left, right, match, work, positive=False)
    if verdict.equal is None and (has_own_solution(left, right, work) or has_own_solution(right, left, work)):
        return Verdict(False, "rational", "only one of the two has a certain solution")
    return verdict


_Named: TypeAlias = tuple[Node, tuple[Node, ...]]


def _named(relation: Relation) -> _Named | None:
    """A variable, or a tuple of some, and what an equation says it to be: ``x = 2 + 3 = 5``."""
    for terms in (relation.terms, relation.terms[::-1]):
        if _is_name(terms[0]) and not any(symbols(terms[0]) & symbols(term) for term in terms[1:]):
            return terms[0], terms[1:]
    return None


_FUNCTION = re.compile(r"[A-Za-z]\(([A-Za-z])\)")


def _name_the_same(one: _Named, other: _Named) -> bool:
    """Whether two equations say what the same thing is; y and f(x) are, for the same x."""
    if one[0] == other[0] or (_segment(one[0]) and _segment(one[0]) == _segment(other[0])):
        return True
    for (y, _), (f, values) in ((one, other), (other, one)):
        function = _FUNCTION.fullmatch(f.name) if isinstance(f, Symbol) else None
        if y == Symbol("y") and function and all(symbols(each) <= {function[1]} for each in values):
            return True
    return False


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


# --- inequalities ------------------------------------------------------------------------------------------------


def _inequalities(gold: Relation, answer: Relation, match: Match, work: Work) -> Verdict:
    """Two inequalities of two terms each, at least one of which is not solved for a variable."""
    (ours, op), (theirs, other) = _positive(gold), _positive(answer)
    line, second = linear(ours, work), linear(theirs, work)
    if line is not None and second is not None:
        factor = multiple(line, second)
        same = op == other and factor is not None and (factor > 0 or op == "!=")
        return Verdict(same, "rational", "the same inequality" if same else "different linear inequalities")
    verdict = _proportional(ours, theirs, match, work, positive=op != "!=") if op == other else _OPEN
    return verdict if verdict.equal else _chains(gold, answer, match, work)


_OPEN = Verdict(None, "symbolic", "statements of different forms")


def _positive(relation: Relation) -> tuple[Node, str]:
    """What an inequality says to be positive, not negative, or not zero, and which of these."""
    above = relation if relation.ops[0][0] in ">!" else turned(relation)
    return (difference(above), above.ops[0]) if above else (relation, "")
