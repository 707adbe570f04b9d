"""What spaCy's English knows about single words: whether a full stop belongs to the word, what may start a clause.

spaCy's tokenizer treats every stretch between white space by itself, so that asking it word by word gives what
a whole text would, with three gains: answers are remembered, no text is too long for it, and words that are
no words (a megabyte of brackets, on which it takes quadratic time) never reach it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from threading import Lock
from typing import Any

__all__ = ["is_abbreviation", "is_function_word", "may_end_clause", "needs_number", "never_ends"]

# Abbreviations that maths and plain prose use and spaCy does not know; for each, the capitalised form too. Units
# of the metric system are symbols and have no full stop of their own.
_UNITS = """
    avg. deg. doz. ft. gal. hr. hrs. in. lb. lbs. max. mi. min. mins. misc. mo. mos. oz. pt. pts. qt. qts. sec. secs.
    sq. tbsp. tsp. wk. wks. yd. yds. yr. yrs.
"""
_REFERENCES = """
    art. ch. chap. cor. def. eq. eqn. eqs. ex. fig. figs. lem. no. nos. p. pp. prop. ref. refs. sec. thm. vol.
"""
_LEADS = """
    a.k.a. approx. ca. capt. cf. col. dr. e.g. esp. gen. gov. i.e. lt. messrs. mr. mrs. ms. mt. mx. prof. rep. rev.
    resp. sen. sgt. st. viz. vs. w.r.t. s.t.
"""
_OTHERS = "al. ave. blvd. dept. est. etc. incl. jr. sr. univ. w.l.o.g. q.e.d."
_OWN = f"{_UNITS} {_REFERENCES} {_LEADS} {_OTHERS}"
_NEED_NUMBER = frozenset(_REFERENCES.split())
_NEVER_END = frozenset(_LEADS.split())

# Words that a clause does not end in, because they ask for what comes next: "because", "is", "the"; and those in
# which it does so only before a word that cannot be what they ask for: "13 crayons to start with. She …".
_LEANING = """
    a although an and are as be because been being but can could dear did do does else equals every gave get gets give
    gives got had has have her his if is its let like made make makes may meet might minus must my named no nor not or
    our plus said says shall should since so than that the their then these this those times unless until was were
    when where whether which while who whom whose will would your
"""
_PREPOSITIONS = """
    about after against among at before between by during for from in into of off on onto over per through to toward
    towards under upon via with within without
"""
_NO_END = frozenset(_LEANING.split())
_STRANDED = frozenset(_PREPOSITIONS.split())
_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|[.'’&-])*")
_LONGEST = 24
_MOST_STRINGS = 200_000  # a spaCy vocabulary only grows; past this many strings a fresh one takes its place

_lock = Lock()
_pipelines: list[Any] = []  # the process's one pipeline, made when the first word is asked about


@lru_cache(maxsize=1 << 16)
def is_abbreviation(word: str) -> bool:
    """Whether the full stop at the end of ``word`` is part of the word.

    Example:
        >>> is_abbreviation("Mr."), is_abbreviation("hrs."), is_abbreviation("end.")
        (True, True, False)
    """
    if len(word) > _LONGEST or not word.endswith(".") or not _WORD.fullmatch(word):
        return False
    with _lock:
        return len(_english().tokenizer(word)) == 1


@lru_cache(maxsize=1 << 16)
def is_function_word(word: str) -> bool:
    """Whether a word, however capitalised, is one of those that hold sentences together: he, the, so, then, if.

    Example:
        >>> is_function_word("Then"), is_function_word("Natalia")
        (True, False)
    """
    if len(word) > _LONGEST or not _WORD.fullmatch(word):
        return False
    with _lock:
        return bool(_english().vocab[word.lower()].is_stop)


def needs_number(abbreviation: str) -> bool:
    """Whether it abbreviates only before a number: ``No. 5``, ``Eq. (3)``; ``No. He did not.`` are two sentences."""
    return abbreviation.lower() in _NEED_NUMBER


def never_ends(abbreviation: str) -> bool:
    """Whether no sentence ends in this abbreviation, since it leads up to what follows: ``Mr.``, ``e.g.``."""
    return abbreviation.lower() in _NEVER_END


def may_end_clause(word: str, *, stranded: bool = False) -> bool:
    """Whether a clause may end in this word.

    Args:
        word: The word.
        stranded: Whether it may be a preposition that nothing follows.

    Example:
        >>> may_end_clause("hours"), may_end_clause("with"), may_end_clause("with", stranded=True)
        (True, False, True)
    """
    word = word.lower()
    return word not in _NO_END and (stranded or word not in _STRANDED)


def _english() -> Any:
    """A blank English pipeline whose tokenizer knows the abbreviations above. Call it with the lock held."""
    if not _pipelines or len(_pipelines[0].vocab.strings) > _MOST_STRINGS:
        import spacy

        pipeline: Any = spacy.blank("en")
        for word in sorted(set(_OWN.split())):
            for form in {word, word.capitalize()}:
                pipeline.tokenizer.add_special_case(form, [{"ORTH": form}])
        _pipelines[:] = [pipeline]
    return _pipelines[0]
