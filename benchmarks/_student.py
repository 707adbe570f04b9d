"""The problems, the experts and the student of ``curriculum.py``.

A problem begins with a number; twelve orders with a letter each change it one after the other. It is told in two ways,
the families: of a counter, or of somebody's coins. Asked is what there is after the order in the middle, and in the
end: of one number alone, one wrong solution in fifty has the right answer by luck. An expert's solution is right, in
one of the generator's styles.

The student is a Llama of two layers, made here. It has read many solutions of both families, in a short style of its
own, written in a hurry: results are too high by one, rarely in sums, more often than not in differences and products.
Whatever comes next follows from them. It has also read experts, and goes on in the style of the steps before, as
carelessly. So it knows how problems are solved, and two steps in five are right; a whole problem almost never is.
Its tokenizer has tokens for numbers, for letters, and for what often stands between them, up to whole sentences: an
expert's wordy step has 23 tokens, one of its own 8.
"""

from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from rewards.base import PairReward
from rewards.types import Scores
from srl_data import pipeline
from srl_data.examples import ExampleOptions
from srl_data.generate import to_row
from srl_data.generate.expr import Expr, N
from srl_data.generate.model import Problem, Step, eq, step
from srl_data.options import SegmentOptions
from srl_data.training.policy import Policy
from srl_data.training.stage import Stage
from srl_data.training.tasks import Task, load_tasks
from srl_data.training.tiny import pretrain, texts_of, tiny_model, tiny_tokenizer

FAMILIES = ("counters", "coins")
OWN = "own"
PEOPLE = ("Ana", "Ben", "Cem", "Dora", "Eli", "Fay")
COUNTERS = {"+": "add {}", "-": "subtract {}", "*": "multiply by {}"}
COINS = {"+": "{} more are found", "-": "{} are lost", "*": "there are {} times as many"}
LETTERS = "BCDEFGHJKLMN"
PROSE = ("We get {}.", "This gives {}.", "That makes {}.")


@dataclass(frozen=True)
class Setting:
    """The regime: what is fixed before anything is compared."""

    operations: int = 12  # steps of a problem
    limit: int = 50  # the largest number that a right solution has
    slips: dict[str, float] = field(default_factory=lambda: {"+": 0.3, "-": 0.55, "*": 0.55})
    read: int = 6000  # solutions that the student has read of each family
    updates: tuple[int, int] = (2500, 2500)  # of pretraining: writing, and then reading too
    width: int = 64
    layers: int = 2
    heads: int = 4
    context: int = 2048
    train: int = 200  # the experts' solutions, all of the first family
    validation: int = 32
    test: int = 64  # problems of each family
    seed: int = 0


# -- problems ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Told:
    """A problem, and its solution in the student's style."""

    problem: Problem
    own: str
    answer: str


