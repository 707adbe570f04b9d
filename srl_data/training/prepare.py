"""Everything that can be seen before the first update: whether folder, model, data and rewards are there and fit."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import torch

from rewards import Reward, Scores
from rewards.adapters.core import resolve, score
from rewards.errors import ToolkitError
from srl_data.errors import OutputError
from srl_data.training import checkpoint
from srl_data.training.config import Config
from srl_data.training.logs import check_loggers, read_log
from srl_data.training.policy import Policy
from srl_data.training.processes import Processes
from srl_data.training.stage import ConfigError, Stage
from srl_data.training.tasks import Task, check_fit, load_tasks

__all__ = ["Prepared", "check_folder", "is_done", "load_policy", "look", "prepare"]

_TRIED = 64  # rows whose reply a reward is tried on
_BEGUN = {"config.json", "lock", "log.jsonl", "tensorboard", "checkpoint.new"}  # without a checkpoint, nothing to lose


@dataclass(frozen=True, slots=True)
class Prepared:
    """A stage that can begin.

    Attributes:
        stage: What it is.
        reward: Its reward; none for ``sft``.
        train: What it trains on.
        validation: What it is validated on; empty if it is not.
        too_long: How many rows were left out of ``train`` because the model's context has no room for them.
        fingerprint: Of what a resumed run must find as it was: prompts, replies, what the reward reads, its file, and
            the weights that adapters are for.
    """

    stage: Stage
    reward: Reward | None
    train: list[Task]
    validation: list[Task]
    too_long: int
    fingerprint: str


def check_folder(folder: Path, *, resume: bool) -> Path | None:
    """See whether a run may have a folder; gives the checkpoint that it goes on from.

    Raises:
        ConfigError: If there is nothing to go on from, or something that would be lost.
        OutputError: If it cannot be written.
    """
    place = checkpoint.latest(folder)
    if folder.is_file():
        raise ConfigError(f"the output {folder} is a file")
    if resume and place is None and not (folder / "config.json").is_file():  # killed early, it begins again
        raise ConfigError(f"{folder} has no checkpoint to go on from")
    if not resume and place is not None:
        raise ConfigError(f"{folder} holds a run already: --resume goes on with it, or choose another output")
    others = [path.name for path in folder.iterdir() if not _is_begun(path)] if folder.exists() else []
    if others and place is None:
        raise ConfigError(f"the output {folder} is no run's and not empty ({min(others)}): choose another")
    above = _standing(folder)
    if above.is_file():
        raise OutputError(f"cannot write {folder}: {above} is a file")
    if not os.access(above, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write {folder}: no right to write in {above}")
    return place


def _is_begun(path: Path) -> bool:
    """Whether it may be of a run that ended before its first checkpoint, perhaps with its first validation done."""
    return path.name in _BEGUN or (path.name.endswith(".best-0.pt") and (path.parent / "lock").exists())


def is_done(folder: Path) -> bool:
    """Whether a run came to its end."""
    path = folder / "log.jsonl"
    return path.is_file() and (folder / "model").is_dir() and [*read_log(path), {}][-2:][0].get("event") == "done"


def load_policy(config: Config, processes: Processes | None = None) -> Policy:
    """The model of a run, new adapters drawn by its seed.

    Raises:
        ModelError: If it cannot be loaded, or trained.
    """
    device = config.device
    if device is None and processes is not None and processes.count > 1 and torch.cuda.is_available():
        device = f"cuda:{torch.cuda.current_device()}"
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        return Policy.load(
            config.model,
            revision=config.revision,
            device=device,
            precision=config.precision,
            lora=config.lora,
            gradient_checkpointing=config.gradient_checkpointing,
        )


def prepare(config: Config, policy: Policy, processes: Processes | None = None) -> list[Prepared]:
    """Check all stages, and read what they train on.

    Raises:
        ToolkitError: If something is not there, or does not fit; the message names the stage.
        OutputError: If the disk has no room for what the run writes.
    """
    check_loggers(config.log_to)
    if not any(each.requires_grad for each in policy.model.parameters()):
        raise ConfigError("no weight of the model can be trained: all are frozen")
    frozen = _frozen(policy)
    found = [_stage(stage, policy, processes or Processes(), frozen) for stage in config.stages]
    _check_imitated(found)
    folder = Path(config.output)
    need, free = _bytes_needed(config, policy), shutil.disk_usage(_standing(folder)).free
    own = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())  # of a run that goes on
    if need > free + own:
        raise OutputError(f"{_standing(folder)} has {free / 2**20:,.1f} MiB left, the run needs {need / 2**20:,.1f}")
    return found


def check_unchanged(state: Mapping[str, Any], stages: Sequence[Prepared]) -> None:
    """See whether stages are what they were when a checkpoint was made.

    Raises:
        ConfigError: If one is not; the message names it.
    """
    for each, fingerprint in zip(stages, state.get("fingerprints", ()), strict=False):
        if each.fingerprint != fingerprint:
            raise ConfigError(
                f"stage {each.stage.name!r}: the data in {each.stage.data}, the model's files or the reward's have "
                "changed since the run began: put them back, or choose another output"
            )


def look(config: Config, *, resume: bool = False) -> dict[str, Any]:
    """Make every check, and give what would be done in plain values; writes nothing.

    Raises:
        ToolkitError: As the run would before its first update.
    """
    place = check_folder(Path(config.output), resume=resume)
    state = checkpoint.state_of(place, config.table()) if place else {}
    policy = load_policy(config)
    stages = prepare(config, policy)
    check_unchanged(state, stages)
    return {
        **facts(policy),
        "disk_gib": round(_bytes_needed(config, policy) / 2**30, 3),
        "stages": [_told(each) for each in stages],
    }


def facts(policy: Policy) -> dict[str, Any]:
    """What a log says of the model."""
    parameters = list(policy.model.parameters())
    return {
        "parameters": sum(each.numel() for each in parameters),
        "trained": sum(each.numel() for each in parameters if each.requires_grad),
        "device": str(policy.model.device),
        "prompts": "chat template" if policy.tokenizer.chat_template else "plain text: there is no chat template",
        "context": policy.context,
    }


def _stage(stage: Stage, policy: Policy, processes: Processes, frozen: bytes) -> Prepared:
    stage = stage.fitted(policy.context)
    where = f"stage {stage.name!r}"
    if stage.prompts % processes.count:
        raise ConfigError(f"{where}: prompts = {stage.prompts} cannot be shared out to {processes.count} processes")
    reward = None
    if stage.method != "sft":
        try:
            reward = resolve(stage.reward or "")
        except (ToolkitError, OSError) as error:
            raise ConfigError(f"{where}: reward: {error}") from error
    train, too_long = load_tasks(stage, policy, "train")
    validation = _spread(load_tasks(stage, policy, "validation")[0], stage.validation) if stage.validate_every else []
    if reward is not None:
        what = f"{where}: the reward {reward.name!r}"
        check_fit(reward, train, policy, what)
        _check_scores(reward, train, what)
    fingerprint = _fingerprint(stage, reward, [*train, *validation], frozen)
    return Prepared(stage, reward, train, validation, too_long, fingerprint)


def _spread(tasks: list[Task], count: int) -> list[Task]:
    """Some of the tasks, of as many problems as can be: the first ones would be all the steps of a few."""
    problems: dict[str, list[Task]] = {}
    for task in sorted(tasks, key=lambda task: hashlib.sha256(task.id.encode()).digest()):
        problems.setdefault(task.columns["problem"], []).append(task)
    turns = chain.from_iterable(zip_longest(*problems.values()))
    return [task for task in turns if task is not None][:count]


def _frozen(policy: Policy) -> bytes:
    """Of the weights that are not trained, and so in no checkpoint, a few each: enough to know another model by."""
    some = [each.detach().flatten()[:8].float().cpu() for each in policy.model.parameters() if not each.requires_grad]
    return b"".join(each.numpy().tobytes() for each in some)


def _fingerprint(stage: Stage, reward: Reward | None, tasks: Sequence[Task], frozen: bytes) -> str:
    found = hashlib.sha256(frozen)
    if isinstance(stage.reward, str) and stage.reward.endswith(".toml"):
        found.update(Path(stage.reward).read_bytes())
    for task in tasks:
        read = [task.columns[name] for name in (reward.columns if reward else ())]
        found.update(json.dumps([task.id, task.reply, read], default=str).encode())
        found.update(array("q", task.prompt).tobytes())
    return found.hexdigest()


def _scored(reward: Reward, tasks: Sequence[Task]) -> Scores:
    """What a reward makes of the experts' own replies."""
    columns = {name: [task.columns[name] for task in tasks] for name in reward.columns}
    return score(reward, [task.reply for task in tasks], columns)


