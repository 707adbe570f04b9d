"""Which column holds what: told by the user, or guessed from the first records and shown to the user."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from rewards.registry import did_you_mean
from srl_data.errors import InputError
from srl_data.sources.fields import MISSING, find, listed, spoken

__all__ = ["CHAT_COLUMNS", "TRAJECTORY_COLUMNS", "Layout", "guess_layout"]

CHAT_COLUMNS = ("messages", "conversations")
TRAJECTORY_COLUMNS = (*CHAT_COLUMNS, "trajectory", "events", "history")  # a record with one may be an agent's

_PROBLEM = ("problem", "question", "prompt", "instruction", "query", "input")
_TEXT = (
    "ground_truth_solution",  # an expert's, where a model's may stand beside it
    *("solution", "response", "text", "proof", "output", "completion", "rationale", "generation", "cot"),
    "answer_text",
)
_TEXT_IF_LONG = ("ground_truth", "answer")  # mostly final answers, but some data sets keep whole solutions there
_ANSWER = (
    *("answer", "gold", "gold_answer", "final_answer", "reference_answer", "ground_truth_answer"),
    *("expected_answer", "ground_truth", "gt", "target", "reward_model.ground_truth"),
)
_ID = ("id", "uuid", "problem_id", "problem_idx", "question_id", "instance_id", "idx", "unique_id")
_LONG = 40  # characters; a final answer is shorter, a solution longer
_MARKER = "####"  # GSM8K's, before the final answer


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a record keeps what. A column is a name or a dotted path, ``a.b`` or ``messages.0.content``.

    Attributes:
        problem: The column of the problem.
        text: The column of the solution's text.
        answer: The column of the gold answer, if there is one.
        id: The column of the record's id, if there is one.
        name: ``gsm8k``, ``s1k``, ``s1k-1.1``, ``alpaca``, ``messages``, ``agent:<dialect>``, ``agent`` (several
            dialects), ``generic``; ``custom`` where the user named the columns.
        context: A column whose text, if any, is part of the problem and follows it.
        thinking: The column that is the text for the segmenter ``thinking``.
        marker: What stands before the gold answer on the last line of the text, where the text itself has it;
            for records without one in ``answer``.
    """

    problem: str
    text: str
    answer: str | None = None
    id: str | None = None
    name: str = "custom"
    context: str | None = None
    thinking: str | None = None
    marker: str | None = None

    @property
    def is_agent(self) -> bool:
        """Whether records are agent trajectories."""
        return self.name.startswith("agent")

    def describe(self) -> str:
        """One line for the user.

        Example:
            >>> Layout("question", "answer", name="gsm8k", marker="####").describe()
            "gsm8k layout: problem=question, text=answer, answer after '####'"
        """
        if self.is_agent:
            parts = [f"transcript from {self.text}"]
        elif self.name == "messages":
            parts = [f"problem=last user message of {self.problem}, text=last assistant message"]
        else:
            context = f" and {self.context}" if self.context else ""
            parts = [f"problem={self.problem}{context}, text={self.text}"]
        if self.thinking:
            parts.append(f"text={self.thinking} for the segmenter thinking")
        if self.answer:
            parts.append(f"answer={self.answer}")
        elif self.marker:
            parts.append(f"answer after {self.marker!r}")
        if self.id:
            parts.append(f"id={self.id}")
        return f"{self.name} layout: {', '.join(parts)}"


_WELL_KNOWN = (  # the columns named in a layout must all be there
    Layout("question", "deepseek_attempt", "solution", name="s1k-1.1", thinking="deepseek_thinking_trajectory"),
    Layout("question", "attempt", "solution", name="s1k", thinking="thinking_trajectories"),
    Layout("instruction", "output", name="alpaca", context="input"),
)


