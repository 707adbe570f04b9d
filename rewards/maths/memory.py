"""A bounded memory of what was decided."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

__all__ = ["Memory"]

V = TypeVar("V")

_LONGEST = 500  # characters of a key, so that the bound on entries is one on bytes too


class Memory(Generic[V]):
    """Values by keys of texts, at most ``size`` of them; those not asked for longest are forgotten.

    Safe to use from several threads, and without a lock, which a fork could leave locked: each operation on the
    dictionary is atomic, and where two threads meet, the worst is that something is forgotten early.

    Example:
        >>> memory: Memory[bool] = Memory(1)
        >>> memory.keep(("1/2", "0.5"), True)
        >>> memory.keep(("1", "2"), False)
        >>> memory.recall(("1", "2")), memory.recall(("1/2", "0.5")), len(memory)
        (False, None, 1)
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[tuple[str, ...], V] = OrderedDict()

    def recall(self, key: tuple[str, ...]) -> V | None:
        """What was kept under this key, if it still is."""
        try:
            value = self._values[key]
            self._values.move_to_end(key)
        except KeyError:
            return None
        return value

    def keep(self, key: tuple[str, ...], value: V) -> None:
        """Remember a value, unless its key is very long."""
        if not self._size or sum(map(len, key)) > _LONGEST:
            return
        self._values[key] = value
        while len(self._values) > self._size:
            try:
                self._values.popitem(last=False)
            except KeyError:
                return

    def __len__(self) -> int:
        return len(self._values)
