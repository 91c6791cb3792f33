"""The memory that this process may use, and how it gives memory back."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress

from handler.settings import LambdaEnvironment
from model.runtime.machine import CGROUP, read_text

# From glibc's malloc.h, and bytes.
_M_MMAP_THRESHOLD = -3
_MMAP_THRESHOLD = 2**20
# Of version 1; what it says where there is no limit is more than any machine has.
_CGROUP_V1_LIMIT = "memory/memory.limit_in_bytes"


def memory_bytes() -> int:
    """Lambda's setting, the container's limit, or all there is."""
    if function := LambdaEnvironment().memory_mb:
        return function * 2**20
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = (read_text(CGROUP / each) for each in ("memory.max", _CGROUP_V1_LIMIT))
    return min([total, *(int(each) for each in limits if each.isdecimal())])


def give_memory_back() -> None:
    """Have glibc return freed blocks of 1 MiB and more to the system; elsewhere do nothing.

    It raises that threshold by itself, to 32 MiB, whenever such a block is freed, and then keeps
    what photographs took: 1.2 GB after six of 50 megapixels at once, 0.2 GB with this.
    MALLOC_MMAP_THRESHOLD_ in the environment does the same before Python starts.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _MMAP_THRESHOLD)
