"""The native kernel: batches of pairs in, ratios out. Absent where it could not be built."""

from collections.abc import Iterable

def ratios(
    completions: Iterable[str], references: Iterable[str], autojunk: bool, budget: int, threads: int
) -> list[float | None]:
    """2M/T of each pair, None for a pair over the budget."""
