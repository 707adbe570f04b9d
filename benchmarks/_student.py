"""The problems, the experts and the student of ``curriculum.py``.

A problem has three counters and a list of orders that change one of them at a time. It is told in two ways, the
families: of counters A, B and C, or of three people with coins. An expert's solution is right, in one of the
generator's styles. The answer is what all three show in the end: of a single number, one solution in fifty is right by
luck, because slips cancel each other out.

The student is a Llama of two layers, made here. It has read many solutions of both families, in a short style of its
own, written in a hurry: results are too high by one, rarely in sums, more often than not in differences and products.
Whatever comes next follows from them. It has also read the experts' styles, in the steps before the one that it is
asked for, though it answers in its own. So it knows how problems are solved, and a step is right as often as not; a
whole problem almost never is.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import rewards
from rewards.base import PairReward
from rewards.types import Scores
from srl_data import pipeline
from srl_data.dataset import StepDataset
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
TITLES = {"+": "Add {}", "-": "Subtract {}", "*": "Multiply by {}"}
PROSE = ("We get {}.", "This gives {}.", "That makes {}.")


@dataclass(frozen=True)
class Setting:
    """The regime: what is fixed before anything is compared."""

    operations: int = 12
    limit: int = 50  # the largest number that a right solution has
    slips: dict[str, float] = field(default_factory=lambda: {"+": 0.3, "-": 0.55, "*": 0.55})
    read: int = 6000  # solutions that the student has read of each family
    updates: int = 6000  # of pretraining
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
    right = written = rng.randint(1, setting.limit // 3)
    start = f"{name} {'has' if coins else 'shows'} {right}."
    orders: list[str] = []
    steps: list[Step] = []
    own: list[str] = []
    for number in range(1, operations + 1):
        sign, amount = _draw(rng, right, setting.limit)
        order = (COINS if coins else COUNTERS)[sign].format(amount)
        orders.append(f"{number}. {order[0].upper()}{order[1:]}.")
        before, right = right, apply(sign, right, amount)
        formula = eq(_written(sign, N(before), amount), right)
        steps.append(step(TITLES[sign].format(amount), rng.choice(PROSE), formula))
        before, written = written, apply(sign, written, amount)
        written += careless and rng.random() < setting.slips[sign]
        own.append(f"{number}. {before} {sign} {amount} = {written}")
    question = f"How many coins does {name} have in the end?" if coins else "What does it show in the end?"
    problem = Problem(f"{start} {' '.join(orders)} {question}", tuple(steps), (), ({"?": N(right)},))
    return Told(problem, "\n".join(own) + f"\n#### {written}", str(written))


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
        operations = rng.randint(2, setting.operations) if part in ("read", "shown") else setting.operations
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
        options = SegmentOptions(segmenter="numbered", examples=ExampleOptions(system=""), holdout=holdout)
        pipeline.segment([str(path)], folder, replace(options, near_duplicate=1.0), overwrite=True)
    return str(folder)


def last_number(text: str) -> str | None:
    """The last whole number in a text, as it is written."""
    digits = "".join(each if each.isdigit() else " " for each in text).split()
    return digits[-1] if digits else None


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

_STYLES_READ = ("plain", "numbered", "wordy")
_STEPS_READ = {"own": 0.5, "plain": 0.3, "numbered": 0.2, "wordy": 0.5}  # for each solution, how many such steps


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
    shown = [dataset(folder / "read" / f"{family}-{style}", rows("shown", family, setting.read // 10, style, setting))
             for family in FAMILIES for style in _STYLES_READ]  # fmt: skip
    texts = [text for place in (*written.values(), *shown) for text in texts_of(place)]
    words = tiny_tokenizer(texts[:: max(1, len(texts) // 4000)], size=1024, digits=False)
    shape = {"width": setting.width, "layers": setting.layers, "heads": setting.heads, "context": setting.context}
    policy = Policy.of(tiny_model(words, spread=0.08, seed=setting.seed, **shape), words, device="cpu")
    tasks = list(_lessons(policy, folder, setting))
    note(f"student: {sum(each.numel() for each in policy.model.parameters()):,} weights, {len(tasks):,} lessons")
    for update in pretrain(policy, tasks, updates=setting.updates, texts=8, seed=setting.seed):
        if update.step % 250 == 0:
            note(f"student: update {update.step}, loss {update.figures['loss']:.3f}")
    policy.save(model)
    return model


def _lessons(policy: Policy, folder: Path, setting: Setting) -> Iterator[Task]:
    rng = random.Random(setting.seed)
    for family in FAMILIES:
        own = str(folder / "read" / f"{family}-own")
        yield from load_tasks(Stage(method="sft", data=own, steps=1), policy, "train")[0]
        steps = load_tasks(Stage(method="sft", on="steps", data=own, steps=1), policy, "train")[0]
        yield from rng.sample(steps, round(setting.read * _STEPS_READ["own"]))
        for style in _STYLES_READ:
            yield from _as_read(policy, folder, family, style, setting, rng)


def _as_read(
    policy: Policy, folder: Path, family: str, style: str, setting: Setting, rng: random.Random
) -> Iterator[Task]:
    """Steps whose history is an expert's, and whose reply is the student's own."""
    count = setting.read // 10
    replies = {row["id"]: row["solution"].split("\n") for row in rows("shown", family, count, OWN, setting)}
    data = StepDataset(folder / "read" / f"{family}-{style}")
    chosen = rng.choices(list(data.rows("steps", "train")), k=round(setting.read * _STEPS_READ[style]))
    for row in chosen:
        line = replies[row["trajectory_id"]][row["step_index"]]
        head, _, result = line.rpartition(" = ")
        sign = head.split()[-2]
        slipped = int(result) + (rng.random() < setting.slips[sign])
        yield Task(row["id"], tuple(policy.encode(row["prompt"])), {}, f"{head} = {slipped}")


# -- what it can do ---------------------------------------------------------------------------------------------------


def step_reward() -> rewards.Reward:
    """Whether single steps are right."""
    return RightStep()
