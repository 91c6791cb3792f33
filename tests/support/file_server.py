"""A file server on this machine that fails in the ways that servers do."""

from __future__ import annotations

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

# One a request: a status to answer with; ("cut", n) to break off after n bytes.
Mishap = int | tuple[str, int]


class FileServer(ThreadingHTTPServer):
    """Serves `content`, ranges included, after it has misbehaved as `mishaps` say."""

    daemon_threads = True

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _FileHandler)
        self.content = content
        self.knows_ranges = True
        self.mishaps: list[Mishap] = []
        self.ranges_asked: list[str | None] = []
        # An ETag, and by how much the ranges that it sends begin too late.
        self.tag: str | None = None
        self.shift = 0

    @property
    def url(self) -> str:
        """Where the files are; the same content under every name."""
        return f"http://127.0.0.1:{self.server_port}/models"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _FileHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FileServer

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.ranges_asked.append(asked)
        mishap = self.server.mishaps.pop(0) if self.server.mishaps else None
        if isinstance(mishap, int):
            self._answer(mishap, b"")
            return
        first = re.fullmatch(r"bytes=(\d+)-", asked) if asked else None
        is_same = self.headers.get("If-Range") in (None, self.server.tag)
        start = int(first[1]) if first and self.server.knows_ranges and is_same else 0
        self._send_from(start, mishap)

    def _send_from(self, start: int, mishap: tuple[str, int] | None) -> None:
        content = self.server.content[start:]
        if start and not content:
            self._answer(416, b"")
        elif mishap:
            self._answer(206 if start else 200, content, content[: mishap[1]])
            self.close_connection = True
        else:
            self._answer(206 if start else 200, content)

    def _answer(self, status: int, content: bytes, sent: bytes | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        if status == 206:
            size = len(self.server.content)
            first = size - len(content) + self.server.shift
            self.send_header("Content-Range", f"bytes {first}-{size - 1}/{size}")
        if self.server.tag:
            self.send_header("ETag", self.server.tag)
        self.end_headers()
        self.wfile.write(content if sent is None else sent)

    def log_message(self, *_: object) -> None:
        """Keep the tests' output free of requests."""