def guess_layout(records: Iterable[Mapping[str, Any]], given: Mapping[str, str]) -> Layout:
    """Find out which column holds what.

    Args:
        records: The first few records of the data.
        given: What the user said with ``--map``: ``problem``, ``text``, ``answer``, ``id`` → column. An empty
            column for ``answer`` or ``id`` says that there is none. What is not given is guessed.

    Raises:
        InputError: If the problem or the text cannot be found, with a ``--map`` to try; if a given column is
            in no record; if there is no record to look at.

    Example:
        >>> guess_layout([{"prompt": "1 + 1?", "response": "1 + 1 = 2"}], {}).describe()
        'generic layout: problem=prompt, text=response'
        >>> guess_layout([{"q": "1 + 1?", "a": {"why": "1 + 1 = 2"}}], {"problem": "q", "text": "a.why"}).name
        'custom'
    """
    sample = list(records)
    _check_given(sample, given)
    if "problem" in given and "text" in given:
        layout = Layout(given["problem"], given["text"])
        return _with_rest(layout, sample, given)
    if not sample:
        raise InputError(
            "there is no readable record to tell the columns from; name them: --map problem=… --map text=…"
        )
    if not {"problem", "text"} & set(given):
        if agent := _agent(sample):
            return _with_rest(agent, sample, given)
        for layout in _WELL_KNOWN:
            columns = (layout.problem, layout.text, layout.answer, layout.context, layout.thinking)
            if all(_mostly(sample, path, lambda _: True) for path in columns if path):
                return _with_rest(layout, sample, given)
    return _generic(sample, given)


def _check_given(sample: Sequence[Mapping[str, Any]], given: Mapping[str, str]) -> None:
    kinds = ("problem", "text", "answer", "id")
    for kind, path in given.items():
        if kind not in kinds:
            raise InputError(f"--map {kind}={path}: map one of {', '.join(kinds)}{did_you_mean(kind, kinds)}")
        if not path and kind in ("problem", "text"):
            raise InputError(f"--map {kind}=: name a column")
        if path and sample and all(find(record, path) is MISSING for record in sample):
            columns = _columns(sample)
            raise InputError(
                f"--map {kind}={path}: no record has the column {path!r}; "
                f"there are {listed(columns)}{did_you_mean(path, columns)}"
            )


def _agent(sample: Sequence[Mapping[str, Any]]) -> Layout | None:
    dialects: Counter[str] = Counter()
    columns: Counter[str] = Counter()
    for record in sample:
        if dialect := dialect_of(record):
            dialects[dialect] += 1
            columns[next(name for name in TRAJECTORY_COLUMNS if name in record)] += 1
    if 2 * sum(dialects.values()) < len(sample) or not dialects:
        return None
    name = f"agent:{next(iter(dialects))}" if len(dialects) == 1 else "agent"
    column = columns.most_common(1)[0][0]
    return Layout(column, column, name=name)


def dialect_of(record: Mapping[str, Any]) -> str | None:
    """The agent dialect that a record is written in, if it is an agent's."""
    if not any(name in record for name in TRAJECTORY_COLUMNS):
        return None
    from srl_data.sources import agents

    return agents.detect(record)


def _generic(sample: Sequence[Mapping[str, Any]], given: Mapping[str, str]) -> Layout:
    problem = given.get("problem") or _first(sample, _PROBLEM, _is_text("user"), without=given.values())
    text = given.get("text") or _solution(sample, {problem, *given.values()})
    if problem and text:
        name = "custom" if {"problem", "text"} & set(given) else "generic"
        layout = _with_rest(Layout(problem, text, name=name), sample, given)
        is_gsm8k = (name, problem, text, layout.marker) == ("generic", "question", "answer", _MARKER)
        return replace(layout, name="gsm8k") if is_gsm8k else layout
    if not given:
        for column in CHAT_COLUMNS:
            if _mostly(sample, column, lambda turns: spoken(turns, "assistant") is not None):
                return _with_rest(Layout(column, column, name="messages"), sample, given)
    raise InputError(_cannot_guess(sample, problem, text))


def _solution(sample: Sequence[Mapping[str, Any]], without: Iterable[str | None]) -> str | None:
    """The column of the text: the first that holds long texts; failing that, the first that holds any."""
    found = _first(sample, _TEXT, _is_text("assistant"), without=without, enough=lambda path: _is_long(sample, path))
    if not found:
        known = [path for path in _TEXT_IF_LONG if _is_long(sample, path)]
        found = _first(sample, known, _is_text("assistant"), without=without)
    return found or _first(sample, _TEXT, _is_text("assistant"), without=without)


