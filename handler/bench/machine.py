"""What a figure was measured on, and what that machine can do at most."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from handler.bench.turns import timed
from model.runtime.machine import read_text, usable_cpus

_PACKAGES = ("maskdrop", "ai-edge-litert", "numpy", "pillow")
# Bytes of each of the three arrays of a STREAM triad: beyond any processor's cache.
_STREAM_BYTES = 2**28
_REPEATS = 5


def describe_machine() -> dict[str, Any]:
    """Name processor, cores, versions, and how busy the machine is now."""
    return {
        "processor": _processor(),
        "cores": usable_cpus(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "load_average": round(os.getloadavg()[0], 2),
    }


def memory_bandwidth() -> float:
    """GB/s that one core reads and writes, by the best of some runs of NumPy's a = b + c."""
    count = _STREAM_BYTES // 8
    a, b, c = (np.ones(count) for _ in range(3))
    run = timed(lambda: np.add(b, c, out=a), process_time)
    best = min(run() for _ in range(_REPEATS))
    return 3 * _STREAM_BYTES / best / 1e6


def _processor() -> str:
    lines = read_text(Path("/proc/cpuinfo")).splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
