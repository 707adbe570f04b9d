"""Which trajectories are worth training on. Each refusal has a name, and is counted under it.

Duplicates are not found here: that needs all records at once, see :mod:`srl_data.splits`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from srl_data.answers import agreement, fault, stated_answer
from srl_data.errors import Rejected
from srl_data.examples import is_agent
from srl_data.types import Trajectory

__all__ = ["FILTER_REASONS", "FilterOptions", "check"]

_MOST_ROW_CHARS = 64_000_000

FILTER_REASONS = {
    "too_few_steps": "fewer steps than --min-steps",
    "too_many_steps": "more steps than --max-steps",
    "too_long": "a text longer than --max-chars",
    "step_too_long": "a step longer than --max-step-chars",
    "no_answer": "no gold answer, or none stated by the solution",
    "answer_disagrees": "the solution states another answer than the gold one",
    "answer_unreadable": "the gold answer cannot be read, so no reply could be scored by it (--check-answers)",
    "rows_too_large": "so many steps of so long a text that its rows would take gigabytes",
    "duplicate": "the same problem with the same solution was seen before",
}
"""Every reason for which a well-segmented trajectory can be left out, and what it means."""


@dataclass(frozen=True, slots=True)
class FilterOptions:
    """What a trajectory must have.

    Attributes:
        min_steps: The least number of steps; one step makes no row unless the last step is included.
        max_steps: The greatest number of steps.
        max_chars: The greatest length of the text, in code points.
        max_step_chars: The greatest length of one action, in code points.
        answers: ``any`` does not look at answers; ``known`` wants a gold answer (the record's, or the one that
            the solution states); ``agree`` wants both, and the same.
        duplicates: Keep records whose problem and text were seen before.
        check_answers: Want a gold answer, where there is one, to be one that replies can be scored by.
    """

    min_steps: int = 2
    max_steps: int | None = None
    max_chars: int | None = None
    max_step_chars: int | None = None
    answers: Literal["any", "known", "agree"] = "any"
    duplicates: bool = False
    check_answers: bool = False


def check(trajectory: Trajectory, options: FilterOptions) -> None:
    """Let a trajectory pass, or say why not.

    Raises:
        Rejected: With one of :data:`FILTER_REASONS`.
    """
    text, steps = trajectory.solution.text, trajectory.steps
    if len(steps) < options.min_steps:
        raise Rejected("too_few_steps", f"{len(steps)} of at least {options.min_steps}")
    if options.max_steps is not None and len(steps) > options.max_steps:
        raise Rejected("too_many_steps", f"{len(steps)} of at most {options.max_steps}")
    if len(steps) * len(text) > _MOST_ROW_CHARS and not is_agent(trajectory):  # each row repeats all before it
        raise Rejected("rows_too_large", f"{len(steps)} steps of a text of {len(text)} characters")
    if options.max_chars is not None and len(text) > options.max_chars:
        raise Rejected("too_long", f"{len(text)} characters of at most {options.max_chars}")
    if options.max_step_chars is not None:
        longest = max(len(step.action) for step in steps)
        if longest > options.max_step_chars:
            raise Rejected("step_too_long", f"{longest} characters of at most {options.max_step_chars}")
    if options.check_answers and trajectory.answer is not None and (why := fault(trajectory.answer)):
        raise Rejected("answer_unreadable", f"{why}: {trajectory.answer[:200]!r}")
    if options.answers != "any":
        _check_answers(trajectory, options.answers)


def _check_answers(trajectory: Trajectory, wanted: Literal["known", "agree"]) -> None:
    gold, stated = trajectory.solution.answer, trajectory.segmentation.answer
    if gold is None and (stated is None or wanted == "agree"):
        raise Rejected("no_answer", "the record has no gold answer" + (" and the solution states none" * (not stated)))
    if wanted == "agree":
        stated = stated or stated_answer(trajectory.solution.text)
        if stated is None:
            raise Rejected("no_answer", f"the solution states no answer (gold: {gold!r})")
        if gold is not None and not (same := agreement(gold, stated)):
            if same is None and (why := fault(gold)):
                raise Rejected("answer_unreadable", f"{why}: {gold[:200]!r}")
            doubt = ", and whether that is the same could not be decided" if same is None else ""
            raise Rejected("answer_disagrees", f"gold {gold!r}, the solution says {stated!r}{doubt}")