def _check_scores(reward: Reward, tasks: list[Task], what: str) -> None:
    scores = _scored(reward, tasks[:_TRIED])
    if all(value is None for value in scores.values):
        raise ConfigError(
            f"{what} cannot score the experts' own replies: {scores.status[0]} in all of the first "
            f"{len(scores.values)} rows"
        )


def _check_imitated(stages: Sequence[Prepared]) -> None:
    """See whether steps that are imitated have the form that a later stage wants."""
    taught: str | None = None
    for each in stages:
        if each.stage.method == "sft" and each.stage.on == "steps":
            taught = each.stage.name
        elif taught is not None and each.stage.method == "srl" and each.reward is not None:
            _check_form(each.reward, each.train, f"stage {each.stage.name!r}", taught)


def _check_form(reward: Reward, tasks: Sequence[Task], where: str, taught: str) -> None:
    if set(_scored(reward, tasks[:_TRIED]).status) == {"format"}:
        raise ConfigError(
            f"{where}: the reward {reward.name!r} wants a form that experts' steps do not have, and stage {taught!r} "
            "teaches to write as they do: every reply would break it. Take a reward without tags, such as "
            '"sequence_match", or imitate on = "solutions"'
        )


def _told(each: Prepared) -> dict[str, Any]:
    stage = each.stage
    told: dict[str, Any] = {"name": stage.name, "method": stage.method, "data": stage.data}
    told |= {"tasks": len(each.train), "too_long": each.too_long, "validation": len(each.validation)}
    told |= {"longest_prompt": max(len(task.prompt) for task in each.train)}
    told |= {"steps": stage.steps, "tokens": stage.tokens, "lr": stage.lr, "prompts": stage.prompts}
    if each.reward is not None:
        told |= {"group_size": stage.group_size, "max_new_tokens": stage.most_tokens}
        told |= {"reward": each.reward.name, "reads": list(each.reward.columns), "bounds": list(each.reward.bounds)}
    return told


def _bytes_needed(config: Config, policy: Policy) -> int:
    """The model of each stage, two checkpoints while one replaces the other, and the best weights so far."""
    parameters = list(policy.model.parameters())
    whole = sum(each.numel() * each.element_size() for each in parameters)
    trained = sum(each.numel() * each.element_size() for each in parameters if each.requires_grad)
    anchor = whole if any(stage.kl for stage in config.stages) and config.lora is None else 0
    best = 3 * trained if any(stage.validate_every for stage in config.stages) else 0
    return whole * (len(config.stages) + 1) + 2 * (3 * trained + anchor) + best


def _standing(path: Path) -> Path:
    """The path, or the nearest above it that is there."""
    return next(each for each in (path.absolute(), *path.absolute().parents) if each.exists())
