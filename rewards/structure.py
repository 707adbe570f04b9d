"""The form of a reply, and the reward of SRL, which stands on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Annotated, Any

from rewards.base import PairReward, aligned, scatter
from rewards.errors import OptionError
from rewards.spec import similarity_of
from rewards.text import REPLY_RULES, Reply, Tags, split_reply
from rewards.types import Explanation, Reward, Scores, Status

__all__ = ["Format", "Srl"]

# which part a broken rule belongs to; the parts before it are known to be sound, those behind it are not known
_GROUPS: dict[str, tuple[str, ...]] = {
    "think": ("no_think", "think_twice", "unclosed_think", "think_closed_twice"),
    "solution": ("no_solution", "solution_twice", "unclosed_solution", "solution_closed_twice"),
    "placed": ("out_of_order", "text_before_think", "text_outside_solution"),
    "filled": ("empty_thought", "empty_action"),
}


@dataclass(frozen=True)
class Format:
    """Whether a reply has its form: <think>…</think>, then an action, each tag once, in order, and nothing empty.

    1.0 if it has, 0.0 with status ``format`` if a rule is broken; ``explain`` says which one. The rules are those of
    :data:`rewards.text.REPLY_RULES`. The paper of SRL (arXiv 2510.25992) does not say what a bad format is; these are
    the rules of its predecessor SWE-RL, with an empty action and text outside the tags added. A tag that is quoted
    in the thought or the action counts as a tag: nobody can tell it from one that is meant.

    Parts:
        think: Whether both think tags stand there once.
        solution: Whether both solution tags do; none if they are not asked for.
        placed: Whether the tags are in order, and nothing but white space outside.
        filled: Whether neither thought nor action is empty.
        thought_chars: The length of the thought, if every rule is kept.
        action_chars: The length of the action, if every rule is kept.

        The first four are 1.0 or 0.0, and none where an earlier one is broken.

    Example:
        >>> Format()(["<think>Add.</think>It is 7.", "It is 7."]).values
        [1.0, 0.0]
        >>> print(Format(tags="think+solution").explain("<think>Add.</think>It is 7."))
        0.0 (format): no_solution: there is no <solution>
          rule: no_solution
    """

    tags: Annotated[Tags, "The tags that a reply must have."] = "think"
    prefilled: Annotated[bool, "Whether the prompt ends with <think>, so that the reply begins inside it."] = False

    name = "format"
    bounds = (0.0, 1.0)
    columns = tuple[str, ...]()

    def __call__(self, completions: Sequence[str], /, **columns: Sequence[Any]) -> Scores:
        """Score a batch; see :class:`rewards.types.Reward`."""
        aligned(self.name, self.columns, completions, columns)
        replies = [
            split_reply(each, self.tags, prefilled=self.prefilled) if isinstance(each, str) else None
            for each in completions
        ]
        rows = [self._parts(reply) for reply in replies]
        return Scores(
            [1.0 if reply and not reply.broken else 0.0 for reply in replies],
            ["unparseable_completion" if not reply else "format" if reply.broken else "ok" for reply in replies],
            {name: [row[at] for row in rows] for at, name in enumerate([*_GROUPS, "thought_chars", "action_chars"])},
        )

    def explain(self, completion: str, /, **columns: Any) -> Explanation:
        """Say which rule is broken, or what thought and action are; see :class:`rewards.types.Reward`."""
        if not isinstance(completion, str):
            return Explanation(0.0, "unparseable_completion", "the completion is not a text")
        thought, action, broken = split_reply(completion, self.tags, prefilled=self.prefilled)
        if broken:
            return Explanation(0.0, "format", f"{broken}: {REPLY_RULES[broken]}", {"rule": broken})
        return Explanation(1.0, "ok", "every rule of the form is kept", {"thought": thought, "action": action})

    def action(self, completion: str) -> str:
        """What of a reply is scored, once it has its form; empty if it has not. A gate hands it on."""
        return split_reply(completion, self.tags, prefilled=self.prefilled).action or ""

    def _parts(self, reply: Reply | None) -> list[float | None]:
        if reply is None:
            return [None] * (len(_GROUPS) + 2)
        found: list[float | None] = []
        broken = False
        for name, rules in _GROUPS.items():
            here = reply.broken in rules
            asked = name != "solution" or self.tags == "think+solution"
            found.append(None if broken or not asked else float(not here))
            broken = broken or here
        lengths = [None if text is None else float(len(text)) for text in (reply.thought, reply.action)]
        return found + lengths


@dataclass(frozen=True)
class Srl(PairReward):
    """The reward of SRL: a fixed penalty for a broken form, else the similarity of the action with the expert's.

    The thought has no say. Defined in arXiv 2510.25992, §3.2, with 2M/T of ``difflib`` as the similarity and -1 as
    the penalty; its form is left open there, and is that of ``format`` here. Without the form's rule that the action
    is not empty, an empty action would match an empty reference perfectly.

    Bounds run from the lower one of the penalty and the similarity's lower bound to the similarity's upper bound. A
    completion that is no text scores the lower bound. Where the similarity finds nothing in an action to compare, as
    ``diff_match`` does in prose, what it says of that stands.

    Parts:
        format: 1.0 if the form is kept, else 0.0.
        similarity: The similarity, where the form is kept: what to look at for the spread among well-formed rollouts.

    Example:
        >>> reward = Srl(similarity="levenshtein")
        >>> reward(["<think>Add.</think>3 + 4 = 7", "3 + 4 = 7"], reference=["3 + 5 = 8", "3 + 5 = 8"])
        Scores(values=[0.7777777777777778, -1.0], status=['ok', 'format'], parts={'format': [1.0, 0.0], \
'similarity': [0.7777777777777778, None]})
    """

    similarity: Annotated[
        str | Mapping[str, Any] | Reward, "Compares the actions: a reward's name, its name and options, or a reward."
    ] = field(default="sequence_match", compare=False)
    penalty: Annotated[float, "What a broken form scores."] = -1.0
    tags: Annotated[Tags, "The tags that a reply must have."] = "think"
    prefilled: Annotated[bool, "Whether the prompt ends with <think>, so that the reply begins inside it."] = False
    _similarity: Reward = field(init=False, repr=False)

    name = "srl"
    bounds = (-1.0, 1.0)

    def __post_init__(self) -> None:
        if not isfinite(self.penalty):
            raise OptionError(f"option penalty: {self.penalty} is not a finite number")
        inner = similarity_of(self.name, self.similarity)
        low, high = inner.bounds
        object.__setattr__(self, "_similarity", inner)
        object.__setattr__(self, "penalty", float(self.penalty))  # may be given as -1
        object.__setattr__(self, "bounds", (min(self.penalty, low), max(self.penalty, high)))

    def score_pairs(self, completions: Sequence[str], references: Sequence[str]) -> Scores:
        """Score pairs; the actions go to the similarity in one batch."""
        replies = [split_reply(each, self.tags, prefilled=self.prefilled) for each in completions]
        kept = [place for place, reply in enumerate(replies) if not reply.broken]
        inner = self._similarity(
            [reply.action for reply in replies if reply.action], reference=[references[place] for place in kept]
        )
        status: list[Status] = ["format" if reply.broken else "ok" for reply in replies]
        whole = scatter(Scores(inner.values, inner.status, {"similarity": inner.values}), kept, status, self.bounds[0])
        values = [self.penalty if reply.broken else value for reply, value in zip(replies, whole.values, strict=True)]
        form: list[float | None] = [float(not reply.broken) for reply in replies]
        return Scores(values, whole.status, {"format": form, **whole.parts})

    def explain(self, completion: str, /, **columns: Any) -> Explanation:
        """Say which rule of the form is broken, or what the similarity says of the actions."""
        found = super().explain(completion, **columns)
        if found.status != "format":
            return found
        broken = split_reply(completion, self.tags, prefilled=self.prefilled).broken or ""
        return Explanation(found.value, found.status, f"{broken}: {REPLY_RULES[broken]}", {"rule": broken})

    def details(self, completion: str, reference: str) -> tuple[str, Mapping[str, Any]]:
        """What the similarity says of the actions."""
        action = split_reply(completion, self.tags, prefilled=self.prefilled).action or ""
        inner = self._similarity.explain(action, reference=reference)
        return f"{self._similarity.name} of the actions: {inner.reason}", {"action": action, **inner.details}
