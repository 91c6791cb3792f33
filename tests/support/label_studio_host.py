"""A Label Studio on loopback, as far as a backend sees it: files behind a token, and faults."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

LEGACY = "0123456789abcdef0123456789abcdef01234567"
PERSONAL = "aaaa.bbbb.cccc"
ACCESS = "dddd.eeee.ffff"


@dataclass
class Host:
    """Where it is, its files by path, and what was asked."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@contextmanager
def label_studio_host() -> Iterator[Host]:
    host = Host()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host.asked.append(self.path)
            sent = self.headers.get("Authorization")
            if self.path in host.redirects:
                self._answer(302, b"", {"Location": host.redirects[self.path]})
            elif sent not in {f"Token {LEGACY}", f"Bearer {ACCESS}"}:
                self._answer(401, b"{}")
            elif self.path in host.files:
                self._answer(200, host.files[self.path])
            else:
                self._answer(404, b"")

        def do_POST(self) -> None:
            host.asked.append(self.path)
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            known = self.path == "/api/token/refresh/" and sent == {"refresh": PERSONAL}
            self._answer(*((200, json.dumps({"access": ACCESS}).encode()) if known else (401, b"")))

        def _answer(self, status: int, body: bytes, more: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in (more or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    host.url = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
