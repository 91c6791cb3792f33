"""Outlines of a mask: parts with holes, in as few points as keep its shape.

Coordinates are the frame's, between pixels: (0, 0) is its upper left corner, (width, height)
its lower right, and middles of pixel borders are halves. Outer rings run clockwise on screen,
holes the other way round, and a ring's end is not repeated, so that canvases and SVG fill them
right under either fill rule.

n points of a ring, x and y.
"""

from __future__ import annotations

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from handler.masks.borders import Ring, trace_borders
from model.runtime.detections import InstanceMask

Points = list[list[float]]

# Points closer than this to the simplified line are dropped, in pixels: the first of these that
# changes few enough pixels, counted exactly by pixel centres, as a share of the mask's. It leaves
# 0.012 of the promised 0.02 to fillers that round points to a grid, as pycocotools does.
_TOLERANCES = (1.0, 0.7, 0.5, 0.3)
_CHANGED_PIXELS = 0.008
# Pieces of border up to this long are steps of a slope; longer ones are straight edges.
_STEP = 2


class Part(TypedDict):
    """One connected piece of a mask."""

    outer: Points
    holes: list[Points]


def trace_polygons(mask: InstanceMask) -> list[Part]:
    """Outline `mask` in frame pixels; every ring has at least three points.

    Filled again, the polygons have an IoU with the mask of at least 0.98 if it is larger than
    32 × 32 pixels; by exact pixel centres of at least 0.99 at any size.
    """
    if not mask.area:
        return []
    rings, parents = trace_borders(mask.pixels)
    corner = np.array([mask.x, mask.y])
    outlines = [(ring + corner).tolist() for ring in _simplify(rings, mask.area)]
    parts: dict[int, Part] = {}
    for index, (outline, parent) in enumerate(zip(outlines, parents, strict=True)):
        if parent == index:
            parts[index] = {"outer": outline, "holes": []}
        else:
            parts[parent]["holes"].append(outline[::-1])
    return list(parts.values())


def _simplify(rings: list[Ring], area: int) -> list[Ring]:
    """Draw each ring with few points, as long as few pixels change sides."""
    for tolerance in _TOLERANCES:
        simplified = [_drop_points(_smooth(ring), tolerance) for ring in rings]
        # A ring that collapses keeps its corners.
        simplified = [s if len(s) > 2 else ring for s, ring in zip(simplified, rings, strict=True)]
        if _pixels_between(rings, simplified) <= _CHANGED_PIXELS * area:
            return simplified
    return rings


def _smooth(ring: Ring) -> Ring:
    """Replace steps by the middles of their pieces; corners between long pieces stay."""
    following = np.roll(ring, -1, axis=0)
    long = abs(following - ring).max(axis=1) > _STEP
    sharp = long & np.roll(long, 1)
    points = np.stack([ring, (ring + following) / 2], axis=1).reshape(-1, 2)
    chosen = np.stack([sharp, np.ones_like(sharp)], axis=1).reshape(-1)
    smooth: Ring = points[chosen]
    return smooth


def _drop_points(ring: Ring, tolerance: float) -> Ring:
    """Simplify a closed ring as Douglas and Peucker do, all its pieces in one step."""
    keep = np.zeros(len(ring), bool)
    keep[0] = keep[np.argmax(np.hypot(*(ring - ring[0]).T))] = True
    while True:
        piece = np.cumsum(keep) - 1
        distance = _distance_to_chords(ring, keep, piece)
        peaks = np.maximum.reduceat(distance, np.flatnonzero(keep))
        far = np.flatnonzero((distance > tolerance) & (distance == peaks[piece]))
        if not len(far):
            return ring[keep]
        keep[far[np.unique(piece[far], return_index=True)[1]]] = True


def _distance_to_chords(
    ring: Ring, keep: NDArray[np.bool_], piece: NDArray[np.int64]
) -> NDArray[np.float64]:
    """How far each point is from the chord of its piece, which joins two kept points: (n,)."""
    starts = ring[keep]
    chord = (np.roll(starts, -1, axis=0) - starts)[piece]
    offset = ring - starts[piece]
    # A ring that touches itself can have two kept points in one place: a chord of no length.
    squared = np.maximum((chord**2).sum(axis=1), 1e-9)
    way = np.clip((offset * chord).sum(axis=1) / squared, 0, 1)
    distance: NDArray[np.float64] = np.hypot(*(offset - way[:, None] * chord).T)
    return distance


def _pixels_between(rings: list[Ring], others: list[Ring]) -> int:
    """Count the pixels whose centres are inside one set of rings and outside the other."""
    crossings = np.concatenate([_crossings(ring) for ring in (*rings, *others)])
    # Inside both, or neither: an even number of crossings on the left.
    columns = crossings[np.lexsort(crossings.T[::-1]), 1]
    return int((columns[1::2] - columns[::2]).sum())


def _crossings(ring: Ring) -> NDArray[np.int64]:
    """Where the ring crosses the rows' middles: (m, 2), the row and the first pixel right of it."""
    following = np.roll(ring, -1, axis=0)
    first = np.ceil(ring[:, 1] - 0.5).astype(np.int64)
    last = np.ceil(following[:, 1] - 0.5).astype(np.int64)
    count = abs(last - first)
    edge = np.repeat(np.arange(len(ring)), count)
    step = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
    row = np.minimum(first, last)[edge] + step
    (x, y), (dx, dy) = ring[edge].T, (following - ring)[edge].T
    column = np.ceil(x + (row + 0.5 - y) * dx / dy - 0.5).astype(np.int64)
    return np.stack([row, column], axis=1)
