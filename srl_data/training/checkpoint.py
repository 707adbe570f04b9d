"""Checkpoints that a run goes on from as if it had never stopped: weights, optimiser, randomness, and where it was.

A checkpoint is a folder that is written beside its place and then renamed, so that there is never half of one; the one
before it goes only when the new one stands.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from srl_data.errors import InputError
from srl_data.training.config import differences
from srl_data.training.policy import Policy
from srl_data.training.stage import ConfigError

__all__ = ["latest", "load", "replacing", "save", "save_tensors", "state_of"]

_NAME = "checkpoint"


def save(folder: Path, policy: Policy, state: Mapping[str, Any], tensors: Mapping[str, Any]) -> None:
    """Write the run's checkpoint in place of the one before.

    Args:
        folder: The run's folder.
        policy: What is trained.
        state: Plain JSON values, with the run's ``config`` among them.
        tensors: What torch saves.

    Raises:
        OSError: If the disk is full, or cannot be written; then the one before still stands.
    """
    with replacing(folder / _NAME) as fresh:
        save_tensors(policy.trained(), fresh / "weights.pt")
        save_tensors(dict(tensors), fresh / "tensors.pt")
        with (fresh / "state.json").open("w", encoding="utf-8") as file:
            json.dump(state, file)
            file.flush()
            os.fsync(file.fileno())


@contextmanager
def replacing(place: Path) -> Iterator[Path]:
    """A new folder, ``PLACE.new``, which takes the place when it is whole; what is there goes only then."""
    fresh, old = (place.with_name(f"{place.name}.{name}") for name in ("new", "old"))
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    yield fresh
    if place.exists():
        shutil.rmtree(old, ignore_errors=True)
        place.rename(old)
    fresh.rename(place)
    shutil.rmtree(old, ignore_errors=True)


def save_tensors(value: Any, path: Path) -> None:
    """Write what torch saves, all of it, on the disk.

    Raises:
        OSError: If it cannot be written.
    """
    with path.open("wb") as file:
        try:
            torch.save(value, file)
        except RuntimeError as error:  # torch complains of an archive without an end, where the disk has no room for it
            raise error.__context__ if isinstance(error.__context__, OSError) else error from None
        file.flush()
        os.fsync(file.fileno())


def latest(folder: Path) -> Path | None:
    """Where the newest whole checkpoint of a run is, if there is one."""
    places = [folder / _NAME, folder / f"{_NAME}.old"]  # killed between the two renames, the older one is left
    return next((place for place in places if (place / "state.json").is_file()), None)


def state_of(place: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """A checkpoint's ``state``.

    Raises:
        ConfigError: If it is of a run of another configuration.
        InputError: If it cannot be read.
    """
    try:
        state: dict[str, Any] = json.loads((place / "state.json").read_text(encoding="utf-8"))
        changed = differences(json.loads(json.dumps(config)), state["config"])
    except (OSError, ValueError, KeyError) as error:
        raise _unreadable(place, error) from error
    if changed:
        raise ConfigError(
            f"{place} is of another configuration: {'; '.join(changed)}. Go back to that one, or choose another output"
        )
    return state


def load(place: Path, policy: Policy) -> dict[str, Any]:
    """Put a checkpoint's weights into a policy; gives its ``tensors``.

    Raises:
        InputError: If it cannot be read, or is of another model.
    """
    try:
        policy.restore(torch.load(place / "weights.pt", map_location=policy.model.device, weights_only=True))
        tensors: dict[str, Any] = torch.load(place / "tensors.pt", map_location="cpu", weights_only=True)
    except (OSError, ValueError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise _unreadable(place, error) from error
    return tensors


def _unreadable(place: Path, error: Exception) -> InputError:
    return InputError(f"the checkpoint {place} cannot be read: {type(error).__name__}: {error}")
