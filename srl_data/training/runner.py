"""A run from beginning to end: every check that can be made first, then stage after stage, each from the best so far.

What a run leaves in its folder: ``config.json``; ``log.jsonl``; for each stage a model folder ``STAGE/`` that
``from_pretrained`` opens, its best by validation or, without one, its last; ``model/``, the last stage's; and
``checkpoint/``, which only a run that goes on needs.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from srl_data.errors import OutputError
from srl_data.training import checkpoint
from srl_data.training.config import Config
from srl_data.training.logs import AnyLog, Log, NoLog
from srl_data.training.policy import Policy
from srl_data.training.prepare import check_folder, check_unchanged, facts, is_done, load_policy, prepare
from srl_data.training.processes import Processes, together
from srl_data.training.stage import ConfigError
from srl_data.training.stage_run import StageRun
from srl_data.workspace import disk_errors

__all__ = ["run"]


def run(config: Config, policy: Policy | None = None, *, resume: bool = False) -> Path:
    """Train.

    Under ``accelerate launch`` or ``torchrun`` it is called in each process; the first one writes.

    Args:
        config: What to do.
        policy: The model, if it is there already; else ``config.model`` is loaded.
        resume: Go on from the run's last checkpoint, on a CPU exactly as if it had not stopped.

    Returns:
        The folder of the finished model.

    Raises:
        ToolkitError: Before the first update, if something cannot be: no data, a column that the reward reads missing,
            a checkpoint of another configuration; see :mod:`srl_data.training.prepare`.
        OutputError: If the disk is full; the last checkpoint is kept.
        NotFinite: If a gradient or a weight is not a number; the last checkpoint is kept.
    """
    folder = Path(config.output)
    with together() as processes, ExitStack() as opened:
        table = config.table()
        place = check_folder(folder, resume=resume)
        state = checkpoint.state_of(place, table) if place else {}
        if resume and is_done(folder):
            return folder / "model"
        processes.wait()  # nobody looks any more when the first one begins to write
        policy = policy or load_policy(config, processes)
        stages = prepare(config, policy, processes)
        check_unchanged(state, stages)
        _check_machine(state, policy, processes)
        tensors = checkpoint.load(place, policy) if place else {}
        processes.spread(policy.model)
        log: AnyLog = NoLog()
        if processes.is_first:
            with disk_errors(folder):
                opened.enter_context(_claimed(folder))
                (folder / "config.json").write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
            log = Log(folder, config.log_to, table, after=state.get("log", 0))
            opened.callback(log.close)
        if not state:
            log.event("run", processes=processes.count, **facts(policy))
        kept = {"config": table, "fingerprints": [each.fingerprint for each in stages]}
        for number, each in islice(enumerate(stages), state.get("stage", 0), None):
            StageRun(config, kept, policy, log, processes, number, each).go(state, tensors)
            state, tensors = {}, {}
        if processes.is_first:
            with disk_errors(folder):
                policy.save(folder / "model")
        log.event("done", model="model")
        for path in folder.glob("*.best-*.pt") if processes.is_first else ():
            path.unlink()
    return folder / "model"


@contextmanager
def _claimed(folder: Path) -> Iterator[None]:
    """Make the folder, and keep other runs out of it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise OutputError(f"another run is at work in {folder}: wait for it, or stop it") from error
        yield


def _check_machine(state: Mapping[str, Any], policy: Policy, processes: Processes) -> None:
    now = {"device": policy.model.device.type, "processes": processes.count}
    for name, value in now.items():
        if state and state[name] != value:
            raise ConfigError(f"the checkpoint was made with {name} {state[name]}, this run has {value}")
