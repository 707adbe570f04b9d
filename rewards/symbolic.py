"""The mathematics of a step against the expert's: which expressions they share, and whether its equalities hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from math import isfinite
from typing import Annotated, Any, Literal, NamedTuple

from rewards.base import PairReward
from rewards.errors import OptionError
from rewards.maths.compare import Conventions, Verdict, compare
from rewards.maths.expressions import Expression, Reading, read
from rewards.maths.memory import Memory
from rewards.maths.overlap import Overlap, Question
from rewards.maths.shape import shape
from rewards.maths.statements import same_statement
from rewards.maths.tree import Node, Relation, walk
from rewards.types import Explanation, Scores, Status
from rewards.workers import Pool

__all__ = ["Symbolic"]


@dataclass(frozen=True)
class Symbolic(PairReward):
    r"""How many expressions and statements a step shares with the expert's: F1, under mathematical equivalence.

    Of formulas, ``<<calculations>>`` and arithmetic in prose, chains of equalities are taken apart:
    ``48/2 = 24`` is two expressions, ``x = 3 + 4 = 7`` the statements ``x = 3 + 4`` and ``x = 7``; what each step has
    twice counts once. Each expression is paired with one of the other step that is equal to it, as many as can be.
    Equations are equal if one is a multiple of the other, as ``2x = 6`` is of ``x = 3``, which is also equal to 3.
    With P the share of the completion's that are paired, and R that of the reference's, the score is 2PR / (P + R).

    A completion without an expression that can be read, with more than 64 of them, or of more than 50,000
    characters, scores 0.0 as ``unparseable_completion``. Without a score are a reference that holds none
    (``unparseable_reference``) or more than that (``too_large``), and a pair on whose undecided comparisons the score
    depends (``timeout``), unless the completion's expressions are what makes them hard. What the grammar does not
    know is left out on both sides; so are words.

    Parts:
        precision: P.
        recall: R.
        consistency: The share of the completion's own equalities between values without variables that hold:
            ``12 * 7 = 85`` does not. One that cannot be decided does not either. None if there are no such.

    Raises:
        OptionError: If ``result_weight`` is not positive and finite, ``consistency_weight`` not within 0 and 1,
            ``rel_tol`` negative or not finite, or a limit not positive.

    Example:
        >>> reward = Symbolic()
        >>> reward(["She sells 24 * 2 = 50."], reference=["48 + 24 = <<48+24=72>>72, and 2 * 24 = 48."]).parts
        {'precision': [0.5], 'recall': [0.25], 'consistency': [0.0]}
        >>> reward([r"So $y = \frac{2x}{4}$."], reference=[r"Hence $y = x/2$."]).values
        [1.0]
    """

    strictness: Annotated[
        Literal["value", "form"],
        "Whether expressions match if they are equal (value), or only if they are the same operations on the same "
        "numbers, in any order and notation (form).",
    ] = "value"
    result_weight: Annotated[float, "How much the result of a chain of equalities counts, any other being 1."] = 1.0
    consistency_weight: Annotated[
        float, "How much false equalities cost: the score is multiplied by 1 - this * (1 - consistency)."
    ] = 0.0
    rounding: Annotated[
        bool, "Whether an equality with a decimal holds if that is the other side, rounded or cut off."
    ] = True
    percent: Annotated[
        Literal["either", "exact", "ignore"],
        "Whether 50% is 0.5 (exact), 50 (ignore), or whichever the other side wrote (either).",
    ] = "either"
    units: Annotated[
        Literal["optional", "exact", "ignore"],
        "Whether a unit that only one side has is no difference (optional) or one (exact), or units never count.",
    ] = "optional"
    rel_tol: Annotated[float, "How far two real numbers may be apart, relative to the reference's."] = 0.0
    log_base: Annotated[Literal["10", "e"], "The base of \\log where none is written."] = "10"
    workers: Annotated[int, "How many worker processes share what takes symbolic algebra."] = 1
    cpu_s: Annotated[float, "The CPU seconds that a worker may take for one comparison."] = 1.0
    memory_mb: Annotated[int, "The megabytes that a worker may take for one comparison."] = 512
    cache: Annotated[int, "How many steps, and how many comparisons by workers, are remembered; 0 for none."] = 5_000
    _conventions: Conventions = field(init=False, repr=False, compare=False)
    _readings: Memory[Reading] = field(init=False, repr=False, compare=False)
    _decided: Memory[_Decision] = field(init=False, repr=False, compare=False)

    name = "symbolic"

    def __post_init__(self) -> None:
        if not (isfinite(self.result_weight) and self.result_weight > 0):
            raise OptionError(f"option result_weight: {self.result_weight} is not positive and finite")
        if not 0 <= self.consistency_weight <= 1:
            raise OptionError(f"option consistency_weight: {self.consistency_weight} is not within 0 and 1")
        if not (isfinite(self.rel_tol) and self.rel_tol >= 0):
            raise OptionError(f"option rel_tol: {self.rel_tol} is negative or not finite")
        if self.cache < 0:
            raise OptionError(f"option cache: {self.cache} is negative")
        Pool(_DECIDE, workers=self.workers, cpu_s=self.cpu_s, memory_mb=self.memory_mb)  # checks the limits
        conventions = Conventions(self.percent, self.units, self.rel_tol, log_base=self.log_base)
        object.__setattr__(self, "_conventions", conventions)
        object.__setattr__(self, "_readings", Memory(self.cache))
        object.__setattr__(self, "_decided", Memory(self.cache))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, each.name) for each in fields(self) if each.init)  # no memories

    def score_pairs(self, completions: Sequence[str], references: Sequence[str]) -> Scores:
        """Score completions against expert steps; what takes a worker goes to the workers in one call."""
        results, _, _ = self._results(completions, references)
        return Scores(
            [each.value for each in results],
            [each.status for each in results],
            {name: [getattr(each, name) for each in results] for name in ("precision", "recall", "consistency")},
        )

    def explain(self, completion: str, /, **columns: Any) -> Explanation:
        """Say which expressions are paired, and which equalities do not hold; see :class:`rewards.types.Reward`."""
        reference = columns.get("reference")
        if not isinstance(completion, str) or not isinstance(reference, str):
            return super().explain(completion, **columns)
        results, overlap, decided = self._results([completion], [reference])
        details = _details(overlap[completion, reference], decided) if overlap else {}
        return Explanation(results[0].value, results[0].status, results[0].reason, details)

    def _results(
        self, completions: Sequence[str], references: Sequence[str]
    ) -> tuple[list[_Result], dict[tuple[str, str], Overlap], dict[Question, bool | None]]:
        """The results, what they stand on, and what the workers said."""
        keys = list(zip(completions, references, strict=True))
        readings = {text: self._reading(text) for text in {*completions, *references}}
        found: dict[tuple[str, str], _Result] = {}
        overlaps: dict[tuple[str, str], Overlap] = {}
        for key in dict.fromkeys(keys):
            ours, theirs = readings[key[0]], readings[key[1]]
            fault = _fault(ours, theirs)
            if fault:
                found[key] = fault
            else:
                overlaps[key] = self._overlap(ours, theirs)
        decided = self._decisions(question for each in overlaps.values() for question in each.questions())
        for key, overlap in overlaps.items():
            found[key] = self._result(overlap, decided)
        return [found[key] for key in keys], overlaps, decided

    def _reading(self, step: str) -> Reading:
        reading = self._readings.recall((step,))
        if reading is None:
            reading = read(step, self._conventions)
            self._readings.keep((step,), reading)
        return reading

    def _overlap(self, ours: Reading, theirs: Reading) -> Overlap:
        if self.strictness == "form":
            wanted, stated = ([shape(each.node) for each in reading.expressions] for reading in (theirs, ours))
            table: list[list[bool | None]] = [[their == our for our in stated] for their in wanted]
        else:
            table = self._table(ours, theirs)
        return Overlap(ours, theirs, table, [self._holds(*each) for each in ours.equalities], self.result_weight)

    def _table(self, ours: Reading, theirs: Reading) -> list[list[bool | None]]:
        """Whether each of theirs is equal to each of ours; undecided, where that would take too many probes."""
        budget = _MAX_PROBES
        beyond = False if len(ours.expressions) > 2 * len(theirs.expressions) else None  # at the cost of who wrote more
        table: list[list[bool | None]] = []
        for their in theirs.expressions:
            row: list[bool | None] = []
            for our in ours.expressions:
                if budget <= 0 and their.node != our.node and (their.value is None or our.value is None):
                    row.append(beyond)
                    continue
                verdict = self._verdict(their, our)
                budget -= verdict.tier in ("numeric", "symbolic")
                row.append(verdict.equal)
            table.append(row)
        return table

    def _verdict(self, their: Expression, our: Expression) -> Verdict:
        if their.value is not None and our.value is not None and not self.rel_tol:  # as compare has it, in no time
            return _SAME if their.value == our.value else _DIFFERENT
        if isinstance(their.node, Relation) and isinstance(our.node, Relation):
            return same_statement(their.node, our.node, self._conventions)
        return compare(their.node, our.node, self._conventions)

    def _holds(self, left: Expression, right: Expression) -> bool | None:
        equal = self._verdict(left, right).equal
        if equal or not self.rounding:
            return equal
        pairs = ((left, right), (right, left))
        return any(_is_rounded(value, decimal, self._conventions) for value, decimal in pairs) or equal

    def _result(self, overlap: Overlap, decided: Mapping[Question, bool | None]) -> _Result:
        for their, our in overlap.doubts(decided):
            if not _is_own_fault(their, our):
                return _Result(None, "timeout", _line(f"it is not decided whether {our.text} is {their.text}"))
        precision, recall = overlap.shares(decided)
        score = 2 * precision * recall / (precision + recall) if precision else 0.0
        claimed, failing = len(overlap.ours.equalities), len(overlap.failing(decided))
        consistency = 1 - failing / claimed if claimed else None
        if consistency is not None:
            score *= 1 - self.consistency_weight * (1 - consistency)
        reason = f"{precision:.0%} of the completion's expressions are paired, {recall:.0%} of the reference's"
        return _Result(score, "ok", reason, precision, recall, consistency)

    def _decisions(self, questions: Iterable[Question]) -> dict[Question, bool | None]:
        """Have the workers decide what is left; ``None`` for what they cannot."""
        found: dict[Question, bool | None] = {}
        waiting = []
        for question in dict.fromkeys(questions):
            known = self._decided.recall(_key(question))
            if known is None:
                waiting.append(question)
            else:
                found[question] = known.equal
        if waiting:
            pool = Pool.shared(_DECIDE, workers=self.workers, cpu_s=self.cpu_s, memory_mb=self.memory_mb)
            pairs = [(first.node, second.node) for first, second in waiting]
            for question, outcome in zip(waiting, pool.map(pairs), strict=True):
                found[question] = outcome.value if outcome.status == "ok" else None
                if outcome.status != "error":
                    self._decided.keep(_key(question), _Decision(found[question]))
        return found


_DECIDE = "rewards.maths.simplify:equal_pair"
_SAME = Verdict(True, "rational", "the same number")
_DIFFERENT = Verdict(False, "rational", "different numbers")
_MAX_PROBES = 1_000  # of a millisecond or two, for one completion


class _Decision(NamedTuple):
    equal: bool | None


class _Result(NamedTuple):
    value: float | None
    status: Status
    reason: str
    precision: float | None = None
    recall: float | None = None
    consistency: float | None = None


def _fault(ours: Reading, theirs: Reading) -> _Result | None:
    """Why two steps cannot be compared, if so."""
    if not theirs.expressions:
        if theirs.too_large:
            return _Result(None, "too_large", "the reference is over a cap")
        return _Result(None, "unparseable_reference", "the reference holds no expression")
    if not ours.expressions:
        what = "is over a cap" if ours.too_large else "holds no expression"
        return _Result(0.0, "unparseable_completion", f"the completion {what}")
    return None


def _is_own_fault(their: Expression, our: Expression) -> bool:
    """Whether it is the completion that makes a pair hard: no one should get out of a score by writing a monster."""
    return their.value is not None or _size(our.node) > 4 * _size(their.node) + 40


def _size(node: Node) -> int:
    return sum(1 for _ in walk(node))


def _key(question: Question) -> tuple[str, str]:
    return question[0].text, question[1].text


_DECIMAL = re.compile(r"-?\d+\.(\d+)")
_FLOAT_DIGITS = 12  # as many decimals are what a computer printed, and its last ones are off


def _is_rounded(value: Expression, decimal: Expression, conventions: Conventions) -> bool:
    """Whether a decimal number is a value rounded, or if that is rational cut off, where the decimal ends."""
    written = _DECIMAL.fullmatch(decimal.text.replace(",", "").replace(" ", ""))
    if not written or not decimal.value:
        return False
    unit = Fraction(1, 10 ** len(written[1]))
    if value.value is None:
        half = replace(conventions, rel_tol=float(unit / 2 / abs(decimal.value)))
        return bool(compare(value.node, decimal.node, half).equal)
    beyond = (value.value - decimal.value) * (1 if decimal.value > 0 else -1)
    if len(written[1]) >= _FLOAT_DIGITS and abs(beyond) * 10**_FLOAT_DIGITS <= abs(value.value):
        return True
    return -unit <= 2 * beyond < 2 * unit


_SHOWN = 20


def _details(overlap: Overlap, decided: Mapping[Question, bool | None]) -> dict[str, list[str]]:
    paired = overlap.paired(decided)
    theirs, ours = ({each.node for each in side} for side in zip(*paired, strict=True)) if paired else (set(), set())
    found = {
        "paired": [f"{their.text} ~ {our.text}" for their, our in paired],
        "missing": [each.text for each in overlap.theirs.expressions if each.node not in theirs],
        "extra": [each.text for each in overlap.ours.expressions if each.node not in ours],
        "not equal": [f"{left.text} = {right.text}" for left, right in overlap.failing(decided)],
        "left out": list(overlap.ours.unread),
    }
    return {name: [_line(each) for each in lines[:_SHOWN]] for name, lines in found.items() if lines}


def _line(text: str) -> str:
    """A text on one line that anything can print."""
    return " ".join(text.split()).encode("utf-8", "backslashreplace").decode()[:200]
