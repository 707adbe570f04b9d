r"""The final answer that a solution states, and whether two answers are written the same.

Both look at notation only. :func:`same_answer` evaluates nothing: for it ``1/2`` and ``0.5`` differ, and so do
``2\pi`` and ``6.28``. That is good enough to point a person at a disagreement (a filter, a count on a card) and
not good enough for a training signal, which takes a verifier.
"""

from __future__ import annotations

import re
from collections import deque

__all__ = ["same_answer", "stated_answer"]

_BRACES = re.compile(r"(\\(?:boxed|fbox)\s*+\{)|\\.|[{}]", re.DOTALL)
_PLAIN_BOX = re.compile(r"\\(?:boxed|fbox)\s*+\{([^{}\\]*+)\}")  # no brace within: nothing to be matched up
_LABEL = re.compile(
    r"""\n [^\S\n]*+ (?:[-#>*_]++[^\S\n]*+){0,3}
        (?:(?:the[ ])?final[ ])?answer [*_]*+ [^\S\n]*+
        (?: [:：] [*_]*+ (?P<value>[^\n]*+) | $ )""",
    re.MULTILINE | re.VERBOSE | re.IGNORECASE,
)
_CLOSING = re.compile(r"[^\S\n]*+(?:(?:[Ss]tep [0-9]{1,3}[:.)] *+)?####(?!#)|A:)([^\n]++)")
_PHRASE = re.compile(r"\bthe (?:final )?answer is[:\s]\s*+([^\n]++)", re.IGNORECASE)
_PARAGRAPH = re.compile(r"\s*+((?:[^\n]++\n?)++)")
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)")

_WRAPPERS = (("\\[", "\\]"), ("\\(", "\\)"), ("$$", "$$"), ("$", "$"))
_LONGEST = 300  # code points; what is longer is no answer but the prose that follows a label

_DRESSING = re.compile(r"\\(?:text|textbf|mathrm|mathbf|mbox)\s*+\{([^{}]*+)\}")
_SPACING = re.compile(r"\s++|\\(?:[,;:! ]|q?quad\b|left\b|right\b)|[$€£¥₹]|\\(?=[$%])")
_NUMBER = re.compile(r"([-+]?)(\d*+|\d{1,3}(?:(?:,|\{,\})\d{3})++)(?:\.(\d*+))?(%?)")


def stated_answer(text: str) -> str | None:
    r"""The final answer that a solution itself states, as it is written there.

    The last of these counts: ``\boxed{x}`` or ``\fbox{x}``; ``Answer: x`` or ``Final answer: x`` at the start of a
    line (``x`` may follow in the next paragraph); ``#### x`` or ``A: x`` as the very last line. Only where there is
    none of them, the last ``the (final) answer is x`` does.

    Args:
        text: The solution, of any length; the search takes linear time.

    Returns:
        The answer without the markup around it, or None.

    Example:
        >>> stated_answer("2 + 2 = 4\n#### 4")
        '4'
        >>> print(stated_answer(r"so $\boxed{\frac{1}{2}}$."))
        \frac{1}{2}
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = "\n" + text.rstrip()  # so that every line starts with a line break
    last_line = text.rfind("\n")
    box_at, boxed = _boxed(text)
    if boxed and box_at > last_line:
        return boxed
    closing = _CLOSING.match(text, last_line + 1)
    # labels before a box lose to it, and need not be looked for
    label_at, labelled = (
        (last_line, _clean(closing[1])) if closing else _labelled(text, last_line, box_at if boxed else 0)
    )
    if boxed and (not labelled or box_at > label_at):
        return boxed
    return labelled or _phrased(text) or None


def same_answer(first: str, second: str) -> bool:
    r"""Whether two answers are the same but for notation: white space, ``$``, ``\boxed``, case, ``1,000``, ``2.50``.

    Exact: there is no tolerance, and nothing is evaluated. A percent sign counts.

    Example:
        >>> same_answer("$1,000.00", r"\boxed{1000}"), same_answer("50%", "50"), same_answer("1/2", "0.5")
        (True, False, False)
    """
    return _normal(first) == _normal(second)


def _labelled(text: str, last_line: int, start: int) -> tuple[int, str]:
    """Where the last ``Answer:`` behind ``start`` stands, and what follows it."""
    match = _LABEL.match(text, last_line)  # mostly it is there, and the whole text need not be searched
    if match is None and (match := _last(_LABEL, text, start)) is None:
        return -1, ""
    value = _clean(match["value"] or "")
    if not value and (paragraph := _PARAGRAPH.match(text, match.end())):
        value = _clean(paragraph[1])
    return match.start(), value


def _boxed(text: str) -> tuple[int, str]:
    """Where the last closed box opens, and what it holds; of nested ones the innermost."""
    last = max(text.rfind("\\boxed"), text.rfind("\\fbox"))
    if last < 0:
        return -1, ""
    if text[last - 1 : last] != "\\" and (plain := _PLAIN_BOX.match(text, last)):
        return last, _clean(plain[1], longest=len(plain[1]))
    at, content = _closed_boxes(text, last) if text[last - 1 : last] != "\\" else (-1, "")
    if at < 0:  # the last one is not closed: one before it may be
        at, content = _closed_boxes(text, 0)
    return at, _clean(content, longest=len(content))


def _closed_boxes(text: str, start: int) -> tuple[int, str]:
    """The last box that opens at or behind ``start`` and is closed."""
    at, content = -1, ""
    open_braces: list[tuple[int, int] | None] = []
    for token in _BRACES.finditer(text, start):
        if token[1]:
            open_braces.append(token.span())
        elif token[0] == "{":
            open_braces.append(None)
        elif token[0] == "}" and open_braces:
            box = open_braces.pop()
            if box is not None and box[0] > at:
                at, content = box[0], text[box[1] : token.start()]
    return at, content


def _phrased(text: str) -> str:
    match = _last(_PHRASE, text)
    return _clean(_SENTENCE_END.split(match[1], maxsplit=1)[0]) if match else ""


def _last(pattern: re.Pattern[str], text: str, start: int = 0) -> re.Match[str] | None:
    return next(iter(deque(pattern.finditer(text, start), maxlen=1)), None)


def _clean(value: str, longest: int = _LONGEST) -> str:
    """Take the emphasis, the formula delimiters and the full stop from around an answer."""
    if len(value) > 4 * longest:
        return ""
    value = value.strip().strip("*_").strip().removesuffix(".")
    for opening, closing in _WRAPPERS if value[:1] in "\\$" else ():
        inner = value[len(opening) : -len(closing)].strip()
        if value.startswith(opening) and value.endswith(closing) and inner and opening not in inner:
            value = inner.removesuffix(".")
            break
    return value if len(value) <= longest else ""


def _normal(answer: str) -> str:
    answer = _clean(answer, longest=len(answer))
    if answer.startswith(("\\boxed", "\\fbox")):
        answer = _boxed(answer)[1] or answer
    answer = _SPACING.sub("", _DRESSING.sub(r"\1", answer)).replace("\\dfrac", "\\frac").removesuffix(".").casefold()
    number = _NUMBER.fullmatch(answer)
    if not number or not (number[2] or number[3]):
        return answer
    whole = number[2].replace("{,}", "").replace(",", "").lstrip("0") or "0"
    fraction = (number[3] or "").rstrip("0")
    sign = "-" if number[1] == "-" and (whole != "0" or fraction) else ""
    return f"{sign}{whole}{'.' if fraction else ''}{fraction}{number[4]}"
