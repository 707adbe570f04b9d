"""The rewards that there are, by name. Nothing is imported before it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rewards.registry import Description, Registry

if TYPE_CHECKING:
    from rewards.types import Reward

__all__ = ["RewardDescription", "describe", "get", "names", "register", "registry"]

registry: Registry[Reward] = Registry(
    kind="reward",
    group="srl_data.rewards",
    builtin={
        "diff_match": "rewards.patches:DiffMatch",
        "embedding": "rewards.embedding:Embedding",
        "format": "rewards.structure:Format",
        "indel": "rewards.similarity:Indel",
        "levenshtein": "rewards.similarity:Levenshtein",
        "outcome": "rewards.outcome:Outcome",
        "sequence_match": "rewards.sequence:SequenceMatch",
        "srl": "rewards.structure:Srl",
        "symbolic": "rewards.symbolic:Symbolic",
        "token_f1": "rewards.similarity:TokenF1",
    },
    extras={"embedding": "embed"},
)

names = registry.names
register = registry.register


@dataclass(frozen=True, slots=True)
class RewardDescription(Description):
    """What a user should know about a reward before using it.

    Attributes:
        columns: The dataset columns that it reads with its default options.
        bounds: The least and the greatest score with its default options.
        extra: The extra that brings the libraries it needs, if any.
        engine: What does the work on this machine, where there is a choice.
    """

    columns: tuple[str, ...]
    bounds: tuple[float, float] | None
    extra: str | None
    engine: str | None


def get(name: str, /, **options: Any) -> Reward:
    """Make a reward.

    Raises:
        UnknownPlugin: If no reward has this name; the message says which there are.
        OptionError: If an option does not exist, is missing, or has a value of the wrong type.
        MissingExtra: If a library that it needs is not installed; the message says what to install.

    Example:
        >>> reward = get("sequence_match")
        >>> reward(["2 + 2 = 4"], reference=["2 + 2 = 4"]).values
        [1.0]
    """
    return registry.get(name, **options)


def describe(name: str) -> RewardDescription:
    """Describe a reward: origin, summary, options, columns, bounds, extra and engine.

    Example:
        >>> describe("indel").columns
        ('reference',)
    """
    plain = registry.describe(name)
    factory = registry.load(name)
    engine = getattr(factory, "engine", None)
    return RewardDescription(
        name=plain.name,
        origin=plain.origin,
        summary=plain.summary,
        doc=plain.doc,
        options=plain.options,
        columns=tuple(getattr(factory, "columns", ())),
        bounds=getattr(factory, "bounds", None),
        extra=registry.extra_of(name),
        engine=engine() if callable(engine) else engine,
    )
