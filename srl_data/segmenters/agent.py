r"""Segmenter ``agent``: a trajectory into steps, each a thought, a call, and what came back.

Follows the software-engineering experiments of SRL (arXiv 2510.25992, Fig. 4): the action is the call alone, which the
environment consumes; prose around it is left out of the action and stays in the step's text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from srl_data.answers import stated_answer
from srl_data.calls import render
from srl_data.errors import Rejected
from srl_data.segmenters.base import require_text
from srl_data.segmenters.interpreter import events_in_text, output_in
from srl_data.types import Event, Segmentation, Solution, Step

__all__ = ["Agent"]

_CODE = re.compile(r"^[^\S\n]*```(?!output)\w", re.MULTILINE)  # opens a block of code


@dataclass(frozen=True, slots=True)
class Agent:
    r"""Agent trajectories and write-ups with code and its output: one step per call.

    A step is the thought before a call, the call (or parallel calls), and all that the agent was told before it
    spoke again. Its action is the call in canonical form (:func:`~srl_data.calls.render`; parallel calls one after
    the other), its ``observation`` what came back, without blank lines at its front and white space at its end,
    several answers a blank line apart. That is None if nothing came back, empty if an empty answer did.

    A turn of the agent without a call is a message. The last turn of all, if nobody answers it, is the last step, of
    kind ``message``: it ends the run as a call to ``submit`` would, and since SRL makes no row of the last step every
    call gets one. Other messages are no steps by default: before the first call they are preamble, behind the last
    step epilogue; in between they belong to the step before, and what a user said to them to that step's
    observation, so that the context of the next step has it. ``messages="steps"`` makes each of them a step of kind
    ``message``: right where talking to a user is part of the job.

    Where a solution has no events, its text is read as prose with code blocks, each followed by an ``output``
    block (:func:`~srl_data.segmenters.interpreter.events_in_text`); its answer is what its last words state.
    Rejects with ``no_agent_turns`` if there is no call in either.

    Example:
        >>> text = "Add.\n```python\nprint(1 + 2)\n```\n```output\n3\n```\nIt is 3."
        >>> step = Agent().segment(Solution(id="a", problem="1 + 2?", text=text)).steps[0]
        >>> step.action, step.observation
        ('print(1 + 2)', '3')
    """

    name: ClassVar[str] = "agent"

    arguments: Annotated[
        Literal["sorted", "written"], "Order of a call's arguments: by name, or as the expert wrote them."
    ] = "sorted"
    messages: Annotated[
        Literal["context", "steps"], "A message in mid-run: context of the next step, or a step of its own."
    ] = "context"

    def segment(self, solution: Solution) -> Segmentation:
        """Split a trajectory; see :class:`Agent` and :class:`~srl_data.segmenters.base.Segmenter`."""
        text = require_text(solution)
        turns = list(_turns(solution.events or events_in_text(text)))
        if not any(turn.call for turn in turns):
            raise Rejected(
                "no_agent_turns", "no call: neither an agent record nor a write-up with code and its ```output blocks"
            )
        drafts: list[_Turn] = []
        between: list[Event] = []  # what was said to the agent since the last draft, and led to a further one
        for turn in turns:
            answered = bool(turn.heard) or turn is not turns[-1]
            if turn.call or (turn.said and (self.messages == "steps" or not answered)):
                if drafts:
                    drafts[-1].heard += between
                drafts.append(turn)
                between = []
            else:
                between += turn.heard
        read = str if solution.events else output_in
        steps = tuple(self._step(text, draft, read) for draft in drafts)
        # a write-up states its answer in its last words, not in its code nor in what the code printed
        final = steps[-1].action if not solution.events and steps[-1].kind == "message" else ""
        return Segmentation(steps, self.name, stated_answer(final))

    def fit(self, solution: Solution) -> float:
        """1 for a trajectory; 0.9 for a write-up of code and outputs alone, 0.4 if other code is in it; else 0."""
        if solution.events:
            return 1.0 if any(event.calls for event in solution.events) else 0.0
        calls = sum(event.kind == "call" for event in events_in_text(solution.text))
        return 0.0 if not calls else 0.9 if calls == len(_CODE.findall(solution.text)) else 0.4

    def _step(self, text: str, turn: _Turn, read: Callable[[str], str]) -> Step:
        start = turn.said[0].start
        if turn.call:
            action = "\n".join(render(call, self.arguments) for call in turn.call.calls)
        else:
            action = text[start : turn.said[-1].end].strip()
        heard = [_trimmed(read(text[event.start : event.end])) for event in turn.heard]
        observation = "\n\n".join(each for each in heard if each) if heard else None
        return Step(start, turn.end, action, observation=observation, kind="call" if turn.call else "message")


@dataclass(slots=True)
class _Turn:
    """What the agent said at one go, with at most one call event, and what it heard before it spoke again."""

    said: list[Event] = field(default_factory=list)
    heard: list[Event] = field(default_factory=list)

    @property
    def call(self) -> Event | None:
        return next((event for event in self.said if event.calls), None)

    @property
    def end(self) -> int:
        return (self.heard or self.said)[-1].end


def _turns(events: Sequence[Event]) -> Iterator[_Turn]:
    """Group events. What is heard before the agent first speaks is a turn in which nothing is said."""
    turn = _Turn()
    for event in events:
        if event.kind in ("observation", "user"):
            turn.heard.append(event)
            continue
        if turn.heard:
            yield turn
            turn = _Turn()
        elif event.calls and turn.call:  # the call before was never answered; what follows it belongs to this one
            behind = turn.said.index(turn.call) + 1
            yield _Turn(turn.said[:behind])
            turn = _Turn(turn.said[behind:])
        turn.said.append(event)
    yield turn


def _trimmed(observation: str) -> str:
    return observation.lstrip("\r\n").rstrip()
