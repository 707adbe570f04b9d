"""How a write-up is laid out: line ends, headings, parts."""

from __future__ import annotations

import re

__all__ = ["HEADING", "PART", "RULES", "unix_newlines", "without_rule"]

HEADING = re.compile(r"(#{1,6})[^\S\n]++(?=[^\s#])")
r"""A Markdown heading, matched at the start of its line."""

PART = re.compile(
    r"""\n [ \t]*+
        (?= (\#{1,6}) [^\S\n]++ [^\s#]
          | (?:\*\*|__) [^*_\n]{1,60} (?:\*\*|__) :? [^\S\n]*+ $
          | [*_]{0,3} \([a-z]\) [*_]{0,3} [^\S\n]*+ $
          | [A-Z][A-Za-z ]{1,30}: [^\S\n]*+ \n [^\S\n]*+ \n
          | [*_]{0,3} (?:Part|Case|Section|PART|CASE|SECTION) [^\S\n]++ [(]?(?:[A-Z0-9]{1,4}|[ivx]{1,4}|[a-z])\b )""",
    re.VERBOSE | re.MULTILINE,
)
"""The line break before a heading (group 1: its hashes), or a line such as ``Part B``, ``(b)``, ``Check:``."""


RULES = ("---", "***", "___")
"""How a Markdown rule ends."""

_RULE = re.compile(r"\n[^\S\n]*+(?:-{3,}|\*{3,}|_{3,})\Z")


def without_rule(block: str) -> str:
    r"""A block without the rule that closes it: layout, which no model should have to produce.

    Example:
        >>> without_rule("1. Add: 3\n\n---")
        '1. Add: 3'
    """
    rule = _RULE.search(block, max(0, block.rfind("\n")))
    return (block[: rule.start()].rstrip() or block) if rule else block


def unix_newlines(text: str) -> str:
    r"""The text with ``\n`` for every line end, and every offset the same: ``\r\n`` becomes a space and ``\n``.

    Unlike :meth:`str.splitlines` this knows no other line ends: ``\x0b`` or ``\u2028`` are white space.

    Example:
        >>> unix_newlines("one\r\ntwo\rthree")
        'one \ntwo\nthree'
    """
    return text.replace("\r\n", " \n").replace("\r", "\n") if "\r" in text else text
