"""Trajectory → step examples, as SRL builds them (arXiv 2510.25992, §3.1).

A trajectory of N steps gives N−1 rows: for k = 1 … N−1 the context is the problem and the expert's steps
1 … k−1, the reference is step k. Read literally, the last step (the answer) is never a reference;
``include_last`` adds it. The context is always the *expert's*, whatever the model would have written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from srl_data.prompts import Tags, agent_task, next_step_request, system_prompt
from srl_data.segmenters.base import monologue_end
from srl_data.types import Step, StepExample, Trajectory

__all__ = ["ExampleOptions", "contexts", "is_agent", "step_examples"]


@dataclass(frozen=True, slots=True)
class ExampleOptions:
    """How rows are made from a trajectory.

    Attributes:
        include_last: Make a row for the last step too (the paper does not).
        give_title: Tell the model the coming step's title, where it has one (footnote 1 of the paper).
        tags: What the system prompt asks for, see :func:`srl_data.prompts.system_prompt`.
        system: A system prompt that replaces the default; the empty string leaves it out.
        window: How many action–observation pairs an agent's context shows (the paper's Fig. 4 shows two).
    """

    include_last: bool = False
    give_title: bool = False
    tags: Tags = "think"
    system: str | None = None
    window: int = 2


def step_examples(trajectory: Trajectory, options: ExampleOptions | None = None) -> Iterator[StepExample]:
    r"""The rows of one trajectory, in order.

    Example:
        >>> from srl_data import segmenters
        >>> from srl_data.types import Solution
        >>> solution = Solution(id="a", problem="1 + 2 + 3?", text="1 + 2 = 3\n3 + 3 = 6", answer="6")
        >>> trajectory = Trajectory(solution, segmenters.get("lines").segment(solution))
        >>> [(row.id, row.reference) for row in step_examples(trajectory)]
        [('a#0', '1 + 2 = 3')]
    """
    options = options or ExampleOptions()
    solution, steps = trajectory.solution, trajectory.steps
    agent = is_agent(trajectory)
    system = system_prompt(options.tags, agent=agent) if options.system is None else options.system
    opening = [{"role": "system", "content": system}] if system else []
    actions = [step.action for step in steps]
    answer = trajectory.answer
    so_far = None if agent else contexts(trajectory)
    preamble = solution.text[: steps[0].start].strip()
    for index in range(len(steps) if options.include_last else len(steps) - 1):
        title = steps[index].title
        shown_title = title if options.give_title else None
        if so_far is not None:
            request = next_step_request(solution.problem, so_far[index], shown_title)
            turns = [{"role": "user", "content": request}]
            history = actions[:index]
        else:
            first = max(0, index - options.window)
            task = agent_task(solution.problem, preamble, first, shown_title)
            turns = [{"role": "user", "content": task}, *_shown(steps[first:index])]
            history = actions[first:index]
        yield StepExample(
            id=f"{solution.id}#{index}",
            trajectory_id=solution.id,
            step_index=index,
            num_steps=len(steps),
            prompt=opening + turns,
            reference=actions[index],
            title=title,
            problem=solution.problem,
            history=history,
            answer=answer,
            source=solution.source,
        )


def is_agent(trajectory: Trajectory) -> bool:
    """Whether the steps are an agent's calls rather than parts of a write-up."""
    return any(step.kind == "call" for step in trajectory.steps)


def contexts(trajectory: Trajectory) -> list[str]:
    """A write-up up to each of its steps: the text itself, with actions where they differ from what was written.

    A leading ``<think>`` block is left out: it was not meant to be seen, and tells how it ends.
    """
    text, steps = trajectory.solution.text, trajectory.segmentation.steps
    begin = monologue_end(text)
    if begin > steps[0].start:  # the monologue itself was segmented
        begin = 0
    for start, end, action, _title, _observation, _kind in steps:
        if text[start:end] != action:
            break
    else:
        return [text[begin : step.start].strip() for step in steps]
    found, so_far, end = [], text[begin : steps[0].start].lstrip(), steps[0].start
    for step in steps:
        so_far += text[end : step.start]
        found.append(so_far.rstrip())
        so_far += step.action
        end = step.end
    return found


def _shown(steps: tuple[Step, ...]) -> Iterator[dict[str, str]]:
    for step in steps:
        yield {"role": "assistant", "content": step.action}
        yield {"role": "user", "content": step.observation or "(no output)"}
