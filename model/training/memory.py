"""Memory that training frees is kept for the next step.

glibc gives large blocks back to the system at once, and every page of the next step's maps
is then faulted in anew: a fifth of a step's time on two cores, without this.
"""

from __future__ import annotations

import ctypes
import platform

# Options of mallopt(3), and its largest trim threshold.
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8
_NEVER = 2**31 - 1


def keep_freed_memory() -> None:
    """Have this process keep what it frees. Does nothing where the C library is not glibc."""
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    # The heap alone, for all threads: blocks outside of it always go back.
    for option, value in ((_MMAP_MAX, 0), (_ARENA_MAX, 1), (_TRIM_THRESHOLD, _NEVER)):
        libc.mallopt(option, value)
