r"""Stretches of text that no segmenter may split: code fences, LaTeX, inline formulas, ``<think>`` blocks.

One pass over the delimiters, each looked at once, so that no input (a megabyte of ``\[``, say) takes more
than linear time. Where a delimiter has no partner the text is broken, and the reading is the mildest one: an
open fence or ``<think>`` runs to the end, as Markdown and chat templates have it; an open formula protects
nothing.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple

__all__ = ["Protected"]

# every alternative begins with a literal, so that the engine skips to the next candidate at memory speed
_TOKEN = re.compile(
    r"\\(?:begin\{(?P<opened>[^{}\n]{1,40})\}|end\{(?P<closed>[^{}\n]{1,40})\}|[\\$\[\]()])"
    r"|\$\$?"
    r"|<think>|</think>"
    r"|````*|~~~~*"
)
# with a backslash, what can cross lines: ``\[``, ``\begin{``, and a ``\(`` whose line ends before ``\)``
_MAY_CROSS = re.compile(r"\\(?:\([^\\\n]*+(?:\\(?:\\|(?![()]))[^\\\n]*+)*+\n|\[|begin\{)")
_ESCAPES = ("\\\\", "\\$")  # a line break and a literal dollar: no delimiters
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")
_LONGEST_FENCE = 8  # longer ones count as this long, which bounds the table of fences
_CLOSER = {"\\[": "\\]", "\\(": "\\)", "$$": "$$", "$": "$"}
_SORT = {delimiter: opener for opener, closer in _CLOSER.items() for delimiter in (opener, closer)}


class _Token(NamedTuple):
    """One delimiter: where it is, what it is, and for an environment its name, for a fence what follows it."""

    start: int
    end: int
    kind: str
    name: str = ""


class Protected:
    r"""The protected stretches of one text.

    Args:
        text: The text to look at.
        think: Whether ``<think>`` blocks are protected (all segmenters but ``thinking`` want that).

    Example:
        >>> inside = Protected(r"so \(a. b\) holds")
        >>> inside.spans
        [(3, 11)]
        >>> 6 in inside, 3 in inside
        (True, False)
    """

    def __init__(self, text: str, *, think: bool = True) -> None:
        self.spans = _spans(text, think)
        self._starts = [start for start, _ in self.spans]

    @classmethod
    def at_lines(cls, text: str) -> Protected:
        """The same for one who will only ask about the starts and ends of lines.

        There a formula within a line does not matter, so that most texts need no further look.
        """
        # spelled out, since every text is asked this; a dollar may be anything
        if "$" in text or "```" in text or "~~~" in text or "<think>" in text or _MAY_CROSS.search(text):
            return cls(text)
        return _NOTHING

    def __contains__(self, offset: int) -> bool:
        """Whether cutting the text *at* this offset would split a protected stretch."""
        return self.covering(offset) is not None

    def covering(self, offset: int) -> tuple[int, int] | None:
        """The stretch that a cut at this offset would split, if there is one."""
        index = bisect_right(self._starts, offset) - 1
        if index < 0:
            return None
        start, end = self.spans[index]
        return (start, end) if start < offset < end else None

    def outside(self, offsets: Iterable[int]) -> list[int]:
        """The offsets at which a cut splits nothing."""
        return [offset for offset in offsets if offset not in self]


def _spans(text: str, think: bool) -> list[tuple[int, int]]:
    tokens = list(_tokens(text))
    if not tokens:
        return []
    partner = _partners(text, tokens)
    spans = []
    index = 0
    while index < len(tokens):
        start, _, kind, _ = tokens[index]
        closer = partner[index]
        if kind == "<think>" and not think:
            index += 1
        elif closer is not None:
            spans.append((start, tokens[closer].end))
            index = closer + 1
        elif kind in ("fence", "<think>"):
            spans.append((start, len(text.rstrip())))
            break
        else:
            index += 1
    return spans


def _tokens(text: str) -> Iterator[_Token]:
    behind = 0  # end of the token before
    for match in _TOKEN.finditer(text):
        start, end, kind = match.start(), match.end(), match[0]
        if kind[0] in "`~":
            line = text.rfind("\n", behind, start) + 1
            if line or not behind:  # nothing but white space may stand before it on its line
                indent = text[line:start]
                if not indent or indent.isspace():
                    stop = text.find("\n", end)
                    info = text[end : stop if stop >= 0 else len(text)]
                    if kind[0] == "~" or "`" not in info:
                        # the white space around a fence is not part of it: steps are trimmed
                        yield _Token(start, end, "fence", kind + " " + info.strip())
        elif match["opened"] is not None:
            yield _Token(start, end, "begin", match["opened"])
        elif match["closed"] is not None:
            yield _Token(start, end, "end", match["closed"])
        elif kind not in _ESCAPES:
            yield _Token(start, end, kind)
        behind = end


def _partners(text: str, tokens: list[_Token]) -> list[int | None]:
    """For each opening delimiter the index of the token that closes it."""
    partner: list[int | None] = [None] * len(tokens)
    environments: dict[str, list[int]] = {}
    for index, token in enumerate(tokens):
        if token.kind == "begin":
            environments.setdefault(token.name, []).append(index)
        elif token.kind == "end" and environments.get(token.name):
            partner[environments[token.name].pop()] = index

    # from the back, so that "the next one of this sort" is known at every token
    upcoming: dict[str, int] = {}
    next_fence = len(tokens)
    fences: dict[tuple[str, int], int] = {}  # (character, length) → the next fence that could close such a one
    for index in range(len(tokens) - 1, -1, -1):
        _, end, kind, name = tokens[index]
        if kind == "fence":
            ticks, _, info = name.partition(" ")
            size = min(len(ticks), _LONGEST_FENCE)
            partner[index] = min(
                (at for (char, length), at in fences.items() if char == ticks[0] and length >= size), default=None
            )
            if not info:
                fences[ticks[0], size] = index
            next_fence = index
        elif kind == "<think>":
            partner[index] = upcoming.get("</think>")
        elif kind == "</think>":
            upcoming[kind] = index
        elif kind in _SORT:
            following = upcoming.get(_SORT[kind])
            upcoming[_SORT[kind]] = index
            # the very next delimiter of its sort must be the closing one, and no formula holds code
            if following is not None and following < next_fence and tokens[following].kind == _CLOSER.get(kind):
                inner = end, tokens[following].start
                if kind in ("\\[", "$$") or (_is_inline(text, *inner) if kind == "$" else _one_paragraph(text, *inner)):
                    partner[index] = following
    return partner


def _is_inline(text: str, start: int, end: int) -> bool:
    """Whether ``$text[start:end]$`` is a formula and not two prices (the rule of Pandoc's Markdown, and a bit)."""
    if start == end or text[start].isspace() or text[end - 1].isspace():
        return False
    behind = text[end + 1 : end + 3]
    if behind[:1].isdigit() or behind == "<<":
        return False
    if text.find("\n", start, end) < 0:
        return True
    return not text[start].isdigit() and _one_paragraph(text, start, end)


def _one_paragraph(text: str, start: int, end: int) -> bool:
    return _BLANK_LINE.search(text, start, end) is None


_NOTHING = Protected("")
