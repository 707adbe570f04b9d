"""Rewards: scoring what a model wrote against what an expert wrote.

This is what a trainer imports. It scores text and knows nothing of datasets, files or trainers; :mod:`srl_data`
imports it, never the other way round. Importing it loads no plug-in and no library of one.

Example:
    >>> import rewards
    >>> reward = rewards.get("sequence_match")
    >>> reward(["3 + 4 = 7"], reference=["3 + 5 = 8"]).values
    [0.7777777777777778]
"""

from __future__ import annotations

from rewards.catalog import describe, get, names, register
from rewards.compose import Gate, Term, compose
from rewards.config import from_config, load
from rewards.types import Explanation, Reward, Scores, Status

__all__ = [
    "Explanation",
    "Gate",
    "Reward",
    "Scores",
    "Status",
    "Term",
    "compose",
    "describe",
    "from_config",
    "get",
    "load",
    "names",
    "register",
]
