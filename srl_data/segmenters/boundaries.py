"""Where a sentence of English prose with maths in it ends: every gap between two words is judged once.

What words are (abbreviations, function words) is spaCy's knowledge; how a full stop, a capital and an equation's
result go together is ours. The rules are general ones and know nothing of any data set.
"""

from __future__ import annotations

import re
from enum import Enum

from srl_data.segmenters import english

__all__ = ["Gap", "Reader"]

MARKS = ".!?…。！？"
_CLOSERS = "\"'”’»)]}*_`」』）】"
_OPENERS = "\"'“‘«([{*_`$¿¡「『（【\\"
_EDGE = 48  # so much of a long word is looked at, on either side

_CLOSING = re.compile(r"(?:\\[\])]|[\"'”’»)\]}$%」』）】])+")
# marks at the end of a word; quotes, brackets or a formula may close behind them: `(x = 5.)`, `\(x = 5.\)`
_STOP = re.compile(rf"([{MARKS}]+)(?:\\[\])]|[$]|[{re.escape(_CLOSERS)}])*\Z")
_ITEM = re.compile(r"[-*•–]|#{1,6}|\(?(?:\d{1,3}|[A-Za-z])[.)]")
_COUNTER = re.compile(r"(?:\d{1,3}|[A-Z])\.")
_DISPLAY_OPENS = ("\\[", "$$", "\\begin{")
_DISPLAY_END = re.compile(r"(?:\\\]|\$\$|\\end\{[a-z]+\*?\}),?\Z")
_FENCE = re.compile(r"`{3,}|~{3,}")
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")
_INITIAL = re.compile(r"[A-Z]\.")
_DOTTED = re.compile(r"(?:[^\W\d_]{1,3}\.){2,}")  # P.E., B.Sc.
_NAME = re.compile(r"[^\W\d_][^\W\d_'’-]*")
_NO_START = frozenset("=+*/<>^,;:)]}%|×÷·~")

_NUMBER = re.compile(r"[$€£]?(?:\d[\d,]*\.?\d*|\.\d+)[%¢°]?")
_FRACTION = re.compile(r"\d+/\d+")
_TRIPLE = re.compile(r"\d{3}")
_OPERATOR = re.compile(r"[-−–+*/x×÷=·]|\\(?:times|cdot|div)")
_COMPUTATION = re.compile(r"[($€£]*(?:\d[\d,]*\.?\d*|\.\d+)\)*[-−–+*/x×÷=]")
_ALGEBRA = re.compile(r"\S*[\d)}\]$%]|\d*[A-Za-z]")  # what an equation's side may end in: 22, 2p/5, (p+3), x
_RESULT_WORDS = 9  # so many words behind the equals sign still name what was counted

# Heads of a main clause, which follow no preposition: "13 crayons to start with She" holds two clauses.
_HEADS = frozenset(
    ("he", "she", "they", "we", "it", "so", "then", "therefore", "thus", "hence", "that", "this", "there")
)


class Gap(Enum):
    """What the white space between two words is."""

    INSIDE = "inside"  # of a sentence
    LINE = "line"  # the layout ends the sentence: a blank line, a list item
    MARK = "mark"  # a full stop or the like ends it
    CLAUSE = "clause"  # nothing marks the end, yet a new clause begins
    GUESS = "guess"  # the same, likely only where the writer leaves out full stops: "… = 12 shells Alan has"


