r"""The final answer that a solution states, and what the verifier makes of it.

The rules are those of :mod:`rewards.maths.final` and :mod:`rewards.outcome`: a dataset is held to what will score the
rollouts that are trained on it.
"""

from __future__ import annotations

from functools import cache

from rewards.maths.final import stated_answer as final_answer
from rewards.outcome import Outcome

__all__ = ["agreement", "fault", "stated_answer"]


def stated_answer(text: str) -> str | None:
    r"""The final answer that a solution itself states, as it is written there.

    Args:
        text: The solution, of any length; the search takes linear time.

    Returns:
        The answer without the markup around it, or None.

    Example:
        >>> stated_answer("2 + 2 = 4\n#### 4")
        '4'
        >>> print(stated_answer(r"so $\boxed{\frac{1}{2}}$."))
        \frac{1}{2}
    """
    found = final_answer(text)
    return found.answer if found else None


def agreement(gold: str, stated: str) -> bool | None:
    """Whether a stated answer is the gold one; ``None`` if that cannot be decided.

    Example:
        >>> agreement("1/2", "0.5"), agreement("0.5", "0.25"), agreement("1/0", "2")
        (True, False, None)
    """
    value = _verifier().compare(stated, gold).value
    return None if value is None else value == 1.0


def fault(gold: str) -> str | None:
    """Why no reply could be scored against a gold answer; ``None`` if replies can."""
    return _verifier().fault(gold)


@cache
def _verifier() -> Outcome:
    return Outcome()
