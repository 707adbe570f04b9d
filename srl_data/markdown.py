"""Putting text that anybody may have written into Markdown, so that it stays text.

Names, problems and solutions hold backticks, pipes, HTML and control characters. None of them may end a code fence,
break a table, or reach a terminal as an escape sequence.
"""

from __future__ import annotations

import re

__all__ = ["clip", "code", "escape", "fence", "one_line"]

# control characters are shown by their pictures (U+2400 …), as a terminal would act on them
_PICTURES = {number: chr(0x2400 + number) for number in range(32) if chr(number) not in "\t\n"}
_PICTURES |= (
    {0x7F: "\u2421"} | dict.fromkeys(range(0x80, 0xA0), "\ufffd") | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
)
_BACKTICKS = re.compile("`+")
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$&])")


def _visible(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_PICTURES)


def _longest_run(text: str) -> int:
    return max((len(run) for run in _BACKTICKS.findall(text)), default=0)


def one_line(text: str) -> str:
    r"""Text on one line, every run of white space one space.

    Example:
        >>> one_line(" a\n---\nb ")
        'a --- b'
    """
    return " ".join(_visible(text).split())


def escape(text: str) -> str:
    r"""Text as text: one line of Markdown in which nothing is markup.

    Example:
        >>> print(escape("<b> | a_b"))
        \<b\> \| a\_b
    """
    return _SPECIAL.sub(r"\\\1", one_line(text))


def code(text: object) -> str:
    r"""An inline code span that holds any text, also in a table's cell.

    Example:
        >>> print(code("a`b|c"))
        `` a`b\|c ``
    """
    line = one_line(str(text)) or " "
    ticks = "`" * (_longest_run(line) + 1)
    pad = " " if "`" in line else ""
    return f"{ticks}{pad}{line}{pad}{ticks}".replace("|", r"\|")


def fence(text: str, language: str = "text") -> str:
    """A fenced block that nothing inside can close.

    Example:
        >>> print(fence("a"))
        ```text
        a
        ```
    """
    text = _visible(text)
    ticks = "`" * max(3, _longest_run(text) + 1)
    return f"{ticks}{language}\n{text.rstrip(chr(10))}\n{ticks}"


def clip(text: str, limit: int = 800) -> str:
    """Text of no more than ``limit`` characters, and how many were left out.

    Example:
        >>> clip("abcdef", 4)
        'abcd … [2 more characters]'
    """
    left = len(text) - limit
    return text if left <= 0 else f"{text[:limit]} … [{left:,} more character{'s' * (left > 1)}]"
