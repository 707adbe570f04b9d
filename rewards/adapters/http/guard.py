"""What stands before the application: who may ask, how much a request may bring, and the count of it all."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import time
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

from rewards.errors import ToolkitError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from rewards.adapters.http.limits import Limits
    from rewards.adapters.http.metrics import Metrics

__all__ = ["Guard", "Refused", "refusal"]


class Refused(ToolkitError):
    """A request that is answered with an error.

    Args:
        status: The HTTP status.
        message: One line on what is wrong and how to mend it.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def refusal(error: Refused) -> JSONResponse:
    """The answer to a refused request."""
    headers = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": "1"}}.get(error.status)
    if error.status in (408, 413, 415):  # the rest of the body is not wanted
        headers = {"Connection": "close"}
    return JSONResponse({"error": str(error)}, error.status, headers)


class Guard:
    """ASGI middleware: the token, the size and the pace of bodies, and metrics of every request."""

    def __init__(self, app: ASGIApp, *, limits: Limits, metrics: Metrics, token: str | None) -> None:
        self._app, self._limits, self._metrics = app, limits, metrics
        self._token = token.encode() if token is not None else None
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        size = 0
        try:
            size = self._admit(scope)
            self._held += size
            await self._app(scope, _Body(receive, self._limits).receive, watched)
        except Refused as error:
            await refusal(error)(scope, receive, watched)
        finally:
            self._held -= size
            route = getattr(scope.get("route"), "path", "other")  # never the path itself: anyone can make those up
            self._metrics.request(route, status, time.perf_counter() - began)

    def _admit(self, scope: Scope) -> int:
        """How many bytes the request may bring.

        Raises:
            Refused: If it may not come in.
        """
        headers = dict(scope["headers"])
        if scope["path"] != "/health" and not self._allowed(headers.get(b"authorization", b"")):
            raise Refused(401, "the token is missing or wrong: send it as 'Authorization: Bearer TOKEN'")
        if scope["method"] != "POST":
            return 0
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if kind != b"application/json":
            # which also keeps web pages out: a browser does not send this to another site without asking it
            raise Refused(415, "send JSON, with the header 'Content-Type: application/json'")
        most = self._limits.max_body
        declared = headers.get(b"content-length", b"")
        size = int(declared) if declared.isdigit() else most
        if size > most:
            raise Refused(413, f"the body has {size} bytes, and may have {most}: send fewer completions at a time")
        if self._held and self._held + size > self._limits.max_held:
            raise Refused(429, f"requests of {self._held} bytes are being worked on: come again later")
        return size

    def _allowed(self, header: bytes) -> bool:
        if self._token is None:
            return True
        scheme, _, given = header.partition(b" ")
        given = given.strip()
        if scheme.lower() == b"basic":  # what http://user:TOKEN@host/ becomes: some trainers can send no header
            try:
                given = base64.b64decode(given, validate=True).partition(b":")[2]
            except binascii.Error:
                return False
        elif scheme.lower() != b"bearer":
            return False
        return hmac.compare_digest(given, self._token)


class _Body:
    """Hands on the body of one request, and stops where it is too large or too slow."""

    def __init__(self, receive: Receive, limits: Limits) -> None:
        self._receive, self._limits = receive, limits
        self._deadline: float | None = asyncio.get_running_loop().time() + limits.body_s
        self._size = 0

    async def receive(self) -> Message:
        """See ASGI."""
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise Refused(408, f"the body did not arrive within {self._limits.body_s:g} s") from None
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            if self._size > self._limits.max_body:
                raise Refused(413, f"the body has more than {self._limits.max_body} bytes")
            if not message.get("more_body"):
                self._deadline = None  # what comes now is that the client goes away, whenever it likes
        return message
