"""The final answer of a completion against the gold one: the reward of reinforcement learning from verified results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from itertools import islice
from math import isfinite
from typing import Annotated, Any, Literal, NamedTuple

from rewards.base import PairReward
from rewards.errors import OptionError
from rewards.maths.compare import Conventions
from rewards.maths.exact import exact
from rewards.maths.final import clean, final_answer
from rewards.maths.memory import Memory
from rewards.maths.probe import has_values
from rewards.maths.tree import Node, Relation, children, is_infinite, is_scalar, walk
from rewards.maths.verify import Gold, Judgement, judge, read_gold
from rewards.types import Explanation, Scores, Status
from rewards.workers import Outcome as Decision
from rewards.workers import Pool

__all__ = ["Outcome"]


@dataclass(frozen=True)
class Outcome(PairReward):
    r"""Whether the final answer is right: 1.0 if it equals the gold answer, 0.0 if not.

    The answer is looked for by the rules of :mod:`rewards.maths.final` (a box, a tag, ``####``, a label, a phrase, a
    last line that is only a value); the monologue does not count. Several different answers are wrong, whatever is
    among them. The gold answer may be bare, in ``$…$``, boxed, or a solution that marks its answer.

    Equality is mathematical and exact, and decided by the first of four tiers that is sure: the text, exact rational
    numbers, numeric values at several points, and symbolic algebra in a worker process with limits on its CPU time
    and memory. ``explain`` says which rule found the answer and which tier decided.

    A completion is never without a score by its own doing: one without an answer, or with one that cannot be read, is
    over a cap, or is too much for a worker although the gold answer is a plain number, several times smaller, or one
    that can be worked out, scores 0.0 as ``unparseable_completion``. Without a score are a gold answer that is empty,
    not to be read (``unparseable_reference``) or over a cap (``too_large``), and a pair of a like kind that a worker
    could not decide within its limits (``timeout``, ``too_large``).

    Parts:
        found: 1.0 if the completion states an answer, else 0.0.

    Raises:
        OptionError: If ``rel_tol`` is negative or not finite, or a limit is not positive.
        WorkerError: When it is called, and no worker can be started on this system.

    Example:
        >>> reward = Outcome()
        >>> reward([r"So it is $\boxed{\frac{2}{4}}$.", "The answer is 2 or 0.5."], answer=["1/2", "1/2"])
        Scores(values=[1.0, 0.0], status=['ok', 'ok'], parts={'found': [1.0, 1.0]})
        >>> print(reward.explain("I add.\n#### 4,200", answer="42"))
        0.0 (ok): different numbers
          answer: 4,200
          rule: hash
          gold: 42
          tier: rational
    """

    percent: Annotated[
        Literal["either", "exact", "ignore"],
        "Whether 50% is 0.5 (exact), 50 (ignore), or whichever the other side wrote (either).",
    ] = "either"
    units: Annotated[
        Literal["optional", "exact", "ignore"],
        "Whether a unit that only one side has is no difference (optional) or one (exact), or units never count.",
    ] = "optional"
    rel_tol: Annotated[float, "How far two real numbers may be apart, relative to the gold one."] = 0.0
    ordered: Annotated[bool, "Whether the order of values listed without brackets counts."] = False
    log_base: Annotated[Literal["10", "e"], "The base of \\log where none is written."] = "10"
    decimal_comma: Annotated[bool, "Whether 3,5 is three and a half; a point then separates thousands."] = False
    prefilled: Annotated[bool, "Whether the prompt ends with <think>, so that the reply begins inside it."] = False
    workers: Annotated[int, "How many worker processes share what takes symbolic algebra."] = 1
    cpu_s: Annotated[float, "The CPU seconds that a worker may take for one pair."] = 2.0
    memory_mb: Annotated[int, "The megabytes that a worker may take for one pair."] = 512
    cache: Annotated[int, "How many judgements are remembered; 0 for none."] = 20_000
    _memory: Memory[_Result] = field(init=False, repr=False, compare=False)
    _golds: Memory[Gold] = field(init=False, repr=False, compare=False)
    _conventions: Conventions = field(init=False, repr=False, compare=False)

    name = "outcome"
    columns = ("answer",)

    def __post_init__(self) -> None:
        if not (isfinite(self.rel_tol) and self.rel_tol >= 0):
            raise OptionError(f"option rel_tol: {self.rel_tol} is negative or not finite")
        if self.cache < 0:
            raise OptionError(f"option cache: {self.cache} is negative")
        Pool(_DECIDE, workers=self.workers, cpu_s=self.cpu_s, memory_mb=self.memory_mb)
        names = (each.name for each in fields(Conventions))
        object.__setattr__(self, "_conventions", Conventions(**{name: getattr(self, name) for name in names}))
        object.__setattr__(self, "_memory", Memory(self.cache))
        object.__setattr__(self, "_golds", Memory(self.cache))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, each.name) for each in fields(self) if each.init)  # no memories

    def score_pairs(self, completions: Sequence[str], references: Sequence[str]) -> Scores:
        """Score completions against gold answers; what takes a worker goes to the workers in one call."""
        finals = [final_answer(completion, prefilled=self.prefilled) for completion in completions]
        stated = [final.answer if final else None for final in finals]
        results = self._judge(list(zip(references, stated, strict=True)))
        return Scores(
            [result.value for result in results],
            [result.status for result in results],
            {"found": [0.0 if answer is None else 1.0 for answer in stated]},
        )

    def explain(self, completion: str, /, **columns: Any) -> Explanation:
        """Say which rule found which answer, and which tier decided; see :class:`rewards.types.Reward`."""
        plain = super().explain(completion, **columns)
        gold = columns["answer"]
        if not isinstance(completion, str) or not isinstance(gold, str):
            return plain
        final = final_answer(completion, prefilled=self.prefilled)
        result = self._judge([(gold, final.answer if final else None)])[0]
        details: dict[str, str | None] = {"gold": self._gold(gold).text}
        if final:
            details = {"answer": final.answer, "rule": final.rule, **details, "tier": result.tier}
        return Explanation(result.value, result.status, result.reason, details)

    def compare(self, answer: str, gold: str) -> Explanation:
        """Whether an answer is the gold one, where it need not be looked for in a completion.

        Example:
            >>> print(Outcome().compare("0.5", gold="1/2"))
            1.0 (ok): the same number
              answer: 0.5
              gold: 1/2
              tier: rational
        """
        result = self._judge([(gold, clean(answer) or None)])[0]
        details = {"answer": answer, "gold": self._gold(gold).text, "tier": result.tier}
        return Explanation(result.value, result.status, result.reason, details)

    def fault(self, gold: str) -> str | None:
        r"""Why no answer could be scored against a gold one; ``None`` if answers can. A dataset's are checked by it.

        Example:
            >>> print(Outcome().fault(r"\frac12"), Outcome().fault("1/0"), sep="; ")
            None; the gold answer has no value that can be worked out
        """
        read = self._gold(gold)
        if read.fault:
            return read.reason
        if read.node is not None and not _has_values(read.node):
            return "the gold answer has no value that can be worked out"
        return None

    def _judge(self, keys: Sequence[tuple[str, str | None]]) -> list[_Result]:
        """Judge pairs of a gold answer and a stated one, or none."""
        known: dict[tuple[str, str | None], _Result] = {}
        waiting: dict[tuple[str, str], Judgement] = {}
        for key in keys:
            if key in known or key in waiting:
                continue
            gold_text, answer = key
            gold = self._gold(gold_text)
            if gold.fault:
                known[key] = _Result(None, gold.fault, gold.reason)
            elif answer is None:
                known[key] = _Result(0.0, "unparseable_completion", "no final answer was found")
            elif result := self._memory.recall((gold_text, answer)):
                known[key] = result
            else:
                judged = judge(gold, answer, self._conventions)
                if judged.equal is None:
                    waiting[gold_text, answer] = judged
                else:
                    known[key] = result = _decided(judged)
                    self._memory.keep((gold_text, answer), result)
        for (gold_text, answer), result in zip(waiting, self._work(list(waiting.values())), strict=True):
            known[gold_text, answer] = result
            if result.status != "error":
                self._memory.keep((gold_text, answer), result)
        return [known[key] for key in keys]

    def _work(self, judged: Sequence[Judgement]) -> list[_Result]:
        """Have the workers decide what is left."""
        tasks = [(*pair, self._conventions) for each in judged for pair in each.pairs]
        if not tasks:
            return []
        outcomes = self._run(tasks)
        failed = [place for place, each in enumerate(outcomes) if each.status == "error"]
        if failed:  # the task's doing, or the system's that was short of memory: a second time, it is the task's
            for place, again in zip(failed, self._run([tasks[place] for place in failed]), strict=True):
                outcomes[place] = again
        decided = iter(outcomes)
        return [_concluded(each, list(islice(decided, len(each.pairs)))) for each in judged]

    def _run(self, tasks: list[tuple[Node, Node, Conventions]]) -> list[Decision]:
        return Pool.shared(_DECIDE, workers=self.workers, cpu_s=self.cpu_s, memory_mb=self.memory_mb).map(tasks)

    def _gold(self, text: str) -> Gold:
        gold = self._golds.recall((text,))
        if gold is None:
            gold = read_gold(text, self._conventions)
            self._golds.keep((text,), gold)
        return gold


_DECIDE = "rewards.maths.simplify:equal_pair"


class _Result(NamedTuple):
    value: float | None
    status: Status
    reason: str
    tier: str | None = None


def _decided(judged: Judgement) -> _Result:
    status: Status = "ok" if judged.readable else "unparseable_completion"
    return _Result(1.0 if judged.equal else 0.0, status, judged.reason, judged.tier)


def _concluded(judged: Judgement, outcomes: list[Decision]) -> _Result:
    """What the workers' decisions on all pairs of one judgement come to."""
    if any(each.status == "ok" and each.value is False for each in outcomes):
        return _Result(0.0, "ok", "computer algebra finds a difference", "symbolic")
    if all(each.status == "ok" and each.value for each in outcomes):
        return _Result(1.0, "ok", "computer algebra finds no difference", "symbolic")
    status, _, reason = next(each for each in outcomes if each.status != "ok" or each.value is None)
    if all(_is_own_fault(gold, answer) for gold, answer in judged.pairs):
        reason = f"the answer could not be compared with so simple a gold answer: {reason or 'not decided'}"
        return _Result(0.0, "unparseable_completion", reason, "symbolic")
    if status == "ok":
        return _Result(None, "timeout", "computer algebra neither proves nor disproves it", "symbolic")
    return _Result(None, status, reason, "symbolic")


def _is_own_fault(gold: Node, answer: Node) -> bool:
    """Whether it is the answer that makes a pair hard: no one should get out of a 0 by writing a monster."""
    return (
        exact(gold) is not None
        or _size(answer) > 4 * _size(gold) + 40
        or (isinstance(answer, Relation) and not isinstance(gold, Relation))  # which is not solved
        or (_has_values(gold) and not _has_values(answer))
    )


def _has_values(node: Node) -> bool:
    """Whether values can be worked out in this process."""
    if is_scalar(node):
        return is_infinite(node) or exact(node) is not None or has_values(node)
    return all(map(_has_values, children(node)))


def _size(node: Node) -> int:
    return sum(1 for _ in walk(node))
