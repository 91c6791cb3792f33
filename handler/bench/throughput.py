"""What a server answers a second with one, two and more requests in flight, in turns.

Then requests arrive at fixed times, at 80 % of the most that it answered.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from handler.bench.load import Answer, ask, closed_loop, detect_request, get_request, open_loop
from handler.bench.report import Report, Row
from handler.bench.turns import Spread, ratios
from handler.errors import MaskdropError

IN_FLIGHT = (1, 2, 4)
_SHARE = 0.8
_START_SECONDS = 120.0


class ServerFailed(MaskdropError):
    """The server that was to be measured did not start."""


def measure_throughput(
    photographs: Sequence[bytes], settings: Mapping[str, str], seconds: float, rounds: int
) -> Report:
    """Load a server of its own, on the loopback; `settings` are environment variables of it.

    seconds: of each number in flight, each round. Raises ServerFailed.
    """
    asked = [detect_request(each) for each in photographs]
    rows: list[Row] = []
    with running_server(settings) as port:
        for each in asked:
            asyncio.run(ask(port, each))
        rates: dict[str, list[float]] = {str(count): [] for count in IN_FLIGHT}
        answers: dict[str, list[Answer]] = {str(count): [] for count in IN_FLIGHT}
        for _ in range(rounds):
            for count in IN_FLIGHT:
                found, took = asyncio.run(closed_loop(port, asked, count, seconds))
                rates[str(count)].append(sum(each.status == 200 for each in found) / took)
                answers[str(count)] += found
        relative = ratios(rates, str(IN_FLIGHT[0]))
        for name, rate in rates.items():
            rows.append(
                {
                    "load": f"{name} in flight",
                    "answered a second": Spread.of(rate).rounded(),
                    "ratio to one": relative[name].rounded(),
                    **_latencies(answers[name]),
                }
            )
        most = max(Spread.of(each).median for each in rates.values())
        offered = asyncio.run(open_loop(port, asked, _SHARE * most, seconds * rounds))
        rows.append(
            {
                "load": f"{_SHARE:.0%} of the most, at fixed times",
                "answered a second": round(_SHARE * most, 2),
                "ratio to one": "",
                **_latencies(offered),
            }
        )
    return Report(
        "throughput",
        rows,
        (
            "Client and server share the machine. p50 and p99 are milliseconds of answered "
            "requests; refused are those with 503.",
        ),
    )


@contextmanager
def running_server(settings: Mapping[str, str]) -> Iterator[int]:
    """Run the server on a free port until the block ends; raises ServerFailed."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "handler.server_entry", "--port", str(port)]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(  # noqa: S603  # fixed words
            command, env={**os.environ, **settings}, stdout=log, stderr=log
        )
        try:
            _wait(process, port)
            yield port
        finally:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + _START_SECONDS
    while asyncio.run(ask(port, get_request("/readyz"))).status != 200:
        if process.poll() is not None:
            raise ServerFailed(f"The server ended with status {process.returncode}.")
        if time.monotonic() > end:
            raise ServerFailed(f"The server was not ready after {_START_SECONDS:.0f} s.")
        time.sleep(0.2)


def _latencies(answers: Sequence[Answer]) -> dict[str, float | int]:
    good = sorted(each.seconds * 1000 for each in answers if each.status == 200)
    return {
        "answered": len(good),
        "refused": sum(each.status == 503 for each in answers),
        "failed": sum(each.status not in (200, 503) for each in answers),
        "p50": round(good[len(good) // 2], 1) if good else float("nan"),
        "p99": round(good[int(len(good) * 0.99)], 1) if good else float("nan"),
    }
