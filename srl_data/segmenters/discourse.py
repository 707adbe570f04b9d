"""Discourse markers: the words at the start of a sentence by which a line of thought shows where it turns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple, cast

from srl_data.segmenters.protect import Protected

__all__ = ["Kind", "Marker", "find_markers"]

Kind = Literal["plan", "derive", "verify", "backtrack"]


class Marker(NamedTuple):
    """A discourse marker.

    Attributes:
        start: Where the sentence that it opens starts.
        kind: What sort of move it opens.
        title: The marker in lower case, without punctuation: ``but wait``.
    """

    start: int
    kind: Kind
    title: str


# Where a sentence may start: the text's start, a line's start, behind the marks that end another. A list bullet,
# a quotation mark or emphasis may stand before its first word.
_SENTENCE = re.compile(
    r"(?:\A|\n|(?P<marks>[.!?…]++)[\"'”’)\]*_]*+(?=\s))\s*+(?P<first>)(?:[-*•>][^\S\n]++)?[\"'“‘(*_]*+"
)

# The markers are written with single spaces and straight apostrophes, and read with any.
_LEADS = r"(?:okay|ok|alright|all right|right|well|oh(?! no)|ah|yes|yeah|and|so|now|then|also|finally|first|next)"
_WILL = r"(?:let me|let's|let us|i'll|i'd|(?:i|we) (?:should|can|could|might|must|need to|have to|want to|will))"
_HOW = r"(?:(?:also|now|just|quickly|first|again|at least|perhaps|maybe|carefully) ){0,2}"

_BACKTRACK = (
    r"(?:but |no |oh )?(?:wait|hold on|hang on|actually|hm+)",
    r"(?:oh no|oops|whoops|scratch that|on second thoughts?|no(?=[,.!]))",
    r"(?:or |but )?(?:alternatively|maybe not|instead|what if|what about)",
    r"(?:or |but )?(?:maybe|perhaps) (?:try|trying|another|there's another|there is another|a different|it's better"
    r"|(?:i|we) (?:should|can|could|need to|made|missed|misread))",
    r"(?:a|is there a|there's a|here's a)n?(?:other| different| better| simpler| cleaner) "
    r"(?:way|approach|method|idea|thought|option|possibility|angle|route)",
    rf"(?:but )?{_WILL} {_HOW}(?:try|retry|rethink|re-think|reconsider|re-?examine|revisit|re-?read|start over"
    r"|start again|restart|go back|step back|backtrack|think again|do it another way|approach (?:this|it) differently)",
    r"(?:that|this|it) (?:can't be|cannot be|isn't|is not|doesn't|does not) "
    r"(?:right|correct|work|make sense|match|hold)",
    r"(?:i|we) (?:made a mistake|made an error|misread|messed up|forgot)",
)
_VERIFY = (
    rf"(?:but )?{_WILL} {_HOW}(?:check|double-?check|double check|re-?check|cross-?check|verify|confirm|test|validate"
    r"|make sure|sanity-?check|be sure|be careful|see if|see whether|recompute|recalculate"
    r"|(?:plug|substitute) (?:\w+ ){1,3}?back)",
    r"(?:just )?to (?:check|double-?check|double check|verify|confirm|be sure|be safe|make sure)",
    r"(?:double-?checking|rechecking|checking|verifying|testing|(?:plugging|substituting) (?:\w+ ){0,3}?back)",
    r"(?:as a |a |one )?(?:quick |last |final |sanity )*check",
    r"(?:is|does|do) (?:that|this|it|these|they) (?:right|correct|make sense|work|hold|check out|add up|match)",
)
_PLAN = (
    r"(?:first(?:ly| of all)?|to start(?: with)?|to begin(?: with)?|step one)",
    r"(?:let me|let's|let us) (?:try to )?(?:think|start|begin|see|recall|remember|understand|read|parse|restate|break"
    r"|figure|outline|plan|set up|define|denote|look at)",
    r"(?:i|we) (?:need|want|have) to|(?:i|we)'d (?:need|want|have) to|(?:i|we) (?:should|must)",
    r"(?:the|my|our) (?:plan|goal|idea|strategy|approach|task|first step|(?:problem|question) (?:is|asks|says|wants))",
    r"to (?:solve|find|prove|show|compute|calculate|determine|figure out|get)",
)
_DERIVE = (
    r"(?:so|therefore|thus|hence|then|now|since|next|finally|consequently|as a result|it follows)",
    r"(?:which|this|that) (?:means|gives|implies|yields|leads to|tells us)",
    r"(?:from (?:this|that|here)|given (?:this|that))",
)
_OPENING = r"(?:okay|ok|alright|all right) so"  # a plan where nothing more telling follows


def _any(*alternatives: str) -> str:
    return "|".join(alternatives).replace("'", "['’]").replace(" ", r"[,.…]{0,3}[^\S\n]{1,3}")


# a lead is no part of the title: "Okay, so let me check" is a "let me check"
_MARKER = re.compile(
    rf"(?:(?:{_any(_LEADS + ' ')}){{0,2}}"
    rf"(?:(?P<backtrack>{_any(*_BACKTRACK)})|(?P<verify>{_any(*_VERIFY)})|(?P<plan>{_any(*_PLAN)}))"
    rf"|(?P<opening>{_any(_OPENING)})|(?P<derive>{_any(*_DERIVE)}))(?![\w'’-])",
    re.IGNORECASE,
)
_PUNCTUATION = re.compile(r"[,.…]|\s+")
_HM = re.compile(r"\bhm+\b")


def find_markers(text: str, start: int, end: int, protected: Protected) -> Iterator[Marker]:
    """The discourse markers in ``text[start:end]``, in order; none of them inside a formula or code.

    Within a line a sentence must start with a capital, so that ``approx. so`` opens nothing.

    Example:
        >>> text = "So x = 2. But wait, is it? Okay, let me check."
        >>> [(marker.kind, marker.title) for marker in find_markers(text, 0, len(text), Protected(text))]
        [('derive', 'so'), ('backtrack', 'but wait'), ('verify', 'let me check')]
    """
    body = text[start:end]
    for sentence in _SENTENCE.finditer(body):
        found = _MARKER.match(body, sentence.end())
        if found is None or (sentence["marks"] and "\n" not in sentence[0] and not body[sentence.end()].isupper()):
            continue
        first = start + sentence.start("first")
        if first not in protected and found.lastgroup:
            kind = "plan" if found.lastgroup == "opening" else found.lastgroup
            yield Marker(first, cast(Kind, kind), _title(found[found.lastgroup]))


def _title(marker: str) -> str:
    return _HM.sub("hmm", " ".join(_PUNCTUATION.sub(" ", marker.lower().replace("’", "'")).split()))
