"""Rewards made of rewards: weighted sums, and gates.

Example:
    >>> from rewards import Gate, Term, compose
    >>> step = compose(Term("token_f1", 0.75), Term("levenshtein", 0.25), name="step")
    >>> step(["x = 1", "x = 2"], reference=["x = 1", "x = 1"]).parts["token_f1"]
    [1.0, 0.6666666666666666]
    >>> gated = Gate("format", step, score=-1.0)
    >>> gated(["<think>One.</think>x = 1", "x = 1"], reference=["x = 1", "x = 1"]).status
    ['ok', 'format']
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from math import isfinite
from typing import Any, NamedTuple

from rewards.base import aligned, scatter
from rewards.errors import OptionError
from rewards.registry import did_you_mean
from rewards.spec import Spec, reward_of
from rewards.types import STATUSES, Explanation, Reward, Scores, Status

__all__ = ["Composite", "Gate", "Term", "compose"]


@dataclass(frozen=True)
class Term:
    """A term of a weighted sum.

    Attributes:
        reward: The reward, or what :func:`rewards.spec.reward_of` makes one from.
        weight: What its value is multiplied by, negative for a penalty. With weight 0.0 it is logged, and neither
            its value nor its status has a say.
        name: What it is called in the parts, unique in the sum; the reward's name, numbered if need be, by default.
        columns: Which dataset column stands for a column that the reward reads; the one of the same name if not said.
    """

    reward: Spec
    weight: float = 1.0
    name: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)


def compose(*terms: Term | Spec, name: str = "compose") -> Composite:
    """A weighted sum of rewards, which is a reward itself.

    Args:
        terms: The terms; a reward or its name alone is one with weight 1.0.
        name: What the sum is called.

    Raises:
        OptionError: If there are no terms, all weights are 0.0, a weight is not finite, two terms are given the same
            name, or a mapping names a column that the reward does not read.

    Example:
        >>> both = compose(Term("indel", 0.5), Term("indel", 0.5, columns={"reference": "hint"}))
        >>> both.columns
        ('reference', 'hint')
        >>> both(["ab"], reference=["ab"], hint=["cd"])
        Scores(values=[0.5], status=['ok'], parts={'indel': [1.0], 'indel_2': [0.0]})
    """
    return Composite([term if isinstance(term, Term) else Term(term) for term in terms], name)


class Composite:
    """A weighted sum, as :func:`compose` makes it.

    A term without a value leaves the sum without one, with that term's status: to leave the term out would score the
    completion on another scale than its neighbours. Otherwise the status is that of the first term that is not
    ``ok``. A completion that is no text scores the lower bound.

    Parts:
        NAME: What the term of this name scored, before weighting.
        NAME/PART: Its parts.
    """

    name: str
    bounds: tuple[float, float]
    columns: tuple[str, ...]

    def __init__(self, terms: Sequence[Term], name: str = "compose") -> None:
        self.name = name
        if not terms:
            raise OptionError(f"{name}: no terms")
        self._terms = tuple(_resolve(term, f"{name}: term {at}") for at, term in enumerate(terms, start=1))
        if not any(term.weight for term in self._terms):
            raise OptionError(f"{name}: every weight is 0.0")
        self._names = _unique([term.name for term in terms], [term.reward.name for term in self._terms], name)
        self.columns = tuple(dict.fromkeys(column for term in self._terms for column in term.columns.values()))
        # summed in the order of __call__: rounding is monotonic, so that no sum of values is ever out of these bounds
        low = high = 0.0
        for term in self._terms:
            ends = [term.weight * end for end in term.reward.bounds]
            low, high = low + min(ends), high + max(ends)
        if not (isfinite(low) and isfinite(high)):
            raise OptionError(f"{name}: the weights are too large")
        self.bounds = (low, high)

    def __repr__(self) -> str:
        terms = zip(self._terms, self._names, strict=True)
        return f"<{self.name}: {' + '.join(f'{term.weight:g} × {name}' for term, name in terms)}>"

    def __call__(self, completions: Sequence[str], /, **columns: Sequence[Any]) -> Scores:
        """Score a batch; see :class:`rewards.types.Reward`."""
        found = dict(zip(self.columns, aligned(self.name, self.columns, completions, columns), strict=True))
        sums: list[float | None] = [0.0] * len(completions)
        status: list[Status] = ["ok"] * len(completions)
        parts: dict[str, list[float | None]] = {}
        for term, name in zip(self._terms, self._names, strict=True):
            scores = term.reward(completions, **{own: found[given] for own, given in term.columns.items()})
            parts[name] = scores.values
            parts.update({f"{name}/{part}": column for part, column in scores.parts.items()})
            if term.weight:
                sums = [_add(total, term.weight, value) for total, value in zip(sums, scores.values, strict=True)]
                status = [_worse(old, new) for old, new in zip(status, scores.status, strict=True)]
        for place, completion in enumerate(completions):
            if sums[place] is not None and not isinstance(completion, str):
                sums[place], status[place] = self.bounds[0], "unparseable_completion"
        return Scores(sums, status, parts)

    def explain(self, completion: str, /, **columns: Any) -> Explanation:
        """Say what each term scores and why; see :class:`rewards.types.Reward`."""
        scores = self([completion], **{name: [value] for name, value in columns.items()})
        told = []
        details: dict[str, Any] = {}
        for term, name in zip(self._terms, self._names, strict=True):
            part = term.reward.explain(completion, **{own: columns[given] for own, given in term.columns.items()})
            told.append(f"{term.weight:g} × {name} {part.value}")
            details[name] = f"{part.value} ({part.status}): {part.reason}"
            details.update({f"{name}/{key}": value for key, value in part.details.items()})
        return Explanation(scores.values[0], scores.status[0], " + ".join(told), details)


class Gate:
    """A reward behind a check: what fails the check gets a fixed score and costs nothing more.

    The check fails where its status is not ``ok`` or its value is below the threshold; the status is ``format``
    then, whatever was checked. Where the check has no value there is none here either, with the check's status. A
    completion that is no text scores the lower bound. The check comes first: what fails it gets the score even where
    the reward would find its reference missing.

    A check that takes a reply apart, as ``format`` does, hands on the action alone: a reward that compares with the
    expert's step would see the thought as a part of it otherwise.

    Args:
        check: The check, such as ``"format"``; see :func:`rewards.spec.reward_of`.
        reward: What scores that which passes.
        score: The score of what fails.
        threshold: The least value of the check that passes; its status alone decides if ``None``.
        whole_reply: Whether the reward gets the whole reply even from a check that could hand on the action.
        name: What the whole is called; the reward's name by default.

    Raises:
        OptionError: If ``score`` or ``threshold`` is not finite.

    Parts:
        gate: 1.0 if the check passed, 0.0 if it failed, none if it has no value; ``gate_2`` about an inner gate.
        gate/PART: The check's parts.
        PART: The reward's parts, none where it was not asked.

    Example:
        >>> gated = Gate("format", "indel", score=-1.0)
        >>> gated.bounds, gated.columns
        ((-1.0, 1.0), ('reference',))
        >>> gated(["<think>Add.</think>7", "7"], reference=["7", "7"]).values
        [1.0, -1.0]
        >>> gated.explain("7", reference="7").reason
        'the gate format: no_think: there is no <think>'
    """

    name: str
    bounds: tuple[float, float]
    columns: tuple[str, ...]

    def __init__(
        self,
        check: Spec,
        reward: Spec,
        score: float = -1.0,
        threshold: float | None = None,
        *,
        whole_reply: bool = False,
        name: str | None = None,
    ) -> None:
        self._check, self._reward = reward_of(check), reward_of(reward)
        self.score, self.threshold = _finite("score", score), threshold
        if threshold is not None:
            _finite("threshold", threshold)
        self._action = None if whole_reply else getattr(self._check, "action", None)
        self.name = self._reward.name if name is None else name
        self.columns = tuple(dict.fromkeys([*self._check.columns, *self._reward.columns]))
        low, high = self._reward.bounds
        self.bounds = (min(self.score, low), max(self.score, high))

    def __repr__(self) -> str:
        return f"<{self.name}: {self._reward.name} behind {self._check.name}>"

    def __call__(self, completions: Sequence[str], /, **columns: Sequence[Any]) -> Scores:
        """Score a batch, asking the reward only about what passes; see :class:`rewards.types.Reward`."""
        found = dict(zip(self.columns, aligned(self.name, self.columns, completions, columns), strict=True))
        checks = self._check(completions, **{name: found[name] for name in self._check.columns})
        passed = [self._passes(*entry) for entry in zip(completions, checks.values, checks.status, strict=True)]
        places = [place for place, each in enumerate(passed) if each]
        scores = self._reward(
            [self._handed_on(completions[at]) for at in places],
            **{name: [found[name][at] for at in places] for name in self._reward.columns},
        )
        whole = scatter(scores, places, list(checks.status), self.bounds[0])
        for place, each in enumerate(passed):
            if each is False:
                text = isinstance(completions[place], str)
                whole.values[place] = self.score if text else self.bounds[0]
                whole.status[place] = "format" if text else "unparseable_completion"
        gate = _free("gate", {name.partition("/")[0] for name in scores.parts})
        parts = {gate: [None if each is None else float(each) for each in passed]}
        parts.update({f"{gate}/{name}": column for name, column in checks.parts.items()})
        return Scores(whole.values, whole.status, {**parts, **whole.parts})

    def explain(self, completion: str, /, **columns: Any) -> Explanation:
        """Say what the check found, or, if it passed, what the reward did; see :class:`rewards.types.Reward`."""
        scores = self([completion], **{name: [value] for name, value in columns.items()})
        value, status = scores.values[0], scores.status[0]
        check = self._check.explain(completion, **{name: columns[name] for name in self._check.columns})
        if self._passes(completion, check.value, check.status):
            scored = self._handed_on(completion)
            inner = self._reward.explain(scored, **{name: columns[name] for name in self._reward.columns})
            return Explanation(value, status, inner.reason, {"gate": check.reason, **inner.details})
        below = f" {check.value} is below {self.threshold}," if check.status == "ok" else ""
        return Explanation(value, status, f"the gate {self._check.name}:{below} {check.reason}", check.details)

    def _handed_on(self, completion: str) -> str:
        return self._action(completion) if self._action else completion

    def _passes(self, completion: object, value: float | None, status: Status) -> bool | None:
        if value is None:
            return None
        return isinstance(completion, str) and status == "ok" and (self.threshold is None or value >= self.threshold)


class _Resolved(NamedTuple):
    reward: Reward
    weight: float
    columns: dict[str, str]  # that of the reward → that of the dataset


def _resolve(term: Term, owner: str) -> _Resolved:
    reward = reward_of(term.reward)
    for column in term.columns:
        if column not in reward.columns:
            reads = f"it reads {', '.join(reward.columns)}" if reward.columns else "it reads none"
            hint = did_you_mean(column, reward.columns)
            raise OptionError(f"{owner}: {reward.name!r} has no column {column!r}: {reads}{hint}")
    columns = {column: term.columns.get(column, column) for column in reward.columns}
    return _Resolved(reward, _finite(f"{owner}: weight", term.weight), columns)


def _unique(given: Sequence[str | None], defaults: Sequence[str], owner: str) -> list[str]:
    taken = {name for name in given if name is not None}
    names: list[str] = []
    for name, default in zip(given, defaults, strict=True):
        found = _free(default, taken | set(names)) if name is None else name
        if not found or "/" in found or found in names:
            reason = "stands there twice" if found in names else "is no name for a term: it is empty or has a slash"
            raise OptionError(f"{owner}: {found!r} {reason}")
        names.append(found)
    return names


def _free(name: str, taken: Collection[str]) -> str:
    """The name, numbered if it is taken: ``indel``, ``indel_2``, ``indel_3``."""
    return next(each for each in chain([name], (f"{name}_{number}" for number in count(2))) if each not in taken)


def _finite(option: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
        raise OptionError(f"{option}: {value!r} is not a finite number")
    return float(value)


def _add(total: float | None, weight: float, value: float | None) -> float | None:
    return None if total is None or value is None else total + weight * value


def _worse(old: Status, new: Status) -> Status:
    """The first status without a score, or else the first that is not ``ok``."""
    if old == "ok" or (new in _UNSCORED and old not in _UNSCORED):
        return new
    return old


_UNSCORED = STATUSES - {"ok", "format", "unparseable_completion"}
