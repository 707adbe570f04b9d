"""How replies are drawn where a model is looked at rather than trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from rewards.errors import OptionError
from srl_data.training.stage import Stage

__all__ = ["Kind", "Sampling"]

Kind = Literal["solutions", "steps"]
"""What is asked for: whole solutions, or single steps given the expert's before."""

_METHODS: dict[Kind, Literal["rlvr", "srl"]] = {"solutions": "rlvr", "steps": "srl"}


@dataclass(frozen=True, slots=True)
class Sampling:
    """How replies are drawn.

    Raises:
        OptionError: If a value is out of range.
    """

    samples: Annotated[int, "Replies drawn to each prompt."] = 8
    temperature: Annotated[float, "Of these."] = 1.0
    solution_tokens: Annotated[int | None, "Most tokens of a solution; 1024, or half the context if that is less."] = (
        None
    )
    step_tokens: Annotated[int | None, "Most tokens of a step; 512, or half the context if that is less."] = None
    problems: Annotated[int | None, "How many distinct problems, chosen by the seed; all, if none is given."] = None
    seed: Annotated[int, "Decides which problems and which replies."] = 0
    batch: Annotated[int, "Replies drawn at once; memory grows with it."] = 64

    def __post_init__(self) -> None:
        for name, least in {"samples": 0, "solution_tokens": 1, "step_tokens": 1, "problems": 1, "batch": 1}.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise OptionError(f"option {name}: {value} must be {least} or more")
        if self.temperature <= 0:
            raise OptionError(f"option temperature: {self.temperature} must be above 0")

    def stage(self, kind: Kind, data: str, context: int | None) -> Stage:
        """What a stage of training on this data would be, of which only the sampling counts."""
        stage = Stage(
            method=_METHODS[kind],
            data=data,
            name=kind,
            steps=1,
            group_size=max(1, self.samples),
            max_new_tokens=self.solution_tokens if kind == "solutions" else self.step_tokens,
            temperature=self.temperature,
            sample_rows=self.batch,
            advantage="running",  # which has no objection to a single reply
            min_std=None,
        )
        return stage.fitted(context)
