"""What the adapters share: a reward from what the user names, scores from a trainer's batch, and what it takes of them.

A trainer's batch is not always what a reward expects: completions may be lists of chat messages, columns come by the
dozen, and some trainers know no score that is missing. Each of those is settled here, once.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Literal, cast, get_args

from rewards.adapters.messages import text_of
from rewards.catalog import get
from rewards.config import from_config, load
from rewards.errors import ColumnError, OptionError, ToolkitError
from rewards.registry import did_you_mean
from rewards.spec import reward_of
from rewards.types import Reward, Scores, Status

__all__ = ["NotScorable", "RewardLike", "Unscorable", "check_identity", "flat", "resolve", "score", "text_of"]

RewardLike = str | PathLike[str] | Mapping[str, Any] | Reward
"""A reward's name; a TOML file; a mapping, either ``name`` with options or a table as in that file; a reward."""

_log = logging.getLogger("rewards.adapters")
_STATUSES: tuple[Status, ...] = get_args(Status)


class NotScorable(ToolkitError, ValueError):
    """A completion has no score, and the user asked for an error rather than for a number in its place."""


def resolve(reward: RewardLike, **options: Any) -> Reward:
    """The reward that is meant. Every adapter takes a reward in any of these forms.

    Args:
        reward: A name (``"srl"``), a TOML file (``"reward.toml"``, see :mod:`rewards.config`), a mapping with
            ``name`` and options, a mapping of the form of that file, or a reward.
        options: Options of the reward, where it is given by name. Containers of a configuration library (OmegaConf)
            are taken for the lists and mappings that they stand for.

    Raises:
        OptionError: If the form is none of these, options come with a reward or a file, or an option is wrong.
        UnknownPlugin: If no reward has the name.
        MissingExtra: If a library that it needs is not installed.
        OSError: If the file cannot be read.

    Example:
        >>> resolve("srl", similarity="indel").bounds
        (-1.0, 1.0)
        >>> resolve({"name": "indel", "unit": "token"}).unit
        'token'
        >>> resolve({"term": [{"reward": "indel"}, {"reward": "token_f1"}], "name": "both"}).name
        'both'
    """
    options = {name: _plain(value) for name, value in options.items()}
    if isinstance(reward, PathLike) or (isinstance(reward, str) and reward.endswith(".toml")):
        _no_options(f"the file {fspath(reward)}", options)
        return load(reward)
    if isinstance(reward, str):
        return get(reward, **options)
    if isinstance(reward, Mapping):
        table = _plain(reward)
        if "term" in table:
            _no_options("a table of terms", options)
            return from_config(table)
        return reward_of({**table, **options})
    found = reward_of(reward)
    _no_options(f"the reward {found.name!r}", options)
    return found


def score(reward: Reward, completions: Sequence[Any], columns: Mapping[str, Any]) -> Scores:
    """Score a trainer's batch.

    The reward gets the text of each completion and the columns that it reads, no others. If it raises, which no
    reward of this package does because of a completion, the completions are scored one by one, and those that raise
    again end as ``error``; the log says why.

    Args:
        reward: What scores.
        completions: Strings, lists of chat messages, or whatever the trainer has; see :func:`text_of`.
        columns: Every column that the trainer has, by name.

    Raises:
        ColumnError: If a column that the reward reads is not there, or does not have one entry per completion.
        ToolkitError: If the reward breaks its contract.

    Example:
        >>> score(resolve("indel"), [[{"role": "assistant", "content": "ab"}]], {"reference": ["ab"]}).values
        [1.0]
        >>> score(resolve("indel"), ["ab"], {"refrence": ["ab"]})
        Traceback (most recent call last):
        rewards.errors.ColumnError: the reward 'indel' reads the column 'reference', which the dataset does not have; \
it has refrence; did you mean 'refrence'?
    """
    missing = [name for name in reward.columns if name not in columns]
    if missing:
        there = ", ".join(sorted(columns)) or "none"
        raise ColumnError(
            f"the reward {reward.name!r} reads the column {missing[0]!r}, which the dataset does not have; "
            f"it has {there}{did_you_mean(missing[0], columns)}"
        )
    texts: list[Any] = [each if type(each) is str else text_of(each) for each in completions]
    read = {name: columns[name] for name in reward.columns}
    try:
        scores = reward(texts, **read)
    except ToolkitError:
        raise
    except Exception:
        _log.exception("the reward %r raised on a batch of %d: scoring them one by one", reward.name, len(texts))
        scores = _one_by_one(reward, texts, read)
    if not isinstance(scores, Scores) or len(scores) != len(texts):
        gave = f"{len(scores)} scores" if isinstance(scores, Scores) else f"a {type(scores).__name__}, not Scores,"
        raise ToolkitError(f"the reward {reward.name!r} gave {gave} for {len(texts)} completions")
    return scores


