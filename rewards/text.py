"""Reading a reply and a text: thought and action, spacing, tokens.

Everything here takes time linear in the text, whatever the text: it runs on what models write, rollout by rollout.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

__all__ = ["REPLY_RULES", "Reply", "Tags", "Unit", "normalize", "split_reply", "tokens", "units"]

Tags = Literal["think", "think+solution"]
"""The tags that a reply must have: around its thought, or around its action too."""

Unit = Literal["char", "token", "line"]
"""What a text is compared by."""

REPLY_RULES: dict[str, str] = {
    "no_think": "there is no <think>",
    "think_twice": "<think> stands there more than once (the one that ends the prompt counts)",
    "unclosed_think": "there is no </think>",
    "think_closed_twice": "</think> stands there more than once",
    "no_solution": "there is no <solution>",
    "solution_twice": "<solution> stands there more than once",
    "unclosed_solution": "there is no </solution>",
    "solution_closed_twice": "</solution> stands there more than once",
    "out_of_order": "the tags are not in the order <think>, </think>, <solution>, </solution>",
    "text_before_think": "there is text before <think>",
    "text_outside_solution": "there is text between </think> and <solution>, or behind </solution>",
    "empty_thought": "nothing stands between <think> and </think>",
    "empty_action": "the action is empty",
}
"""The rules of a reply's form by name, in the order in which they are looked at, and how each is broken."""


class Reply(NamedTuple):
    """A reply, taken apart.

    Attributes:
        thought: What stands between the think tags, stripped; ``None`` if a rule is broken.
        action: What the reply is scored by, stripped; ``None`` if a rule is broken.
        broken: The first rule that is broken, a key of :data:`REPLY_RULES`; ``None`` if none is.
    """

    thought: str | None
    action: str | None
    broken: str | None


def split_reply(text: str, tags: Tags = "think", *, prefilled: bool = False) -> Reply:
    """Take a reply apart, and say which rule of its form it breaks.

    A tag must stand there exactly once, quoted in the thought or the action or not: were a second one let pass, a
    model could put its action where one reader looks for it and another does not.

    Args:
        text: The reply.
        tags: Which tags it must have.
        prefilled: Whether the prompt ended with ``<think>``, as some chat templates make it, so that the reply
            begins inside the thought.

    Example:
        >>> split_reply("<think>Add them.</think> It is 7.")
        Reply(thought='Add them.', action='It is 7.', broken=None)
        >>> split_reply("It is 7.").broken
        'no_think'
        >>> split_reply("Add them.</think> It is 7.", prefilled=True).action
        'It is 7.'
    """
    wanted = _TAGS[tags]
    for tag, missing, twice in wanted:
        count = text.count(tag) + (prefilled and tag == "<think>")
        if count != 1:
            return Reply(None, None, twice if count else missing)
    pieces, rest = [""] if prefilled else [], text
    for tag, _, _ in wanted[prefilled:]:
        piece, found, rest = rest.partition(tag)
        if not found:
            return Reply(None, None, "out_of_order")
        pieces.append(piece.strip())
    pieces.append(rest.strip())
    if tags == "think":
        before, thought, action = pieces
        outside = ""
    else:
        before, thought, between, action, behind = pieces
        outside = between + behind
    broken = (
        "text_before_think" if before
        else "text_outside_solution" if outside
        else "empty_thought" if not thought
        else "empty_action" if not action
        else None
    )  # fmt: skip
    return Reply(None, None, broken) if broken else Reply(thought, action, None)


_THINK = (("<think>", "no_think", "think_twice"), ("</think>", "unclosed_think", "think_closed_twice"))
_SOLUTION = (
    ("<solution>", "no_solution", "solution_twice"),
    ("</solution>", "unclosed_solution", "solution_closed_twice"),
)
_TAGS = {"think": _THINK, "think+solution": _THINK + _SOLUTION}


def normalize(text: str) -> str:
    r"""Make spacing plain: runs of white space and of LaTeX spacing become one space, none at the ends.

    LaTeX spacing is ``\,`` ``\;`` ``\:`` ``\>`` ``\quad`` ``\qquad`` ``~`` and a backslash before white space.
    ``\!`` closes a gap (``10,\!000``): it goes without a trace, except between letters, which it would join.
    Normalising twice is the same as once.

    Example:
        >>> normalize("3\\,cm +~4 \\quad cm\n"), normalize("10,\\!000")
        ('3 cm + 4 cm', '10,000')
    """
    text = " ".join(text.split())
    return _SPACING.sub(_space, text).strip() if "\\" in text or "~" in text else text


# Other commands are matched so that their ends are not taken for spacing: `\\,` is a line break and a comma.
_SPACING = re.compile(r"( ?(?:(?:~|\\[,;:>! ]|\\q?quad(?![A-Za-z])) ?)+)|\\(?:[A-Za-z]+|[^A-Za-z])")


def _space(found: re.Match[str]) -> str:
    gap = found[1]
    if gap is None:
        return found[0]
    if gap.strip("\\!"):
        return " "
    text, start, end = found.string, found.start(), found.end()  # nothing but `\!`
    return " " if text[start - 1 : start].isalpha() and text[end : end + 1].isalpha() else ""


def tokens(text: str) -> list[str]:
    r"""Cut a text into the units that a reader of mathematics sees; joined, they are the text without white space.

    A token is a number with its decimals and thousands separators (``1,234.5``), a LaTeX command (``\frac``,
    ``\\``), a run of letters, or any other character by itself: signs, brackets, super- and subscript digits, and
    characters of scripts that are written without spaces.

    Example:
        >>> tokens(r"So \frac{1}{2} of 1,250 is 625.0.")
        ['So', '\\frac', '{', '1', '}', '{', '2', '}', 'of', '1,250', 'is', '625.0', '.']
    """
    return _TOKEN.findall(text)


_ALONE = (
    "\u00b2\u00b3\u00b9\u2070-\u209c"  # superscripts and subscripts
    "\u00bc-\u00be\u2150-\u218f"  # fractions and number forms
    "\u2e80-\u2fdf\u3005-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han, kana
)
_TOKEN = re.compile(
    rf"""
    \d{{1,3}} (?:,\d{{3}})+ (?!\d) (?:\.\d++)?   # 1,234,567.89
  | \d++ (?:\.\d++)?                             # 12 and 3.14
  | (?<!\w) \.\d++                               # .5
  | \\ (?: [A-Za-z]++ | \S )                     # \frac and \{{
  | [^\W\d_{_ALONE}]++
  | \S
    """,
    re.VERBOSE,
)


def units(text: str, unit: Unit = "char", *, normalized: bool = False) -> str | list[str]:
    r"""A text as the sequence that it is compared by.

    Args:
        text: The text.
        unit: Characters, :func:`tokens`, or lines.
        normalized: Whether to :func:`normalize` first; lines are normalised one by one, and blank ones dropped.

    Example:
        >>> units("a  b\n\nc", "line"), units("a  b\n\nc", "line", normalized=True), units("a  b", normalized=True)
        (['a  b', '', 'c'], ['a b', 'c'], 'a b')
    """
    if unit == "line":
        lines = text.splitlines()
        return [plain for line in lines if (plain := normalize(line))] if normalized else lines
    if unit not in ("char", "token"):
        raise ValueError(f"unit {unit!r} is not char, token or line")
    if normalized:
        text = normalize(text)
    return tokens(text) if unit == "token" else text
