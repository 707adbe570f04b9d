"""A word problem under way."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from srl_data.generate.expr import ANSWER, Expr, N
from srl_data.generate.model import Problem, Step, eq, step

__all__ = ["Story"]


@dataclass(slots=True)
class Story:
    """A story under way: what was told, how it is solved, and the answer as one formula."""

    rng: random.Random
    sentences: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def say(self, *variants: str) -> None:
        """Tell the next thing that happens, in one of several ways."""
        self.sentences.append(self.rng.choice(variants))

    def work(self, title: str, whole: Expr, value: int, *variants: str) -> None:
        """A step; the ``{}`` of its prose is a calculation whose result is ``value``."""
        self.steps.append(step(title, self.rng.choice(variants), eq(whole, value)))

    def finish(self, topic: str, question: str, whole: Expr, value: int) -> Problem:
        """Ask the question, whose answer is ``value`` by the steps and ``whole`` by the data of the story."""
        statement = " ".join([*self.sentences, question])
        return Problem(statement, tuple(self.steps), (eq(whole, ANSWER),), ({"?": N(value)},), topic=topic)
