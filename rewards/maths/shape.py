"""What an expression looks like, whatever the order and the notation that it is written in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rewards.maths.tree import Apply, Collection, Node, Number, Relation, children

__all__ = ["shape"]


def shape(node: Node) -> tuple[Any, ...]:
    r"""A value that is the same for two trees if they are the same operations on the same numbers and variables.

    Terms and factors are in any order; subtracting is adding the negative, dividing is multiplying by the inverse, and
    both sides of an equation are alike. Nothing is worked out.

    Example:
        >>> from rewards.maths.parse import parse
        >>> shape(parse(r"\frac{80}{100} \cdot x - 3")) == shape(parse("-3 + x*80/100"))
        True
        >>> shape(parse("2*3")) == shape(parse("6"))
        False
    """
    negative, factors = _product(node)
    alone = len(factors) == 1 and not factors[0][0]
    found = factors[0][1] if alone else ("product", *sorted(factors, key=repr))
    return ("negative", found) if negative else found


def _product(node: Node) -> tuple[bool, list[tuple[bool, tuple[Any, ...]]]]:
    """The sign of a product, and its factors, each with whether it is divided by."""
    match node:
        case Number(value):
            return value < 0, [(False, ("number", abs(value)))]
        case Apply("neg", (inner,)):
            negative, factors = _product(inner)
            return not negative, factors
        case Apply("mul" | "div" as op, args):
            whole, found = False, []
            for place, each in enumerate(args):
                negative, factors = _product(each)
                whole ^= negative
                found += [(divided ^ (op == "div" and place > 0), factor) for divided, factor in factors]
            return whole, found
    return False, [(False, _other(node))]


def _other(node: Node) -> tuple[Any, ...]:
    match node:
        case Apply("add", _):
            return ("sum", *_ordered(_terms(node)))
        case Apply("gcd" | "lcm" | "min" | "max" as op, args):
            return (op, *_ordered(args))
        case Apply(op, args):
            return (op, *map(shape, args))
        case Collection("set" | "bare" as kind, items):
            return (kind, *_ordered(items))
        case Relation(terms, ops) if set(ops) == {"="}:
            return ("=", *_ordered(terms))
        case Relation(terms, ops) if all(op[0] == ">" for op in ops):
            return ("relation", tuple(op.replace(">", "<") for op in ops[::-1]), *map(shape, terms[::-1]))
        case Relation(terms, ops):
            return ("relation", ops, *map(shape, terms))
    parts = children(node)
    return (type(node).__name__, _rest(node), *map(shape, parts)) if parts else (type(node).__name__, node)


def _terms(node: Node) -> list[Node]:
    if isinstance(node, Apply) and node.op == "add":
        return [term for each in node.args for term in _terms(each)]
    return [node]


def _ordered(nodes: Iterable[Node]) -> list[tuple[Any, ...]]:
    return sorted(map(shape, nodes), key=repr)


def _rest(node: Node) -> tuple[Any, ...]:
    """What a node holds beside its children."""
    names = ("unit", "kind", "closed_low", "closed_high")
    return tuple(getattr(node, name, None) for name in names)
