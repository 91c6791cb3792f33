"""Masks as COCO writes them, polygons or run lengths: are they valid, and where are they?

Written without pycocotools, which trusts its input: run lengths that end too early make it
read memory that is not theirs.

P points, R runs. Boxes are x1, y1, x2, y2 in pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]

# Polygons may leave the photograph by rounding, pixels.
ROUNDING = 2.0
_LEAST_POINTS = 3
# Half a pixel: what is smaller fills none.
_LEAST_AREA = 0.5


class InvalidMask(ValueError):
    """A segmentation is not one; the message says why, without a full stop."""


def mask_box(segmentation: Any, width: int, height: int) -> Box | None:
    """Find the box around a mask; None if it has no pixel. Raises InvalidMask."""
    if isinstance(segmentation, dict):
        return _runs_box(_runs(segmentation, width, height), height)
    if isinstance(segmentation, list):
        return _polygons_box([_points(each, width, height) for each in segmentation])
    raise InvalidMask(
        f"segmentation is {type(segmentation).__name__}; polygons or run lengths are expected"
    )


def _points(polygon: Any, width: int, height: int) -> NDArray[np.float64]:
    """One polygon's points, (P, 2)."""
    if not isinstance(polygon, list):
        raise InvalidMask(
            f"a polygon is {polygon!r:.40}, not a list; polygons are a list of lists: "
            "[[x, y, x, y, …], …]"
        )
    if any(isinstance(value, list) for value in polygon):
        raise InvalidMask(
            "a polygon is a list of points; x and y in turn are expected: [[x, y, x, y, …], …]"
        )
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in polygon):
        raise InvalidMask("a polygon holds something that is no number")
    if len(polygon) % 2:
        raise InvalidMask(f"a polygon has {len(polygon)} numbers; x and y in turn are an even one")
    if len(polygon) < 2 * _LEAST_POINTS:
        raise InvalidMask(f"a polygon has {len(polygon) // 2} points; at least 3 are needed")
    points = np.array(polygon, np.float64).reshape(-1, 2)
    beyond = np.maximum(-points, points - [width, height]).max()
    # NaN is not within either.
    if not beyond <= ROUNDING:
        raise InvalidMask(f"a polygon leaves the photograph of {width}×{height}")
    return points


def _polygons_box(polygons: list[NDArray[np.float64]]) -> Box | None:
    # Slivers left over from drawing fill no pixel, wherever they are.
    filled = [each for each in polygons if _area(each) >= _LEAST_AREA]
    if not filled:
        return None
    points = np.concatenate(filled)
    (x1, y1), (x2, y2) = points.min(0).tolist(), points.max(0).tolist()
    return x1, y1, x2, y2


def _area(points: NDArray[np.float64]) -> float:
    """Area of a polygon that does not cross itself (the shoelace formula)."""
    x, y = points.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def _runs(rle: dict[str, Any], width: int, height: int) -> NDArray[np.int64]:
    """Lengths of the runs, column by column, alternating from unset, (R,)."""
    size = rle.get("size")
    if size == [width, height] and width != height:
        raise InvalidMask(
            f"run lengths are of size {size}, width first; COCO's is height first: "
            f"[{height}, {width}]"
        )
    if size != [height, width] or any(type(each) is not int for each in size):
        raise InvalidMask(
            f"run lengths are of size {size}; the photograph's is [{height}, {width}], height first"
        )
    counts = rle.get("counts")
    lengths = _decode(counts) if isinstance(counts, str) else counts
    if not isinstance(lengths, list) or not all(type(each) is int for each in lengths):
        raise InvalidMask("run lengths are neither text nor a list of whole numbers")
    if any(each < 0 for each in lengths) or sum(lengths) != width * height:
        raise InvalidMask(
            f"run lengths cover {sum(lengths)} pixels; the photograph has {width * height}"
        )
    return np.array(lengths, np.int64)


def _decode(text: str) -> list[int]:
    """COCO's compressed counts -> lengths.

    Five bits a character, lowest first, offset by 48, bit 5 set while more follow; from the
    fourth length on, less the one two before it.
    """
    lengths: list[int] = []
    value = shift = 0
    for character in text:
        code = ord(character) - 48
        if not 0 <= code < 64:
            raise InvalidMask(f"run lengths hold the character {character!r}")
        value |= (code & 31) << shift
        shift += 5
        if not code & 32:
            value -= (code >> 4 & 1) << shift
            lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
            value = shift = 0
    if shift:
        raise InvalidMask("run lengths end in the midst of a number")
    return lengths


def _runs_box(lengths: NDArray[np.int64], height: int) -> Box | None:
    ends = np.cumsum(lengths)
    first, last = (ends - lengths)[1::2], ends[1::2] - 1
    first, last = first[last >= first], last[last >= first]
    if not len(first):
        return None
    left, top = np.divmod(first, height)
    right, bottom = np.divmod(last, height)
    # A run that goes on into the next column ends one and begins the other.
    tall = bool((left != right).any())
    y1, y2 = (0, height) if tall else (top.min(), bottom.max() + 1)
    return float(left.min()), float(y1), float(right.max() + 1), float(y2)
