"""Requests to a server on the loopback, as many at once or as often a second as is asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import NamedTuple

BOUNDARY = "maskdrop"
TIMEOUT_S = 90.0


class Answer(NamedTuple):
    """One request's status, 0 for none, and its seconds."""

    status: int
    seconds: float


def get_request(path: str) -> bytes:
    """Ask for a page."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()


def detect_request(photo: bytes) -> bytes:
    """Ask to detect in a photograph's file."""
    part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
    body = part.encode() + photo + f"\r\n--{BOUNDARY}--\r\n".encode()
    head = (
        "POST /api/detect HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def ask(port: int, data: bytes) -> Answer:
    """Send a request and read its answer."""
    began = time.perf_counter()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(data)
            line = await reader.readline()
            seconds = time.perf_counter() - began
            while await reader.read(65536):
                pass
            writer.close()
            return Answer(int(line.split()[1]), seconds)
    except (OSError, TimeoutError, IndexError):
        return Answer(0, time.perf_counter() - began)


async def closed_loop(
    port: int, asked: Sequence[bytes], in_flight: int, seconds: float
) -> tuple[list[Answer], float]:
    """Keep `in_flight` requests under way for some seconds; the answers, and the seconds it took.

    Every client begins at another request, so that together they ask for each as often.
    """
    end = time.perf_counter() + seconds
    answers: list[Answer] = []

    async def client(turn: int) -> None:
        while time.perf_counter() < end:
            answers.append(await ask(port, asked[turn % len(asked)]))
            turn += 1

    began = time.perf_counter()
    await asyncio.gather(*(client(number) for number in range(in_flight)))
    return answers, time.perf_counter() - began


async def open_loop(port: int, asked: Sequence[bytes], rate: float, seconds: float) -> list[Answer]:
    """Send `rate` requests a second at fixed times, whatever the answers do."""
    began, tasks = time.perf_counter(), []
    for number in range(max(1, int(rate * seconds))):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        tasks.append(asyncio.create_task(ask(port, asked[number % len(asked)])))
    return await asyncio.gather(*tasks)
