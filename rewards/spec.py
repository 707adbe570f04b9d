"""How one reward is given to another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewards.catalog import get
from rewards.errors import OptionError
from rewards.types import Reward

__all__ = ["Spec", "reward_of", "similarity_of"]

Spec = str | Mapping[str, Any] | Reward
"""A reward's name, a mapping with ``name`` and its options, or the reward itself."""


def reward_of(spec: Spec) -> Reward:
    """The reward that a spec means.

    Raises:
        OptionError: If the mapping has no ``name``, or the reward does not take its options.
        UnknownPlugin: If no reward has the name.

    Example:
        >>> reward_of({"name": "indel", "unit": "token"}).unit
        'token'
    """
    if isinstance(spec, str):
        return get(spec)
    if isinstance(spec, Mapping):
        options = dict(spec)
        if not isinstance(options.get("name"), str):
            raise OptionError(f"a reward given as a mapping needs a name, as in {{'name': 'indel'}}: {options!r}")
        return get(options.pop("name"), **options)
    if isinstance(spec, type) or not isinstance(spec, Reward):
        raise OptionError(f"{spec!r} is no reward: give a name, a mapping with name and options, or an instance")
    return spec


def similarity_of(owner: str, spec: Spec) -> Reward:
    """The reward that a spec means, which must compare with the reference and read nothing else.

    Raises:
        OptionError: If it reads other columns.
    """
    found = reward_of(spec)
    if tuple(found.columns) != ("reference",):
        reads = ", ".join(found.columns) or "no column"
        raise OptionError(f"option similarity of {owner}: {found.name!r} reads {reads}, not the reference alone")
    return found
