"""A text as tokens: LaTeX, plain text and Unicode mathematics in one vocabulary, in linear time."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from rewards.maths.conventions import Conventions
from rewards.maths.errors import TooLarge, Unparseable
from rewards.maths.names import COMMANDS, GREEK, IGNORED, NAMES, OPERATORS, SPACES, UPRIGHT
from rewards.maths.units import SCALES, SHORT_WORDS, UNITS

__all__ = ["CLOSES", "MAX_CHARS", "MAX_DIGITS", "MAX_TOKENS", "OPENS", "Token", "tokenize"]

MAX_CHARS = 4_000
MAX_TOKENS = 1_000
MAX_DIGITS = 500


class Token(NamedTuple):
    r"""One token.

    Attributes:
        kind: ``number``, ``repeating`` (a repeating decimal), ``word`` (letters), ``upright`` (letters in ``\text{}``
            or the like), ``command`` (a name of LaTeX without its backslash), ``bar`` or an operator's own spelling.
        text: The digits, the letters, or the name.
        spaced: Whether white space stands before it.
    """

    kind: str
    text: str
    spaced: bool


def tokenize(text: str, conventions: Conventions) -> list[Token]:
    r"""Cut a text into tokens; the last one is of kind ``end``.

    Raises:
        TooLarge: If the text, a number, or the number of tokens is over its cap.
        Unparseable: If a character or a command has no meaning here.

    Example:
        >>> [token.text for token in tokenize(r"\dfrac{1}{2} × 1,000", Conventions())]
        ['frac', '{', '1', '}', '{', '2', '}', '*', '1000', '']
    """
    if len(text) > MAX_CHARS:
        raise TooLarge(f"longer than {MAX_CHARS} characters")
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _SCRIPTS.sub(_script, text).translate(_UNICODE))
        if len(text) > 2 * MAX_CHARS:
            raise TooLarge(f"longer than {MAX_CHARS} characters")
    tokens: list[Token] = []
    text = _ROW_SPACING.sub(r"\\\\ ", text) if "\\\\[" in text else text
    _scan(text, tokens, conventions, upright=False)
    tokens.append(Token("end", "", False))
    return tokens


# --- Unicode -----------------------------------------------------------------------------------------------------

_GREEK_LETTERS = "αβγδεζηθικλμνξρστυφχψωΓΔΘΛΞΣΦΨΩ"
_UNICODE = str.maketrans(
    {
        **dict.fromkeys("×·⋅∙∗•", "*"),
        **dict.fromkeys("−–—‐‑﹣－", "-"),
        **dict.fromkeys("÷∕⁄", "/"),
        **dict.fromkeys("°º", r"^\circ "),
        **dict.fromkeys("’′", "'"),
        "√": r"\sqrt ",
        "∛": r"\sqrt[3]",
        "π": r"\pi ",
        "∞": r"\infty ",
        "≤": "<=",
        "⩽": "<=",
        "≥": ">=",
        "⩾": ">=",
        "≠": "!=",
        "∪": r"\cup ",
        "∈": r"\in ",
        "∅": r"\emptyset ",
        "±": r"\pm ",
        "∓": r"\mp ",
        "ℝ": r"\mathbb{R}",
        "⟨": r"\langle ",
        "⟩": r"\rangle ",
        "⌊": r"\lfloor ",
        "⌋": r"\rfloor ",
        "⌈": r"\lceil ",
        "⌉": r"\rceil ",
        "…": r"\ldots ",
        **{letter: rf"\{name} " for letter, name in zip(_GREEK_LETTERS, GREEK, strict=True)},
        **dict.fromkeys("\ufeff\u200b\u2061\u2062", " "),
    }
)
_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿ", "0123456789+-()n", strict=True))
_SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉ₙ", "0123456789n", strict=True))
_SCRIPTS = re.compile(f"([{''.join(_SUPERSCRIPTS)}]+)|([{''.join(_SUBSCRIPTS)}]+)|([¼-¾⅐-⅞])")


def _script(found: re.Match[str]) -> str:
    if found[1]:
        return "^{" + "".join(_SUPERSCRIPTS[each] for each in found[1]) + "}"
    if found[2]:
        return "_{" + "".join(_SUBSCRIPTS[each] for each in found[2]) + "}"
    above, _, below = unicodedata.normalize("NFKC", found[3]).partition("⁄")
    return rf"\frac{{{above}}}{{{below}}}"


_ROW_SPACING = re.compile(r"\\\\\[\s*+-?[\d.]++\s*+(?:pt|em|ex|mm|cm)\s*+\]")  # more room below a row of a matrix


# --- scanning ----------------------------------------------------------------------------------------------------

_REST = rf"""
  | (?P<upright> \\ (?:{"|".join(UPRIGHT)}) \*? \s*+ \{{ (?P<inner> [^{{}}]*+ ) \}} )
  | \\mathbb \s*+ (?P<board> \{{ \s*+ [A-Z] \s*+ \}} | \s [A-Z] )
  | \\ (?P<command> q?quad | [A-Za-z]++ | [^A-Za-z] )
  | (?P<mod> \( \s*+ (?: \\b?mod | mod | \\text\s*+\{{ \s*+ mod \s*+ \}} ) (?![A-Za-z]) )
  | (?P<word> [A-Za-z]++ | [^\W\d_] )
  | (?P<operator> <= | >= | != | == | \*\* | [-+*/^_()\[\]{{}}|!%=<>,;:&'$€£¥] )
  | (?P<space> [\s~]++ )
"""
_THIN = r"(?: \{,\} | \\[,;\ ] | \\! , | ,\\! )"  # separates thousands whatever stands around it
_SPACE = "[ ]"
_BACK = r",\\![ ]"  # 11,\! 111, as MATH has it
_NO_MIXED = r"(?! \d | \s*+ [/\\]\s*+(?:\d|d?frac) )"  # 3 125/1000 is a mixed number
_EXPONENT = r"(?: [eE] [+-]? \d++ (?! [\d.] ) )?"


def _numbers(point: str, separators: list[str]) -> re.Pattern[str]:
    groups = "|".join(rf"(?: {each} \d{{3}} )++ {_NO_MIXED if each == _SPACE else ''}" for each in separators)
    if point == r"\." and "," not in separators:  # within brackets 000 is no item of its own, so 10,000 is a number
        groups += r"| ,0\d{2} (?: ,\d{3} )*+"
    pattern = rf"""
    (?P<repeating> \d*+ {point} \d*+ \\overline \s*+ (?: \{{ \d++ \}} | \d ) )
  | (?P<thousands> (?<!\^) [1-9]\d{{0,2}}+ (?: {groups} ) (?! \d ) (?: {point} \d++ )? )
  | (?P<number> (?: \d++ (?: {point} \d++ | \{{,\}} \d++ )? | {point} \d++ ) {_EXPONENT} )
    """
    return re.compile(pattern + _REST, re.VERBOSE)


# by whether the comma is the decimal one, then by whether a comma separates items here
_PATTERNS = {
    False: {
        False: _numbers(r"\.", [",", _BACK, _THIN, _SPACE]),
        True: _numbers(r"\.", [_THIN]),
    },
    True: {
        False: _numbers(",", [r"\.", _THIN, _SPACE]),
        True: _numbers(",", [r"\.", _THIN]),
    },
}
OPENS = frozenset(["(", "[", r"\{"])
CLOSES = frozenset([")", "]", r"\}", "}"])
"""Kinds of brackets; a brace that opens groups, and holds no items of its own."""
_ENDS_OPERAND = frozenset(["number", "repeating", "word", "upright", ")", "]", "}", "|", "%", "circ", "!"])


def _scan(text: str, tokens: list[Token], conventions: Conventions, *, upright: bool) -> None:
    patterns = _PATTERNS[conventions.decimal_comma]
    dollars = text.count("$") - text.count("\\$")
    inside = [False]  # whether a comma separates items, bracket by bracket
    match = patterns[False].match
    at, end, spaced = 0, len(text), False
    while at < end:
        found = match(text, at)
        if found is None:
            raise Unparseable(f"{text[at]!r} has no meaning here")
        at = found.end()
        what = found.lastgroup
        written = found[0]
        if what == "space":
            spaced = True
            continue
        kind = written
        if what == "number" or what == "thousands" or what == "repeating":
            kind, written = "number" if what == "thousands" else what, _digits(written, what, conventions)
        elif what == "word":
            _word(written, tokens, spaced, upright)
            spaced = False
            continue
        elif what == "inner" or what == "upright":
            if not found["inner"].strip():
                tokens.append(Token("upright", "", spaced))
            _scan(found["inner"], tokens, conventions, upright=True)
            spaced = True
            continue
        elif what == "mod":
            kind = "mod"
        elif what == "board":
            kind, written = "board", written[-2] if written[-1] == "}" else written[-1]
        elif what == "command":
            name = found["command"]
            if name in IGNORED:
                spaced = spaced or name in SPACES
                continue
            if name in OPERATORS:
                kind = written = OPERATORS[name]
            elif name in COMMANDS:
                kind, written = "command", COMMANDS[name]
            else:
                raise Unparseable(f"\\{name[:20]} has no meaning here")
        elif written == "$" and dollars % 2 == 0:
            continue  # they stand around mathematics
        elif written == "==":
            kind = "="
        elif written == "**":
            kind = "^"
        elif written == "!=" and not spaced and tokens and tokens[-1].kind in ("number", ")", "}"):
            tokens.append(Token("!", "!", False))  # 5!=120
            kind = "="
        elif written == ".":
            raise Unparseable("a full stop among the mathematics")
        tokens.append(Token(kind, written, spaced))
        spaced = False
        if kind in OPENS or kind == "{":
            inside.append(kind != "{")
            match = patterns[inside[-1]].match
        elif kind in CLOSES and len(inside) > 1:
            inside.pop()
            match = patterns[inside[-1]].match
        if len(tokens) > MAX_TOKENS:
            raise TooLarge(f"more than {MAX_TOKENS} tokens")


_KEPT = UNITS.keys() | {"per", "sq"}


def _word(letters: str, tokens: list[Token], spaced: bool, upright: bool) -> None:
    behind = bool(tokens) and tokens[-1].kind in _ENDS_OPERAND
    known = letters in NAMES or (behind and (letters in _KEPT or (letters in SHORT_WORDS and spaced)))
    if letters in ("or", "and"):
        tokens.append(Token(",", letters, True))
    elif letters == "in" and not (behind and tokens[-1].kind == "number"):
        tokens.append(Token("in", letters, spaced))
    elif letters in SCALES and behind and tokens[-1].kind in ("number", "}"):
        tokens += [Token("*", "*", spaced), Token("number", "1" + "0" * SCALES[letters], False)]
    elif upright or len(letters) == 1 or len(letters) > 3 or known:
        tokens.append(Token("upright" if upright else "word", letters, spaced))
    else:
        tokens.extend(Token("word", letter, spaced) for letter in letters)


def _digits(written: str, what: str, conventions: Conventions) -> str:
    """The number as Python writes it; of a repeating one, what repeats stands in brackets."""
    if len(written) > MAX_DIGITS and sum(map(str.isdigit, written)) > MAX_DIGITS:
        raise TooLarge(f"a number of more than {MAX_DIGITS} digits")
    if what == "repeating":
        head, _, tail = written.partition("\\overline")
        return f"{head.replace(',', '.')}({tail.strip(' {}')})"
    if conventions.decimal_comma:
        written = written.replace("{,}", ",").replace(".", "").replace(",", ".")
    elif what == "number":
        return written.replace("{,}", ".")
    return _SEPARATORS.sub("", written)


_SEPARATORS = re.compile(r"[^\d.eE+-]")
