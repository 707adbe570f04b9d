r"""What a step claims: the expressions and statements in it, and the equalities that can be true or false.

A chain of equalities is taken apart, so that a step that gets from the same beginning to the same end by another way
has both in common with the expert's:

- ``48/2 = 24`` are the expressions ``48/2`` and ``24``, and an equality;
- ``x = 3 + 4 = 7`` are the statements ``x = 3 + 4`` and ``x = 7``, and the equality of ``3 + 4`` and ``7``;
- ``(x + 1)^2 = x^2 + 2x + 1`` are two expressions, since it holds for every ``x``;
- ``3x = 12``, which does not, is one statement, and so is ``x > 4``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from rewards.maths.compare import Conventions, compare
from rewards.maths.errors import TooLarge, Unparseable
from rewards.maths.exact import exact
from rewards.maths.parse import parse
from rewards.maths.steps import UNKNOWN, snippets
from rewards.maths.tree import Choice, Constant, Node, Relation, Symbol, Text, is_scalar, symbols, walk

__all__ = ["MAX_CHARS", "MAX_EXPRESSIONS", "MAX_NODES", "Expression", "Reading", "read"]

MAX_CHARS = 50_000
MAX_EXPRESSIONS = 64
MAX_NODES = 1_500
_MAX_SNIPPETS = 500  # that are not written alike


class Expression(NamedTuple):
    """An expression or a statement.

    Attributes:
        node: What it is.
        text: What was written.
        value: Its value, if it is a rational number.
        is_result: Whether it is what a chain of equalities ends with.
    """

    node: Node
    text: str
    value: Fraction | None = None
    is_result: bool = False


class Reading(NamedTuple):
    """What a step claims.

    Attributes:
        expressions: The different ones, in order.
        equalities: Pairs without variables that are said to be equal, and are not written alike.
        unread: What looked like mathematics, but is none that the grammar knows.
        too_large: Whether anything was over a cap; nothing else is known then, if it was the step as a whole.
    """

    expressions: tuple[Expression, ...] = ()
    equalities: tuple[tuple[Expression, Expression], ...] = ()
    unread: tuple[str, ...] = ()
    too_large: bool = False


def read(step: str, conventions: Conventions) -> Reading:
    r"""Read a step, in time linear in its length.

    Example:
        >>> found = read("He pays 3*4 = <<3*4=12>>12 dollars, so $x = 20 - 12 = 8$.", Conventions())
        >>> [each.text for each in found.expressions]
        ['x = 20 - 12', 'x = 8', '3*4', '12']
    """
    if len(step) > MAX_CHARS:
        return Reading(too_large=True)
    found = list(dict.fromkeys(snippets(step)))
    if len(found) > _MAX_SNIPPETS:
        return Reading(too_large=True)
    reader = _Reader(conventions)
    for snippet in found:
        reader.add(snippet)
        if reader.is_full():
            return Reading(too_large=True)
    return Reading(
        tuple(reader.expressions.values()), tuple(reader.equalities.values()), tuple(reader.unread), reader.too_large
    )


class _Reader:
    def __init__(self, conventions: Conventions) -> None:
        self._conventions = conventions
        self._nodes = 0
        self.expressions: dict[Node, Expression] = {}
        self.equalities: dict[tuple[Node, Node], tuple[Expression, Expression]] = {}
        self.unread: list[str] = []
        self.too_large = False

    def is_full(self) -> bool:
        return self._nodes > MAX_NODES or len(self.expressions) > MAX_EXPRESSIONS

    def add(self, snippet: str) -> None:
        for statement in _statements(snippet):
            terms = _terms(statement)
            parsed = [each for each in map(self._parsed, terms) if each is not None]
            if len(terms) == 1:
                self._keep(parsed)
            else:
                self._chain(parsed)

    def _parsed(self, text: str) -> Expression | None:
        if text == UNKNOWN:
            return None
        try:
            node = parse(_THOUSANDS.sub(_joined, text), self._conventions)
        except Unparseable as error:
            self.too_large = self.too_large or isinstance(error, TooLarge)
            self.unread.append(text)
            return None
        if isinstance(node, Text | Choice):  # a label, as in `total = 3 + 4`
            return None
        return Expression(node, text, exact(node) if is_scalar(node) else None)

    def _keep(self, expressions: Iterable[Expression], *, is_result: bool = False) -> None:
        for each in expressions:
            if isinstance(each.node, Symbol):  # a name claims nothing
                continue
            before = self.expressions.get(each.node)
            if before is None:
                self._nodes += sum(1 for _ in walk(each.node))
                before = each
            self.expressions[each.node] = before._replace(is_result=before.is_result or is_result)

    def _chain(self, terms: Sequence[Expression]) -> None:
        """What a chain of equalities claims, of its terms that could be read."""
        name = _name(terms)
        values = [each for each in terms if each is not name]
        pairs = list(pairwise(values))
        for left, right in pairs:
            if left.node != right.node and not symbols(left.node) | symbols(right.node):
                self.equalities[left.node, right.node] = left, right
        if name:
            claims = [_statement(name, value) for value in values]
        elif pairs:
            claims = [each for pair in pairs for each in (pair if self._are_same(*pair) else [_statement(*pair)])]
        else:
            claims = values
        self._keep(claims[:-1])
        self._keep(claims[-1:], is_result=True)

    def _are_same(self, left: Expression, right: Expression) -> bool:
        """Whether what is said to be equal is no condition on variables, but the same whatever they are."""
        without_variables = not symbols(left.node) | symbols(right.node)
        return without_variables or bool(compare(left.node, right.node, self._conventions).equal)


def _name(terms: Sequence[Expression]) -> Expression | None:
    """The variable that a chain is about: one that is a term, and in no other; it may be called e or i."""
    for term in terms:
        if isinstance(term.node, Symbol | Constant) and term.node not in _FIXED:
            others = (each.node for each in terms if each is not term)
            if not any(term.node in walk(each) for each in others):
                return term
    return None


_FIXED = (Constant("pi"), Constant("oo"))


def _statement(left: Expression, right: Expression) -> Expression:
    return Expression(Relation((left.node, right.node), ("=",)), f"{left.text} = {right.text}")


def _joined(number: re.Match[str]) -> str:
    return number[0].replace(",", "")


# -- texts ------------------------------------------------------------------------------------------------------------

_THOUSANDS = re.compile(r"(?<![\d.,({\[])[1-9]\d{0,2}(?:,\d{3})++(?!,?\d)")  # within a step, 1,200 is no list
_SPLIT = re.compile(
    r"""(?P<escaped> \\ (?: [{}] | [A-Za-z]++ | . ) )
      | (?P<open> [(\[{] ) | (?P<close> [)\]}] )
      | (?P<equals> (?<![<>!≠≤≥~]) :?=++ (?![<>]) )
      | (?P<comma> ; | ,(?!\d) | (?<!\d), | \s (?:and|or) \s ) """,
    re.VERBOSE | re.DOTALL,
)
_OTHER_RELATION = re.compile(
    r"[<>≤≥≠∈≡∼∣]|!=|\\(?:[lg]eq?|[lg]eqslant|[lg]t|neq?|in|equiv|sim|mid|cong|subset|subseteq|p?mod)(?![A-Za-z])"
)


def _statements(snippet: str) -> list[str]:
    """``x = 1, y = 2`` as two statements; ``x = 1, 2`` is one."""
    if snippet.count("=") < 2:
        return [snippet]
    parts = list(_cut(snippet, "comma"))
    return parts if sum("=" in part for part in parts) > 1 else [snippet]


def _terms(statement: str) -> list[str]:
    """The terms of a chain of equalities; anything else is one term."""
    if "=" not in statement or "\\begin" in statement or _OTHER_RELATION.search(statement):
        return [statement]
    return [term for each in _cut(statement, "equals") if (term := each.strip())]


def _cut(text: str, kind: str) -> Iterator[str]:
    """Cut a text at its commas or equals signs that are in no brackets."""
    depth = start = 0
    for found in _SPLIT.finditer(text):
        if found.lastgroup == "open" or found[0] == "\\{":
            depth += 1
        elif found.lastgroup == "close" or found[0] == "\\}":
            depth = max(depth - 1, 0)
        elif found.lastgroup == kind and not depth:
            yield text[start : found.start()]
            start = found.end()
    yield text[start:]
