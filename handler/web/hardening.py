"""Headers that every answer carries, and the names that a local service answers to."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from handler.errors import WrongHost
from handler.web.asgi import ASGIApp, Message, Receive, Scope, Send

Headers = tuple[tuple[bytes, bytes], ...]

# Answers are data: no browser should guess another type, frame them, or tell where they are from.
ANSWER_HEADERS: Headers = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"cross-origin"),
)
# What a result's links are in is for who asked; the documentation's page may be kept.
NOT_KEPT: Headers = ((b"cache-control", b"no-store"),)


class AnswerHeaders:
    """ASGI middleware: adds what an answer does not have by itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, its headers completed."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message.get("headers", ())}
                api = re.search(r"/(v1|api)/", scope["path"]) is not None
                wanted = ANSWER_HEADERS + (NOT_KEPT if api else ())
                missing = [each for each in wanted if each[0] not in present]
                message["headers"] = [*message.get("headers", ()), *missing]
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)


class KnownHosts:
    """ASGI middleware against DNS rebinding: a page of another site's name reaches nothing here.

    A browser that was told that evil.example is 127.0.0.1 still says evil.example in `Host`.
    """

    def __init__(
        self, app: ASGIApp, hosts: Collection[str], respond: Callable[[Scope, Exception], ASGIApp]
    ) -> None:
        """Answer `hosts` alone, names without a port."""
        self._app = app
        self._hosts = frozenset(hosts)
        self._respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request that names this machine."""
        if scope["type"] == "http" and _host(scope) not in self._hosts:
            error = WrongHost(f"This service answers to {', '.join(sorted(self._hosts))} alone.")
            await self._respond(scope, error)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _host(scope: Scope) -> str:
    """The name in the Host header, without its port; [::1] keeps its brackets."""
    host = dict(scope["headers"]).get(b"host", b"").decode("latin-1").lower()
    return re.sub(r":\d*$", "", host)
