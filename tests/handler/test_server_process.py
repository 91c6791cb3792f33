"""The server as Cloud Run runs it: the port it is told, and an end that no request notices."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from service import COLOUR_MODEL, squares
from waiting import wait_for

ROOT = Path(__file__).parents[2]
BOUNDARY = "maskdrop"


def command():
    """The image's own command, with this Python."""
    found = re.search(r"^CMD (\[.*server_entry.*\])$", dockerfile(), re.MULTILINE)
    assert found is not None
    python, *rest = json.loads(found[1])
    assert python == "python3"
    return [sys.executable, *rest]


def dockerfile():
    return (ROOT / "Dockerfile").read_text()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@contextmanager
def server(log):
    """Run the server until it ends or the test does; yields the process and its port."""
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "PORT": str(port),
        "MASKDROP_MODEL": str(COLOUR_MODEL),
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            command(), cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    try:
        yield process, port
    finally:
        process.kill()
        process.wait()


def ask(port, request):
    """Send a request and read until the server closes; answers what came, or nothing."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(request)
            return read_all(connection)
    except ConnectionRefusedError:
        return b""


def read_all(connection):
    return b"".join(iter(lambda: connection.recv(65536), b""))


def get(path):
    return f"GET {path} HTTP/1.1\r\nHost: any\r\nConnection: close\r\n\r\n".encode()


def upload():
    """A request to detect: its head, and its body."""
    body = (
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; name=image; filename=a.png\r\n\r\n"
    ).encode()
    body += squares("red") + f"\r\n--{BOUNDARY}--\r\n".encode()
    head = (
        "POST /api/detect HTTP/1.1\r\nHost: any\r\nConnection: close\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode(), body


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


def test_request_at_hand_is_answered_after_sigterm(log):
    with server(log) as (process, port):
        wait_for(lambda: b" 200 " in ask(port, get("/readyz")))
        head, body = upload()
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(head + body[:100])
            # A later request is answered, so the first one has been taken.
            wait_for(lambda: b" 200 " in ask(port, get("/healthz")))
            process.send_signal(signal.SIGTERM)
            wait_for(lambda: "Shutting down" in log.read_text())
            assert ask(port, get("/healthz")) == b""
            connection.sendall(body[100:])
            answer = read_all(connection)
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["class_names"] == ["person"]
        assert process.wait(timeout=30) in (0, -signal.SIGTERM)


def test_server_without_requests_ends_at_once(log):
    with server(log) as (process, port):
        wait_for(lambda: b" 200 " in ask(port, get("/healthz")))
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) in (0, -signal.SIGTERM)
