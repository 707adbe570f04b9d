"""What mathematics leaves open, as options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

__all__ = ["DEFAULT", "Conventions"]


@dataclass(frozen=True, slots=True)
class Conventions:
    r"""What mathematics leaves open. Everything is exact unless it is said here.

    Hashable and picklable, so that it may be part of a cache's key or of a task. ``log_base`` and ``decimal_comma``
    change how a text is parsed, the others how two trees are compared.
    """

    percent: Annotated[
        Literal["either", "exact", "ignore"],
        "Whether 50% is 0.5 (exact), 50 (ignore), or either of them, whichever the other side wrote (either).",
    ] = "either"
    units: Annotated[
        Literal["optional", "exact", "ignore"],
        "Whether a unit or currency that only one side has is no difference (optional) or is one (exact), or units "
        "never count (ignore).",
    ] = "optional"
    rel_tol: Annotated[float, "How far two real numbers may be apart, relative to the gold one."] = 0.0
    ordered: Annotated[bool, "Whether the order of values listed without brackets counts."] = False
    log_base: Annotated[Literal["10", "e"], "The base of \\log where none is written."] = "10"
    decimal_comma: Annotated[bool, "Whether 3,5 is three and a half; a point then separates thousands."] = False


DEFAULT = Conventions()
"""Exact wherever mathematics is."""
