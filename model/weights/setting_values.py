"""What numbers of a configuration may be; ValueError says what is expected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# A graph of fixed shapes has room for all of them, found or not: the box head looks at every
# proposal that is kept, and every detection has a mask.
MOST_CANDIDATES, MOST_PROPOSALS, MOST_DETECTIONS = 100_000, 5_000, 1_000


def count(most: int) -> Callable[[Any], int]:
    """Take whole numbers from 1 to `most`."""

    def convert(value: Any) -> int:
        if type(value) is not int or not 1 <= value <= most:
            raise ValueError(f"a whole number from 1 to {most} is expected")
        return value

    return convert


def share(value: Any) -> float:
    """Take a number from 0 to 1."""
    if type(value) not in (int, float) or not 0 <= value <= 1:
        raise ValueError("a number from 0 to 1 is expected")
    return float(value)
