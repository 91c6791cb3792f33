"""Masks that follow the photograph's edges: finer raw masks, pasted as the network's are.

A raw mask has 28 × 28 values over its box. The photograph is sampled on a finer grid over the
box and its surroundings, and the guided filter turns the raw mask into one of 56, 112 or 224
values a side. It is pasted, cut at a threshold and drawn by the same arithmetic as a raw mask,
so that whoever has it needs no photograph.

S side of a raw mask, C side of the grid where coefficients are fitted, F its factor to the
finer mask: side F · C.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.runtime.detections import Detections
from model.runtime.guided_filter import apply_coefficients, fit_coefficients

Edges = Literal["plain", "refined"]
DEFAULT_EDGES: Edges = "refined"

# Two values of a raw mask of 28: how far it may be wrong. A fourteenth of the box's side.
_CELLS, _RADIUS = 56, 4
# The filter reads two windows beyond the box.
_MARGIN = 2 * _RADIUS
_EPSILON = 1e-4
# The finest mask with at most a value per pixel of the box's longer side.
_FACTORS = (4, 2, 1)
# Of 32 levels a mask compresses to a third of what 256 take, and scores the same.
_LEVELS = 31
_SMALLEST_LONG_SIDE = 28
_SMALLEST_SHORT_SIDE = 8


class _Region(NamedTuple):
    """The box with its margins: cells of margin before and after it, and its place in pixels.

    margins: left, top, right, bottom; fewer where the frame ends.
    """

    margins: tuple[int, int, int, int]
    corners: tuple[float, float, float, float]

    @property
    def cells(self) -> tuple[int, int]:
        """Columns and rows."""
        left, top, right, bottom = self.margins
        return left + _CELLS + right, top + _CELLS + bottom


def refine_edges(detections: Detections, frame: NDArray[np.uint8]) -> Detections:
    """Refine every mask by `frame`, (height, width, 3) RGB, the upright photograph whole.

    One mask at a time; masks of small boxes stay as they are.
    """
    pyramid = _Pyramid(frame)
    # As a manifest has them: whoever pastes from it sets the same pixels.
    boxes = np.array([[round(v, 2) for v in box] for box in detections.boxes.tolist()], np.float32)
    boxes = boxes.reshape(detections.boxes.shape)
    masks = tuple(
        refine_mask(raw_mask, box, pyramid)
        for raw_mask, box in zip(detections.raw_masks, boxes, strict=True)
    )
    return replace(detections, boxes=boxes, refined_masks=masks)


class _Pyramid:
    """The photograph at scales 1, 1/2, 1/4 …, each made when first asked for.

    A box is then sampled in a time that does not depend on its size in pixels.
    """

    def __init__(self, frame: NDArray[np.uint8]) -> None:
        self._levels = [Image.fromarray(frame)]
        self.size = self._levels[0].size

    def sample(self, region: _Region, size: tuple[int, int]) -> Image.Image:
        """The region at `size`, width and height."""
        x1, y1, x2, y2 = region.corners
        level = self._level(min((x2 - x1) / size[0], (y2 - y1) / size[1]))
        # A level's last column and row may be photograph in part only.
        corners = np.array(region.corners) / 2**level
        return self._levels[level].resize(
            size, Image.Resampling.BILINEAR, box=tuple(corners.tolist())
        )

    def _level(self, reduction: float) -> int:
        """Make the smallest level that is not reduced by more than `reduction`; its exponent."""
        level = int(np.log2(max(reduction, 1)))
        while len(self._levels) <= level:
            self._levels.append(self._levels[-1].reduce(2))
        return level


def refine_mask(
    raw_mask: NDArray[np.uint8], box: NDArray[np.float32], photograph: _Pyramid
) -> NDArray[np.uint8]:
    """A finer mask (F·C, F·C) over `box` (4,); `raw_mask` itself, (S, S), for a small box."""
    sides = (box[2:] - box[:2]).astype(np.float64)
    if not _is_refinable(sides):
        return raw_mask
    factor = next(f for f in _FACTORS if f * _CELLS <= sides.max() or f == 1)
    region = _region(box.astype(np.float64), photograph.size)
    columns, rows = region.cells
    left, top, right, bottom = region.margins
    mask = np.pad(_interpolate(raw_mask), ((top, bottom), (left, right)))
    fine = photograph.sample(region, (columns * factor, rows * factor))
    coefficients = fit_coefficients(
        _colours(fine.reduce(factor)).astype(np.float64), mask.astype(np.float64), _RADIUS, _EPSILON
    )
    side = _CELLS * factor
    x, y = left * factor, top * factor
    guide = _colours(fine.crop((x, y, x + side, y + side)))
    return _quantised(apply_coefficients(coefficients, guide, top, left, factor))


def _colours(image: Image.Image) -> NDArray[np.float32]:
    """Its pixels, channels first: (3, h, w) in [0, 1]."""
    return np.asarray(image, np.float32).transpose(2, 0, 1) / np.float32(255)


def _quantised(mask: NDArray[np.float32]) -> NDArray[np.uint8]:
    levels = np.rint(np.clip(mask, 0, 1) * _LEVELS)
    return np.rint(levels * (255 / _LEVELS)).astype(np.uint8)


def _is_refinable(sides: NDArray[np.float64]) -> bool:
    """Whether a box of `sides` (2,) has more pixels than its raw mask has values."""
    return bool(sides.max() >= _SMALLEST_LONG_SIDE and sides.min() >= _SMALLEST_SHORT_SIDE)


def _region(box: NDArray[np.float64], frame_size: tuple[int, int]) -> _Region:
    """Put whole cells of margin around `box` (4,), as far as the frame reaches."""
    x1, y1, x2, y2 = box.tolist()
    width, height = (x2 - x1) / _CELLS, (y2 - y1) / _CELLS
    room = (x1 / width, y1 / height, (frame_size[0] - x2) / width, (frame_size[1] - y2) / height)
    left, top, right, bottom = (min(_MARGIN, max(int(cells), 0)) for cells in room)
    corners = (x1 - left * width, y1 - top * height, x2 + right * width, y2 + bottom * height)
    limits = (*frame_size, *frame_size)
    inside = tuple(min(max(v, 0.0), limit) for v, limit in zip(corners, limits, strict=True))
    return _Region((left, top, right, bottom), inside)


def _interpolate(raw_mask: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Sample a raw mask at the cells' centres, as pasting does, ring and all: (C, C) in [0, 1]."""
    side = len(raw_mask)
    padded = np.pad(raw_mask.astype(np.float32), 1) / np.float32(255)
    position = (np.arange(_CELLS) + 0.5) * (side / _CELLS) + 0.5
    low = position.astype(np.int64)
    fraction = (position - low).astype(np.float32)
    rows = padded[low] + fraction[:, None] * (padded[low + 1] - padded[low])
    columns: NDArray[np.float32] = rows[:, low] + fraction * (rows[:, low + 1] - rows[:, low])
    return columns
