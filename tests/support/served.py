"""The server of the image as a process of its own, and raw HTTP to speak to it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service import COLOUR_MODEL
from waiting import wait_for

ROOT = Path(__file__).parents[2]
BOUNDARY = "maskdrop"


@contextmanager
def served(log: Path, **settings: object) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run the server until it is ready; yields the process and its port. `settings`: MASKDROP_…"""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    named = {f"MASKDROP_{name.upper()}": str(value) for name, value in settings.items()}
    environment = {"MASKDROP_MODEL": str(COLOUR_MODEL)} | named
    command = [sys.executable, "-m", "handler.server_entry", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={"PATH": os.environ["PATH"]} | environment,
            stdout=output,
            stderr=output,
        )
    try:
        wait_for(lambda: status(ask(port, get("/readyz"))) == 200)
        yield process, port
    finally:
        process.kill()
        process.wait()


def ask(port: int, *parts: bytes) -> bytes:
    """Send a request and read until the server closes; answers what came, or nothing."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            for part in parts:
                connection.sendall(part)
            return read_all(connection)
    except OSError:
        return b""


def read_all(connection: socket.socket) -> bytes:
    """Everything until the other side closes."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def status(answer: bytes) -> int:
    """An answer's status; 0 where none came."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def get(path: str) -> bytes:
    """A request without a body."""
    return f"GET {path} HTTP/1.1\r\nHost: any\r\nConnection: close\r\n\r\n".encode()


def detect(photo: bytes, query: str = "") -> tuple[bytes, bytes]:
    """A request to detect: its head, and its body."""
    body = (
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; name=image; filename=a\r\n\r\n"
    ).encode()
    body += photo + f"\r\n--{BOUNDARY}--\r\n".encode()
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    return post(f"/api/detect{query}", body, kind)


def post(path: str, body: bytes, kind: str = "application/json") -> tuple[bytes, bytes]:
    """A request with a body: its head, and its body."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: any\r\nConnection: close\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode(), body


def peak_mb(process: subprocess.Popen[bytes]) -> float:
    """The most memory that the process has had so far."""
    return _status_mb(process, "VmHWM")


def resident_mb(process: subprocess.Popen[bytes]) -> float:
    """The memory that the process has now."""
    return _status_mb(process, "VmRSS")


def _status_mb(process: subprocess.Popen[bytes], name: str) -> float:
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024
