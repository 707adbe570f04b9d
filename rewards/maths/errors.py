"""Why a text is not parsed."""

from __future__ import annotations

__all__ = ["TooLarge", "Unparseable"]


class Unparseable(ValueError):
    """The text is no mathematics that the grammar knows.

    Attributes:
        reason: One short phrase.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TooLarge(Unparseable):
    """The text is over a cap: of length, depth, tokens, digits or an exponent."""
