"""The reward that a user asked for, and a record of it that says how to make it again."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any

from rewards import catalog, config
from rewards.types import Reward

__all__ = ["by_file", "by_name"]


def by_name(name: str, pairs: Iterable[str]) -> tuple[Reward, dict[str, Any]]:
    """Make a reward from its name and ``NAME=VALUE`` pairs.

    Returns:
        The reward, and its ``name``, ``origin``, ``engine``, ``options`` (all of them, defaults included),
        ``columns``, ``bounds`` and ``versions`` (of Python, of this package, of every other that provides rewards).

    Raises:
        UnknownPlugin: If no reward has this name.
        OptionError: If an option does not exist or its value is of the wrong type.
        MissingExtra: If a library that it needs is not installed.
    """
    given = catalog.registry.parse_options(name, pairs)
    reward = catalog.get(name, **given)
    described = catalog.describe(name)
    options = {option.name: given.get(option.name, option.default) for option in described.options}
    return reward, _record(
        reward, {"name": name, "origin": described.origin, "engine": described.engine, "options": options}
    )


def by_file(path: Path) -> tuple[Reward, dict[str, Any]]:
    """Make a reward from a TOML file (see :mod:`rewards.config`).

    Returns:
        The reward, and its ``name``, the file's text as ``config``, and ``columns``, ``bounds`` and ``versions`` as
        of :func:`by_name`.

    Raises:
        ToolkitError: As :func:`rewards.config.load` does.
    """
    reward = config.load(path)
    return reward, _record(reward, {"name": reward.name, "config": path.read_text(encoding="utf-8")})


def _record(reward: Reward, made_of: dict[str, Any]) -> dict[str, Any]:
    providers = {point.dist for point in entry_points(group=catalog.registry.group) if point.dist}
    versions = {"python": platform.python_version(), "srl-data": version("srl-data")}
    return {
        **made_of,
        "columns": list(reward.columns),
        "bounds": list(reward.bounds),
        "versions": versions | {provider.name: provider.version for provider in providers},
    }
