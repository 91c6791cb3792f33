"""uvicorn, with what a server on the open internet needs besides: time limits and a good end.

On SIGTERM it takes no new work: new requests get 503 and Retry-After. What was accepted is
answered, or refused likewise when GRACE_S are over: platforms kill 10 s after the signal.
"""

from __future__ import annotations

import asyncio
import socket

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from handler.detection.admission import Gate
from handler.detection.machine import give_memory_back
from handler.web.asgi import ASGIApp

# For what is at work when the signal comes, seconds.
GRACE_S = 7
# From a connection's first byte, or before it, to the end of a request's head.
HEAD_S = 10.0
KEEP_ALIVE_S = 5
# Connections past this get a bare 503, since each takes a file descriptor; 1,024 are usual.
# Work is admitted, and health answered, by what comes after.
MAX_CONNECTIONS = 900


class PatientProtocol(H11Protocol):
    """HTTP/1.1 that closes connections which send no whole head in HEAD_S."""

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._time_head()

    def data_received(self, data: bytes) -> None:
        """Take bytes; a head that has begun has to end in time."""
        super().data_received(data)
        self._time_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_timer()
        super().connection_lost(exc)

    def _time_head(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._stop_timer()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_S, self._close_unheard)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _close_unheard(self) -> None:
        self._head_timer = None
        if self.conn.their_state is h11.IDLE:
            self.transport.abort()


class DrainingServer(uvicorn.Server):
    """Closes the gate before it waits for what is at work."""

    def __init__(self, config: uvicorn.Config, gate: Gate) -> None:
        super().__init__(config)
        self._gate = gate

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take nothing new, then end as uvicorn does."""
        self._gate.close()
        await super().shutdown(sockets)


def make_server(
    app: ASGIApp, gate: Gate, *, host: str = "127.0.0.1", port: int = 8080, root_path: str = ""
) -> DrainingServer:
    """A server of `app`, whose detections pass through `gate`."""
    give_memory_back()
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        root_path=root_path,
        http=PatientProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        server_header=False,
    )
    return DrainingServer(config, gate)
