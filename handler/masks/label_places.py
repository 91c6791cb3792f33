"""Where labels go: near their boxes, inside the frame, off each other where there is room."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Rectangle(NamedTuple):
    """Pixels from left, top up to but not including right, bottom."""

    left: int
    top: int
    right: int
    bottom: int


def free_place(
    box: Rectangle,
    size: tuple[int, int],
    frame: tuple[int, int],
    taken: Collection[Rectangle],
) -> Rectangle:
    """Return the first place that hides no other label, or the one that hides least."""
    others = np.array([*taken], np.int64).reshape(-1, 4)
    places = list(_places(box, size, frame))
    hidden = [_overlap(place, others) for place in places]
    return places[int(np.argmin(hidden))]


def _places(box: Rectangle, size: tuple[int, int], frame: tuple[int, int]) -> Iterator[Rectangle]:
    """Around the box, best first, moved into the frame: above, inside, below, down the side."""
    left, top, right, bottom = box
    width, height = size
    heights = [top - height, top, bottom, bottom - height]
    heights += range(top + height, bottom - height, height)
    for y in heights:
        for x in (left, right - width):
            inside_x = min(max(x, 0), frame[0] - width)
            inside_y = min(max(y, 0), frame[1] - height)
            yield Rectangle(inside_x, inside_y, inside_x + width, inside_y + height)


def _overlap(place: Rectangle, others: NDArray[np.int64]) -> int:
    """Pixels of `others` (K, 4) that `place` covers."""
    sides = np.minimum(others[:, 2:], place[2:]) - np.maximum(others[:, :2], place[:2])
    return int(np.maximum(sides, 0).prod(axis=1).sum())
