"""Google Cloud Storage's XML API, as far as it differs from S3, as Google documents it.

Checks every signature but those of presigned links and forms; refuses x-amz- and x-goog- headers
in one request; ignores If-Match and If-None-Match on a PUT; knows generations.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

ACCESS_KEY_ID = "GOOG1EXAMPLE"
SECRET = "secret"  # noqa: S105


class _Server(ThreadingHTTPServer):
    """Objects of every bucket by path, each with its generation."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, tuple[int, bytes]] = {}
        self.generations = itertools.count(1_795_253_415_123_456)
        self.lock = threading.Lock()


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self._is_signed(body):
            return
        path, wanted = self._path(), self.headers.get("x-goog-if-generation-match")
        with self.server.lock:
            present = self.server.objects.get(path, (0, b""))[0]
            if wanted is not None and int(wanted) != present:
                self._refuse(412, "PreconditionFailed")
                return
            self.server.objects[path] = (next(self.server.generations), body)
        self._answer(path, b"")

    def do_GET(self) -> None:
        if not self._is_signed(b""):
            return
        if "list-type=2" in self.path:
            self._list()
            return
        if self._path() not in self.server.objects:
            self._refuse(404, "NoSuchKey")
            return
        self._answer(self._path(), self.server.objects[self._path()][1])

    def do_POST(self) -> None:
        """Take a presigned form; the bucket is the path."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        form: Any = message_from_bytes(head + body)
        fields: dict[str, bytes] = {
            part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
            for part in form.get_payload()
        }
        with self.server.lock:
            path = f"{self._path().rstrip('/')}/{fields['key'].decode()}"
            self.server.objects[path] = (next(self.server.generations), fields["file"])
        self.send_response(204)
        self.end_headers()

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        if self._is_signed(b""):
            self.server.objects.pop(self._path(), None)
            self.send_response(204)
            self.end_headers()

    def log_message(self, *words: object) -> None:
        """Keep quiet."""

    def _path(self) -> str:
        return unquote(urlsplit(self.path).path)

    def _list(self) -> None:
        """ListObjectsV2 of the bucket that is the path, on one page."""
        bucket = self._path().strip("/")
        prefix = f"/{bucket}/{parse_qs(urlsplit(self.path).query).get('prefix', [''])[0]}"
        rows = "".join(
            f"<Contents><Key>{escape(path[len(bucket) + 2 :])}</Key><Size>{len(body)}</Size>"
            f'<ETag>"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"</ETag></Contents>'
            for path, (_, body) in sorted(self.server.objects.items())
            if path.startswith(prefix)
        )
        answer = f"<ListBucketResult><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer.encode())))
        self.end_headers()
        self.wfile.write(answer.encode())

    def _is_signed(self, body: bytes) -> bool:
        if "X-Amz-Signature=" in self.path:
            return True
        if "Authorization" not in self.headers:
            self._refuse(403, "AccessDenied")
            return False
        dialects = {name.lower()[:6] for name in self.headers if name.lower()[:2] == "x-"}
        if {"x-amz-", "x-goog"} <= dialects:
            self._refuse(400, "ExcessHeaderValues")
            return False
        if self._signature(body) != self.headers["Authorization"].rpartition("Signature=")[2]:
            self._refuse(403, "SignatureDoesNotMatch")
            return False
        return True

    def _signature(self, body: bytes) -> str:
        """AWS's Signature Version 4, computed from what came."""
        fields = dict(
            part.strip().split("=", 1)
            for part in self.headers["Authorization"].partition(" ")[2].split(",")
        )
        dialect = "x-goog" if "x-goog-date" in self.headers else "x-amz"
        names = fields["SignedHeaders"].split(";")
        url = urlsplit(self.path)
        canonical = "\n".join(
            [
                self.command,
                quote(unquote(url.path), safe="/-_.~"),
                "&".join(sorted(url.query.split("&"))),
                *(f"{name}:{self.headers[name].strip()}" for name in names),
                "",
                ";".join(names),
                hashlib.sha256(body).hexdigest(),
            ]
        )
        date, scope = self.headers[f"{dialect}-date"], fields["Credential"].partition("/")[2]
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        key = f"AWS4{SECRET}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        text = "\n".join(["AWS4-HMAC-SHA256", date, scope, digest])
        return hmac.digest(key, text.encode(), "sha256").hex()

    def _answer(self, path: str, body: bytes) -> None:
        generation, stored = self.server.objects[path]
        self.send_response(200)
        self.send_header("x-goog-generation", str(generation))
        self.send_header("ETag", f'"{hashlib.md5(stored, usedforsecurity=False).hexdigest()}"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _refuse(self, status: int, code: str) -> None:
        body = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def google_storage() -> Iterator[str]:
    """Run it; yields its URL."""
    with _Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
