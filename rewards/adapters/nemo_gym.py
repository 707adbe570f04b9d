"""NeMo Gym: a reward as the ``verify`` of a resources server.

::

    from nemo_gym.base_resources_server import BaseVerifyRequest, BaseVerifyResponse, SimpleResourcesServer
    from pydantic import ConfigDict

    from rewards.adapters.nemo_gym import to_nemo_gym

    class Request(BaseVerifyRequest):
        reference: str

    class Response(BaseVerifyResponse):
        model_config = ConfigDict(extra="allow")

    class StepServer(SimpleResourcesServer):
        async def verify(self, body: Request) -> Response:
            return Response(**body.model_dump(), **await verify(body))

    verify = to_nemo_gym("srl")
"""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from rewards.adapters.core import RewardLike
from rewards.adapters.scorer import Scorer

__all__ = ["Verify", "to_nemo_gym"]


class Verify:
    """A reward, asked with the body of a request; see :func:`to_nemo_gym`."""

    def __init__(self, scorer: Scorer) -> None:
        self.scorer = scorer

    async def __call__(self, body: Any) -> dict[str, float]:
        """Score one response, in a thread, so that the server goes on.

        Raises:
            ColumnError: If the request lacks a field that the reward reads.
            NotScorable: If there is no score, and ``unscorable`` is ``"raise"``.
        """
        entry = await asyncio.to_thread(self.scorer, _message(body.response.output), dict(body))
        return {"reward": entry.pop("score"), **entry}


def to_nemo_gym(
    reward: RewardLike = "srl", *, unscorable: Literal["raise"] | float | None = None, **options: Any
) -> Verify:
    """A reward for the ``verify`` of a ``SimpleResourcesServer``.

    The columns are the fields of the request. The completion is what the model said after the last tool's answer, its
    thoughts in ``<think>`` and ``</think>`` again.

    Args:
        reward: What scores, see :func:`rewards.adapters.core.resolve`.
        unscorable: What stands for a score that is missing, or ``"raise"``; by default the reward's lower bound.
            A response of NeMo Gym needs a reward.
        options: Options of the reward.

    Raises:
        ToolkitError: If there is no such reward, or it does not take these options.

    Returns:
        An async callable from the request to ``reward`` and the other keys of :func:`rewards.adapters.core.flat`.
    """
    return Verify(Scorer(reward, unscorable=unscorable, **options))


def _message(output: Any) -> list[dict[str, Any]]:
    """The items of a response since the last tool's answer, as one chat message."""
    thoughts: list[str] = []
    texts: list[str] = []
    calls: list[dict[str, Any]] = []
    for item in output:
        kind = getattr(item, "type", None)
        if kind == "function_call_output":
            thoughts, texts, calls = [], [], []
        elif kind == "reasoning":
            thoughts += [part.text for part in [*(getattr(item, "content", None) or item.summary)]]
        elif kind == "message" and getattr(item, "role", None) == "assistant":
            content = item.content
            texts += [content] if isinstance(content, str) else [part.text for part in content if hasattr(part, "text")]
        elif kind == "function_call":
            calls.append({"name": item.name, "arguments": item.arguments})
    text = "".join(texts) if texts else None
    return [{"role": "assistant", "reasoning_content": "\n".join(thoughts), "content": text, "tool_calls": calls}]
