r"""A final answer or an expression of a step, from LaTeX or plain text to a tree, in linear time.

The grammar is closed: what it does not know is :class:`Unparseable`, with a reason, never guessed at. Where a text
could be read in two ways that differ in value (``1/xy``, ``\sqrt12``), it is not parsed either. Caps on characters,
tokens, digits, exponents and depth hold before anything is computed, so that any text at all is safe to pass.
"""

from __future__ import annotations

import re
from fractions import Fraction

from rewards.maths.conventions import DEFAULT, Conventions
from rewards.maths.errors import TooLarge, Unparseable
from rewards.maths.grammar import Parser
from rewards.maths.lexer import MAX_CHARS, tokenize
from rewards.maths.names import NAMES
from rewards.maths.tree import INFINITY, MINUS_INFINITY, Apply, Choice, Collection, Interval, Node, Number, Text

__all__ = ["TooLarge", "Unparseable", "parse"]


def parse(text: str, conventions: Conventions = DEFAULT) -> Node:
    r"""Parse a final answer, or an expression, equation or chain of a step.

    Args:
        text: LaTeX or plain text, bare, in ``$…$`` or in ``\boxed{}``; a full stop at its end is not part of it.
        conventions: ``log_base`` and ``decimal_comma`` say how to read what is written in more than one way.

    Raises:
        TooLarge: If the text is over a cap.
        Unparseable: If the text is no mathematics that the grammar knows.

    Example:
        >>> parse("1,234.50")
        Number(value=Fraction(2469, 2))
        >>> parse(r"$\dfrac12x$") == parse("1/2 x")
        True
        >>> parse(r"\int_0^1 x\,dx")
        Traceback (most recent call last):
        rewards.maths.errors.Unparseable: \int has no meaning here
    """
    plain = _PLAIN.fullmatch(text)
    if plain is not None:  # by far the most frequent answers, some ten times as fast
        return _plain(plain, conventions)
    fraction = _FRACTION.fullmatch(text)
    if fraction is not None:
        return _fraction(*fraction.groups())
    if len(text) > MAX_CHARS:
        raise TooLarge(f"longer than {MAX_CHARS} characters")
    text = _bare(_unescaped(text))
    words = _words(text)
    if words is not None:
        return words
    return Parser(tokenize(text, conventions), conventions).answer()


_PLAIN = re.compile(
    r"\s?(?P<sign>-?)(?:(?P<whole>[0-9]{1,18})|(?P<groups>[1-9][0-9]{0,2}(?:,[0-9]{3}){1,5}))(?P<point>\.[0-9]{1,18})?\s?"
)


def _plain(found: re.Match[str], conventions: Conventions) -> Node:
    sign, whole, groups, point = found.groups()
    if conventions.decimal_comma and (groups or point):
        return Parser(tokenize(found[0], conventions), conventions).answer()
    digits = whole or groups.replace(",", "")
    if not point:
        return Number(Fraction(int(sign + digits)))
    return Number(Fraction(int(sign + digits + point[1:]), 10 ** (len(point) - 1)))


_FRACTION = re.compile(r"(-?)(?:\\[dt]?frac\{([0-9]{1,18})\}\{([0-9]{1,18})\}|([0-9]{1,18})/([0-9]{1,18}))")


def _fraction(sign: str, above: str | None, below: str | None, left: str | None, right: str | None) -> Node:
    found = Apply("div", (Number(Fraction(int(above or left or 0))), Number(Fraction(int(below or right or 0)))))
    return Apply("neg", (found,)) if sign else found


_DOUBLED = re.compile(r"\\\\(\\\\)|\\\\(?=[A-Za-z{}%$!,;])")


def _unescaped(text: str) -> str:
    r"""A text whose backslashes were doubled by whatever wrote it; two in a row mean nothing but in an environment."""
    if "\\\\" in text and ("\\\\begin" in text or "\\begin" not in text):
        return _DOUBLED.sub(lambda found: found[1] or "\\", text)
    return text


_STOP = re.compile(r"(?<![\\.,;:\s])[.,;:\s]++\Z")
_WRAPPED = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"))


def _bare(text: str) -> str:
    """Without the delimiters of mathematics around it and the stop behind it."""
    for _ in range(4):
        text = text.strip().rstrip("\\").rstrip()
        stop = _STOP.search(text)
        if stop and ".." not in stop[0]:  # 0.333... goes on
            text = text[: stop.start()]
        for opens, closes in _WRAPPED:
            inner = text[len(opens) : -len(closes)]
            if (
                text.startswith(opens)
                and text.endswith(closes)
                and len(text) > len(opens + closes)
                and opens not in inner
            ):
                text = inner
                break
        else:
            return text
    return text


_TEXT = re.compile(r"\\(?:text|textbf|textit|textrm|mbox|mathrm|mathbf)\s*+\{\s*+([^{}\\$]*+)\}")
_CHOICE = re.compile(r"\(([A-J])\)")
_SETS: dict[str, Node] = {
    **dict.fromkeys(["no solution", "no solutions", "no real solution", "no real solutions"], Collection("set", ())),
    **dict.fromkeys(["all real numbers", "all reals"], Interval(MINUS_INFINITY, INFINITY, False, False)),
}
"""Sets that are said in words."""
_WORDS = re.compile(r"[^\W\d_]++(?:[ ,.'’-]++[^\W\d_]++)*+[.!]?")


def _words(text: str) -> Node | None:
    """A multiple-choice letter, or words; ``None`` if it is neither."""
    upright = _TEXT.fullmatch(text)
    inner = (upright[1] if upright else text).strip().rstrip(".")
    if choice := _CHOICE.fullmatch(inner):
        return Choice(choice[1])
    if upright and len(inner) == 1 and "A" <= inner <= "J" and not text.startswith((r"\mathrm", r"\mathbf")):
        return Choice(inner)
    if not _WORDS.fullmatch(inner):
        return None
    if inner.lower() in _SETS:
        return _SETS[inner.lower()]
    pieces = re.findall(r"[^\W\d_]+", inner)
    if any(len(each) > 3 and each not in NAMES and not _applied(each) for each in pieces) or (
        upright and any(len(each) > 1 for each in pieces) and not any(each in NAMES for each in pieces)
    ):
        return Text(" ".join(inner.lower().split()))
    return None


def _applied(word: str) -> bool:
    return word[:-1] in NAMES  # sinx