def tell(rng: random.Random, family: str, operations: int, setting: Setting, *, careless: bool) -> Told:
    """Draw a problem; if careless, its solution has slips, and goes on from them."""
    coins = family == "coins"
    name = rng.choice(PEOPLE) if coins else "The counter"
    half = (operations - 1) // 2
    right = written = rng.randint(1, setting.limit // 3)
    start = f"{name} {'has' if coins else 'shows'} {right}."
    orders: list[str] = []
    steps: list[Step] = []
    own: list[str] = []
    rights: list[int] = []
    writtens: list[int] = []
    for letter in LETTERS[:operations]:
        sign, amount = _draw(rng, right, setting.limit)
        orders.append(f"{letter}: {(COINS if coins else COUNTERS)[sign].format(amount)}.")
        before, right = right, apply(sign, right, amount)
        formula = eq(_written(sign, N(before), amount), right)
        steps.append(step(f"Go on with {letter}, {COUNTERS[sign].format(amount)}", rng.choice(PROSE), formula))
        before, written = written, apply(sign, written, amount)
        written += careless and rng.random() < setting.slips[sign]
        own.append(f"{letter}: {before} {sign} {amount} = {written}")
        rights.append(right)
        writtens.append(written)
    asked = "How many coins are there" if coins else "What does it show"
    question = f"{asked} after {LETTERS[half]}, and in the end?"
    problem = Problem(
        f"{start} {' '.join(orders)} {question}", tuple(steps), (), ({"?": N(rights[half]), "!": N(right)},)
    )
    answer = f"({writtens[half]}, {written})"
    return Told(problem, "\n".join(own) + f"\n#### {answer}", answer)


def apply(sign: str, value: int, amount: int) -> int:
    """The result of an order."""
    return {"+": value + amount, "-": value - amount, "*": value * amount}[sign]


def _draw(rng: random.Random, value: int, limit: int) -> tuple[str, int]:
    """An order whose result is from 1 to the limit."""
    while True:
        sign = rng.choice("+-*")
        amount = rng.randint(2, 5) if sign == "*" else rng.randint(1, limit // 3)
        if 1 <= apply(sign, value, amount) <= limit:
            return sign, amount


def _written(sign: str, value: Expr, amount: int) -> Expr:
    return {"+": value.__add__, "-": value.__sub__, "*": value.__mul__}[sign](N(amount))


# -- datasets ---------------------------------------------------------------------------------------------------------


def rows(
    part: str, family: str, count: int, style: str, setting: Setting, *, careless: bool = False
) -> Iterator[dict[str, Any]]:
    """Solutions; the same part has the same problems in every style."""
    for number in range(count):
        rng = random.Random(f"{setting.seed}/{part}/{family}/{number}")
        operations = rng.randint(2, setting.operations) if part == "read" else setting.operations
        told = tell(rng, family, operations, setting, careless=careless)
        name = f"{part}-{family}-{number}"
        if style == OWN:
            yield {"id": name, "problem": told.problem.statement, "solution": told.own, "answer": told.answer}
        else:
            yield to_row(told.problem, id=name, family=family, level=1, style=style)


def dataset(folder: Path, made: Iterable[dict[str, Any]], *, holdout: int = 0) -> str:
    """Segment solutions, unless that was done before."""
    if not (folder / "manifest.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        path = folder.with_suffix(".jsonl")
        path.write_text("".join(json.dumps(row) + "\n" for row in made), encoding="utf-8")
        options = SegmentOptions(
            segmenter="lines" if folder.name.endswith(f"-{OWN}") else "numbered",
            examples=ExampleOptions(system="", give_title=True),
            holdout=holdout,
        )
        pipeline.segment([str(path)], folder, replace(options, near_duplicate=1.0), overwrite=True)
    return str(folder)


def last_number(text: str) -> str | None:
    """The last whole number in a text, as it is written."""
    digits = "".join(each if each.isdigit() else " " for each in text).split()
    return digits[-1] if digits else None


def right_share(reply: str, expert: str) -> float:
    """How much of the way a solution goes: its results that are the expert's, up to the first that is not."""
    written, right = _results(reply), _results(expert)
    pairs = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(written, right, strict=False))
    return len(list(pairs)) / len(right)


def _results(text: str) -> list[str]:
    """What stands behind the signs of equality; what is said again at once counts once."""
    return [result for result, _ in itertools.groupby(re.findall(r"= (-?\d+)", text))]


class RightStep(PairReward):
    """1 if a step ends with the number that the expert's has, whatever else it says."""

    name = "right_step"
    bounds = (0.0, 1.0)

    def score_pairs(self, completions: Any, references: Any) -> Scores:
        """Compare the last numbers."""
        pairs = zip(completions, references, strict=True)
        values = [float(last_number(text) == last_number(reference)) for text, reference in pairs]
        return Scores(values, ["ok"] * len(values), {})


# -- the student ------------------------------------------------------------------------------------------------------

_RATES = (3e-3, 2e-3)


def student(folder: Path, setting: Setting, note: Callable[[str], None]) -> Path:
    """Make the student, unless it was made before; gives its folder."""
    model = folder / "student"
    if (model / "model.safetensors").exists():
        return model
    written = {
        family: dataset(
            folder / "read" / f"{family}-own", rows("read", family, setting.read, OWN, setting, careless=True)
        )
        for family in FAMILIES
    }
    shown = {
        family: dataset(
            folder / "read" / f"{family}-wordy", rows("shown", family, setting.read // 10, "wordy", setting)
        )
        for family in FAMILIES
    }
    rng = random.Random(setting.seed)
    texts = [text for place in (*written.values(), *shown.values()) for text in texts_of(place)]
    some = rng.sample(texts, min(len(texts), 6000))
    words = tiny_tokenizer(some, size=1792, apart=rf"\d+|\b[{LETTERS}]\b")
    shape = {"width": setting.width, "layers": setting.layers, "heads": setting.heads, "context": setting.context}
    policy = Policy.of(tiny_model(words, spread=0.08, seed=setting.seed, **shape), words, device="cpu")
    whole = [task for each in written.values() for task in _tasks(policy, each, "solutions")]
    steps = rng.sample([task for each in written.values() for task in _tasks(policy, each, "steps")], setting.read)
    wordy = [_careless(task, rng, setting) for each in shown.values() for task in _tasks(policy, each, "steps")]
    note(f"student: {sum(each.numel() for each in policy.model.parameters()):,} weights")
    for lessons, updates, rate in zip((whole, whole[::3] + steps + wordy), setting.updates, _RATES, strict=True):
        note(f"student: {len(lessons):,} lessons")
        rng.shuffle(lessons)
        for update in pretrain(policy, lessons, updates=updates, texts=8, lr=rate, seed=setting.seed):
            if update.step % 250 == 0:
                note(f"student: update {update.step}, loss {update.figures['loss']:.3f}")
    policy.save(model)
    return model


def _tasks(policy: Policy, data: str, on: Literal["solutions", "steps"]) -> list[Task]:
    return load_tasks(Stage(method="sft", on=on, data=data, steps=1), policy, "train")[0]


def _careless(task: Task, rng: random.Random, setting: Setting) -> Task:
    """An expert's step as the student would have written it."""
    sign, result = re.findall(r"\d (\S+) \d+ = (\d+)", task.reply)[0]
    slips = rng.random() < setting.slips[sign.replace("\\times", "*")]
    return replace(task, reply=task.reply.replace(f" = {result}", f" = {int(result) + slips}"))
