"""Sentences: the segmenter for prose that has no other structure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Annotated, ClassVar, Literal

from srl_data.answers import stated_answer
from srl_data.errors import Rejected
from srl_data.segmenters.base import behind, cut, monologue_end, require_text
from srl_data.segmenters.boundaries import Gap, Reader
from srl_data.segmenters.layout import unix_newlines
from srl_data.segmenters.protect import Protected
from srl_data.types import Segmentation, Solution, Step

__all__ = ["Sentences"]

# Words are what white space parts; a Chinese or Japanese full stop ends one without any.
_WORD = re.compile(r"[^\s。！？]*+[。！？]++[\"'”’»)\]}*_`」』）】]*+|[^\s。！？]++")

# A sentence that only says how or why the one before it holds.
_REASON = re.compile(
    r"""
    (?: (?:we|you|they|he|she|it|this|that)[^\S\n]{1,2}
        (?:(?:can|could|will|would|must|should)[^\S\n]{1,2})?
        (?:(?:do|does|did|find|finds|found|get|gets|got)[^\S\n]{1,2}(?:this|that|so|it)|(?:is|was|be)(?:[^\S\n]{1,2}done)?)
      | (?:that|it)['’]s
    )
    [^\S\n]{1,2}(?:by|because)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_ANSWER_LINE = re.compile(r"[^\S\n]*+(?:####(?!#)|A:|(?:\*\*)?(?:Final [Aa]nswer|Answer)(?:\*\*)?:)[^\S\n]*+\S")
_PLAIN_END = re.compile(r"[^\W\d_]{2}[.!?](?=\s|\Z)|[\d)%$][.!?](?=\s|\Z)")
_STRUCTURE = re.compile(
    r"```|~~~|<think>|^[^\S\n]*(?:\||(?:step[^\S\n]*)?\d{1,3}[.):]|[-*•][^\S\n]|#)", re.MULTILINE | re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Sentences:
    r"""Prose into sentences, safe for maths; words are read by spaCy (extra ``nlp``).

    No cut falls inside a number, a formula, a display, a code fence, an abbreviation or a name with initials; a
    list marker belongs to what it numbers, closing quotes and brackets to what they close. A blank line, a list
    item and a heading always begin a sentence, unless it runs on into a display or out of one. Gaps that prose
    leaves without a full stop are found too, see ``clauses``. A closing line ``#### 18`` or ``Answer: 18`` is the
    answer and no step.

    Raises:
        ModuleNotFoundError: If spaCy is not installed (the registry says which extra brings it).

    Example:
        >>> text = "Mr. Ray paid 2 * $1.50 = $3 Then he had $7 left. He kept it."
        >>> for step in Sentences().segment(Solution(id="a", problem="?", text=text)).steps:
        ...     print(step.action)
        Mr. Ray paid 2 * $1.50 = $3
        Then he had $7 left.
        He kept it.
    """

    name: ClassVar[str] = "sentences"

    newlines: Annotated[
        Literal["blank", "all"], "which line ends always end a sentence: those of blank lines, or all"
    ] = "blank"
    clauses: Annotated[
        bool, "cut also where a computation's result is followed by a new clause without a full stop"
    ] = True
    reasons: Annotated[
        bool, "keep a sentence that only gives a reason (This is because …, We do this by …) with the one before"
    ] = True

    def __post_init__(self) -> None:
        if find_spec("spacy") is None:
            raise ModuleNotFoundError("No module named 'spacy'", name="spacy")

    def segment(self, solution: Solution) -> Segmentation:
        """Split a solution.

        Raises:
            Rejected: ``empty_text``; ``no_sentences`` if nothing in the text ends a sentence.
        """
        text = require_text(solution)
        starts, end = self._starts(unix_newlines(text), Protected(text))
        spans = behind(text, cut(text, starts, end), monologue_end(text))
        if not spans:
            raise Rejected("only_thoughts", "nothing stands behind the <think> block")
        steps = tuple(Step(start, end, text[start:end]) for start, end in spans)
        return Segmentation(steps, self.name, stated_answer(text))

    def fit(self, solution: Solution) -> float:
        """At most 0.55, since almost every text has sentences: they are what is left where nothing else fits."""
        text = solution.text.strip()
        if solution.events or _STRUCTURE.search(text):
            return 0.0
        ends = sum(1 for _ in _PLAIN_END.finditer(text))
        if ends < 2:
            return 0.0
        return 0.55 if ends >= 3 and "\n" not in text and text[-1] in ".!?" else 0.3

    def _starts(self, text: str, protected: Protected) -> tuple[list[int], int]:
        """Where the sentences start, and where the last one ends."""
        last_line = text.rstrip().rfind("\n") + 1
        answer = last_line and last_line not in protected and _ANSWER_LINE.match(text, last_line)
        text_end = last_line if answer else len(text)
        reader = Reader(text, every_line=self.newlines == "all", clauses=self.clauses)
        words = [match.span() for match in _WORD.finditer(text, 0, text_end)]
        gaps: list[tuple[int, Gap]] = []
        for index, (start, end) in enumerate(words):
            left, right = words[index + 1] if index + 1 < len(words) else (end, end)
            gap = reader.gap_before(start, end, text[left : min(right, left + 8)])
            if gap is not Gap.INSIDE and start not in protected:
                gaps.append((start, gap))
                reader.restart()
            reader.read(start, end)
        if reader.is_empty and gaps:
            gaps.pop()  # punctuation alone is no sentence
        elif not gaps and (reader.is_empty or not reader.is_ended):
            raise Rejected("no_sentences", "nothing ends a sentence: no full stop, no blank line, no new clause")
        if reader.is_ended and _is_punctuated(gaps):
            gaps = [(start, gap) for start, gap in gaps if gap is not Gap.GUESS]
        starts = [start for start, gap in gaps if not (self.reasons and gap is Gap.MARK and _REASON.match(text, start))]
        return [words[0][0], *starts], text_end


def _is_punctuated(gaps: list[tuple[int, Gap]]) -> bool:
    """Whether the writer ends sentences with full stops as a rule; then a missing one is missing on purpose."""
    marked = 1 + sum(gap is Gap.MARK for _, gap in gaps)
    return marked >= sum(gap in (Gap.CLAUSE, Gap.GUESS) for _, gap in gaps)
