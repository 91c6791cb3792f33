"""Takes requests in: so many at a time, their bodies within limits of bytes, time and memory.

The body is read whole before the application sees it, so that a slow client holds no thread
and a refusal is one answer. It is handed on in the pieces that it came in, and each is
forgotten then: parsing a large form never keeps the event loop for long.

    path            largest body
    /api/detect     a photograph in a form
    …:predict       photographs in JSON
    /events         1 MiB
    anything else   64 KiB

Health and metrics pass by all of this.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

from handler.detection.admission import Caller, Gate
from handler.errors import Overloaded, RequestTimeout, RequestTooLarge
from handler.web.asgi import ASGIApp, Message, Receive, Scope, Send
from handler.web.pacing import paced

Respond = Callable[[Scope, Exception], ASGIApp]

# Names and keys with every character escaped, and options.
MAX_JSON_BYTES = 64 * 2**10
MAX_EVENT_BYTES = 2**20
# A body that goes on may take longer than its time: so many bytes a second are quick enough.
LEAST_BYTES_PER_SECOND = 128 * 2**10
# How long the body of a refused request is read and thrown away. A client that is still sending
# would lose the answer if the connection were closed in its face.
LINGER_S = 3.0

_PASS_BY = ("/healthz", "/readyz", "/metrics")


class Bodies:
    """ASGI middleware; `respond(scope, error)` answers what is refused."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        gate: Gate,
        max_photo_bytes: int,
        max_requests: int,
        seconds: float,
        respond: Respond,
    ) -> None:
        """Take `max_requests` at a time; `seconds`: for a body that does not get on."""
        self._app = app
        self._gate = gate
        self._max_photo_bytes = max_photo_bytes
        self._max_requests = max_requests
        self._seconds = seconds
        self._respond = respond
        self._requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on one request, its body buffered, or refuse it."""
        if scope["type"] != "http" or _path(scope) in _PASS_BY:
            await self._app(scope, receive, send)
            return
        send = paced(send)
        if self._gate.is_closed or self._requests >= self._max_requests:
            await self._refuse(scope, receive, send, self._crowded())
            return
        self._requests += 1
        try:
            await self._take(scope, receive, send)
        finally:
            self._requests -= 1

    async def _take(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = _Body(self._gate)
        try:
            await self._read(scope, receive, body)
        except (Overloaded, RequestTimeout, RequestTooLarge) as error:
            body.release()
            await self._refuse(scope, receive, send, error)
            return
        try:
            await self._serve(scope, receive, send, body)
        finally:
            body.release()

    async def _serve(self, scope: Scope, receive: Receive, send: Send, body: _Body) -> None:
        """Run the application, tell it when the client hangs up, and answer if it is cut off."""
        caller = scope["maskdrop.caller"] = Caller()
        watch = asyncio.ensure_future(_watch(receive, caller))
        begun = False

        async def watched_send(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        async def replay() -> Message:
            if message := body.pop():
                # The loop serves others between two pieces of a large form.
                await asyncio.sleep(0)
                return message
            await asyncio.wait([watch])
            return {"type": "http.disconnect"}

        try:
            await self._app(scope, replay, watched_send)
        except asyncio.CancelledError:
            # The server's patience has ended while it shuts down.
            caller.hang_up()
            if not begun:
                await self._respond(scope, _too_late())(scope, replay, send)
            raise
        finally:
            watch.cancel()

    async def _read(self, scope: Scope, receive: Receive, body: _Body) -> None:
        """Read a body; raises RequestTooLarge, RequestTimeout and Overloaded."""
        limit = self._limit(scope)
        declared = dict(scope["headers"]).get(b"content-length", b"")
        if declared.isdigit() and int(declared) > limit:
            raise _too_large(scope, f"has {int(declared):,} bytes", limit)
        if limit == self._max_photo_bytes and self._gate.is_full:
            raise Overloaded("As many detections are at work and waiting as may.")
        deadline = monotonic() + self._seconds
        more = True
        while more:
            left = deadline + body.size / LEAST_BYTES_PER_SECOND - monotonic()
            try:
                message = await asyncio.wait_for(receive(), max(left, 0.001))
            except TimeoutError:
                raise RequestTimeout(
                    f"The body came too slowly: {body.size:,} bytes in "
                    f"{monotonic() - deadline + self._seconds:.0f} s."
                ) from None
            if not body.add(message):
                raise Overloaded("The bodies of other requests take all the memory there is.")
            if body.size > limit:
                raise _too_large(scope, f"has more than {limit:,} bytes", limit)
            more = message["type"] == "http.request" and message.get("more_body", False)

    def _limit(self, scope: Scope) -> int:
        path = _path(scope)
        if path == "/api/detect" or path.endswith(":predict"):
            return self._max_photo_bytes
        # Label Studio's tasks come many at a time.
        large = path == "/events" or path.startswith("/labelstudio/")
        return MAX_EVENT_BYTES if large else MAX_JSON_BYTES

    def _crowded(self) -> Overloaded:
        if self._gate.is_closed:
            return Overloaded("This instance is shutting down.")
        return Overloaded(f"{self._requests} requests are under way, as many as may.")

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, error: Exception) -> None:
        """Answer at once, then throw away what the client is still sending."""

        async def send_open(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            else:
                message = {**message, "more_body": True}
            await send(message)

        await self._respond(scope, error)(scope, receive, send_open)
        with suppress(TimeoutError):
            await asyncio.wait_for(_discard(receive), LINGER_S)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class _Body:
    """The messages of one body, counted against the gate's memory until they are released."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._messages: deque[Message] = deque()
        self.size = 0

    def add(self, message: Message) -> bool:
        """Keep a message; False where there is no memory for it."""
        size = len(message.get("body", b""))
        if not self._gate.hold(size):
            return False
        self.size += size
        self._messages.append(message)
        return True

    def pop(self) -> Message | None:
        """Hand on the next message."""
        return self._messages.popleft() if self._messages else None

    def release(self) -> None:
        """Give back its memory."""
        self._messages.clear()
        self._gate.release(self.size)
        self.size = 0


async def _watch(receive: Receive, caller: Caller) -> None:
    """Wait until the client hangs up."""
    while (await receive())["type"] != "http.disconnect":
        pass
    caller.hang_up()


async def _discard(receive: Receive) -> None:
    more = True
    while more:
        message = await receive()
        more = message["type"] == "http.request" and message.get("more_body", False)


def _path(scope: Scope) -> str:
    """The path below a stage or a proxy's prefix."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _too_late() -> Overloaded:
    return Overloaded("This instance is shutting down, and the work was not done in time.")


def _too_large(scope: Scope, words: str, limit: int) -> RequestTooLarge:
    hint = " Larger photographs go through POST /v1/uploads." if limit > MAX_EVENT_BYTES else ""
    return RequestTooLarge(f"The request {words}; the limit of this route is {limit:,}.{hint}")
