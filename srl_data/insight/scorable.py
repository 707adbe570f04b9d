"""Could the expert's own step win? A row whose reference the reward cannot score teaches nothing, or worse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rewards.adapters.core import score
from rewards.types import Reward
from srl_data.export.shapes import Row
from srl_data.insight.findings import Finding, Findings

__all__ = ["Scorable"]

_BATCH = 2048
_FORMS = {
    ("think", False): "<think>Hm.</think>{}",
    ("think+solution", False): "<think>Hm.</think><solution>{}</solution>",
    ("think", True): "Hm.</think>{}",
    ("think+solution", True): "Hm.</think><solution>{}</solution>",
}
_NEAR = 1e-3  # a cosine of a text with itself is not quite 1


def _step(row: Row) -> str:
    return row["reference"] if isinstance(row.get("reference"), str) else ""


def _both(row: Row) -> str:
    return f"{_step(row)}\n{_boxed(row)}"


def _boxed(row: Row) -> str:
    answer = row.get("answer")
    return f"\\boxed{{{answer}}}" if isinstance(answer, str) else ""


class Scorable:
    """Scores each row's reference, or answer, as if the model had written it, in the form that the reward looks for.

    Args:
        reward: What would score the rollouts.
        tags: The tags that the prompts ask for; None if that is not known.
    """

    def __init__(self, reward: Reward, tags: str | None) -> None:
        self._reward, self._tags = reward, tags
        asked = (getattr(reward, "tags", None), getattr(reward, "prefilled", None))
        # a reward that says no form may have one inside, as a composite has: then the best of all counts
        self._forms = [_FORMS[asked]] if asked in _FORMS else [*_FORMS.values(), "{}"]
        self._best = [name for name in ("reference", "answer") if name in reward.columns]
        self._written = _both if len(self._best) != 1 else _boxed if self._best == ["answer"] else _step
        self._found = Findings()
        self._rows = 0
        self._waiting: list[tuple[str, str, Row]] = []

    def add(self, where: str, row: Row) -> None:
        """Look at a row: what :attr:`srl_data.export.shapes.Shape.read` gives."""
        references = row.get("reference")
        turns = [{**row, "reference": each} for each in references] if isinstance(references, list) else [row]
        self._rows += len(turns)
        missing = [name for name in self._reward.columns if name not in row]
        if missing:
            there = ", ".join(name for name in row if name != "prompt")
            self._found.add(
                f"the reward {self._reward.name} reads the column {missing[0]}, which is not there (there: {there})",
                f"export again with --column {missing[0]}, or map it in a TOML file of the reward",
                where,
            )
            return
        self._waiting += [(where, self._written(turn), turn) for turn in turns]
        if len(self._waiting) >= _BATCH:
            self._flush()

    def findings(self) -> Iterator[Finding]:
        """What was found."""
        self._flush()
        told = getattr(self._reward, "tags", None)
        if told is not None and self._tags is not None and told != self._tags:
            yield Finding(
                "fail",
                "reward",
                f"the prompts ask for the tags {self._tags!r}, and the reward {self._reward.name} looks for {told!r}: "
                "every reply that does as it is told breaks the form",
                f"-O tags={self._tags}",
            )
        if not self._rows:
            return
        best = f"the reward {self._reward.name} can score every row"
        if len(self._best) == 1:
            best += f", and gives the expert's own {'answer' if self._best == ['answer'] else 'step'} the most"
        for finding in self._found.findings("reward", self._rows, best):
            # a few such rows teach nothing, and do no harm: adapters have an answer for what has no score
            spoilt = finding.level == "warn" and finding.message.startswith(f"{self._rows:,} of ")
            yield replace(finding, level="fail") if spoilt else finding

    def _flush(self) -> None:
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        columns = {name: [row[name] for _, _, row in waiting] for name in self._reward.columns}
        best: list[tuple[float, str]] = [(-float("inf"), "")] * len(waiting)
        worst: list[str] = [""] * len(waiting)
        for form in self._forms:
            scores = score(self._reward, [form.replace("{}", text) for _, text, _ in waiting], columns)
            for at, (value, status) in enumerate(zip(scores.values, scores.status, strict=True)):
                if value is None:
                    worst[at] = status
                elif value > best[at][0]:
                    best[at] = (value, status)
        for at, (where, _, _) in enumerate(waiting):
            self._judge(where, best[at], worst[at])

    def _judge(self, where: str, best: tuple[float, str], worst: str) -> None:
        name, top = self._reward.name, self._reward.bounds[1]
        if best[1] in ("", "format", "unparseable_completion") and worst:
            self._found.add(_UNSCORABLE.get(worst, worst), _MEND.get(worst, ""), where, level="warn")
        elif len(self._best) != 1:
            return  # what of such a sum or check the expert would get, is not for us to say
        elif best[1] != "ok":
            self._found.add(
                f"what the expert wrote ends as {best[1]!r} by the reward {name}: no reply can be right",
                "its `explain` says why; leave these rows out, or choose another reward",
                where,
                level="warn",
            )
        elif best[0] < top - _NEAR:
            self._found.add(
                f"what the expert wrote scores less than the most that {name} gives ({top:g})",
                "its `explain` says why",
                where,
                level="warn",
            )


_UNSCORABLE = {
    "unparseable_reference": "the reward cannot read the reference: such a row has no score, whatever the reply",
    "too_large": "the reference is over the reward's budget: such a row has no score",
    "timeout": "the reward takes too long over the reference: such a row has no score",
    "error": "the reward fails on the reference: such a row has no score",
}
_MEND = {
    "unparseable_reference": "leave these rows out, or choose a reward that compares texts",
    "too_large": "segment again with --max-step-chars",
    "timeout": "segment again with --max-step-chars, or choose another reward",
    "error": "try `rewards.get(…)` on one of them in Python",
}
