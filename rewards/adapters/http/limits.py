"""What a server puts up with."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import isfinite

from rewards.errors import OptionError

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one server process puts up with; beyond that it says no, and what it has taken on it finishes.

    Attributes:
        max_body: Bytes in the body of a request; more is refused (413) before it is read.
        max_held: Bytes in all the bodies that are being read or worked on; more is put off (429).
        max_completions: Completions in a request; more is refused (413).
        max_waiting: Completions that wait or are being scored; more is put off (429). A trainer that asks for all
            its rollouts at once needs room for all of them.
        max_batch: Completions in one call of the reward, unless a single request has more.
        window_ms: Milliseconds that a request waits for others when the reward is free. Requests that arrive while
            it is busy are put together anyway.
        calls: Calls of the reward that may run at once.
        body_s: Seconds in which a body must have arrived (408).

    Raises:
        OptionError: If a limit is not positive, or ``window_ms`` is negative.
    """

    max_body: int = 16 * 2**20
    max_held: int = 256 * 2**20
    max_completions: int = 8192
    max_waiting: int = 16_384
    max_batch: int = 1024
    window_ms: float = 0.0
    calls: int = 2
    body_s: float = 60.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isfinite(value) or value < 0 or (value == 0 and field.name != "window_ms"):
                raise OptionError(f"{field.name} = {value} is out of range")
