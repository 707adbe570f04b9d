"""How many tokens prompts and steps have, by the tokenizer and the chat template of the model that will be trained."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Any

from srl_data.errors import InputError
from srl_data.export.shapes import SHAPES, Row
from srl_data.export.trainers import TRAINERS
from srl_data.insight.findings import Finding, Findings
from srl_data.prompts import prefill_fault

__all__ = ["Lengths"]

_BATCH = 256
_NO_LIMIT = 1_000_000  # tokenizers that know no limit say 1e30


class Lengths:
    """Measures rows.

    Args:
        tokenizer: A name or a folder, for ``AutoTokenizer.from_pretrained``.
        max_prompt: Tokens of a prompt, at most.
        max_completion: Tokens of a completion, at most.
        to: The trainer.

    Raises:
        InputError: If the tokenizer cannot be loaded.
    """

    def __init__(self, tokenizer: str, max_prompt: int, max_completion: int, to: str) -> None:
        from transformers import AutoTokenizer

        try:
            self._tokenizer = AutoTokenizer.from_pretrained(tokenizer)
        except (OSError, ValueError) as error:
            raise InputError(f"the tokenizer {tokenizer!r} cannot be loaded: {str(error).splitlines()[0]}") from error
        self._name, self._to = tokenizer, to
        self._max_prompt, self._max_completion = max_prompt, max_completion
        self._prompts, self._steps = array("L"), array("L")
        self._found = Findings()
        self._waiting: list[tuple[str, str, str]] = []
        self._rows = 0
        self._ending: str | None = None

    def add(self, where: str, row: Row) -> None:
        """Measure a row whose columns are sound."""
        self._rows += 1
        prompt, step = self._texts(row)
        if isinstance(prompt, list):
            try:
                prompt = str(
                    self._tokenizer.apply_chat_template(prompt, tokenize=False, add_generation_prompt=self._to != "sft")
                )
            except Exception as error:  # a template is a program, and raises what it likes
                said = " ".join(str(error).split())[:200]
                self._found.add(
                    f"the chat template of {self._name} refuses the prompt: {said}",
                    "take an instruct model's tokenizer; if it knows no system prompt, segment again with --system ''",
                    where,
                )
                return
            if self._ending is None:
                self._ending = prompt[-200:]
        self._waiting.append((where, prompt, step))
        if len(self._waiting) >= _BATCH:
            self._flush()

    def findings(self) -> Iterator[Finding]:
        """What was found."""
        self._flush()
        measured = f"prompts have {_spread(self._prompts)} tokens, of {self._max_prompt:,} allowed"
        if self._steps:
            measured += f"; the expert's steps {_spread(self._steps)}, of {self._max_completion:,}"
        yield from self._found.findings("lengths", self._rows, measured)
        if self._found.counts and self._prompts:
            yield Finding("ok", "lengths", measured)

    def template_findings(self, prefilled: bool | None) -> Iterator[Finding]:
        """Whether the reward begins to read where the model begins to write."""
        if self._ending and (fault := prefill_fault(self._ending, prefilled)):
            yield Finding("fail", "reward", *fault)

    def _texts(self, row: Row) -> tuple[Any, str]:
        """The prompt, and what the model is to write, as far as the row says."""
        if self._to == "sft":
            return row["messages"], ""
        if self._to == "prm":
            return "\n".join([row["prompt"], *row["completions"]]), ""
        read = SHAPES[self._to].read(row)
        reference = read.get("reference")
        longest = max(reference, key=len, default="") if isinstance(reference, list) else reference
        return read["prompt"], longest if isinstance(longest, str) else ""

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        for (where, _, _), prompt, step in zip(
            waiting,
            self._count([prompt for _, prompt, _ in waiting]),
            self._count([step for _, _, step in waiting]),
            strict=True,
        ):
            self._judge(where, prompt, step)

    def _count(self, texts: Sequence[str]) -> list[int]:
        return [len(ids) for ids in self._tokenizer(list(texts), add_special_tokens=False)["input_ids"]]

    def _judge(self, where: str, prompt: int, step: int) -> None:
        whole = self._to in ("sft", "prm")
        allowed = self._max_prompt + self._max_completion if whole else self._max_prompt
        self._prompts.append(prompt)
        if not whole:
            self._steps.append(step)
        context = getattr(self._tokenizer, "model_max_length", _NO_LIMIT)
        reach = prompt if whole else prompt + self._max_completion
        if context < _NO_LIMIT and reach > context:
            self._found.add(
                f"prompt and completion go beyond the {context:,} tokens that the model reads",
                "choose a model that reads more, or a smaller --max-completion-length",
                where,
            )
        elif prompt > allowed:
            level, what = _TOO_LONG.get(self._to, ("fail", "the trainer stops on them, or cuts them"))
            self._found.add(
                f"more than {allowed:,} tokens of prompt: {what}",
                "raise the limit in the launch file, or segment again with --max-chars",
                where,
                level="warn" if level == "warn" or TRAINERS[self._to].drops_long else "fail",
            )
        if step >= self._max_completion:
            self._found.add(
                f"the expert's step alone has {self._max_completion:,} tokens or more: no reply can match it",
                "raise the limit of completions in the launch file, or segment again with --max-step-chars",
                where,
            )


_TOO_LONG = {
    "trl": ("warn", "TRL cuts none, so they cost that much memory"),
    "verl": ("warn", "verl leaves them out"),
    "skyrl": ("warn", "SkyRL leaves them out"),
    "swift": ("warn", "ms-swift leaves them out"),
    "verifiers": ("warn", "verifiers cuts none"),
    "sft": ("warn", "TRL cuts their ends off"),
    "prm": ("warn", "TRL cuts their ends off, labels included"),
}


def _spread(lengths: Sequence[int]) -> str:
    """A median and a maximum.

    Example:
        >>> _spread([3, 1, 2])
        '2 (median) to 3'
    """
    ordered = sorted(lengths)
    return f"{ordered[len(ordered) // 2]:,} (median) to {ordered[-1]:,}" if ordered else "0"
