r"""Segmenters: text → steps. A segmenter is a name; nothing is imported before it is asked for.

Example:
    >>> from srl_data import segmenters
    >>> from srl_data.types import Solution
    >>> two = Solution(id="a", problem="1 + 2 + 3?", text="1 + 2 = 3\n3 + 3 = 6\n#### 6")
    >>> [step.action for step in segmenters.get("lines").segment(two).steps]
    ['1 + 2 = 3', '3 + 3 = 6']
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rewards.registry import Description, Registry

if TYPE_CHECKING:
    from srl_data.segmenters.base import Segmenter

__all__ = ["describe", "get", "names", "register", "registry"]

registry: Registry[Segmenter] = Registry(
    kind="segmenter",
    group="srl_data.segmenters",
    builtin={
        "agent": "srl_data.segmenters.agent:Agent",
        "auto": "srl_data.segmenters.auto:Auto",
        "lines": "srl_data.segmenters.lines:Lines",
        "numbered": "srl_data.segmenters.numbered:Numbered",
        "paragraphs": "srl_data.segmenters.paragraphs:Paragraphs",
        "sentences": "srl_data.segmenters.sentences:Sentences",
        "thinking": "srl_data.segmenters.thinking:Thinking",
    },
    extras={"sentences": "nlp"},
)

names = registry.names
register = registry.register


def get(name: str, /, **options: Any) -> Segmenter:
    """Make a segmenter; see :meth:`rewards.registry.Registry.get` for what it raises."""
    return registry.get(name, **options)


def describe(name: str) -> Description:
    """Describe a segmenter: origin, summary, options."""
    return registry.describe(name)
