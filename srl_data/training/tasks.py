"""What a stage trains on: prompts, and the columns that its reward reads, from a step dataset."""

from __future__ import annotations

import random
import sys
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rewards import Reward
from rewards.registry import did_you_mean
from srl_data.dataset import StepDataset
from srl_data.prompts import prefill_fault, solve_messages
from srl_data.training.policy import Policy
from srl_data.training.stage import ConfigError, Stage

__all__ = ["Epochs", "Task", "check_fit", "load_tasks"]

_ENDING = 32  # tokens that </think> and the blanks behind it fit into


@dataclass(frozen=True, slots=True)
class Task:
    """One prompt.

    Attributes:
        id: The row's.
        prompt: The prompt's tokens; of many long ones, an array takes a ninth of what a tuple does.
        columns: What a reward may read: ``reference`` and others of the row for steps; ``answer``, and the
            expert's ``text``, for whole problems.
        reply: What the expert writes, for ``sft`` to imitate.
    """

    id: str
    prompt: Sequence[int]
    columns: dict[str, Any]
    reply: str


def load_tasks(stage: Stage, policy: Policy, split: str, *, once: bool = False) -> tuple[list[Task], int]:
    """The tasks of one split, and how many more there would be, had the model's context room for them.

    For ``sft`` there must be room for prompt and reply, otherwise for the prompt and ``max_new_tokens``.

    Args:
        stage: What they are for.
        policy: Whose context and tokenizer they are made for.
        split: Of the stage's data.
        once: Of several solutions of one problem, take the first alone. What training imitates differs among them;
            what a whole problem asks does not. Where the gold answers differ, so does what is right: then the first
            of each answer, as it is written, is a task. Steps are all tasks, for each solution has its own.

    Raises:
        ConfigError: If there are none, or none that fit.
    """
    dataset = StepDataset(stage.data)
    if split not in dataset.splits:
        hint = "; srl-data segment --holdout makes one" if split == "validation" else ""
        raise ConfigError(
            f"stage {stage.name!r}: {stage.data} has no split {split!r}, only {', '.join(dataset.splits)}{hint}"
        )
    on_steps = stage.method == "srl" or (stage.method == "sft" and stage.on == "steps")
    answered = stage.method == "rlvr"
    rows = _steps(dataset, split) if on_steps else _solutions(dataset, split, answered=answered, once=once)
    sft, context = stage.method == "sft", policy.context or sys.maxsize
    if not sft and stage.most_tokens >= context:
        raise ConfigError(
            f"stage {stage.name!r}: max_new_tokens = {stage.most_tokens} leaves no room for a prompt in the model's "
            f"context of {policy.context} tokens"
        )
    found: list[Task] = []
    long = 0
    for name, messages, columns, reply in rows:
        prompt = array("i", policy.encode(messages))
        room = context - (len(policy.encode_reply(reply)) if sft else stage.most_tokens)
        if len(prompt) > min(room, stage.max_prompt_tokens or room):
            long += 1
        else:
            found.append(Task(name, prompt, columns, reply))
    if not found:
        what = "there is no row" if split == "train" else "there is no row; srl-data segment --holdout puts some there"
        if long:
            texts = "prompts and replies" if sft else f"prompts and max_new_tokens = {stage.most_tokens}"
            limit = f", or prompts than {stage.max_prompt_tokens} tokens" if stage.max_prompt_tokens else ""
            what = f"all {long} {texts} are longer than the model's context of {policy.context} tokens{limit}"
        if not long and stage.method == "rlvr":
            what = "no trajectory has a gold answer"
        raise ConfigError(f"stage {stage.name!r}: {stage.data}, split {split}: {what}")
    return found, long


def check_fit(reward: Reward, tasks: Sequence[Task], policy: Policy, what: str) -> None:
    """See whether a reward finds what it reads: its columns, and ``<think>`` where the prompts leave it.

    Raises:
        ConfigError: If not; the message begins with ``what``.
    """
    there = tasks[0].columns
    if missing := [name for name in reward.columns if name not in there]:
        raise ConfigError(
            f"{what} reads {missing[0]!r}; there are {', '.join(sorted(there))}{did_you_mean(missing[0], there)}"
        )
    ending = str(policy.tokenizer.decode(list(tasks[0].prompt[-_ENDING:])))
    if fault := prefill_fault(ending, getattr(reward, "prefilled", None)):
        wrong, mend = fault
        raise ConfigError(f"{what}: {wrong}; {mend}")


_Row = tuple[str, list[dict[str, str]], dict[str, Any], str]


def _steps(dataset: StepDataset, split: str) -> Iterator[_Row]:
    for row in dataset.rows("steps", split):
        yield row["id"], row["prompt"], row, row["reference"]


def _solutions(dataset: StepDataset, split: str, *, answered: bool, once: bool) -> Iterator[_Row]:
    seen: set[tuple[str, str | None]] = set()
    for row in dataset.rows("trajectories", split):
        asked = row["problem"], row["answer"]
        if (row["answer"] is not None or not answered) and not (once and asked in seen):
            seen.add(asked)
            columns = {name: row[name] for name in ("id", "problem", "answer", "source", "text")}
            yield row["id"], solve_messages(row["problem"]), columns, row["text"]


class Epochs:
    """Tasks without end: in a new order each time round, which only the seed and the position decide.

    Several processes share one such order, each taking every ``count``-th task: none is taken twice.

    Args:
        tasks: The tasks.
        seed: Decides the orders.
        rank: Which process this is, of ``count``.
        count: How many there are.

    Attributes:
        position: How many were taken here; setting it goes on from there.
    """

    def __init__(self, tasks: Sequence[Task], seed: int, *, rank: int = 0, count: int = 1) -> None:
        self._tasks = tasks
        self._seed = seed
        self._rank, self._count = rank, count
        self._shuffled: tuple[int, list[int]] | None = None
        self.position = 0

    def take(self, count: int) -> list[Task]:
        """The next ones."""
        return [self._next() for _ in range(count)]

    @property
    def epoch(self) -> float:
        """How many times round it has been."""
        return self.position * self._count / len(self._tasks)

    def _next(self) -> Task:
        around, place = divmod(self.position * self._count + self._rank, len(self._tasks))
        if self._shuffled is None or self._shuffled[0] != around:
            order = list(range(len(self._tasks)))
            random.Random(f"{self._seed}/{around}").shuffle(order)  # noqa: S311
            self._shuffled = around, order
        self.position += 1
        return self._tasks[self._shuffled[1][place]]
