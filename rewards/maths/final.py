r"""The final answer of a completion: where it stands, by which rule it was found, and what it is.

The rules and their precedence:

==== ========== ======================================================================================
rank rule       what it takes
==== ========== ======================================================================================
1    ``box``    ``\boxed{x}`` or ``\fbox{x}``, the innermost of nested ones
1    ``tag``    ``<answer>x</answer>``
1    ``hash``   ``#### x`` on the very last line; on an earlier one if ``x`` is only a value
1    ``label``  ``Answer: x`` at the start of a line; ``x`` may be the next paragraph. ``A: x`` on the last line
2    ``phrase`` ``the (final, correct) answer is x``, up to the end of the sentence; ``the correct option is B``
3    ``line``   the last line, if it is only a value (a number with a unit, a formula, a letter)
4    ``reply``  the whole reply, if it is one short line; of ``We get $x$.`` the formula
==== ========== ======================================================================================

A rule of a lower rank goes first; within a rank, and within a rule, what stands last counts. So a model may correct
itself, and gains nothing by listing: what it said before its last statement is not looked at. Boxes that only joining
words part (``\boxed{2} or \boxed{3}``) are one statement of several answers.

What stands in a monologue, up to the last ``</think>`` or behind a ``<think>`` that is never closed, does not count.
Everything here takes time linear in the text, whatever the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, get_args

__all__ = ["RULES", "Final", "Rule", "clean", "final_answer", "is_value", "marked_answer", "spoken", "stated_answer"]

Rule = Literal["box", "tag", "hash", "label", "phrase", "line", "reply"]
"""How an answer was found."""

RULES: tuple[Rule, ...] = get_args(Rule)
"""Every rule, in the order of the table above."""


class Final(NamedTuple):
    r"""The final answer of a text.

    Attributes:
        answers: What is stated as the answer, without the markup around it: one entry, or several if boxes were
            joined (``\boxed{2} and \boxed{3}``). Entries are not empty.
        rule: The rule that found it.
        at: Where its statement begins, in the text that :func:`spoken` leaves.
    """

    answers: tuple[str, ...]
    rule: Rule
    at: int

    @property
    def answer(self) -> str:
        """The answer as one text; several are joined by commas."""
        return ", ".join(self.answers)


def final_answer(text: str, *, prefilled: bool = False) -> Final | None:
    r"""The final answer of a completion, or ``None`` if it states none.

    Args:
        text: The completion.
        prefilled: Whether the prompt ended with ``<think>``, so that the completion begins inside the monologue.

    Example:
        >>> final_answer(r"<think>\boxed{3}?</think>It is $\boxed{\frac{1}{2}}$.")
        Final(answers=('\\frac{1}{2}',), rule='box', at=7)
        >>> final_answer("16 - 7 = 9\n#### 9").rule, final_answer("So the answer is 9.").answer
        ('hash', '9')
        >>> final_answer("I give up.\n\nSorry.") is None
        True
    """
    text = spoken(text, prefilled=prefilled)
    return marked_answer(text) or _phrase(text) or _line(text)


def spoken(text: str, *, prefilled: bool = False) -> str:
    """What a reply says aloud: line ends made plain, the monologue and trailing white space left out.

    Example:
        >>> spoken("<think>Add.</think> It is 7. "), spoken("Add.", prefilled=True), spoken("So 7. <think>Or")
        (' It is 7.', '', 'So 7.')
    """
    end = text.rfind("</think>")
    if end >= 0:
        text = text[end + len("</think>") :]
    elif prefilled:
        return ""
    start = text.find("<think>")
    if start >= 0:
        text = text[:start]
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.rstrip()


def marked_answer(text: str) -> Final | None:
    r"""The answer that a text marks as such, by a rule of rank 1: a box, a tag, ``####`` or a label.

    That is what to read a dataset's answers by, where they may be whole solutions.

    Args:
        text: What :func:`spoken` leaves, or any text without a monologue.
    """
    found = _box(text)
    for rule in (_tag, _hash, _label):  # a mark in front of one that is found need not be looked for
        found = rule(text, found.at if found else 0) or found
    return found


def stated_answer(text: str) -> Final | None:
    r"""The answer that a text states in so many words: by a mark, or by a phrase (ranks 1 and 2).

    That is what to read solutions by, which may well end in a line that is a value and not the answer.

    Example:
        >>> stated_answer("Half of 8 is 4.\n#### 4").answer, stated_answer("x + 1 = 3\nx = 2")
        ('4', None)
    """
    text = spoken(text)
    return marked_answer(text) or _phrase(text)


# -- rank 1: marks ----------------------------------------------------------------------------------------------------

_PLAIN_BOX = re.compile(r"\\(?:boxed|fbox)\s*+(?:\{([^{}\\]*+)\}|([0-9A-Za-z.]++)(?=\s*+(?:[$.\n]|$)))")
_BRACES = re.compile(r"(\\(?:boxed|fbox)\s*+\{)|\\.|[{}]", re.DOTALL)
_JOINING = r"""\s++ | [,;/|&.] | \\[,;:!\\ ] | \\q?quad(?![A-Za-z]) | \\(?:lor|vee|land|wedge)(?![A-Za-z])
    | \b(?:or|and|and/or)\b | \\(?:text|mbox|textrm|mathrm)\s*+\{\s*+(?:or|and)?\s*+\}"""
_JOINT = re.compile(rf"(?:{_JOINING})*+", re.VERBOSE | re.IGNORECASE)
_BOX_JOINT = re.compile(rf"(?:{_JOINING} | \$ | \\[()\[\]])*+", re.VERBOSE | re.IGNORECASE)
_LONGEST_JOINT = 60


def _box(text: str) -> Final | None:
    last = max(text.rfind("\\boxed"), text.rfind("\\fbox"))
    if last < 0:
        return None
    if text.find("\\boxed") in (-1, last) and text.find("\\fbox") in (-1, last):  # the only one, as a rule
        plain = _PLAIN_BOX.match(text, last) if text[last - 1 : last] != "\\" else None
        if plain:
            answer = clean(plain[1] or plain[2] or "")
            return Final((answer,), "box", last) if answer else None
    boxes = sorted(_boxes(text))
    while boxes and not text[boxes[-1][1] : boxes[-1][2]].strip():
        boxes.pop()  # templates say `\boxed{}`
    answers: list[str] = []
    start = -1
    for at, opening, closing in reversed(boxes):
        gap = start - closing
        if answers and not (0 < gap <= _LONGEST_JOINT and _BOX_JOINT.fullmatch(text, closing + 1, start)):
            break
        answers.append(clean(text[opening:closing]))
        start = at
    answers = [answer for answer in answers if answer]
    return Final(tuple(dict.fromkeys(reversed(answers))), "box", start) if answers else None


def _boxes(text: str) -> Iterator[tuple[int, int, int]]:
    """Where each closed box begins, where its content does, and where that ends."""
    open_braces: list[tuple[int, int] | None] = []
    for token in _BRACES.finditer(text):
        if token[1]:
            open_braces.append(token.span())
        elif token[0] == "{":
            open_braces.append(None)
        elif token[0] == "}" and open_braces and (box := open_braces.pop()):
            yield *box, token.start()


_TAG = "<answer>"


def _tag(text: str, behind: int) -> Final | None:
    end = text.rfind("</answer>", behind)
    while end >= 0:
        start = text.rfind(_TAG, behind, end)
        if start < 0:
            return None
        said = text[start + len(_TAG) : end]
        inner = _phrase(said)
        if answers := inner.answers if inner else _said(said):
            return Final(answers, "tag", start)
        end = text.rfind("</answer>", behind, start)
    return None


_HASH = re.compile(r"(?:[Ss]tep [0-9]{1,3}[:.)] {0,4}|[ \t]{0,8})####(?!#)([^\n]++)")
_NUMBERED = re.compile(r"####[\s*_]*+\d++(?:\.\d++)*+[.:)](?=\s|$)", re.MULTILINE)  # `#### 2.` is a heading


def _hash(text: str, behind: int) -> Final | None:
    if text.find("####", behind) < 0:
        return None
    last_line = text.rfind("\n") + 1
    if last_line >= behind and (found := _HASH.match(text, last_line)) and (answer := clean(found[1])):
        return Final((answer,), "hash", last_line)
    end = len(text)
    while (at := text.rfind("####", behind, end)) >= 0:
        found = _HASH.match(text, at) if text[at - 1 : at] in ("", "\n") else None
        if found and is_value(answer := clean(found[1])) and not _NUMBERED.match(text, at):
            return Final((answer,), "hash", at)
        end = at
    return None


_BEFORE_LABEL = re.compile(
    r"(?:^|\n)[^\S\n]*+(?:[-#>*_]++[^\S\n]*+){0,3}(?:\\text\w{0,2}\{)?(?:(?:the )?(?:final|correct) )?$", re.IGNORECASE
)
_LABEL = re.compile(r"answer[*_]*+[^\S\n]*+(?:[:：][*_}]*+([^\n]*+)|\}?(?=\n|$))", re.IGNORECASE)
_PARAGRAPH = re.compile(r"\s*+((?:[^\n]++\n?)++)")
_BEFORE = 80  # how far a rule looks back from the word that it goes by


def _label(text: str, behind: int) -> Final | None:
    last_line = text.rfind("\n") + 1
    if last_line >= behind and text.startswith("A:", last_line) and (answers := _said(text[last_line + 2 :])):
        return Final(answers, "label", last_line)
    for at in _occurrences(text, behind):
        before = _BEFORE_LABEL.search(text, max(0, at - _BEFORE), at)
        if not before or not (found := _LABEL.match(text, at)):
            continue
        answers = _said(found[1] or "")
        if not answers and (paragraph := _PARAGRAPH.match(text, found.end(), found.end() + 4 * _LONGEST)):
            answers = _said(paragraph[1])
        if answers:
            return Final(answers, "label", before.start())
    return None


def _occurrences(text: str, behind: int = 0, *, words: Sequence[str] = ("answer",)) -> Iterator[int]:
    """Where the words stand, last first."""
    lowered = text[behind:].lower()
    if len(lowered) != len(text) - behind:  # the one letter that grows
        lowered = text[behind:].replace("İ", "i").lower()
    places = [lowered.rfind(word) for word in words]
    while (at := max(places)) >= 0:
        yield behind + at
        which = places.index(at)
        places[which] = lowered.rfind(words[which], 0, at)


# -- ranks 2 to 4 -----------------------------------------------------------------------------------------------------

_BEFORE_PHRASE = re.compile(r"\b(?:the|my|our|this|final|correct|right)[*_\s]++$", re.IGNORECASE)
_PHRASE = re.compile(
    r"answer(?: to [^.:\n]{1,80}?)? (?:is|must be|equals)\b[:：\s*_]*+((?:[^\n]++\n?)++)", re.IGNORECASE
)
_BEFORE_CHOICE = re.compile(r"\bthe[*_\s]++(?:final|correct|right)[*_\s]++$", re.IGNORECASE)
_CHOICE = re.compile(  # and not "the right choice is A triangle"
    r"(?i:option|choice) is\b[:\s*_]*+(\([A-J]\)|[A-J])(?:[.,;:)*_\n]|\s*+$|\s(?:because|since|as|which)\b)"
)


def _phrase(text: str) -> Final | None:
    for at in _occurrences(text, words=("answer", "option", "choice")):
        if (found := _CHOICE.match(text, at)) and _BEFORE_CHOICE.search(text, max(0, at - 20), at):
            return Final((found[1],), "phrase", at)
        if not _BEFORE_PHRASE.search(text, max(0, at - 20), at):
            continue
        found = _PHRASE.match(text, at, at + 4 * _LONGEST)
        if found and (answers := _said(found[1], sentence=True)):
            return Final(answers, "phrase", at)
    return None


_FEW = 6  # words of a reply that is an answer and nothing else
_PROSE = re.compile(r"[.!?:]\s|\\boxed|</?answer>")
_DISPLAYS = {"\\]": "\\[", "$$": "$$"}


def _line(text: str) -> Final | None:
    at = text.rfind("\n") + 1
    line = text[at:].strip()
    if opening := _DISPLAYS.get(line):  # the end of a display
        start = text.rfind(opening, 0, at)
        said = text[start + 2 : at].strip() if start >= 0 and at - start < 4 * _LONGEST else ""
        return Final((said,), "line", start) if said else None
    if len(line) > _LONGEST:
        return None
    answer = clean(line)
    bare = answer.lstrip("=∴ ")
    if bare and "\\boxed" not in bare and (is_value(bare) or line.strip("*_. ") == f"${answer}$"):
        return Final((bare,), "line", at)
    if answer and not text[:at].strip() and len(answer.split()) <= _FEW and not _PROSE.search(answer):
        formula = _ENDS_IN_FORMULA.fullmatch(answer)
        return Final((clean(formula[1]) if formula else answer,), "reply", at)
    return None


# -- values -----------------------------------------------------------------------------------------------------------

_LONGEST = 300  # characters; what is longer is no answer but the prose that follows a label
_WRAPPERS = (("\\[", "\\]"), ("\\(", "\\)"), ("$$", "$$"), ("$", "$"), ("`", "`"), ('"', '"'), ("“", "”"))
_WRAPPING = frozenset(opening[0] for opening, _ in _WRAPPERS)
_SENTENCE_END = re.compile(r"[.!?](?=[\s*_]|$)|\n\s*+\n")
_ASIDE = re.compile(r",?\s(?:because|since|as|which|so|where|for|not)\b.*+", re.DOTALL | re.IGNORECASE)
_SPAN = re.compile(
    r"\$\$([^$]++)\$\$|\$(?![\s$])((?:[^$\\]|\\.)*+)(?<=\S)\$(?!\d)|\\\(((?:[^\\]|\\(?!\)))*+)\\\)|\\\[((?:[^\\]|\\(?!\]))*+)\\\]",
    re.DOTALL,
)
_UNIT = re.compile(r"\\?%|[^\W\d_]{1,20}(?: [^\W\d_]{1,20})?")
_ENDS_IN_FORMULA = re.compile(  # nothing that could take back what it says
    r"(?i:(?:(?:so|thus|hence|therefore|then|finally),?\s)?(?:(?:we|i)\s(?:get|find|have|obtain|conclude)(?:\sthat)?|it\sis|"
    rf"it\sfollows\sthat|this\sgives|the\s(?:final\s)?(?:solution|result|value)s?\s(?:is|are)))\s*+:?\s*+({_SPAN.pattern})",
    re.DOTALL,
)
_LEAD = re.compile(r"^(?:(?:approximately|about|exactly|simply|just|option|choice)\s++)++", re.IGNORECASE)
_PHRASED = re.compile(r"the (?:final |correct )?answer is\b[:：\s*_]*+(.++)", re.IGNORECASE | re.DOTALL)
_VALUE = re.compile(
    r"""(?: \d | [-+*/^=<>()\[\]{}|!%°.,;:~&\s±×·÷≤≥≠√π∞∪∩∈²³½¼¾∅] | [$€£¥₹]
          | \\(?:[A-Za-z]++|[^A-Za-z]) | (?<![A-Za-z])[A-Za-z](?![A-Za-z])
          | (?<![A-Za-z])(?:sqrt|pi|sin|cos|tan|log|ln|exp|inf|infinity|or|and)(?![A-Za-z]) )++
        (?: [A-Za-z]{1,20} (?:[ /][A-Za-z]{1,20})? (?:\^?[23]|[²³])? )?""",
    re.VERBOSE,
)
_SUBSTANCE = re.compile(r"\d|(?<![A-Za-z])[A-Za-z]|[½¼¾π∞∅]")
_WORDS = frozenset({"yes", "no", "true", "false", "none"})


def is_value(text: str) -> bool:
    r"""Whether a text is only a value: a number with or without a unit, a formula, a letter, a yes or no.

    Example:
        >>> [is_value(text) for text in ("42 apples", r"x = \frac12", "(B)", "No", "so 42", "Add them.", "")]
        [True, True, True, True, False, False, False]
    """
    if not text or len(text) > _LONGEST:
        return False
    return bool(_VALUE.fullmatch(text) and _SUBSTANCE.search(text)) or text.lower() in _WORDS


def clean(value: str) -> str:
    """Take the emphasis, the formula delimiters and the full stop from around an answer.

    Example:
        >>> clean(" **$x = 2$.** "), clean("$5"), clean("`7`")
        ('x = 2', '$5', '7')
    """
    value = value.strip().strip("*_").strip().removesuffix(".").rstrip("*_ ")
    for opening, closing in _WRAPPERS if value[:1] in _WRAPPING else ():
        inner = value[len(opening) : -len(closing)].strip()
        if value.startswith(opening) and value.endswith(closing) and inner and opening not in inner:
            return inner.removesuffix(".")
    return value


def _said(text: str, *, sentence: bool = False) -> tuple[str, ...]:
    """The answers in what stands behind a label or a phrase; none if it is prose.

    Args:
        text: What stands there.
        sentence: Whether the answer ends with the sentence, even if it is words.
    """
    text = text[: 4 * _LONGEST].strip()
    if inner := _PHRASED.match(text):  # Answer: The final answer is $7$. I hope it is correct.
        text, sentence = inner[1], True
    text = _LEAD.sub("", text)
    if answers := _spans(text):
        return answers
    first = _SENTENCE_END.split(text, maxsplit=1)[0]
    candidates = [clean(_ASIDE.sub("", first)), clean(first)]
    answer = next(filter(is_value, candidates), candidates[1] if sentence else clean(text))
    return (answer,) if 0 < len(answer) <= _LONGEST else ()


def _spans(text: str) -> tuple[str, ...]:
    """The formulas that a text begins with, and what is joined to them: ``$x$ or $y$``, ``$4$ or 5``, ``$6$ cm``."""
    answers: list[str] = []
    at = end = 0
    while (span := _SPAN.match(text, at)) and not text[end:at].isspace():
        answers.append(clean(span[0]))
        end = span.end()
        joint = _JOINT.match(text, end, end + _LONGEST_JOINT)
        at = joint.end() if joint else end
    rest = clean(_SENTENCE_END.split(text[end:], maxsplit=1)[0])
    if answers and rest:
        if _UNIT.fullmatch(rest):
            answers[-1] += f" {rest}"
        elif is_value(alternative := clean(_SENTENCE_END.split(text[at:], maxsplit=1)[0])):
            answers.append(alternative)
    return tuple(dict.fromkeys(answers))