class Reader:
    """Reads a text word by word and says where a sentence ends.

    Args:
        text: The text.
        every_line: Whether every line end is a sentence's end, and not only blank lines and list items.
        clauses: Whether a computation's result followed by a new clause is one.
    """

    def __init__(self, text: str, *, every_line: bool, clauses: bool) -> None:
        self._text = text
        self._every_line = every_line
        self._clauses = clauses
        self._end = 0
        self.restart()

    def restart(self) -> None:
        """Begin a new sentence with the word that is read next."""
        self._word = ""  # the last word's tail, closing quotes and brackets apart
        self._marks = ""  # the marks that end it
        self._has_digit = False
        self._behind_display = self._behind_fence = False
        self._depth = 0  # open round brackets
        self._result: int | None = None  # words since the last equals sign
        self.is_empty = True  # nothing but punctuation so far

    @property
    def is_ended(self) -> bool:
        """Whether the last word read has the marks that end a sentence."""
        return bool(self._marks)

    def read(self, start: int, end: int) -> None:
        """Take in the word ``text[start:end]``."""
        newline = "\n" in self._text[self._end : start] or not self._end
        self._end = end
        word = self._text[max(start, end - _EDGE) : end]
        if self.is_empty and ((newline and _ITEM.fullmatch(word)) or _COUNTER.fullmatch(word)):
            self._word = self._marks = ""  # a list marker: what it numbers is yet to come
            return
        self._behind_fence = _FENCE.fullmatch(word) is not None
        if _CLOSING.fullmatch(word):
            self._behind_display = _DISPLAY_END.search(word) is not None
            return  # closes what came before
        stop = _STOP.search(word)
        self._marks = stop[1] if stop else ""
        self._behind_display = _DISPLAY_END.search(word) is not None
        self._word = (word[: stop.end(1)] if stop else word.rstrip(_CLOSERS)).lstrip(_OPENERS)
        whole = word if end - start <= _EDGE else self._text[start:end]
        self.is_empty = self.is_empty and not any(char.isalnum() for char in whole)
        self._has_digit = self._has_digit or any(char.isdigit() for char in whole)
        self._depth = max(0, self._depth + whole.count("(") - whole.count(")"))
        if "=" in whole:
            self._result = 0
        elif self._result is not None:
            self._result += 1

    def gap_before(self, start: int, end: int, following: str) -> Gap:
        """What the gap between the last word read and the word ``text[start:end]`` is.

        Args:
            start: Where the word starts.
            end: Where it ends.
            following: The word after it, or an empty string.
        """
        if self.is_empty:
            return Gap.INSIDE
        gap = self._text[self._end : start]
        word = self._text[start : min(end, start + _EDGE)]
        if "\n" in gap and (self._every_line or self._behind_fence or _BLANK_LINE.search(gap) or _ITEM.fullmatch(word)):
            return Gap.INSIDE if self._is_around_display(word) else Gap.LINE
        if self._marks:
            return Gap.MARK if self._ends_at_marks(word) else Gap.INSIDE
        if not self._clauses or not self._has_digit or self._depth:
            return Gap.INSIDE
        found = self._gap_behind_result(word, following)
        return Gap.CLAUSE if found is Gap.GUESS and "\n" in gap else found

    def _is_around_display(self, word: str) -> bool:
        """Whether the sentence runs on into a display, or out of it in lower case."""
        if self._marks:
            return False
        return word.startswith(_DISPLAY_OPENS) or (self._behind_display and word[:1].islower())

    def _ends_at_marks(self, word: str) -> bool:
        head = word.lstrip(_OPENERS)
        first = head[:1]
        if not first:
            return "$" in word or "\\[" in word  # a display begins; anything else closes what came before
        capital = first.isupper()
        if first.islower() or first in _NO_START or (first in "-–−" and not head[1:2].isdigit()):
            return False
        if "…" in self._marks or "..." in self._marks:
            return capital
        if self._marks.strip("."):
            return True  # a question mark, an exclamation mark, a Chinese or Japanese full stop
        return self._ends_at_full_stop(head, capital)

    def _ends_at_full_stop(self, head: str, capital: bool) -> bool:
        last = self._word
        name = _NAME.match(head)
        if len(last) == 2 and last[0].islower():
            return capital  # x. Then
        if not (english.is_abbreviation(last) or _DOTTED.fullmatch(last)):
            return True
        if english.needs_number(last):
            return not (head[0].isdigit() or head[0] in "(\\")
        if english.never_ends(last) or not capital or name is None:
            return False
        if last[0].isupper():  # A. B. Smith, U.S. President; but: from the U.S. They
            return english.is_function_word(name[0]) and not _INITIAL.match(head)
        return len(name[0]) == 1 or not name[0].isupper()  # 5 p.m. EST

    def _gap_behind_result(self, word: str, following: str) -> Gap:
        last = self._word
        if not last or not (last[-1].isalnum() or last[-1] in "%$)}]°¢"):
            return Gap.INSIDE
        in_result = self._result is not None and self._result <= _RESULT_WORDS
        is_maths = bool(_ALGEBRA.fullmatch(last))
        head = word.lstrip(_OPENERS)
        if head[:1].isdigit() or (head[:1] == "." and head[1:2].isdigit()):
            return Gap.GUESS if in_result and self._ends_before_number(word, following, is_maths) else Gap.INSIDE
        name = _NAME.match(head)
        if name is None or not name[0][0].isupper() or (name[0].isupper() and name[0] not in ("A", "I")):
            return Gap.INSIDE  # lower case, or a unit or variable in capitals
        if name[0] in ("A", "I") and not (following[:1].islower() and len(following) > 1):
            return Gap.INSIDE  # a variable
        if english.is_function_word(name[0]):
            ends = english.may_end_clause(last, stranded=name[0].lower() in _HEADS)
            goes_on = following[:1].islower() or following[:1].isdigit()
            if (last[0].isupper() or name[0] == "The") and not goes_on:
                ends = ends and self._result is not None and not last[0].isupper()  # The Hobbit, West Side High
            return Gap.CLAUSE if is_maths or ends else Gap.INSIDE
        ends = is_maths or (english.may_end_clause(last) and not last[0].isupper())
        return Gap.GUESS if in_result and ends else Gap.INSIDE

    def _ends_before_number(self, word: str, following: str, is_maths: bool) -> bool:
        operator = _OPERATOR.fullmatch(following) is not None
        if is_maths and _NUMBER.fullmatch(self._word):
            goes_on = _FRACTION.fullmatch(word.rstrip(MARKS + ",")) or _TRIPLE.fullmatch(word[:3])  # 2 1/2, 10 000
            return operator or not goes_on
        return (operator or _COMPUTATION.match(word) is not None) and english.may_end_clause(self._word)
