"""OpenRLHF: a reward as the function of a file, and the label that carries a row's columns to it.

``--reward.remote_url`` takes a Python file that defines ``reward_func``. This one does, with the reward ``srl``; for
another, a file of one's own::

    from rewards.adapters.openrlhf import to_openrlhf

    reward_func = to_openrlhf("srl", similarity="token_f1")

OpenRLHF hands a reward one text of each row, the column that ``--data.label_key`` names. :func:`encode_label` puts a
row's columns into it. It logs an error of a reward as a piece of information, goes on without a score, and fails later
for another reason: errors are logged here, as errors.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

try:
    from rewards.adapters.core import RewardLike, check_identity
    from rewards.adapters.scorer import Scorer
    from rewards.errors import ColumnError
except ModuleNotFoundError as error:
    if not str(error.name).startswith("rewards"):
        raise
    raise ImportError(
        f"{__file__} needs the package rewards of srl-data, and found another module of that name (a file or folder "
        f"beside the training script, or on PYTHONPATH) or none: {error}"
    ) from error

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["completion_of", "decode_label", "encode_label", "reward_func", "to_openrlhf"]

check_identity()

_log = logging.getLogger("rewards.adapters.openrlhf")

END_TOKENS = (
    "<|im_end|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<|end_of_text|>",
    "<|end|>",
    "<end_of_turn>",
    "<eos>",
    "</s>",
)
"""What models end a reply with, and OpenRLHF leaves in the text."""


def encode_label(columns: Mapping[str, Any]) -> str:
    r"""A row's columns as the text of a label: a JSON object.

    Example:
        >>> encode_label({"reference": "2x = 8", "step_index": 1})
        '{"reference": "2x = 8", "step_index": 1}'
    """
    return json.dumps(columns, ensure_ascii=False, allow_nan=False)


def decode_label(label: str) -> dict[str, Any]:
    """The columns that a label carries.

    Raises:
        ColumnError: If the label was not made by :func:`encode_label`.

    Example:
        >>> decode_label('{"reference": "2x = 8"}')
        {'reference': '2x = 8'}
    """
    try:
        columns = json.loads(label)
    except (TypeError, ValueError, RecursionError):
        columns = None
    if not isinstance(columns, dict):
        raise ColumnError(
            f"the label {str(label)[:80]!r} is not a JSON object of columns: --data.label_key must name a column that "
            "rewards.adapters.openrlhf.encode_label wrote"
        )
    return columns


def completion_of(query: str, prompt: str, end_tokens: Sequence[str] = END_TOKENS) -> str | None:
    r"""What the model wrote, out of a query: prompt and reply as one text, as they come back from the tokenizer.

    A prompt that was too long lost its beginning, and one that went through a tokenizer may differ from itself by a
    space; then its end tells where the reply begins. The tokens that end a reply are taken off.

    Returns:
        The reply; None if the query does not contain the prompt's end.

    Example:
        >>> completion_of("<|user|>2x?<|assistant|>8<|im_end|>\n", "<|user|>2x?<|assistant|>")
        '8'
        >>> completion_of("x?<|assistant|>8</s>", "<|user|>2x?<|assistant|>")
        '8'
        >>> completion_of("8", "2x?") is None
        True
    """
    if query.startswith(prompt):
        reply = query[len(prompt) :]
    else:
        begin = _after(query, prompt)
        if begin is None:
            return None
        reply = query[begin:]
    while True:
        bare = reply.rstrip()
        ending = next((token for token in end_tokens if bare.endswith(token)), None)
        if ending is None:
            return reply
        reply = bare[: -len(ending)]


class _RewardFunc:
    __name__ = "reward_func"

    def __init__(self, scorer: Scorer | Callable[[], Scorer], end_tokens: Sequence[str]) -> None:
        self._made = scorer
        self._end_tokens = tuple(end_tokens)

    @property
    def scorer(self) -> Scorer:
        if not isinstance(self._made, Scorer):
            self._made = self._made()
        return self._made

    def __call__(
        self, queries: Sequence[str], prompts: Sequence[str], labels: Sequence[str]
    ) -> dict[str, Tensor | dict[str, Tensor]]:
        """Score a batch; OpenRLHF's are of one."""
        from torch import tensor

        try:
            found = [self._one(*each) for each in zip(queries, prompts, labels, strict=True)]
        except Exception:
            _log.exception("no reward for a batch of %d; OpenRLHF will go on without, and fail later", len(queries))
            raise
        values = tensor([entry.pop("score") for entry in found])
        names = found[0] if found else {}
        logs = {name: tensor([entry[name] for entry in found]) for name in names}
        return {"rewards": values, "scores": values, "extra_logs": logs}

    def _one(self, query: str, prompt: str, label: str) -> dict[str, float]:
        completion = completion_of(query, prompt, self._end_tokens)
        if completion is None:
            _log.warning("a query does not contain its prompt's end: its reply is not known, and is scored as no text")
        return self.scorer(completion, {"prompt": prompt, **decode_label(label)})


def to_openrlhf(
    reward: RewardLike = "srl",
    *,
    unscorable: Literal["raise"] | float | None = None,
    end_tokens: Sequence[str] = END_TOKENS,
    **options: Any,
) -> _RewardFunc:
    """A reward as OpenRLHF's ``reward_func(queries, prompts, labels)``.

    Args:
        reward: What scores, see :func:`rewards.adapters.core.resolve`.
        unscorable: What stands for a score that is missing, or ``"raise"``; by default the reward's lower bound.
            OpenRLHF cannot train on a batch of which one reward is missing.
        end_tokens: What is taken off a reply's end.
        options: Options of the reward.

    Raises:
        ToolkitError: If there is no such reward, or it does not take these options.

    Returns:
        A callable that gives ``rewards``, ``scores`` (both the score, as tensors) and ``extra_logs``: the keys of
        :func:`rewards.adapters.core.flat`, always the same ones. It needs torch, when it is called.
    """
    return _RewardFunc(Scorer(reward, unscorable=unscorable, **options), end_tokens)


_LEAST_OVERLAP = 8


def _after(query: str, prompt: str) -> int | None:
    """Where the reply begins in a query that does not begin with its whole prompt."""
    kept = _overlap(prompt, query)
    if kept >= _LEAST_OVERLAP:
        return kept
    for length in (200, 50, 20):
        tail = prompt[-length:]
        if tail.strip() and tail in query:
            place = -1
            for _ in range(prompt.count(tail)):  # the prompt may have its end several times, and the reply too
                following = query.find(tail, place + 1)
                if following < 0:
                    break
                place = following
            return place + len(tail)
    return None


def _overlap(left: str, right: str) -> int:
    """The length of the longest end of ``left`` that ``right`` begins with, in linear time (Knuth, Morris, Pratt)."""
    pattern = right[: len(left)]
    borders = [0] * (len(pattern) + 1)
    matched = 0
    for at in range(1, len(pattern)):
        while matched and pattern[at] != pattern[matched]:
            matched = borders[matched]
        matched += pattern[at] == pattern[matched]
        borders[at + 1] = matched
    matched = 0
    for letter in left:
        while matched and (matched == len(pattern) or letter != pattern[matched]):
            matched = borders[matched]
        matched += matched < len(pattern) and letter == pattern[matched]
    return matched


reward_func = _RewardFunc(Scorer, END_TOKENS)