@dataclass(frozen=True, slots=True)
class Unscorable:
    """What becomes of a completion without a score, where the trainer wants a number for each.

    No number is right: any of them moves the mean of its group. So an adapter says what it puts there by default, the
    status goes to the trainer's metrics, and a warning goes to the log.

    Args:
        policy: The number to put there, or ``"raise"``.

    Raises:
        OptionError: If the policy is neither.

    Example:
        >>> Unscorable(0.0)(Scores([0.5, None], ["ok", "timeout"]))
        [0.5, 0.0]
        >>> Unscorable("raise")(Scores([0.5, None], ["ok", "timeout"]))
        Traceback (most recent call last):
        rewards.adapters.core.NotScorable: 1 of 2 completions have no score: timeout 1
    """

    policy: Literal["raise"] | float

    def __post_init__(self) -> None:
        number = not isinstance(self.policy, bool) and isinstance(self.policy, (int, float))
        if self.policy != "raise" and not (number and isfinite(self.policy)):
            raise OptionError(f"unscorable={self.policy!r} is neither a finite number nor 'raise'")

    def __call__(self, scores: Scores) -> list[float]:
        """The scores, with a number for each completion.

        Raises:
            NotScorable: If one has no score, and that is the policy.
        """
        if None not in scores.values:
            return cast(list[float], list(scores.values))
        absent = [status for value, status in zip(scores.values, scores.status, strict=True) if value is None]
        told = ", ".join(f"{status} {absent.count(status)}" for status in _STATUSES if status in absent)
        message = f"{len(absent)} of {len(scores)} completions have no score: {told}"
        if self.policy == "raise":
            raise NotScorable(message)
        _log.warning("%s; they are given %s", message, self.policy)
        return [float(self.policy) if value is None else value for value in scores.values]


def flat(scores: Scores, at: int, value: float | None = None) -> dict[str, float]:
    """One completion's scores as plain numbers, for trainers that log what stands in a dictionary.

    The keys are the same for every completion of a reward, whatever its status, and each value is finite:

    * ``score``: the score;
    * ``scored``: 1.0 if it has one, 0.0 if it is a stand-in;
    * each part by its name, 0.0 where there is none, and ``known/PART``, 1.0 or 0.0: the mean of a part where it is
      known is the mean of the one divided by the mean of the other;
    * ``status/STATUS`` for each of the seven: 1.0 for the one that it is, else 0.0.

    A part that bears one of these names is called ``part/NAME``.

    Args:
        scores: The scores of a batch.
        at: Which completion.
        value: What stands for the score; what it is by default, and 0.0 if it is none.

    Example:
        >>> flat(Scores([0.5], ["ok"], {"similarity": [None]}), 0)
        {'score': 0.5, 'scored': 1.0, 'similarity': 0.0, 'known/similarity': 0.0, 'status/ok': 1.0, \
'status/format': 0.0, 'status/unparseable_reference': 0.0, 'status/unparseable_completion': 0.0, \
'status/too_large': 0.0, 'status/timeout': 0.0, 'status/error': 0.0}
    """
    own = scores.values[at]
    entry = {"score": float((own or 0.0) if value is None else value), "scored": 0.0 if own is None else 1.0}
    for name, column in scores.parts.items():
        part = column[at]
        key = f"part/{name}" if name in entry or name.startswith(("status/", "known/")) else name
        entry[key] = 0.0 if part is None else float(part)
        entry[f"known/{name}"] = 0.0 if part is None else 1.0
    entry.update({f"status/{status}": float(status == scores.status[at]) for status in _STATUSES})
    return entry


def check_identity() -> None:
    """Make sure that ``rewards`` is this package: the name is a common one, for a file beside a training script too.

    An adapter that a trainer loads by its path calls this before anything else.

    Raises:
        ImportError: If another module has the name; the message says which file it is.
    """
    ours = Path(__file__).resolve().parents[1] / "__init__.py"
    found = getattr(sys.modules.get("rewards"), "__file__", None)
    if found is None or Path(found).resolve() != ours:
        raise ImportError(
            f"'rewards' is {found or 'another module'}, and not the package of srl-data, {ours}. A file or folder of "
            "that name beside the training script, or on PYTHONPATH, hides it: rename that"
        )


def _one_by_one(reward: Reward, texts: Sequence[Any], columns: Mapping[str, Sequence[Any]]) -> Scores:
    found: list[Scores] = []
    for at, text in enumerate(texts):
        try:
            found.append(reward([text], **{name: [column[at]] for name, column in columns.items()}))
        except ToolkitError:
            raise
        except Exception as error:
            _log.warning("the reward %r raised on completion %d: %s: %s", reward.name, at, type(error).__name__, error)
            found.append(Scores([None], ["error"], {}))
    parts = dict.fromkeys(name for each in found for name in each.parts)
    return Scores(
        [value for each in found for value in each.values],
        [status for each in found for status in each.status],
        {name: [value for each in found for value in each.parts.get(name, [None])] for name in parts},
    )


def _no_options(given: str, options: Mapping[str, Any]) -> None:
    if options:
        raise OptionError(f"{given} takes no options, and was given {', '.join(sorted(options))}")


def _plain(value: Any) -> Any:
    """Containers of a configuration library → dictionaries and lists; anything else as it is."""
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list) or (isinstance(value, Sequence) and not isinstance(value, (str, bytes, tuple))):
        return [_plain(each) for each in value]
    return value
