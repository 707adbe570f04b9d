"""Composite rewards from a small TOML table, so that a run's reward is a file beside its data.

::

    name = "step_and_tokens"

    [[term]]
    reward = "sequence_match"
    weight = 0.8
    options = { autojunk = false }

    [[term]]
    reward = "token_f1"
    weight = 0.2
    name = "hint"
    columns = { reference = "hint" }  # what the reward calls reference is the dataset's column hint

    [gate]                            # optional
    reward = "format"
    score = -1.0
    options = { tags = "think+solution" }

A term takes what :class:`rewards.compose.Term` does, and ``options`` for its reward. The gate takes ``reward`` (the
check), ``options`` and ``columns`` for it, and ``score``, ``threshold`` and ``whole_reply`` as
:class:`rewards.compose.Gate` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike, fspath
from typing import Any

from rewards.catalog import get
from rewards.compose import Gate, Term, compose
from rewards.errors import OptionError, ToolkitError
from rewards.registry import did_you_mean
from rewards.types import Reward

__all__ = ["from_config", "load"]


def load(path: str | PathLike[str]) -> Reward:
    """Read a reward from a TOML file; the module's docstring shows one.

    Raises:
        OSError: If the file cannot be read.
        OptionError: If it is not TOML, or says something that a reward does not understand. The message names the
            file, the table and the key; so do those of the errors below.
        UnknownPlugin: If it names a reward that does not exist.
        MissingExtra: If a library that a reward needs is not installed.
    """
    import tomllib  # not needed by those who compose in Python

    with open(path, "rb") as file:
        try:
            table = tomllib.load(file)
        except ValueError as error:  # bad TOML, or not UTF-8
            raise OptionError(f"{fspath(path)}: not a TOML file: {error}") from error
    return from_config(table, source=fspath(path))


def from_config(table: Mapping[str, Any], *, source: str = "reward") -> Reward:
    """Make a reward from a table of the form that :func:`load` reads.

    Args:
        table: The table.
        source: Where it is from, for messages.

    Raises:
        ToolkitError: As :func:`load`.

    Example:
        >>> reward = from_config({"term": [{"reward": "indel"}], "gate": {"reward": "format", "score": -1}})
        >>> reward(["<think>Add.</think>7", "7"], reference=["7", "7"]).values
        [1.0, -1.0]
        >>> from_config({"term": [{"reward": "indel", "wieght": 0.5}]}, source="reward.toml")
        Traceback (most recent call last):
        rewards.errors.OptionError: reward.toml: [[term]] 1: unknown key 'wieght'; it takes columns, name, options, \
reward, weight; did you mean 'weight'?
    """
    _check(table, _TOP, source)
    if not table.get("term"):
        raise OptionError(f"{source}: there is no [[term]]")
    terms = []
    for number, entry in enumerate(table["term"], start=1):
        where = f"{source}: [[term]] {number}"
        _check(entry, _TERM, where)
        terms.append(Term(_made(entry, where), entry.get("weight", 1.0), entry.get("name"), entry.get("columns", {})))
    with _at(source):
        found = compose(*terms, name=table.get("name", "compose"))
    if "gate" not in table:
        return found
    gate, where = table["gate"], f"{source}: [gate]"
    _check(gate, _GATE, where)
    check = _made(gate, where)
    with _at(where):
        if "columns" in gate:
            check = compose(Term(check, columns=gate["columns"]), name=check.name)
        whole_reply = gate.get("whole_reply", False)
        return Gate(check, found, gate.get("score", -1.0), gate.get("threshold"), whole_reply=whole_reply)


_TOP: dict[str, type] = {"name": str, "term": list, "gate": dict}
_TERM: dict[str, type] = {"reward": str, "weight": float, "name": str, "options": dict, "columns": dict}
_GATE: dict[str, type] = {
    "reward": str,
    "score": float,
    "threshold": float,
    "whole_reply": bool,
    "options": dict,
    "columns": dict,
}
_WORDS = {str: "a string", float: "a number", bool: "true or false", list: "an array of tables", dict: "a table"}


def _check(table: Any, keys: Mapping[str, type], where: str) -> None:
    if not isinstance(table, Mapping):
        raise OptionError(f"{where}: {table!r} is not a table")
    for key, value in table.items():
        if key not in keys:
            hint = did_you_mean(key, keys)
            raise OptionError(f"{where}: unknown key {key!r}; it takes {', '.join(sorted(keys))}{hint}")
        wanted = (int, float) if keys[key] is float else keys[key]
        if not isinstance(value, wanted) or isinstance(value, bool) != (wanted is bool):
            raise OptionError(f"{where}: {key} = {value!r} is not {_WORDS[keys[key]]}")
    for column, given in table.get("columns", {}).items():
        if not isinstance(given, str):
            raise OptionError(f"{where}: columns: {column} = {given!r} is not a column's name")


def _made(table: Mapping[str, Any], where: str) -> Reward:
    if "reward" not in table:
        raise OptionError(f"{where}: there is no reward")
    with _at(where):
        return get(table["reward"], **table.get("options", {}))


@contextmanager
def _at(where: str) -> Iterator[None]:
    """Say in which table an error lies."""
    try:
        yield
    except ToolkitError as error:
        raise type(error)(f"{where}: {error}") from error
