"""One stage of a run: its updates, noted, validated, saved, and what is handed to the next stage."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from srl_data.training import checkpoint
from srl_data.training.alarms import Alarms
from srl_data.training.collect import rollouts_of
from srl_data.training.config import Config
from srl_data.training.logs import AnyLog
from srl_data.training.optimiser import NotFinite, Optimiser
from srl_data.training.policy import Policy
from srl_data.training.prepare import Prepared
from srl_data.training.processes import Processes
from srl_data.training.reinforce import Progress, Update, reinforce
from srl_data.training.rollout import pieces
from srl_data.training.sft import imitate, replies
from srl_data.training.tasks import Epochs, Task
from srl_data.workspace import disk_errors

__all__ = ["StageRun"]


@dataclass(slots=True)
class _Best:
    """The best validation of a stage so far, and how many there were since."""

    value: float | None = None
    step: int = 0
    since: int = 0


class StageRun:
    """One stage of a run.

    Args:
        config: The run's configuration.
        kept: What each checkpoint says of the run; ``config`` is the same as plain values.
        policy: What is trained.
        log: Where it tells what it does.
        processes: All that train the policy.
        number: Which stage it is, from 0.
        prepared: The stage.
    """

    def __init__(
        self,
        config: Config,
        kept: Mapping[str, Any],
        policy: Policy,
        log: AnyLog,
        processes: Processes,
        number: int,
        prepared: Prepared,
    ) -> None:
        self._config, self._kept, self._folder, self._log = config, kept, Path(config.output), log
        self._policy, self._processes, self._number, self._prepared = policy, processes, number, prepared
        stage = self._stage = prepared.stage
        seed = config.seed * 1000 + number
        self._tasks = Epochs(prepared.train, seed, rank=processes.rank, count=processes.count)
        self._generator = torch.Generator(policy.model.device).manual_seed(seed + processes.rank * 2**44)
        self._progress, self._alarms, self._best = Progress(), Alarms(), _Best()
        self._saved: Path | None = None  # the best weights that the last checkpoint goes on with
        self._optimiser = Optimiser(
            policy.model,
            lr=stage.lr or 0.0,
            steps=stage.steps and stage.steps * stage.epochs * stage.minibatches,
            warmup=stage.warmup or 0.0,
            schedule="cosine" if stage.method == "sft" else "constant",
            weight_decay=stage.weight_decay,
            grad_norm=stage.grad_norm,
            seed=seed,
        )

    def go(self, state: Mapping[str, Any], tensors: Mapping[str, Any]) -> None:
        """Train, from the beginning or from a checkpoint; leaves the policy at its best.

        Raises:
            NotFinite: If a gradient or a weight is not a number.
            OutputError: If the disk is full.
        """
        if state:
            self._restore(state, tensors)
        else:
            self._begin()
        try:
            for update, rate in self._updates():
                self._note(update, rate)
                if self._is_due(self._stage.validate_every):
                    self._validate()
                if self._is_due(self._config.save_every):
                    self._save()
            if not self._is_due(self._stage.validate_every) and self._prepared.validation:
                self._validate()
            self._check_weights()
        except FloatingPointError as error:
            raise self._failed(error) from error
        self._finish()

    def _begin(self) -> None:
        stage, prepared = self._stage, self._prepared
        self._policy.anchor = None  # an earlier stage's
        if stage.kl:
            self._policy.freeze_anchor()
        self._log.event("stage", name=stage.name, tasks=len(prepared.train), too_long=prepared.too_long)
        if prepared.validation:
            self._validate()
        self._save()

    def _updates(self) -> Iterator[tuple[Update, float]]:
        """Each update and its tokens per second, with counts and figures of all processes."""
        reward, processes, progress = self._prepared.reward, self._processes, self._progress
        stage = replace(self._stage, prompts=self._stage.prompts // processes.count)
        if reward is None:
            found = imitate(self._policy, self._tasks, stage, self._optimiser, progress)
        else:
            found = reinforce(self._policy, self._tasks, reward, stage, self._optimiser, self._generator, progress)
        while stage.patience is None or self._best.since < stage.patience:
            started, before, baseline = time.monotonic(), progress.tokens, progress.baseline
            update = next(found, None)
            if update is None:
                return
            mine = progress.baseline
            tokens, total, having = processes.sums([progress.tokens - before, mine or 0.0, mine is not None])
            progress.tokens = before + round(tokens)
            progress.baseline = total / having if having else baseline
            figures = processes.mean_figures(update.figures)
            yield Update(update.step, progress.tokens, figures), tokens / max(1e-9, time.monotonic() - started)

    def _is_due(self, every: int) -> bool:
        return every > 0 and self._progress.step % every == 0

    def _note(self, update: Update, rate: float) -> None:
        figures = {"tokens": float(update.tokens), "epoch": self._tasks.epoch, **update.figures}
        # the rate is of this machine at this time: for people, and left out where runs are compared
        self._log.update(self._stage.name, update.step, figures | {"tokens_per_second": round(rate, 1)})
        for message in self._alarms.look(update.figures):
            self._log.event("alarm", stage=self._stage.name, step=update.step, message=message)

    # -- validation ---------------------------------------------------------------------------------------------------

    def _validate(self) -> None:
        self._check_weights()
        value, best, step = self._validation(), self._best, self._progress.step
        better = best.value is None or value > best.value
        best.since = 0 if better else best.since + 1
        if better or value == best.value:  # of equals the one that was trained longest
            best.value, best.step = value, step
            if self._processes.is_first:
                with disk_errors(self._folder):
                    checkpoint.save_tensors(self._policy.trained(), self._weights(step))
                    self._forget(f"{self._stage.name}.best-*.pt")
        self._log.event("validation", stage=self._stage.name, step=step, value=value, best=best.value)

    def _weights(self, step: int) -> Path:
        """Where the weights of the best validation are, until the stage is done."""
        return self._folder / f"{self._stage.name}.best-{step}.pt"

    def _forget(self, pattern: str) -> None:
        """Delete weights that neither this stage nor the last checkpoint goes back to."""
        for path in self._folder.glob(pattern):
            if path not in (self._weights(self._best.step), self._saved):
                path.unlink()

    def _validation(self) -> float:
        """The mean reward of the likeliest reply; for ``sft``, the experts' tokens' mean log-probability.

        A reply without a score counts as the worst: else a model would be best that has one reply scored, and right.
        """
        reward, processes = self._prepared.reward, self._processes
        tasks = self._prepared.validation[processes.rank :: processes.count]
        values: list[float] = []
        count = 0.0
        if tasks and reward is None:
            values, count = self._likelihoods(tasks)
        elif tasks and reward is not None:
            batch = rollouts_of(self._policy, tasks, reward, self._stage, None, greedy=True)
            values = [reward.bounds[0] if value is None else value for value in batch.rewards]
            count = len(values)
        total, count = processes.sums([sum(values), count])
        return total / count

    @torch.no_grad()
    def _likelihoods(self, tasks: list[Task]) -> tuple[list[float], float]:
        batch = replies(self._policy, tasks)
        parts = [batch.select(piece) for piece in pieces(batch, self._stage.piece_tokens)]
        values = [float(self._policy.score(part, 1.0).logprobs.sum()) for part in parts]
        return values, float(batch.mask.sum())

    def _finish(self) -> None:
        stage, best, first = self._stage, self._best, self._processes.is_first
        if best.value is not None and best.step != self._progress.step:  # the next stage goes on from the best
            if first:
                place, device = self._weights(best.step), self._policy.model.device
                self._policy.restore(torch.load(place, map_location=device, weights_only=True))
            self._processes.spread(self._policy.model)
        if first:
            self._save_model()
        self._log.event("stage_done", name=stage.name, step=self._progress.step, best=best.value, best_step=best.step)

    def _save_model(self) -> None:
        """Write the stage's model, in place of another only when it is whole."""
        with disk_errors(self._folder), checkpoint.replacing(self._folder / self._stage.name) as fresh:
            self._policy.save(fresh)

    def _check_weights(self) -> None:
        """A gradient may be finite, and the weights that it makes may not."""
        if not all(bool(torch.isfinite(weights).all()) for weights in self._policy.trained().values()):
            raise NotFinite("a weight is not a finite number")

    def _failed(self, error: FloatingPointError) -> NotFinite:
        """Save the model as the last checkpoint has it."""
        message = f"{error}: stopped at update {self._progress.step}"
        if self._processes.is_first:
            last = checkpoint.latest(self._folder)
            assert last is not None  # noqa: S101 - each stage begins with one
            checkpoint.load(last, self._policy)
            self._save_model()
            step = checkpoint.state_of(last, self._config.table())["progress"]["step"]
            place = self._folder / self._stage.name
            message += f"; {place} is the model after update {step}. Begin anew with a lower lr or grad_norm"
        self._log.event("alarm", stage=self._stage.name, step=self._progress.step, message=message)
        if isinstance(error, NotFinite):  # in all processes at once; whoever ends first has the others killed
            self._processes.wait()
        return NotFinite(message)

    # -- checkpoints --------------------------------------------------------------------------------------------------

    def _save(self) -> None:
        self._check_weights()
        processes = self._processes
        random = {"generator": self._generator.get_state(), "shuffle": self._optimiser.shuffle.get_state()}
        every = processes.gather({"position": self._tasks.position, **random})
        if not processes.is_first:
            return
        state = {
            **self._kept,
            "device": self._policy.model.device.type,
            "processes": processes.count,
            "stage": self._number,
            "progress": asdict(self._progress),
            "positions": [each["position"] for each in every],
            "alarms": asdict(self._alarms),
            "best": asdict(self._best),
            "log": self._log.position,
        }
        anchor = self._policy.anchor
        tensors = {
            "optimiser": self._optimiser.state(),
            "generators": [each["generator"] for each in every],
            "shuffles": [each["shuffle"] for each in every],
            "anchor": None if anchor is None else anchor.state_dict(),
        }
        with disk_errors(self._folder):
            checkpoint.save(self._folder, self._policy, state, tensors)
            self._saved = self._weights(self._best.step)
            self._forget("*.best-*.pt")  # those of stages before too

    def _restore(self, state: Mapping[str, Any], tensors: Mapping[str, Any]) -> None:
        rank = self._processes.rank
        self._progress = Progress(**state["progress"])
        self._tasks.position = state["positions"][rank]
        self._alarms = Alarms(**state["alarms"])
        self._best = _Best(**state["best"])
        self._saved = self._weights(self._best.step)
        self._optimiser.restore(tensors["optimiser"])
        self._generator.set_state(tensors["generators"][rank])
        self._optimiser.shuffle.set_state(tensors["shuffles"][rank])
        if tensors["anchor"] is not None:
            self._policy.freeze_anchor(tensors["anchor"])
