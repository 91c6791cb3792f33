"""A proxy in front of an S3 server that misbehaves as networks and busy services do, by a seed.

slow      answers late
refuse    503 SlowDown, without asking the server
deny      403 AccessDenied, as while a role's policies spread
reset     closes the connection before anything is done
lost      does what is asked, and closes the connection instead of answering
short     ends the body of a GET too early
damage    changes one byte in the body of a GET
race      412 to a conditional PUT, without asking the server

Signatures stay valid: the request goes on as it came, its Host included.
"""

from __future__ import annotations

import argparse
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

FAULTS = ("slow", "refuse", "deny", "reset", "lost", "short", "damage", "race")
SLOWEST_S = 0.2
# Headers that belong to one connection.
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class FaultyS3(ThreadingHTTPServer):
    """The proxy; `rates` is the share of requests that each fault befalls."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, upstream: str, rates: Mapping[str, float], seed: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        unknown = set(rates) - set(FAULTS)
        if unknown:
            raise ValueError(f"No fault is called {', '.join(sorted(unknown))}.")
        self.upstream = urlsplit(upstream).netloc
        self.rates = dict(rates)
        self.happened: Counter[str] = Counter()
        self._random = random.Random(seed)  # noqa: S311
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def fault(self, method: str, conditional: bool) -> str:
        """Draw what befalls a request; empty for most."""
        with self._lock:
            self.happened["requests"] += 1
            point = self._random.random()
            for name, rate in self.rates.items():
                point -= rate
                if point < 0:
                    fits = (name not in ("short", "damage") or method == "GET") and (
                        name != "race" or conditional
                    )
                    self.happened[name] += fits
                    return name if fits else ""
        return ""

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: workers are killed in the middle of requests."""

    def draw(self) -> float:
        """A number from 0 to 1."""
        with self._lock:
            return self._random.random()


class _Handler(BaseHTTPRequestHandler):
    server: FaultyS3
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self._upstream = HTTPConnection(self.server.upstream, timeout=30)

    def finish(self) -> None:
        self._upstream.close()
        super().finish()

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        conditional = "If-Match" in self.headers or "If-None-Match" in self.headers
        fault = self.server.fault(self.command, conditional and self.command == "PUT")
        if fault == "slow":
            time.sleep(self.server.draw() * SLOWEST_S)
        elif fault == "refuse":
            return self._refuse(503, "SlowDown")
        elif fault == "deny":
            return self._refuse(403, "AccessDenied")
        elif fault == "race":
            return self._refuse(412, "PreconditionFailed")
        elif fault == "reset":
            return self._hang_up()
        answer, content = self._ask(body)
        if fault == "lost":
            return self._hang_up()
        return self._answer(answer, content, fault)

    def __getattr__(self, name: str) -> Any:
        # http.server asks for do_GET and its like.
        if name.startswith("do_"):
            return self._pass_on
        raise AttributeError(name)

    def _ask(self, body: bytes) -> tuple[HTTPResponse, bytes]:
        for _ in range(2):
            try:
                self._upstream.putrequest(
                    self.command, self.path, skip_host=True, skip_accept_encoding=True
                )
                for name, value in self.headers.items():
                    # The body is here already: nobody need be asked to go on.
                    if name.lower() not in ("connection", "expect"):
                        self._upstream.putheader(name, value)
                self._upstream.endheaders(body)
                answer = self._upstream.getresponse()
                return answer, answer.read()
            except (HTTPException, OSError):
                self._upstream.close()
        raise ConnectionError("The server behind does not answer.")

    def _answer(self, answer: HTTPResponse, content: bytes, fault: str) -> None:
        length = len(content)
        if fault == "damage" and content and answer.status == 200:
            place = int(self.server.draw() * length)
            changed = bytes([content[place] ^ 1])
            content = content[:place] + changed + content[place + 1 :]
        if fault == "short" and content and answer.status == 200:
            content = content[: int(self.server.draw() * length)]
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        if self.command == "HEAD":
            self.send_header("Content-Length", answer.getheader("Content-Length") or "0")
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(content)
        if len(content) < length:
            self._hang_up()

    def _refuse(self, status: int, code: str) -> None:
        text = f"<Error><Code>{code}</Code><Message>Injected.</Message></Error>".encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def _hang_up(self) -> None:
        self.close_connection = True

    def log_message(self, *words: object) -> None:
        """Keep quiet."""


@contextmanager
def faulty_s3(upstream: str, rates: Mapping[str, float], seed: int) -> Iterator[FaultyS3]:
    """Run the proxy in front of the server at `upstream`."""
    with FaultyS3(upstream, rates, seed) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def main() -> None:
    """Run as a process of its own: prints its URL, ends with its standard input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("upstream")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", action="append", default=[], help="fault=share")
    words = parser.parse_args()
    rates = {name: float(share) for name, _, share in (each.partition("=") for each in words.rate)}
    with faulty_s3(words.upstream, rates, words.seed) as server:
        print(server.url, flush=True)
        sys.stdin.read()
        print(dict(server.happened), flush=True)


if __name__ == "__main__":
    main()