def _with_rest(layout: Layout, sample: Sequence[Mapping[str, Any]], given: Mapping[str, str]) -> Layout:
    """Add the answer and the id: as given, else as guessed."""
    used = {layout.problem, layout.text, layout.context, *given.values()}
    marker = None
    if not layout.is_agent and _mostly(sample, layout.text, lambda text: isinstance(text, str) and has_marker(text)):
        marker = _MARKER
    if "answer" in given:
        answer, marker = given["answer"] or None, marker if given["answer"] == layout.text else None
        answer = None if marker else answer
    else:
        answer = layout.answer
        if answer is None and not layout.is_agent:
            answer = _first(sample, _ANSWER, _is_answer, without=used)
    id = (given["id"] or None) if "id" in given else _id(sample, {*used, answer})
    return replace(layout, answer=answer, id=id, marker=marker)


def has_marker(text: str) -> bool:
    """Whether the last line of a text is GSM8K's ``#### 42``."""
    return text.rstrip().rpartition("\n")[2].startswith(_MARKER)


def _id(sample: Sequence[Mapping[str, Any]], without: Iterable[str | None]) -> str | None:
    """The first id column whose values differ from record to record."""
    taken = set(without)
    for path in _ID:
        values = [record[path] for record in sample if isinstance(record.get(path), (str, int))]
        if path not in taken and values and len(values) == len(set(values)) and 2 * len(values) >= len(sample):
            return path
    return None


def _first(
    sample: Sequence[Mapping[str, Any]],
    paths: Iterable[str],
    fits: Callable[[Any], bool],
    *,
    without: Iterable[str | None] = (),
    enough: Callable[[str], bool] = lambda _: True,
) -> str | None:
    taken = set(without)
    return next((path for path in paths if path not in taken and _mostly(sample, path, fits) and enough(path)), None)


def _mostly(sample: Sequence[Mapping[str, Any]], path: str, fits: Callable[[Any], bool]) -> bool:
    """Whether at least half of the records, and one at all, have a fitting value at the path."""
    good = sum(1 for record in sample if (value := find(record, path)) is not MISSING and fits(value))
    return good > 0 and 2 * good >= len(sample)


def _is_text(role: str) -> Callable[[Any], bool]:
    def fits(value: Any) -> bool:
        if isinstance(value, list):
            strings = bool(value) and all(isinstance(item, str) for item in value)
            return strings or spoken(value, role) is not None
        return isinstance(value, str) and bool(value.strip())

    return fits


def _is_answer(value: Any) -> bool:
    return isinstance(value, (str, int, float)) or (isinstance(value, list) and len(value) == 1)


def _is_long(sample: Sequence[Mapping[str, Any]], path: str) -> bool:
    lengths = [_length(value) for record in sample if (value := find(record, path)) is not MISSING]
    return bool(lengths) and median(lengths) >= _LONG


def _length(value: Any) -> int:
    if isinstance(value, str):
        return max(len(value), _LONG if "\n" in value.strip() else 0)
    if isinstance(value, list):
        return sum(_length(item) for item in value) if all(isinstance(item, str) for item in value) else _LONG
    return 0


def _columns(sample: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for record in sample for name in record))


def _cannot_guess(sample: Sequence[Mapping[str, Any]], problem: str | None, text: str | None) -> str:
    """Say so, with a ready ``--map`` made of the longest texts that there are."""
    columns = _columns(sample)
    texts = [name for name in columns if name not in (problem, text) and _mostly(sample, name, _is_text("assistant"))]
    texts.sort(key=lambda name: -median(_length(record.get(name)) for record in sample))
    chosen_text = text or (texts.pop(0) if texts else "COLUMN")
    chosen_problem = problem or (texts.pop(0) if texts else "COLUMN")
    lacking = " and ".join(what for what, path in (("the problem", problem), ("the solution", text)) if not path)
    return (
        f"cannot tell which column holds {lacking}; the columns are {listed(columns)}. "
        f"Name them, for instance: --map problem={chosen_problem} --map text={chosen_text}"
    )
