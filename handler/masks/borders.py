"""Follow the borders between set and unset pixels: closed rings of right-angled corners.

Rings begin at their uppermost corner (of these the leftmost) and run rightwards from it. Pixels
that touch only at a corner belong to different parts.

n corners of a ring. Coordinates count pixel borders: pixel (row y, column x) spans x to x + 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ring = NDArray[np.float64]


def trace_borders(pixels: NDArray[np.bool_]) -> tuple[list[Ring], list[int]]:
    """Return every ring (n, 2) of x, y corners, and for each the index of its part's outer ring.

    A border turns at corners only. Along a row of corners, each two in turn are joined by a
    straight piece of border; along a column likewise. So rings are walked by going to a
    corner's partner in its row, then to that one's partner in its column, and so on.
    """
    rows, columns, column_order = _corners(pixels)
    column_partner = np.empty(len(rows), np.int64)
    column_partner[column_order] = column_order.reshape(-1, 2)[:, ::-1].reshape(-1)
    cycles = _cycles(column_partner.tolist())
    corners = np.stack([columns, rows], axis=1).astype(float)
    rings = [corners[np.array(cycle)] for cycle in cycles]
    return rings, _parents(pixels, rings)


def _corners(
    pixels: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of the border's corners in reading order, and their order by column.

    Where two pixels touch at a corner only, the point is a corner of both and comes twice: in
    its row first as the end of the piece on its left, in its column first as the end of the
    piece above it. Which two of these four belong together keeps the two pixels apart.
    """
    padded = np.pad(pixels, 1)
    beside = padded[:, 1:] != padded[:, :-1]
    above, below = beside[:-1], beside[1:]
    touching = above & below & (padded[:-1, 1:] != padded[1:, 1:])
    points = np.flatnonzero((above != below) | touching)
    width = above.shape[1]
    double = touching.reshape(-1)[points]
    points = np.repeat(points, 1 + double)
    rows, columns = np.divmod(points, width)
    second = np.append(False, points[1:] == points[:-1])
    # Set pixels at upper right and lower left: the left piece goes on below, not above.
    falling = np.repeat(double, 1 + double) & padded[rows, columns + 1]
    column_order = np.lexsort((second ^ falling, rows, columns))
    return rows, columns, column_order


def _cycles(column_partner: list[int]) -> list[list[int]]:
    """Walk all corners, each ring from its uppermost corner (of these the leftmost) rightwards."""
    seen = bytearray(len(column_partner))
    cycles: list[list[int]] = []
    for start in range(len(column_partner)):
        if seen[start]:
            continue
        cycle: list[int] = []
        corner = start
        while not seen[corner]:
            partner = corner ^ 1
            seen[corner] = seen[partner] = True
            cycle += [corner, partner]
            corner = column_partner[partner]
        cycles.append(cycle)
    return cycles


def _parents(pixels: NDArray[np.bool_], rings: list[Ring]) -> list[int]:
    """For each ring the index of its part's outer ring, which is its own if it is one.

    From a hole's first corner leftwards there is only mask until the nearest border, so that
    border belongs to the same part; it begins above or left of the hole, so it comes before it.
    """
    parents: list[int] = []
    sides: _Sides | None = None
    for index, ring in enumerate(rings):
        x, y = ring[0].astype(int)
        if pixels[y, x]:
            parents.append(index)
        else:
            sides = sides or _Sides(rings)
            parents.append(parents[sides.left_of(x, y)])
    return parents


class _Sides:
    """The vertical pieces of all rings."""

    def __init__(self, rings: list[Ring]) -> None:
        # Every second piece is vertical, and ends where the next one begins.
        froms = np.concatenate([ring[1::2] for ring in rings])
        tos = np.concatenate([np.roll(ring[::2], -1, axis=0) for ring in rings])
        self._x = froms[:, 0]
        self._top = np.minimum(froms[:, 1], tos[:, 1])
        self._end = np.maximum(froms[:, 1], tos[:, 1])
        self._ring = np.repeat(np.arange(len(rings)), [len(ring) // 2 for ring in rings])

    def left_of(self, x: int, y: int) -> int:
        """Ring of the nearest piece left of column `x` in pixel row `y`."""
        candidates = (self._x < x) & (self._top <= y) & (y < self._end)
        nearest = np.argmax(np.where(candidates, self._x, -1))
        return int(self._ring[nearest])
