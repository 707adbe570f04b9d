r"""Whether a stated answer is the gold one: from texts to a judgement, or to what a worker has to decide.

Beside what :func:`rewards.maths.compare.compare` says of two trees, this knows how answers are stated: letters of a
multiple choice with what they stand for, several answers, chains of equalities, approximations, plain words. Whatever
is stated in more than one form must be right in all of them, so that a second guess never helps.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from rewards.maths.compare import Conventions, compare
from rewards.maths.errors import TooLarge, Unparseable
from rewards.maths.final import clean, marked_answer
from rewards.maths.names import FUNCTIONS
from rewards.maths.parse import parse
from rewards.maths.tree import Collection, Node, Number, Relation, Text, symbols, walk
from rewards.types import Status

__all__ = ["Gold", "Judgement", "judge", "read_gold"]


class Gold(NamedTuple):
    """A gold answer, read.

    Attributes:
        text: The answer without the markup around it.
        letter: The letter of a multiple choice, if it has one.
        node: The answer as a tree; ``None`` if it is only a letter, words, or broken.
        words: What to compare by where there is no tree: the answer in plain words.
        fault: Why nothing can be compared with it, if so.
        reason: The fault in words.
    """

    text: str
    letter: str | None = None
    node: Node | None = None
    words: str = ""
    fault: Status | None = None
    reason: str = ""


class Judgement(NamedTuple):
    """What is known of an answer without a worker.

    Attributes:
        equal: Whether it is the gold one; ``None`` if that takes a worker.
        tier: Which tier decided; ``symbolic`` if a worker has to.
        reason: One line for people.
        readable: Whether the answer could be read.
        pairs: What a worker has to decide, gold first; all of them must be equal.
    """

    equal: bool | None
    tier: str
    reason: str
    readable: bool = True
    pairs: tuple[tuple[Node, Node], ...] = ()


def read_gold(text: str, conventions: Conventions) -> Gold:
    r"""Read a gold answer: bare, in ``$…$``, boxed, or a whole solution that marks its answer.

    Example:
        >>> read_gold(r"so it is $\boxed{\frac12}$", Conventions()).text
        '\\frac12'
        >>> read_gold("(B) 42", Conventions()).letter, read_gold("3:45 PM", Conventions()).words
        ('B', '3:45 pm')
        >>> read_gold(r"\int f", Conventions()).fault
        'unparseable_reference'
    """
    stripped = text.strip()
    if ("\n" in stripped or any(mark in stripped for mark in _MARKS)) and (marked := marked_answer(stripped)):
        stripped = marked.answer
    stripped = clean(stripped)
    if not stripped:
        return Gold("", fault="unparseable_reference", reason="the gold answer is empty")
    letter, rest = _choice(stripped)
    body = rest if letter else stripped
    words = _words(body)
    if letter and not body:
        return Gold(stripped, letter, words=words)
    try:
        node = parse(body if _JOINTS.search(body) else _exact(body), conventions)
    except TooLarge as error:
        return Gold(stripped, fault="too_large", reason=f"the gold answer is too large: {error.reason}")
    except Unparseable as error:
        if words:
            return Gold(stripped, letter, words=words)
        return Gold(stripped, fault="unparseable_reference", reason=f"the gold answer cannot be read: {error.reason}")
    return Gold(stripped, letter, node, words if len(words) > 1 else "")  # x is not X


def judge(gold: Gold, answer: str, conventions: Conventions) -> Judgement:
    """Compare an answer with a gold one that has no fault, as far as that goes without a worker.

    Example:
        >>> gold = read_gold("1/2", Conventions())
        >>> judge(gold, "0.5", Conventions()).equal, judge(gold, "0.5 or 2", Conventions()).reason
        (True, 'several answers, and not all are right')
    """
    if answer == gold.text:
        return Judgement(True, "text", "written like the gold answer")
    letter, rest = _choice(answer)
    if letter and gold.letter:
        if letter != gold.letter:
            return Judgement(False, "text", f"choice {letter}, not {gold.letter}")
        if (other := _other_choice(rest)) not in ("", letter):
            return Judgement(False, "text", f"several answers: choice {letter}, and {other}")
        if not rest or not (gold.node or gold.words):
            return Judgement(True, "text", f"choice {letter}")
    elif letter and not rest:
        letter = None  # a variable
    elif gold.letter and not (gold.node or gold.words):
        return Judgement(False, "text", f"not choice {gold.letter}")
    answer = rest if letter else answer
    if gold.words and _words(answer) == gold.words:
        return Judgement(True, "text", "the same words")
    if gold.node is None:
        return Judgement(False, "text", "other words")
    try:
        node = parse(_exact(answer), conventions)
    except Unparseable as error:
        if isinstance(gold.node, Text):
            return Judgement(False, "text", "other words")
        return Judgement(False, "text", f"the answer cannot be read: {error.reason}", readable=False)
    return _judge(gold.node, node, conventions)


def _judge(gold: Node, answer: Node, conventions: Conventions) -> Judgement:
    verdict = compare(gold, answer, conventions)
    if verdict.equal is not False or not (forms := _forms(gold, answer)):
        pairs = () if verdict.equal is not None else ((gold, answer),)
        return Judgement(verdict.equal, verdict.tier, verdict.reason, pairs=pairs)
    open_pairs = []
    for form in forms:
        verdict = compare(gold, form, conventions)
        if verdict.equal is False:
            return Judgement(False, verdict.tier, "several answers, and not all are right")
        if verdict.equal is None:
            open_pairs.append((gold, form))
    if open_pairs:
        return Judgement(None, "symbolic", "not decided in process", pairs=tuple(open_pairs))
    return Judgement(True, verdict.tier, "several forms of the gold answer")


def _forms(gold: Node, answer: Node) -> tuple[Node, ...]:
    """The forms in which one answer is stated, if not in one alone: ``1/2, 0.5``, ``m + n = 5``, ``|AB| = 5``."""
    if isinstance(answer, Collection) and answer.kind == "bare" and not isinstance(gold, Collection):
        return answer.items
    if isinstance(answer, Relation) and not isinstance(gold, Relation) and set(answer.ops) == {"="}:
        what, *values = answer.terms
        is_asked = len(symbols(what)) > 1 and not any(isinstance(each, Number) for each in walk(what))
        return () if not is_asked or any(map(symbols, values)) else tuple(values)
    return ()


# -- texts ------------------------------------------------------------------------------------------------------------

_MARKS = ("\\boxed", "\\fbox", "####", "</answer>")
_APPROXIMATELY = re.compile(r"\\(?:approx|simeq|thickapprox)(?![A-Za-z])|≈|≃")
_NAME = re.compile(
    rf"\s*+(?:\\?Delta\s*+)?(?!\\?(?:pi|e|i|frac|{'|'.join(FUNCTIONS)})(?![A-Za-z_]))"
    r"\\?[A-Za-z]{1,10}(?:_(?:\w|\{[\w\\ ]{1,20}\}))?+\s*+"
)
_JOINTS = re.compile(r"[,;]|\b(?:or|and)\b|(?:\\approx|≈).*(?:\\approx|≈)", re.DOTALL)  # several values, or roundings
_CHOICE = re.compile(
    r"""(?: \\(?:text|textbf|textrm|textit|mathrm|mathbf|mbox) \s*+ \{ \s*+ )?+
        (?: (?:[Oo]ption|[Cc]hoice|[Aa]nswer) \s++ )?+
        (?: \( \s*+ ([A-Ja-j]) \s*+ \) | ([A-J]) (?: \) | [.:](?=[\s}]|$) | (?=\s*+\}?\s*+$) ) )
        \s*+ [.:]?+ \s*+ (\}?+) (?: \\[ ,;:!] | [\s~] | \\q?quad\b )*+ (.*+)""",
    re.VERBOSE | re.DOTALL,
)
_DRESSED = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mbox)\s*+\{([^{}\\$]*+)\}")
_CLOCK = re.compile(r"(?<=\d )([AaPp])\.\s?[Mm]\b\.?")
_COLON = re.compile(r"(?<=\d) ?: ?(?=\d)")
_LETTERS = re.compile(r"[^\W\d_]{2,}")  # 2X is not 2x
_NO_WORDS = re.compile(r"[\\^_{}$\n]")
_LONGEST_WORDS = 200  # more is no answer, but a solution


def _choice(text: str) -> tuple[str | None, str]:
    r"""The letter of a multiple choice and what stands behind it: ``(B)``, ``B) 42``, ``\textbf{(B)}\ 42``."""
    if text[:1] not in _CHOICE_STARTS:
        return None, text
    found = _CHOICE.fullmatch(text)
    if not found:
        return None, text
    rest = found[4]
    if "{" in text[: found.start(3)] and not found[3]:  # `\text{(B) 42}`
        rest = rest.removesuffix("}")
    return (found[1] or found[2]).upper(), rest.strip()


_JOINED = re.compile(
    r"""\s*+ (?P<joint> (?: (?:or|and) \b | [,;/&|] | \s )++ )?+ (?: (?:[Oo]ption|[Cc]hoice) \s++ )?
        (?: \( \s*+ ([A-J]) \s*+ \) | ([A-J]) \) | (?(joint) (?: \( \s*+ ([a-j]) \s*+ \) | ([A-J]) \s*+ $ ) | (?!) ) )
      | [^()]*? \b or \s++ (?: (?:[Oo]ption|[Cc]hoice) \s++ )? \( \s*+ ([A-J]) \s*+ \)""",
    re.VERBOSE,
)


def _other_choice(rest: str) -> str:
    """The letter that is stated behind another one, as in ``(B) or (C)``; not one that an option's own text holds."""
    found = _JOINED.match(_DRESSED.sub(r"\1", rest).strip())
    return next(filter(None, found.groups()[1:])).upper() if found else ""


_CHOICE_STARTS = frozenset("\\(ABCDEFGHIJOoCca")


def _exact(answer: str) -> str:
    r"""What is stated exactly: ``\sqrt{2}`` of ``\sqrt{2} \approx 1.41``; but of ``x \approx 1.41`` the number."""
    if "approx" not in answer and "sim" not in answer and answer.isascii():
        return answer
    exact, *rounded = _APPROXIMATELY.split(answer)
    return rounded[0] if rounded and (not exact.strip() or _NAME.fullmatch(exact)) else exact


def _words(text: str) -> str:
    """A text in plain words: lower case but for single letters, single spaces; empty if there is more to it."""
    if "\\" in text:
        text = _DRESSED.sub(r"\1", text)
    if _NO_WORDS.search(text) or len(text) > _LONGEST_WORDS:
        return ""
    text = " ".join(_LETTERS.sub(lambda word: word[0].casefold(), text).split()).lstrip(" .")
    text = _CLOCK.sub(lambda found: found[1].lower() + "m", _COLON.sub(":", text))
    return text if text.endswith("..") else text.removesuffix(".").rstrip()  # 0.333... goes on
