"""The rows of ``rejects.jsonl``: every record that is not in the dataset, where it stood, and why it is not."""

from __future__ import annotations

from typing import Any, Literal

from srl_data.errors import Rejected

__all__ = ["Stage", "reject_row"]

Stage = Literal["read", "segment", "filter", "match"]
"""Where a record was lost: it could not be read, it did not fit the segmenter, a filter left it out, or no step is
known that it answers."""


def reject_row(file: str, line: int, stage: Stage, rejected: Rejected, record: Any) -> dict[str, Any]:
    """One row: ``file``, ``line`` (1-based), ``id``, ``stage``, ``reason``, ``detail`` and the ``record`` itself.

    The record is null where it could not be read at all; the line in the file has it.
    """
    usable = isinstance(record, dict)
    return {
        "file": file,
        "line": line,
        "id": str(record["id"]) if usable and isinstance(record.get("id"), (str, int)) else None,
        "stage": stage,
        "reason": rejected.reason,
        "detail": rejected.detail,
        "record": record if usable else None,
    }
