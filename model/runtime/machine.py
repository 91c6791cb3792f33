"""What this process may use of its machine, and what it has used."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

CGROUP = Path("/sys/fs/cgroup")


def usable_cpus(cgroup: Path = CGROUP) -> int:
    """Processors that the process may use: its affinity, and its container's quota of time.

    A share of a processor counts as one. Control groups of version 2 say `cpu.max`, those of
    version 1 `cpu/cpu.cfs_quota_us` and `cpu.cfs_period_us`, in microseconds; -1 is no quota.
    """
    cpus = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    quota, _, period = read_text(cgroup / "cpu.max").partition(" ")
    if not quota:
        quota = read_text(cgroup / "cpu/cpu.cfs_quota_us")
        period = read_text(cgroup / "cpu/cpu.cfs_period_us")
    if not (quota.isdecimal() and period.isdecimal() and int(period)):
        return cpus
    return max(1, min(cpus, math.ceil(int(quota) / int(period))))


def peak_memory_mb() -> float:
    """Most memory that the process has had so far, MB."""
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return getrusage(RUSAGE_SELF).ru_maxrss * unit / 1e6


def read_text(path: Path) -> str:
    """What a file of the kernel says; nothing where there is none."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""
