"""The nouns: what is read, what a segmenter makes of it, and what training gets.

Offsets are in code points: ``text[step.start : step.end]`` is the step as the expert wrote it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, NamedTuple, cast

__all__ = ["Call", "Event", "Segmentation", "Solution", "Step", "StepExample", "Trajectory", "make_step"]


@dataclass(frozen=True, slots=True)
class Call:
    """One call that an agent made, taken apart.

    Attributes:
        name: The tool's name, e.g. ``bash``; empty where the environment consumes a plain command line.
        arguments: Argument name → value. A plain command stands alone under the empty name ``""``.
        syntax: How the environment wants it written: ``xml`` for ``<function=…><parameter=…>``, ``json`` for
            tool calls, ``plain`` for a bare command or code.
    """

    name: str
    arguments: Mapping[str, Any]
    syntax: Literal["xml", "json", "plain"]


@dataclass(frozen=True, slots=True)
class Event:
    """A stretch of an agent transcript, ``text[start:end]``.

    Attributes:
        kind: ``thought`` and ``call`` are the agent's, ``observation`` is the environment's answer, ``user``
            is a person (or a simulated one) speaking in the middle of the run.
        calls: The calls that a ``call`` event holds, in order; several where the agent called in parallel.
    """

    kind: Literal["thought", "call", "observation", "user"]
    start: int
    end: int
    calls: tuple[Call, ...] = ()


@dataclass(frozen=True, slots=True)
class Solution:
    """One expert write-up, or one agent trajectory written out as a transcript.

    Attributes:
        id: Unique within a dataset.
        problem: What was asked.
        text: What the expert wrote, untouched; for an agent, the transcript.
        answer: The gold final answer, if the data has one.
        source: Where it comes from, ``train.jsonl:17``.
        meta: Everything else worth keeping; JSON types only.
        events: For an agent, the transcript taken apart; empty for a write-up.
    """

    id: str
    problem: str
    text: str
    answer: str | None = None
    source: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)
    events: tuple[Event, ...] = ()


class Step(NamedTuple):  # a tuple: there are millions, and a frozen dataclass costs three times as much to make
    """One segment of a solution.

    Attributes:
        start: Offset of the first code point.
        end: Offset past the last one.
        action: What the model must produce for this step. For a write-up the step's own text, or that text
            without annotations; for an agent the call alone, in canonical form.
        title: The step's name, if it has one.
        observation: What the environment answered (agents).
        kind: What sort of move it is, where the segmenter tells (``plan``, ``derive``, ``verify``, …).
    """

    start: int
    end: int
    action: str
    title: str | None = None
    observation: str | None = None
    kind: str | None = None


make_step = cast(
    "Callable[[tuple[int, int, str, str | None, str | None, str | None]], Step]", partial(tuple.__new__, Step)
)
"""A step from a tuple of all its values: half the price of calling ``Step``, for inner loops."""


@dataclass(frozen=True, slots=True)
class Segmentation:
    """What a segmenter makes of a text: ordered, disjoint steps, nothing but white space between them.

    Attributes:
        steps: At least one.
        segmenter: The segmenter that did it (``auto`` puts the one it picked).
        answer: The final answer that the text itself states, if the segmenter found one.
        confidence: How sure ``auto`` was, 0 to 1; None where a person chose the segmenter.
    """

    steps: tuple[Step, ...]
    segmenter: str
    answer: str | None = None
    confidence: float | None = None

    def preamble(self, text: str) -> str:
        """What lies before the first step."""
        return text[: self.steps[0].start]

    def epilogue(self, text: str) -> str:
        """What lies behind the last step."""
        return text[self.steps[-1].end :]


@dataclass(frozen=True, slots=True)
class Trajectory:
    """A solution and its ordered steps."""

    solution: Solution
    segmentation: Segmentation

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps, in order."""
        return self.segmentation.steps

    @property
    def answer(self) -> str | None:
        """The gold answer, or else the one that the text itself states."""
        return self.segmentation.answer if self.solution.answer is None else self.solution.answer


@dataclass(slots=True)  # not frozen: a large dataset makes millions, and freezing doubles what one costs
class StepExample:
    """One training row: the context up to step ``step_index``, and that step as the reference.

    Attributes:
        id: ``{trajectory_id}#{step_index}``.
        trajectory_id: The solution's id.
        step_index: Which step is the reference, counted from 0.
        num_steps: How many steps the trajectory has.
        prompt: Chat messages, ``{"role": …, "content": …}``.
        reference: The expert's action.
        title: The step's title, if it has one.
        problem: What was asked.
        history: The expert's actions before this one (for an agent: those in the window).
        answer: The gold final answer, if the data has one.
        source: Where the solution comes from.
    """

    id: str
    trajectory_id: str
    step_index: int
    num_steps: int
    prompt: list[dict[str, str]]
    reference: str
    title: str | None
    problem: str
    history: list[str]
    answer: str | None
    source: str
