"""Errors about data. A message says what failed, where (``train.jsonl:17``), and what to do.

::

    ToolkitError (rewards.errors)
    └── SrlDataError
        ├── Rejected        one record cannot be used; the run goes on
        ├── InputError      an input cannot be read at all
        ├── OutputError     the output cannot be written, or is in the way
        ├── SchemaError     a dataset folder does not have the layout it should have
        └── PublishError    the Hub said no
"""

from __future__ import annotations

from rewards.errors import ToolkitError

__all__ = ["InputError", "OutputError", "PublishError", "Rejected", "SchemaError", "SrlDataError"]


class SrlDataError(ToolkitError):
    """Root of the errors about data."""


class Rejected(SrlDataError):
    """One record cannot be used. It becomes a row of ``rejects.jsonl`` and the run goes on.

    Args:
        reason: A slug from a small vocabulary, the key under which rejects are counted:
            ``no_numbered_steps``.
        detail: What a person needs to mend this very record.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type[Rejected], tuple[str, str]]:
        return type(self), (self.reason, self.detail)  # the default would replay the joined message


class InputError(SrlDataError):
    """An input cannot be read at all: no such file, no such column, not a format we know."""


class OutputError(SrlDataError):
    """The output cannot be written: it exists, the disk is full, another run is at work on it."""


class SchemaError(SrlDataError):
    """A folder does not hold a step dataset, or one of another schema version."""


class PublishError(SrlDataError):
    """The Hub refused: no token, no such repository, no right to write."""
