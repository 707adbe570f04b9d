"""Checkpoints that a run goes on from as if it had never stopped: weights, optimiser, randomness, and where it was.

A checkpoint is a folder that is written beside its place and then renamed, so that there is never half of one; the one
before it goes only when the new one stands.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from srl_data.training.config import differences
from srl_data.training.policy import Policy
from srl_data.training.stage import ConfigError

__all__ = ["latest", "load", "save"]

_NAME = "checkpoint"


def save(folder: Path, policy: Policy, state: Mapping[str, Any], tensors: Mapping[str, Any]) -> None:
    """Write the run's checkpoint in place of the one before.

    Args:
        folder: The run's folder.
        policy: What is trained.
        state: Plain JSON values, with the run's ``config`` among them.
        tensors: What torch saves.
    """
    fresh, place, old = (folder / name for name in (f"{_NAME}.new", _NAME, f"{_NAME}.old"))
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    torch.save(policy.trained(), fresh / "weights.pt")
    torch.save(dict(tensors), fresh / "tensors.pt")
    (fresh / "state.json").write_text(json.dumps(state), encoding="utf-8")
    for path in fresh.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    fresh.rename(place)
    shutil.rmtree(old, ignore_errors=True)


def latest(folder: Path) -> Path | None:
    """Where the newest whole checkpoint of a run is, if there is one."""
    places = [folder / _NAME, folder / f"{_NAME}.old"]  # killed between the two renames, the older one is left
    return next((place for place in places if (place / "state.json").is_file()), None)


def load(place: Path, policy: Policy, config: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Put a checkpoint's weights into a policy; gives its ``state`` and ``tensors``.

    Raises:
        ConfigError: If it is of a run of another configuration.
    """
    state: dict[str, Any] = json.loads((place / "state.json").read_text(encoding="utf-8"))
    was = state["config"]
    if changed := differences(json.loads(json.dumps(config)), was):
        raise ConfigError(f"{place} is of another configuration: {'; '.join(changed)}. Take it back, or another output")
    policy.restore(torch.load(place / "weights.pt", map_location=policy.model.device, weights_only=True))
    tensors: dict[str, Any] = torch.load(place / "tensors.pt", map_location="cpu", weights_only=True)
    return state, tensors
