"""Around every request: a limit for its body, a header with the policies, a line in the log."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from bankcrm_service.policies import PolicyStore

LOG = logging.getLogger("bankcrm_service")
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

TOO_SLOW = b'{"detail":[{"path":"","message":"the body did not arrive in time"}]}'
TOO_LARGE = b'{"detail":[{"path":"","message":"the body is larger than this service takes"}]}'


class BodyLimit:
    """Answers 413 to a body of more than ``limit`` bytes, and 408 to one that takes too long."""

    def __init__(self, app: App, limit: int, seconds: float) -> None:
        """Wrap an application."""
        self.app, self.limit, self.seconds = app, limit, seconds

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Read the body up to the limit, then hand it on in one piece."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self.seconds):
                body = await self._body(receive)
        except TimeoutError:
            await _close(send, 408, TOO_SLOW)
            return
        if body is None:
            await _close(send, 413, TOO_LARGE)
            return

        async def whole() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, whole, send)

    async def _body(self, receive: Receive) -> bytes | None:
        """The body; None if it is too large."""
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            more = message.get("more_body", False)
            if size > self.limit:
                return None
        return b"".join(parts)


async def _close(send: Send, status: int, body: bytes) -> None:
    """Answer without the application, and end the connection."""
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Teller:
    """Says which policies decided, and logs a line that holds nothing personal."""

    def __init__(self, app: App, store: PolicyStore) -> None:
        """Wrap an application."""
        self.app, self.store = app, store

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Put the header on the answer; log method, path of the route, status and time."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, state = time.perf_counter(), scope.setdefault("state", {})

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                used = state.get("policies") or self.store.loaded
                name = b"x-policy-fingerprint"
                message["headers"] = [*message["headers"], (name, used.fingerprint.encode())]
                took = (time.perf_counter() - start) * 1e3
                path = getattr(scope.get("route"), "path", "unknown path")
                LOG.info("%s %s %d %.2f ms", scope["method"], path, message["status"], took)
            await send(message)

        await self.app(scope, receive, telling)
