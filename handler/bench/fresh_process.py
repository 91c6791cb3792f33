"""A process that has just been started: importing an entry, its first answer, its memory.

    python -m handler.bench.fresh_process PHOTOGRAPH…

Prints one line of JSON: seconds of the clock and of the processor, and MB that are resident.
"""

from __future__ import annotations

import base64
import json
import sys
from importlib import import_module
from pathlib import Path
from time import perf_counter, process_time
from types import SimpleNamespace
from typing import Any

from handler.bench.load import BOUNDARY

ENTRY = "handler.api_entry"


def main() -> None:
    """Import the entry, answer an event for every photograph, and tell what it took."""
    began, before = perf_counter(), process_time()
    entry = import_module(ENTRY)
    told: dict[str, Any] = {
        "import_s": perf_counter() - began,
        "import_cpu_s": process_time() - before,
        "import_mb": resident_mb(),
    }
    for number, path in enumerate(sys.argv[1:]):
        status = entry.handler(detect_event(Path(path).read_bytes()), _context())["statusCode"]
        if status != 200:
            raise SystemExit(f"The first event was answered with status {status}.")
        if number == 0:
            told["answered_s"] = perf_counter() - began
            told["answered_cpu_s"] = process_time() - before
            told["answered_mb"] = resident_mb()
    told["peak_mb"] = resident_mb("VmHWM")
    # Logs of the entry come before it.
    print("\n" + json.dumps(told))


def detect_event(photo: bytes) -> dict[str, Any]:
    """API Gateway's event (payload 2.0) of a form with a photograph."""
    part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
    body = part.encode() + photo + f"\r\n--{BOUNDARY}--\r\n".encode()
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/api/detect",
        "rawQueryString": "",
        "headers": {
            "host": "localhost",
            "content-type": f"multipart/form-data; boundary={BOUNDARY}",
            "content-length": str(len(body)),
        },
        "requestContext": {
            "http": {"method": "POST", "path": "/api/detect", "sourceIp": "127.0.0.1"},
            "stage": "$default",
        },
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


def resident_mb(field: str = "VmRSS") -> float:
    """MB of this process that are in memory now; `VmHWM` is the most so far."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(field))


def _context() -> Any:
    return SimpleNamespace(
        function_name="bench",
        function_version="1",
        memory_limit_in_mb=3008,
        invoked_function_arn="arn:aws:lambda:eu-central-1:123456789012:function:bench",
        aws_request_id="bench",
        get_remaining_time_in_millis=lambda: 60_000,
    )


if __name__ == "__main__":
    main()
