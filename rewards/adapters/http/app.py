"""The application: what is asked where, and how a request becomes a batch and a batch an answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal, NamedTuple

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

from rewards.adapters.core import RewardLike, Unscorable, resolve
from rewards.adapters.http import protocol
from rewards.adapters.http.batching import Batcher, Busy
from rewards.adapters.http.guard import Guard, Refused
from rewards.adapters.http.limits import Limits
from rewards.adapters.http.metrics import Metrics
from rewards.errors import OptionError
from rewards.registry import did_you_mean
from rewards.types import Reward, Scores

__all__ = ["create_app"]


def create_app(
    rewards: Sequence[RewardLike],
    *,
    limits: Limits | None = None,
    token: str | None = None,
    unscorable: Literal["raise"] | float | None = None,
    about: Mapping[str, Any] | None = None,
) -> FastAPI:
    """An ASGI application that serves rewards.

    Args:
        rewards: What to serve; the first one answers where a request names none. Names must differ.
        limits: What it puts up with.
        token: What every request but those to ``/health`` must bring as ``Authorization: Bearer TOKEN``.
        unscorable: What OpenRLHF gets for a score that is missing, or ``"raise"`` to refuse the request; by default
            the reward's lower bound. ``/score`` says ``null``.
        about: What ``/rewards`` says of a reward beyond its columns and bounds, by its name; plain JSON values.

    Raises:
        OptionError: If there is no reward, two have the same name, or the token is empty or not ASCII.
        ToolkitError: As :func:`rewards.adapters.core.resolve` does.

    Example:
        >>> app = create_app(["srl", {"name": "indel", "unit": "token"}])
        >>> sorted(route.path for route in app.routes if not route.path.startswith(("/docs", "/openapi", "/redoc")))
        ['/get_reward', '/health', '/metrics', '/rewards', '/score']
    """
    if token is not None and not (token and token.isascii() and token.isprintable()):
        raise OptionError("the token must be printable ASCII characters, at least one")
    limits = limits or Limits()
    metrics = Metrics()
    served: dict[str, _Served] = {}
    for each in rewards:
        reward = resolve(each)
        if reward.name in served:
            raise OptionError(f"two rewards are called {reward.name!r}: give one another name, in a file")
        stand_in = Unscorable(reward.bounds[0] if unscorable is None else unscorable).policy
        served[reward.name] = _Served(reward, _batcher(reward, limits, metrics), stand_in)
    if not served:
        raise OptionError("there is no reward to serve")
    service = _Service(served, limits, metrics)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        for each in served.values():
            each.batcher.close()

    app = FastAPI(
        title="srl-data rewards",
        description="Scores completions. `null` is no score, neither a good nor a bad one; `status` says why.",
        version=_version(),
        lifespan=lifespan,
        redoc_url=None,
    )
    app.add_middleware(Guard, limits=limits, metrics=metrics, token=token)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(ClientDisconnect, _gone)

    @app.post("/score", summary="Score completions", **_described(protocol.ScoreRequest, protocol.ScoreAnswer))
    async def score(request: Request) -> Response:
        content = protocol.parse(await request.body())
        one = service.choose(content.get("reward"))
        scores = await service.score(request, one, protocol.batch(content, one.reward, limits.max_completions))
        return _json(
            {"reward": one.reward.name, "values": scores.values, "status": scores.status, "parts": scores.parts}
        )

    @app.post(
        "/get_reward",
        summary="Score completions in OpenRLHF's remote protocol",
        **_described(protocol.RemoteRequest, protocol.RemoteAnswer),
    )
    async def get_reward(request: Request, reward: str | None = None) -> Response:
        content = protocol.parse(await request.body())
        one = service.choose(reward)
        scores = await service.score(request, one, protocol.remote_batch(content, one.reward, limits.max_completions))
        if one.unscorable == "raise":
            if None in scores.values:
                raise Refused(422, f"{scores.values.count(None)} of {len(scores)} completions have no score")
            return _json(protocol.remote_answer(scores, 0.0))
        return _json(protocol.remote_answer(scores, one.unscorable))

    @app.get("/rewards", summary="What is served")
    async def describe() -> list[dict[str, Any]]:
        return [
            {"name": name, "columns": list(one.reward.columns), "bounds": list(one.reward.bounds)}
            | ({"about": about[name]} if about and name in about else {})
            for name, one in served.items()
        ]

    @app.get("/health", summary="Whether it is up; needs no token")
    async def health() -> dict[str, Any]:
        return {"status": "ok", "rewards": list(served), "version": _version()}

    @app.get("/metrics", summary="Counts, for Prometheus", response_class=Response)
    async def counts() -> Response:
        return Response(metrics.text(), media_type=metrics.content_type)

    return app


class _Served(NamedTuple):
    reward: Reward
    batcher: Batcher
    unscorable: Literal["raise"] | float


class _Service(NamedTuple):
    served: dict[str, _Served]
    limits: Limits
    metrics: Metrics

    def choose(self, name: Any) -> _Served:
        """The reward that a request names, or the first one."""
        if name is None:
            return next(iter(self.served.values()))
        if not isinstance(name, str) or name not in self.served:
            told = str(name)[:100]
            raise Refused(
                404,
                f"no reward {told!r} is served; there are {', '.join(self.served)}{did_you_mean(told, self.served)}",
            )
        return self.served[name]

    async def score(self, request: Request, one: _Served, batch: protocol.Batch) -> Scores:
        """Have a batch scored, unless whoever asked goes away before."""
        name, size = one.reward.name, len(batch.completions)
        try:
            answer = one.batcher.submit(batch.completions, batch.columns)
        except Busy as busy:
            raise Refused(429, str(busy)) from None
        self.metrics.waiting(name, size)
        gone = asyncio.ensure_future(request.receive())  # after the body, that is all that can come
        try:
            await asyncio.wait((answer, gone), return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise ClientDisconnect
            scores = answer.result()
        except (ClientDisconnect, asyncio.CancelledError):
            raise
        except Exception as error:  # the log has it all
            raise Refused(500, f"the reward {name!r} failed: {type(error).__name__}") from None
        finally:
            answer.cancel()
            gone.cancel()
            self.metrics.waiting(name, -size)
        self.metrics.scored(name, scores)
        return scores


def _batcher(reward: Reward, limits: Limits, metrics: Metrics) -> Batcher:
    return Batcher(
        reward,
        window_s=limits.window_ms / 1000,
        max_batch=limits.max_batch,
        max_waiting=limits.max_waiting,
        calls=limits.calls,
        on_batch=lambda size: metrics.batch(reward.name, size),
    )


def _described(asked: type[BaseModel], answered: type[BaseModel]) -> dict[str, Any]:
    """What the OpenAPI page says of an endpoint that reads its body itself."""
    codes = {
        400: "not JSON",
        401: "no token, or a wrong one",
        404: "no such reward",
        408: "too slow",
        413: "too large",
        415: "not sent as JSON",
        422: "not what is asked for",
        429: "busy: come again",
        500: "the reward failed",
    }
    failures: dict[int | str, dict[str, Any]] = {
        code: {"model": protocol.Failure, "description": words} for code, words in codes.items()
    }
    schema = asked.model_json_schema()
    return {
        "responses": {200: {"model": answered}, **failures},
        "response_class": Response,
        "openapi_extra": {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}},
    }


def _json(content: Any) -> Response:
    # ASCII, for texts with lone surrogates; and no NaN, which is no JSON
    return Response(json.dumps(content, allow_nan=False), media_type="application/json")


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def _gone(request: Request, error: Exception) -> Response:
    return Response(status_code=499)  # nobody reads it; it is for the metrics


def _version() -> str:
    try:
        return version("srl-data")
    except PackageNotFoundError:
        return "unknown"
