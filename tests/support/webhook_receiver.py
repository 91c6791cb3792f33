"""A webhook's receiver on loopback that checks what it gets, and misbehaves on demand.

It takes a signature apart by itself, from Standard Webhooks' text; nothing of ours is used.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

SECRET_BYTES = bytes(range(32))
SECRET = f"whsec_{b64encode(SECRET_BYTES).decode()}"

# What the receiver does with a request: given how many came before, a status or a fault.
Script = Callable[[int], int | str]


@dataclass
class Receiver:
    """What came in."""

    url: str = ""
    script: Script = lambda number: 204
    messages: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    @property
    def tries(self) -> int:
        return len(self.paths)


def is_signed(headers: Any, body: bytes) -> bool:
    """Whether a message is ours and new."""
    identity, sent = headers["webhook-id"], headers["webhook-timestamp"]
    if abs(time.time() - int(sent)) > 300:
        return False
    signed = f"{identity}.{sent}.".encode() + body
    wanted = hmac.new(SECRET_BYTES, signed, hashlib.sha256).digest()
    version, _, given = headers["webhook-signature"].partition(",")
    return version == "v1" and hmac.compare_digest(b64decode(given), wanted)


def _handler_for(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            number = len(receiver.paths)
            receiver.paths.append(self.path)
            todo = receiver.script(number)
            if not is_signed(self.headers, body):
                receiver.refused.append(self.headers["webhook-id"])
                todo = 401
            if todo == "hang":
                time.sleep(3)
            elif todo == "drip":
                self._drip()
            elif todo == "reset":
                self.connection.close()
            elif todo == "redirect":
                self._answer(307, {"Location": f"{receiver.url}/elsewhere"})
            else:
                if 200 <= int(todo) < 300:
                    receiver.ids.append(self.headers["webhook-id"])
                    receiver.messages.append(json.loads(body))
                self._answer(int(todo), {})

        def _answer(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _drip(self) -> None:
            """A status line that never ends, byte by byte: no single read times out."""
            try:
                for _ in range(60):
                    self.wfile.write(b"H")
                    time.sleep(0.05)
            except OSError:
                pass

        def log_message(self, *arguments: Any) -> None:
            """Nothing."""

    return Handler


@contextmanager
def webhook_receiver(script: Script = lambda number: 204) -> Iterator[Receiver]:
    """Run a receiver; `script` says what it does with its first request, its second, …"""
    receiver = Receiver(script=script)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(receiver))
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
