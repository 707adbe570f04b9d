"""What the model is asked: the words of a step example's prompt.

The layout follows SRL (arXiv 2510.25992, §3.1 and App. B.2.1): a system prompt that asks for a private draft
and then the next step alone; then the problem and the expert's solution up to that step. The words are ours.
"""

from __future__ import annotations

from typing import Literal

__all__ = [
    "NOTHING_YET",
    "Tags",
    "agent_task",
    "next_step_request",
    "prefill_fault",
    "request_opening",
    "solve_messages",
    "system_prompt",
]

Tags = Literal["think", "think+solution"]

_ROLE = {
    "solution": (
        "You are an expert problem solver. You are given a problem and the part of its solution that is already "
        "written, which may be nothing yet."
    ),
    "agent": (
        "You are an expert agent that works on a task by calling tools. You are given the task and the most recent "
        "calls with what they returned."
    ),
}
NOTHING_YET = "(nothing yet)"
"""What stands for the solution so far before its first step."""

_UNIT = {"solution": "step", "agent": "call"}


def system_prompt(tags: Tags, *, agent: bool = False) -> str:
    """The default system prompt.

    Args:
        tags: ``think`` asks for ``<think>…</think>`` and then the step; ``think+solution`` asks for the step in
            ``<solution>…</solution>`` too.
        agent: Whether the steps are an agent's calls rather than parts of a write-up.

    Example:
        >>> "<solution>" in system_prompt("think"), "<solution>" in system_prompt("think+solution")
        (False, True)
    """
    sort = "agent" if agent else "solution"
    unit = _UNIT[sort]
    place = f", inside <solution> and </solution>: exactly one {unit}" if tags == "think+solution" else f": one {unit}"
    return (
        f"{_ROLE[sort]} First draft your thoughts inside <think> and </think>; they stay private. "
        f"Then write only the next {unit}{place}, and nothing beyond it."
    )


def request_opening(problem: str) -> str:
    """What every user message of a write-up begins with: the problem, and the heading over the solution so far."""
    return f"### Problem\n{problem}\n\n### Solution so far\n"


def next_step_request(problem: str, so_far: str, title: str | None) -> str:
    """The user message of a write-up: the problem, the solution so far, and the next step's title if given."""
    request = request_opening(problem) + (so_far or NOTHING_YET)
    return request if title is None else f"{request}\n\n### Next step\n{title}"


def prefill_fault(prompt: str, prefilled: bool | None) -> tuple[str, str] | None:
    r"""Why a reward that wants ``<think>`` would find fault with every reply: prompt and reward do not fit together.

    Args:
        prompt: The end of a prompt, as a chat template leaves it.
        prefilled: The reward's option of that name; ``None`` if it has none, and wants no tags.

    Returns:
        What is wrong and how to mend it; ``None`` if nothing is.

    Example:
        >>> prefill_fault("<|assistant|>\n<think>\n", False)[1]
        '-O prefilled=true'
        >>> prefill_fault("<|assistant|>\n", False)
    """
    ending = prompt.rstrip()
    if prefilled is None:
        return None
    if ending.endswith("</think>"):
        return (
            "the prompt closes the thought before the model begins: no reply has <think>",
            "turn thinking on in the template (`enable_thinking=true` in its keywords), or use a reward without tags",
        )
    if ending.endswith("<think>") == prefilled:
        return None
    ends = "does not end" if prefilled else "ends"
    return (
        f"the prompt {ends} with <think>, and the reward has prefilled={str(prefilled).lower()}: every reply breaks "
        "the form",
        f"-O prefilled={str(not prefilled).lower()}",
    )


def solve_messages(problem: str) -> list[dict[str, str]]:
    r"""What a model is asked that has to solve a whole problem: to go step by step, and to box the answer.

    Example:
        >>> solve_messages("What is 1 + 1?")[0]["content"].splitlines()[:2]
        ['### Problem', 'What is 1 + 1?']
    """
    request = "Solve it step by step. Put the final answer into \\boxed{}."
    return [{"role": "user", "content": f"### Problem\n{problem}\n\n{request}"}]


def agent_task(problem: str, preamble: str, omitted: int, title: str | None) -> str:
    """The first user message of an agent's step: the task, what was said before the first call, what is not shown."""
    parts = ["### Task\n", problem]
    if preamble:
        parts += ["\n\n### Before the first call\n", preamble]
    if omitted:
        parts.append(f"\n\n({omitted} earlier call{'s' if omitted > 1 else ''} not shown)")
    if title is not None:
        parts += ["\n\n### Next step\n", title]
    return "".join(parts)
