"""A policy with random weights, tasks that say what their rollouts shall score, and a reward that does as they say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch

from rewards import Scores
from srl_data.training.policy import Policy
from srl_data.training.stage import Stage
from srl_data.training.tasks import Epochs, Task
from srl_data.training.tiny import tiny_model, tiny_tokenizer

TOKENIZER = tiny_tokenizer(["Start with 14, subtract 7. We get 14 - 7 = 7.\n"] * 9, size=280)
Plan = Sequence[float | str | None]


class Scripted:
    """The k-th rollout of a task scores what stands k-th in its plan; ``"format"`` is -1 for a broken form."""

    name = "scripted"
    bounds = (-1.0, 1.0)
    columns = ("id", "plan")

    def __call__(self, completions: Sequence[str], **columns: Sequence[Any]) -> Scores:
        seen: Counter[str] = Counter()
        values: list[float | None] = []
        status: list[Any] = []
        for name, plan in zip(columns["id"], columns["plan"], strict=True):
            planned = plan[seen[name] % len(plan)]
            seen[name] += 1
            values.append(-1.0 if planned == "format" else planned)
            status.append("format" if planned == "format" else "error" if planned is None else "ok")
        half = [None if value is None else value / 2 for value in values]
        return Scores(values, status, {"half": half})


class InOrder(Epochs):
    """Tasks in the order in which they stand."""

    def _next(self) -> Task:
        self.position += 1
        return self._tasks[(self.position - 1) % len(self._tasks)]


def policy(seed: int = 0) -> Policy:
    """Every fifth token ends a reply, so that replies differ in length."""
    model = tiny_model(TOKENIZER, width=32, layers=2, heads=2, context=128, seed=seed)
    made = Policy.of(model, TOKENIZER, device="cpu")
    made.stop = tuple(range(1, len(TOKENIZER), 5))
    return made


def tasks(*plans: Plan) -> InOrder:
    """One for each plan; prompts differ in length."""
    made = []
    for number, plan in enumerate(plans):
        prompt = TOKENIZER("Start with 14. " * (number % 4 + 1) + str(number))["input_ids"]
        made.append(Task(f"t{number}", tuple(prompt), {"id": f"t{number}", "plan": plan}, "We get 7."))
    return InOrder(made, 0)


def stage(**options: Any) -> Stage:
    chosen: dict[str, Any] = {"steps": 1, "prompts": 2, "group_size": 4, "max_new_tokens": 6, "lr": 1e-3} | options
    return Stage("rlvr", "nowhere", **chosen)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
