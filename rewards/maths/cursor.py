"""A place in a list of tokens, and what every part of a parser does there."""

from __future__ import annotations

from typing import NoReturn

from rewards.maths.errors import TooLarge, Unparseable
from rewards.maths.lexer import Token

__all__ = ["MAX_CHAIN", "MAX_DEPTH", "Cursor"]

MAX_DEPTH = 30  # of brackets, fractions, exponents; up to ten calls each
_AHEAD = 4  # how far a parser looks ahead, so that it may look beyond the end
MAX_CHAIN = 100  # operations that may nest to the left: 1/2/3, x!, powers


class Cursor:
    """A place in the tokens of one text, how deep it is, and how many bars are open.

    Args:
        tokens: As from ``tokenize``.
    """

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens + tokens[-1:] * _AHEAD
        self._at = 0
        self._depth = 0
        self._chain = 0
        self._bars = 0

    def _kind(self, ahead: int = 0) -> str:
        return self._tokens[self._at + ahead].kind

    def _take(self, kind: str) -> bool:
        if self._tokens[self._at].kind == kind and kind != "end":
            self._at += 1
            return True
        return False

    def _expect(self, kind: str) -> None:
        if kind == "end" and self._kind() == "end":
            return
        if not self._take(kind):
            self._unexpected(f"where {kind} should be")

    def _unexpected(self, where: str = "out of place") -> NoReturn:
        token = self._tokens[self._at]
        raise Unparseable("it breaks off" if token.kind == "end" else f"{token.text[:20]!r} {where}")

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise TooLarge(f"nested more than {MAX_DEPTH} deep")

    def _link(self) -> None:
        self._chain += 1
        if self._chain > MAX_CHAIN:
            raise TooLarge(f"a chain of more than {MAX_CHAIN} operations")
