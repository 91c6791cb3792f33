"""Refuses a request's body before it fills the memory."""

from __future__ import annotations

from collections.abc import Callable

from handler.errors import RequestTooLarge
from handler.web.asgi import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """ASGI middleware: past `max_bytes`, `respond(scope, error)` answers instead."""

    def __init__(
        self, app: ASGIApp, max_bytes: int, respond: Callable[[Scope, RequestTooLarge], ASGIApp]
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on one request, its body buffered, unless it is too large."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            body = await self._read(scope, receive)
        except RequestTooLarge as error:
            await self._respond(scope, error)(scope, receive, send)
            return
        messages = [body]

        async def replay() -> Message:
            return messages.pop() if messages else await receive()

        await self._app(scope, replay, send)

    async def _read(self, scope: Scope, receive: Receive) -> Message:
        declared = dict(scope["headers"]).get(b"content-length", b"")
        if declared.isdigit() and int(declared) > self._max_bytes:
            raise self._too_large(f"has {int(declared):,} bytes")
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return message
            body += message.get("body", b"")
            if len(body) > self._max_bytes:
                raise self._too_large(f"has more than {self._max_bytes:,} bytes")
            if not message.get("more_body", False):
                return {"type": "http.request", "body": bytes(body), "more_body": False}

    def _too_large(self, words: str) -> RequestTooLarge:
        return RequestTooLarge(
            f"The request {words}; the limit is {self._max_bytes:,}. "
            "Larger photographs go through POST /v1/uploads."
        )
