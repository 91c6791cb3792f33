"""Open-loop load on a server of its own: what is answered, refused and how soon, and its picture.

    PYTHONPATH=tests/support python tests/reliability/open_loop.py --picture docs/images/load.svg

Photographs of 0.5, 2 and 12 megapixels arrive at fixed times whatever the answers do, at 1, 2 and
4 times what the server manages when two clients ask in turns. Every 0.2 s somebody asks for
/healthz. Loopback only, SECONDS a rate.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from handler.bench.load import Answer, ask, closed_loop, detect_request, get_request, open_loop

SIZES = ((800, 600), (1600, 1200), (4000, 3000))
RATES = (0.5, 1.0, 2.0, 4.0)


def photographs() -> list[bytes]:
    """JPEGs that compress as photographs do: blurred noise."""
    noise = np.random.default_rng(0).integers(0, 256, (75, 100, 3), np.uint8)
    found = []
    for size in SIZES:
        file = io.BytesIO()
        Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
        found.append(file.getvalue())
    return found


async def capacity(port: int, asked: list[bytes], seconds: float) -> float:
    """Requests a second that two clients get answered in turns."""
    answers, took = await closed_loop(port, asked, 2, seconds)
    return len(answers) / took


async def offer(
    port: int, asked: list[bytes], rate: float, seconds: float
) -> tuple[list[Answer], list[Answer]]:
    """Offer `rate` requests a second; the answers, and those of /healthz meanwhile."""
    health: list[Answer] = []
    stop = asyncio.Event()

    async def probe() -> None:
        while not stop.is_set():
            health.append(await ask(port, get_request("/healthz")))
            await asyncio.sleep(0.2)

    prober = asyncio.create_task(probe())
    answers = await open_loop(port, asked, rate, seconds)
    stop.set()
    await prober
    return answers, health


def summary(
    rate: float, answers: list[Answer], health: list[Answer], took: float
) -> dict[str, float]:
    """What came of one rate."""
    good = sorted(each.seconds for each in answers if each.status == 200) or [float("nan")]
    refused = sorted(each.seconds for each in answers if each.status in (429, 503)) or [0.0]
    alive = sorted(each.seconds for each in health)
    return {
        "times": rate,
        "offered": len(answers),
        "accepted": sum(each.status == 200 for each in answers),
        "refused": sum(each.status in (429, 503) for each in answers),
        "failed": sum(each.status not in (200, 429, 503) for each in answers),
        "p50": good[len(good) // 2],
        "p99": good[int(len(good) * 0.99)],
        "refusal_p99": refused[int(len(refused) * 0.99)],
        "health_p99": alive[int(len(alive) * 0.99)],
        "per_second": sum(each.status == 200 for each in answers) / took,
    }


async def measure(port: int, seconds: float) -> list[dict[str, float]]:
    """Every rate in turn."""
    asked = [detect_request(each) for each in photographs()]
    for each in asked:
        await ask(port, each)
    most = await capacity(port, asked, seconds / 2)
    print(f"capacity {most:.1f} a second", flush=True)
    rows = []
    for rate in RATES:
        began = time.perf_counter()
        answers, health = await offer(port, asked, rate * most, seconds)
        rows.append(summary(rate, answers, health, time.perf_counter() - began))
        print(json.dumps({name: round(value, 3) for name, value in rows[-1].items()}), flush=True)
    return rows


def draw(rows: list[dict[str, float]], path: Path) -> None:
    """Throughput, refusals and time against what is offered."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
    times = [row["times"] for row in rows]
    left.plot(times, [row["accepted"] / row["offered"] for row in rows], "o-", label="answered")
    left.plot(times, [row["refused"] / row["offered"] for row in rows], "s--", label="503")
    left.set(xlabel="offered load, times capacity", ylabel="share of requests", ylim=(0, 1.05))
    for name, style in (("p50", "o-"), ("p99", "s-"), ("refusal_p99", "^--"), ("health_p99", "x:")):
        right.plot(times, [row[name] for row in rows], style, label=name.replace("_", " "))
    right.set(xlabel="offered load, times capacity", ylabel="seconds", yscale="log")
    for axes in (left, right):
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Start a server, load it, print a row a rate."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--root", type=Path, default=Path(__file__).parents[2])
    parser.add_argument("--command", default="-m handler.server_entry --port {port}")
    asked = parser.parse_args()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, *asked.command.format(port=port).split()]
    with tempfile.TemporaryFile() as log:
        environment = {**os.environ, "PYTHONPATH": str(asked.root)}
        process = subprocess.Popen(command, cwd=asked.root, env=environment, stdout=log, stderr=log)
        try:
            while asyncio.run(ask(port, get_request("/readyz"))).status != 200:
                time.sleep(0.2)
            rows = asyncio.run(measure(port, asked.seconds))
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
            print(next(line for line in lines if line.startswith("VmHWM")))
        finally:
            process.kill()
            process.wait()
    if asked.picture:
        draw(rows, asked.picture)


if __name__ == "__main__":
    main()
