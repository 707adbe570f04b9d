"""A run from beginning to end: every check that can be made first, then stage after stage, each from the best so far.

What a run leaves in its folder: ``config.json``; ``log.jsonl``; for each stage a model folder ``STAGE/`` that
``from_pretrained`` opens, its best by validation or, without one, its last; ``model/``, the last stage's.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from rewards import Reward
from rewards.adapters.core import resolve
from srl_data.training import checkpoint
from srl_data.training.alarms import Alarms
from srl_data.training.collect import rollouts_of
from srl_data.training.config import Config
from srl_data.training.logs import Log
from srl_data.training.optimiser import NotFinite, Optimiser
from srl_data.training.policy import Policy
from srl_data.training.reinforce import Progress, Update, reinforce
from srl_data.training.rollout import pieces
from srl_data.training.sft import imitate, replies
from srl_data.training.stage import ConfigError, Stage
from srl_data.training.tasks import Epochs, Task, load_tasks

__all__ = ["run"]


@dataclass(frozen=True, slots=True)
class _Prepared:
    stage: Stage
    reward: Reward | None
    train: list[Task]
    validation: list[Task]
    too_long: int


@dataclass(slots=True)
class _Best:
    """The best validation of a stage so far, and how many there were since."""

    value: float | None = None
    step: int = 0
    since: int = 0


def run(config: Config, policy: Policy | None = None, *, resume: bool = False) -> Path:
    """Train.

    Args:
        config: What to do.
        policy: The model, if it is there already; else ``config.model`` is loaded.
        resume: Go on from the run's last checkpoint, exactly as if it had not stopped.

    Returns:
        The folder of the finished model.

    Raises:
        ConfigError: Before the first update, if something cannot be: no data, a column that the reward reads missing,
            a checkpoint of another configuration.
        NotFinite: If a gradient is not a number; the last checkpoint is kept.
    """
    folder = Path(config.output)
    table = json.loads(json.dumps(config.table(), default=str))
    place = checkpoint.latest(folder) if resume else None
    if resume and place is None:
        raise ConfigError(f"{folder} has no checkpoint to go on from")
    if not resume and (folder / "log.jsonl").exists():
        raise ConfigError(f"{folder} holds a run already: go on with it (resume), or choose another output")
    policy = policy or Policy.load(
        config.model,
        revision=config.revision,
        device=config.device,
        precision=config.precision,
        lora=config.lora,
        gradient_checkpointing=config.gradient_checkpointing,
    )
    prepared = [_prepare(stage, policy) for stage in config.stages]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
    state: dict[str, Any] = {}
    tensors: dict[str, Any] = {}
    if place is not None:
        state, tensors = checkpoint.load(place, policy, table)
    log = Log(folder, config.log_to, table, after=state.get("log", 0))
    try:
        for number, each in islice(enumerate(prepared), state.get("stage", 0), None):
            _Run(config, table, folder, policy, log, number, each).go(state, tensors)
            state, tensors = {}, {}
        policy.save(folder / "model")
        log.event("done", model=str(folder / "model"))
    finally:
        log.close()
    return folder / "model"


def _prepare(stage: Stage, policy: Policy) -> _Prepared:
    reward = None if stage.method == "sft" else resolve(stage.reward or "")
    train, too_long = load_tasks(stage, policy, "train")
    validation: list[Task] = []
    if stage.validate_every:
        validation = load_tasks(stage, policy, "validation")[0][: stage.validation]
    if reward is not None and (missing := [name for name in reward.columns if name not in train[0].columns]):
        there = ", ".join(sorted(train[0].columns))
        raise ConfigError(f"stage {stage.name!r}: the reward {reward.name!r} reads {missing[0]!r}; there are {there}")
    return _Prepared(stage, reward, train, validation, too_long)


class _Run:
    """One stage of a run."""

    def __init__(
        self,
        config: Config,
        table: Mapping[str, Any],
        folder: Path,
        policy: Policy,
        log: Log,
        number: int,
        prepared: _Prepared,
    ) -> None:
        self._config, self._table, self._folder, self._log = config, table, folder, log
        self._policy, self._number, self._prepared = policy, number, prepared
        stage = self._stage = prepared.stage
        seed = config.seed * 1000 + number
        self._tasks = Epochs(prepared.train, seed)
        self._generator = torch.Generator(policy.model.device).manual_seed(seed)
        self._progress, self._alarms, self._best = Progress(), Alarms(), _Best()
        self._kept = folder / f"{stage.name}.best.pt"  # the weights of the best validation so far
        self._optimiser = Optimiser(
            policy.model,
            lr=stage.lr or 0.0,
            steps=stage.steps,
            warmup=stage.warmup or 0.0,
            schedule="cosine" if stage.method == "sft" else "constant",
            weight_decay=stage.weight_decay,
            grad_norm=stage.grad_norm,
            seed=seed,
        )

    def go(self, state: Mapping[str, Any], tensors: Mapping[str, Any]) -> None:
        stage = self._stage
        if state:
            self._restore(state, tensors)
        else:
            if stage.kl:
                self._policy.freeze_anchor()
            self._log.event("stage", name=stage.name, tasks=len(self._prepared.train), too_long=self._prepared.too_long)
            self._save()
        started = time.monotonic()
        before = self._progress.tokens
        try:
            for update in self._updates():
                rate = (update.tokens - before) / max(1e-9, time.monotonic() - started)
                self._note(update, rate)
                if stage.validate_every and update.step % stage.validate_every == 0:
                    self._validate()
                if update.step % self._config.save_every == 0:
                    self._save()
                if stage.patience is not None and self._best.since >= stage.patience:
                    break
        except NotFinite as error:
            self._log.event("alarm", stage=stage.name, message=f"{error}; the last checkpoint is kept")
            raise
        self._finish()

    def _updates(self) -> Iterator[Update]:
        stage, reward = self._stage, self._prepared.reward
        if reward is None:
            return imitate(self._policy, self._tasks, stage, self._optimiser, self._progress)
        return reinforce(self._policy, self._tasks, reward, stage, self._optimiser, self._generator, self._progress)

    def _note(self, update: Update, rate: float) -> None:
        figures = {"tokens": float(update.tokens), "epoch": self._tasks.epoch, **update.figures}
        # the rate is of this machine at this time: for people, and left out where runs are compared
        self._log.update(self._stage.name, update.step, figures | {"tokens_per_second": round(rate, 1)})
        for message in self._alarms.look(update.figures):
            self._log.event("alarm", stage=self._stage.name, step=update.step, message=message)

    # -- validation ---------------------------------------------------------------------------------------------------

    def _validate(self) -> None:
        value, best, step = self._validation(), self._best, self._progress.step
        better = best.value is None or value > best.value
        if better:
            best.value, best.step, best.since = value, step, 0
            scratch = self._kept.with_suffix(".new")
            torch.save(self._policy.trained(), scratch)
            scratch.rename(self._kept)
        else:
            best.since += 1
        self._log.event("validation", stage=self._stage.name, step=step, value=value, best=best.value)

    def _validation(self) -> float:
        """The mean reward of the likeliest reply; for ``sft``, minus the loss of the experts' replies."""
        stage, tasks, reward = self._stage, self._prepared.validation, self._prepared.reward
        if reward is None:
            return self._likelihood(tasks)
        batch = rollouts_of(self._policy, tasks, reward, stage, None, greedy=True)
        scored = [value for value in batch.rewards if value is not None]
        return fmean(scored) if scored else float(reward.bounds[0])

    @torch.no_grad()
    def _likelihood(self, tasks: list[Task]) -> float:
        total = tokens = 0.0
        batch = replies(self._policy, tasks)
        for piece in pieces(batch, self._stage.piece_tokens):
            part = batch.select(piece)
            total += float(self._policy.score(part, 1.0).logprobs.sum())
            tokens += float(part.mask.sum())
        return total / tokens

    def _finish(self) -> None:
        if self._best.value is not None and self._best.step != self._progress.step:
            best = torch.load(self._kept, map_location=self._policy.model.device, weights_only=True)
            self._policy.restore(best)  # the next stage goes on from the best
        self._policy.save(self._folder / self._stage.name)
        self._kept.unlink(missing_ok=True)
        self._log.event("stage_done", name=self._stage.name, step=self._progress.step, best=self._best.value)

    # -- checkpoints --------------------------------------------------------------------------------------------------

    def _save(self) -> None:
        state = {
            "config": self._table,
            "stage": self._number,
            "progress": asdict(self._progress),
            "position": self._tasks.position,
            "alarms": self._alarms.state(),
            "best": asdict(self._best),
            "log": self._log.position,
        }
        tensors = {
            "optimiser": self._optimiser.state(),
            "generator": self._generator.get_state(),
            "anchor": None if self._policy.anchor is None else self._policy.anchor.state_dict(),
        }
        checkpoint.save(self._folder, self._policy, state, tensors)

    def _restore(self, state: Mapping[str, Any], tensors: Mapping[str, Any]) -> None:
        self._progress = Progress(**state["progress"])
        self._tasks.position = state["position"]
        self._alarms = Alarms.restored(state["alarms"])
        self._best = _Best(**state["best"])
        self._optimiser.restore(tensors["optimiser"])
        self._generator.set_state(tensors["generator"])
        if tensors["anchor"] is not None:
            self._policy.freeze_anchor(tensors["anchor"])
