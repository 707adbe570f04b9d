r"""Stretches of text that no segmenter may split: code fences, LaTeX, inline formulas, ``<think>`` blocks.

One pass over the delimiters, each looked at once, so that no input (a megabyte of ``\[``, say) takes more
than linear time. Where a delimiter has no partner the text is broken, and the reading is the mildest one: an
open fence or ``<think>`` runs to the end, as Markdown and chat templates have it; an open formula protects
nothing.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable

__all__ = ["Protected"]

_TOKEN = re.compile(
    r"""
      (?P<escape>\\\\|\\\$)                                # a line break or a literal dollar: no delimiter
    | (?P<fence>^[^\S\n]*(?P<ticks>`{3,}(?=[^`\n]*$)|~{3,})(?P<info>[^\n]*))
    | (?P<begin>\\begin\{(?P<opened>[^{}\n]{1,40})\})
    | (?P<end>\\end\{(?P<closed>[^{}\n]{1,40})\})
    | (?P<think></?think>)
    | (?P<bracket>\\[\[\]])
    | (?P<paren>\\[()])
    | (?P<dollars>\$\$)
    | (?P<dollar>\$)
    """,
    re.MULTILINE | re.VERBOSE,
)
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")
_LONGEST_FENCE = 8  # longer ones count as this long, which bounds the table of fences
_HINTS = ("$", "\\", "```", "~~~", "think>")  # a text with none of these has nothing to protect


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
        self.spans = _spans(text, think) if any(hint in text for hint in _HINTS) else []
        self._starts = [start for start, _ in self.spans]

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
    tokens = [match for match in _TOKEN.finditer(text) if match.lastgroup and match["escape"] is None]
    partner = _partners(text, tokens)
    spans = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        closer = partner[index]
        if token["think"] is not None and not think:
            index += 1
        elif closer is not None:
            spans.append((token.start(), tokens[closer].end()))
            index = closer + 1
        elif token["fence"] is not None or token["think"] == "<think>":
            spans.append((token.start(), len(text)))
            break
        else:
            index += 1
    return spans


def _partners(text: str, tokens: list[re.Match[str]]) -> list[int | None]:
    """For each opening delimiter the index of the token that closes it."""
    partner: list[int | None] = [None] * len(tokens)
    environments: dict[str, list[int]] = {}
    for index, token in enumerate(tokens):
        if token["begin"] is not None:
            environments.setdefault(token["opened"], []).append(index)
        elif token["end"] is not None and environments.get(token["closed"]):
            partner[environments[token["closed"]].pop()] = index

    # from the back, so that "the next one of this kind" is known at every token
    upcoming: dict[str, int] = {}
    fences: dict[tuple[str, int], int] = {}  # (character, length) → the next fence that could close such a one
    for index in range(len(tokens) - 1, -1, -1):
        token = tokens[index]
        if token["fence"] is not None:
            char, size = token["ticks"][0], min(len(token["ticks"]), _LONGEST_FENCE)
            partner[index] = min(
                (at for (its_char, its_size), at in fences.items() if its_char == char and its_size >= size),
                default=None,
            )
            if not token["info"].strip():
                fences[char, size] = index
        elif token["think"] is not None:
            if token["think"] == "<think>":
                partner[index] = upcoming.get("</think>")
            upcoming[token["think"]] = index
        elif token["bracket"] is not None or token["paren"] is not None:
            _pair(text, tokens, index, upcoming, partner)
        elif token["dollars"] is not None or token["dollar"] is not None:
            kind = token[0]
            following = upcoming.get(kind)
            if following is not None and (kind == "$$" or _is_inline(text, token.end(), tokens[following].start())):
                partner[index] = following
            upcoming[kind] = index
    return partner


def _pair(
    text: str, tokens: list[re.Match[str]], index: int, upcoming: dict[str, int], partner: list[int | None]
) -> None:
    r"""Pair ``\[`` with ``\]`` and ``\(`` with ``\)``: the next delimiter of the sort must be the closing one."""
    delimiter = tokens[index][0]
    sort = "bracket" if tokens[index]["bracket"] is not None else "paren"
    following = upcoming.get(sort)
    if delimiter in ("\\[", "\\(") and following is not None and tokens[following][0] in ("\\]", "\\)"):
        display = sort == "bracket"
        if display or not _BLANK_LINE.search(text, tokens[index].end(), tokens[following].start()):
            partner[index] = following
    upcoming[sort] = index


def _is_inline(text: str, start: int, end: int) -> bool:
    """Whether ``$text[start:end]$`` is a formula and not two prices (the rule of Pandoc's Markdown, and a bit)."""
    if start == end or text[start].isspace() or text[end - 1].isspace():
        return False
    behind = text[end + 1 : end + 3]
    if behind[:1].isdigit() or behind == "<<":
        return False
    body_has_newline = text.find("\n", start, end) != -1
    return not (body_has_newline and (text[start].isdigit() or _BLANK_LINE.search(text, start, end)))
