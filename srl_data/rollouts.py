"""Rows of dumped rollouts → which step was answered, and with what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from srl_data.errors import Rejected
from srl_data.sources.fields import MISSING, find, listed, sort_of, spoken

__all__ = ["Rollouts"]


@dataclass(frozen=True, slots=True)
class Rollouts:
    """Where a row of rollouts keeps what. A column is a name or a dotted path, ``extra_info.id``.

    Attributes:
        id: The column of the step's id; None for ``id``, or else ``trajectory_id`` and ``step_index`` together.
        completion: The column of the completion or of a list of them; None for ``completion`` or ``completions``.

    Example:
        >>> Rollouts().read({"id": "a#0", "completions": ["1 + 1 = 2", "1 + 1 = 3"]})
        ('a#0', ['1 + 1 = 2', '1 + 1 = 3'])
        >>> Rollouts(completion="output").read({"trajectory_id": "a", "step_index": 0, "output": "1 + 1 = 2"})
        ('a#0', ['1 + 1 = 2'])
    """

    id: str | None = None
    completion: str | None = None

    def read(self, record: Mapping[str, Any]) -> tuple[str, list[Any]]:
        """The step's id and the completions.

        A completion is handed out as it is, for the reward to judge, except that chat messages become what the
        assistant said last (None if it said nothing).

        Raises:
            Rejected: ``no_id`` or ``no_completion`` if the row has none, or both of what it might be.
        """
        return self._id(record), self._completions(record)

    def _id(self, record: Mapping[str, Any]) -> str:
        value = find(record, self.id or "id")
        if value is MISSING and self.id is None:
            trajectory, step = record.get("trajectory_id"), _index(record.get("step_index"))
            if isinstance(trajectory, str) and step is not None:
                return f"{trajectory}#{step}"
        if value is MISSING:
            raise _missing("no_id", "says which step it answers", record, self.id or "id", "id")
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise Rejected("no_id", f"column {self.id or 'id'} is {sort_of(value)}, not a step's id")
        return str(value)

    def _completions(self, record: Mapping[str, Any]) -> list[Any]:
        both = {"completion", "completions"} <= record.keys()
        if both and not self.completion:
            raise Rejected(
                "no_completion", "there are both completion and completions: --map completion=COLUMN says which"
            )
        for name in [self.completion] if self.completion else ["completion", "completions"]:
            value = find(record, name)
            if value is MISSING:
                continue
            if not isinstance(value, list) or _is_chat(value):
                return [_text(value)]
            if value:
                return [_text(item) for item in value]
            raise Rejected("no_completion", f"column {name} is an empty list")
        raise _missing("no_completion", "holds a completion", record, self.completion or "completion", "completion")


def _index(value: Any) -> int | None:
    """A step's index, also as tables without integers hold it: ``1.0``, ``"1"``."""
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else None
    whole = isinstance(value, (int, float)) and not isinstance(value, bool) and value % 1 == 0
    return int(value) if whole else None


def _missing(reason: str, what: str, record: Mapping[str, Any], column: str, kind: str) -> Rejected:
    return Rejected(
        reason,
        f"no column {column}, which {what}; there are {listed(record)}. Name the right one: --map {kind}=COLUMN",
    )


def _is_chat(value: list[Any]) -> bool:
    """Whether a list is one conversation rather than several completions."""
    return bool(value) and all(isinstance(item, Mapping) for item in value)


def _text(value: Any) -> Any:
    return spoken(value, "assistant") if isinstance(value, list) else value
