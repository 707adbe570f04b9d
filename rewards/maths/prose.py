"""Arithmetic within prose: numbers, single letters and operators, in signs or in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

__all__ = ["arithmetic"]


def arithmetic(prose: str) -> list[str]:
    """The arithmetic of a text without formulas, each piece as a text to parse, in time linear in its length.

    Left out is what may be something else: a range (``3-4 people``), a saying (``24/7``), a date, a time, a
    conversion (``1 hour = 60 minutes``, where the numbers are not equal), and the term that a word is a factor of
    (``price * 3 = 2 * 3``). Words behind a number are its unit, and are left out too.

    Example:
        >>> arithmetic("12 eggs - 4 eggs = 8 eggs, and 2 times 8 is 16; open 24/7 from 9:30 - 4 = all year")
        ['12 - 4 = 8', '2 * 8 = 16']
    """
    found: list[str] = []
    for line in prose.splitlines():
        if _DIGIT.search(line):
            found += [text for run in _runs(_tokens(line)) for chain in _chains(run) if (text := _written(chain))]
    return found


class _Token(NamedTuple):
    kind: str
    text: str
    spaced: bool
    unit: str = ""  # the word behind a number


_DIGIT = re.compile(r"\d")
_MONEY = r"(?: \\?\$ | [€£¥¢] )"
_TOKEN = re.compile(
    rf"""(?P<other> \d++ : \d[\d:]*+ | \d{{1,2}}/\d{{1,2}}/\d{{4}} (?!\d) | \d{{4}}-\d\d-\d\d (?!\d)   # times and dates
          | (?<=[^\W\d_]) \d++ )                                                                       # x1, A4
      | (?P<number> (?:{_MONEY}[ ]?)?+ (?: \d{{1,3}}(?:,\d{{3}})++(?!\d) | \d++ | (?<!\w)(?=\.\d) ) (?:\.\d++)?+
          (?: \\?% | {_MONEY}(?!\d) )?+ )
      | (?P<word> [^\W\d_]++ (?: ['’-][^\W\d_]++ )*+ )
      | (?P<equals> =++ )
      | (?P<operator> \*\* | [-+*/^×÷·−–∙] )
      | (?P<open> \( ) | (?P<close> \) )
      | (?P<space> \s++ )
      | (?P<unknown> . )""",
    re.VERBOSE | re.DOTALL,
)
_SAID = {"plus": "+", "minus": "-", "times": "*", "x": "*", "X": "*", "is": "=", "equals": "=", "equal": "="}
_ARTICLES = frozenset(["a", "A", "I"])
_NO_UNITS = frozenset(["and", "or", "so", "then", "but", "if", "since", "because", "while", "of"])
_MOST_WORDS = 4  # of a unit: "square feet of wall"
_VALUE = frozenset(["number", "letter", "close"])  # what a term may end with
_NEW = frozenset(["number", "letter", "open"])  # and begin with


def _tokens(line: str) -> list[_Token]:
    tokens: list[_Token] = []
    spaced = False
    for found in _TOKEN.finditer(line):
        kind = found.lastgroup or ""
        if kind == "space":
            spaced = True
            continue
        if kind == "word" and tokens and tokens[-1].kind == "number" and found[0] not in _SAID:
            tokens[-1] = tokens[-1]._replace(unit=found[0])
        tokens.append(_Token(kind, found[0], spaced))
        spaced = False
    return tokens + [_Token("end", "", False)] * (2 * _MOST_WORDS + 3)  # so that looking ahead needs no care


# -- runs -------------------------------------------------------------------------------------------------------------


def _runs(tokens: Sequence[_Token]) -> Iterator[list[_Token]]:
    """Tokens that may be arithmetic together. A run whose first term has lost its beginning starts with a word."""
    run: list[_Token] = []
    at = 0
    while tokens[at].kind != "end":
        before = run[-1] if run else tokens[-1]
        token, ahead = _read(tokens, at, run)
        at = ahead
        if token is None:
            continue
        if token.kind in ("word", "other", "unknown"):
            if run:
                yield run
            run = [token] if token.kind == "word" and (before.kind == "operator" or _joins(tokens[at])) else []
        elif before.kind in _VALUE and _begins_anew(token) and not _mixed(run, token):
            yield run
            run = [token]
        else:
            run.append(token)
    if run:
        yield run


def _begins_anew(token: _Token) -> bool:
    """Whether a token behind a value is no part of its term: ``3(4 + 5)`` is a product, ``3 (4 + 5)`` may not be."""
    return token.kind == "number" or (token.kind == "open" and token.spaced)


def _joins(token: _Token) -> bool:
    """Whether a token ties what is behind it to what is before it."""
    return token.kind == "operator" and token.text != "**"


def _read(tokens: Sequence[_Token], at: int, run: Sequence[_Token]) -> tuple[_Token | None, int]:
    """The next token, as what it stands for or ``None`` if it is to be passed over, and where to go on."""
    token, behind = tokens[at], tokens[at + 1]
    before = run[-1].kind if run else ""
    if token.kind == "operator" and token.text in ("*", "**") and not _is_factor(token, before, behind):
        return None, at + 1  # emphasis
    if before == "number" and (after := _behind_unit(tokens, at)):
        return None, after
    if token.kind != "word":
        return token, at + 1
    said = _SAID.get(token.text, "")
    if said == "=" and before in _VALUE and behind.kind in _NEW and _last_term(run) > 1:
        return _Token("equals", "=", True), at + 1
    if said and said != "=" and before in ("number", "close") and behind.kind in ("number", "open"):
        return _Token("operator", said, True), at + 1
    if token.text == "of" and behind.kind == "number" and _is_share(run):
        return _Token("operator", "*", True), at + 1
    if token.text == "of" and behind.text == "the" and tokens[at + 2].kind == "number" and _is_share(run):
        return _Token("operator", "*", True), at + 2
    if len(token.text) == 1 and (
        before in ("operator", "equals", "open")
        or (before == "number" and not token.spaced)
        or (not run and (behind.kind == "equals" or (behind.kind == "operator" and token.text not in _ARTICLES)))
    ):
        return token._replace(kind="letter"), at + 1
    return token, at + 1


def _is_factor(star: _Token, before: str, behind: _Token) -> bool:
    if star.text == "**":
        return before in _VALUE and behind.kind in _NEW and not behind.spaced and not star.spaced
    return before in (*_VALUE, "") and star.spaced <= behind.spaced


def _behind_unit(tokens: Sequence[_Token], at: int) -> int:
    """Where arithmetic goes on behind the words at a place, which follow a number; 0 if there are none or it does not.

    ``miles``, ``miles/hour``, ``(blue)``, ``/day``, ``dollars which``.
    """
    if len(tokens[at].text) == 1 and tokens[at].kind == "word" and not tokens[at].spaced:
        return 0  # 2x
    bracket = tokens[at].kind == "open"
    ahead = at + bracket
    for _ in range(_MOST_WORDS):
        if tokens[ahead].kind == "operator" and tokens[ahead].text == "/" and _is_unit(tokens[ahead + 1]):
            ahead += 2
        elif _is_unit(tokens[ahead]) or (ahead > at and tokens[ahead].text == "of"):
            ahead += 1
        else:
            break
    if ahead - bracket == at:
        return 0
    if bracket:
        return ahead + 1 if tokens[ahead].kind == "close" else 0
    behind = tokens[ahead]
    goes_on = behind.kind in ("operator", "equals", "close", "open") or behind.text in _SAID
    return ahead if goes_on else 0


def _is_unit(token: _Token) -> bool:
    return token.kind == "word" and token.text not in _SAID and token.text not in _NO_UNITS


def _last_term(run: Sequence[_Token]) -> int:
    """How many tokens stand behind the last equals sign."""
    count = 0
    for token in reversed(run):
        if token.kind in ("equals", "word"):
            break
        count += 1
        if count > 1:
            break
    return count


def _is_share(run: Sequence[_Token]) -> bool:
    """Whether a run ends with ``20%`` or ``1/3``."""
    if not run or run[-1].kind != "number":
        return False
    return run[-1].text.endswith("%") or (len(run) > 2 and run[-2].text == "/" and run[-3].kind == "number")


def _mixed(run: Sequence[_Token], token: _Token) -> bool:
    """Whether a number begins the fraction of a mixed one; what follows is seen to when it is parsed."""
    whole = run[-1]
    first = len(run) < 2 or run[-2].text not in ("/", "^", "**")
    plain = token.spaced and whole.text.isdigit() and token.text.isdigit() and len(token.text) < 3
    return first and plain and not whole.unit


# -- chains -----------------------------------------------------------------------------------------------------------


def _chains(run: list[_Token]) -> Iterator[list[list[_Token]]]:
    """The chains of equal terms in a run, each at least one term."""
    terms: list[list[_Token]] = [[]]
    for token in run:
        if token.kind == "equals":
            terms.append([])
        else:
            terms[-1].append(token)
    if terms[0] and terms[0][0].kind == "word":
        del terms[0]
    chain: list[list[_Token]] = []
    for place, each in enumerate(terms):
        term = _trimmed(each, is_first=not place)
        last = chain[-1] if chain else None
        if last and len(chain) == 1 and len(last) == 1 and last[0].unit:
            chain.clear()  # of `3 days = 3 * 24 hours` the right side
        elif last and len(last) == len(term) == 1 and last[0].unit and term[0].unit not in ("", last[0].unit):
            yield chain
            chain = []
        if term:
            chain.append(term)
        elif place:
            yield chain
            chain = []
    yield chain


def _trimmed(term: list[_Token], *, is_first: bool) -> list[_Token]:
    """A term without what cannot begin or end one; nothing, if a part of it is in words."""
    start, end = 0, len(term)
    while start < end and term[start].kind == "close":
        start += 1
    if start < end and term[start].kind == "operator" and (term[start].text not in "-−" or _is_gap(term, start + 1)):
        if not is_first:
            return []
        start += 1  # what marks an item of a list
    while start < end and term[end - 1].kind == "open":
        end -= 1
    if start < end and term[end - 1].kind == "operator":
        return []  # the rest is in words
    depth = 0
    for at in range(start, end):
        depth += {"open": 1, "close": -1}.get(term[at].kind, 0)
        if depth < 0:
            return term[start:at]
    while depth and start < end and term[start].kind == "open":
        start, depth = start + 1, depth - 1
    return [] if depth else term[start:end]


def _is_gap(term: Sequence[_Token], at: int) -> bool:
    return at < len(term) and term[at].spaced


_UNAMBIGUOUS = frozenset("+*×÷·∙")


def _written(chain: list[list[_Token]]) -> str:
    """A chain as a text, if it is arithmetic."""
    operators = [
        token.text in _UNAMBIGUOUS or (token.spaced and _is_gap(term, at + 2))
        for term in chain
        for at, token in enumerate(term[1:])
        if token.kind == "operator"
    ]
    letters = any(token.kind == "letter" for term in chain for token in term)
    if not (any(operators) or (len(chain) > 1 and (operators or letters))):
        return ""
    return " = ".join("".join(_pieces(term)).strip() for term in chain)


def _pieces(term: Sequence[_Token]) -> Iterator[str]:
    for token in term:
        if token.spaced:
            yield " "
        text = token.text.strip("\\$€£¥¢ ") if token.kind == "number" else token.text
        text = text.replace(",", "")
        yield f"({text.rstrip('%').rstrip(chr(92))}/100)" if text.endswith("%") and len(term) > 1 else text
