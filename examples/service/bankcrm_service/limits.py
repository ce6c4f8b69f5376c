"""Bodies are limited in size before they are read, whatever their headers say."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

TOO_LARGE = b'{"detail":[{"path":"","message":"the body is larger than this service takes"}]}'


class BodyLimit:
    """Answers 413 to a body of more than ``limit`` bytes, without passing it on."""

    def __init__(self, app: App, limit: int) -> None:
        """Wrap an application."""
        self.app, self.limit = app, limit

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Read the body up to the limit, then hand it on in one piece."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self.limit:
                headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
                await send({"type": "http.response.start", "status": 413, "headers": headers})
                await send({"type": "http.response.body", "body": TOO_LARGE})
                return

        async def whole() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, whole, send)
