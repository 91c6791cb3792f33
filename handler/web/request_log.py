"""One id, one log line and one measurement for every request.

The line holds no query string, header, body or presigned link.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from uuid import uuid4

from handler.telemetry.protocol import Telemetry
from handler.web.asgi import ASGIApp, Message, Receive, Scope, Send

HEADER = b"x-request-id"
# A caller's own id is kept if it is harmless in a log.
_ACCEPTED_ID = re.compile(r"[A-Za-z0-9._=:/+-]{1,128}")

_log = logging.getLogger(__name__)


def request_id(scope: Scope) -> str:
    """The request's id, as RequestLog set it; its own where an outer middleware answers."""
    return str(scope.setdefault("maskdrop.request_id", _identity(scope)))


class RequestLog:
    """ASGI middleware, to be the outermost."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry) -> None:
        self._app = app
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Number, time and log one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["maskdrop.request_id"] = identity = _identity(scope)
        started, status = time.perf_counter(), 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (HEADER, identity.encode())]
            await send(message)

        await self._app(scope, receive, send_with_id)
        self._note(scope, status, time.perf_counter() - started)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        _log.info(
            "%s %s %d %.0f ms",
            scope["method"],
            route,
            status,
            seconds * 1000,
            extra={"request_id": request_id(scope)},
        )
        self._telemetry.request(scope["method"], route, status, seconds)


class UnexpectedErrors:
    """ASGI middleware, to be the innermost: logs what nobody foresaw, answers with `respond`."""

    def __init__(self, app: ASGIApp, respond: Callable[[Scope, Exception], ASGIApp]) -> None:
        self._app = app
        self._respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on one request; an error after its answer has begun cannot be answered."""
        begun = False

        async def watched_send(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except Exception as error:
            if scope["type"] != "http" or begun:
                raise
            _log.exception("unexpected error", extra={"request_id": request_id(scope)})
            await self._respond(scope, error)(scope, receive, send)


def _identity(scope: Scope) -> str:
    """The platform's id for the request, else the caller's, else a new one."""
    platform = scope.get("aws.event", {}).get("requestContext", {}).get("requestId")
    sent = dict(scope["headers"]).get(HEADER, b"").decode("latin-1")
    return platform or (sent if _ACCEPTED_ID.fullmatch(sent) else uuid4().hex)
