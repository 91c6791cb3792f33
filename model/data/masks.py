"""Masks of other tools in one frame, as COCO's run lengths."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.runtime.detections import InstanceMask
from model.runtime.errors import DataError
from model.runtime.rle import RLE, encode_rle


def to_rle(frame: NDArray[np.bool_]) -> RLE:
    """Encode a whole frame, (height, width)."""
    height, width = frame.shape
    return encode_rle(InstanceMask(0, 0, frame), width, height)


def place(
    pixels: NDArray[np.bool_], left: int, top: int, width: int, height: int
) -> NDArray[np.bool_]:
    """A mask of a part in the frame; what is outside of it is cut off."""
    frame = np.zeros((height, width), bool)
    rows, columns = pixels.shape
    y1, x1 = max(top, 0), max(left, 0)
    y2, x2 = min(top + rows, height), min(left + columns, width)
    if y1 < y2 and x1 < x2:
        frame[y1:y2, x1:x2] = pixels[y1 - top : y2 - top, x1 - left : x2 - left]
    return frame


def from_runs(runs: list[int], rows: int, columns: int, where: str) -> NDArray[np.bool_]:
    """Lengths of runs, row by row, alternating from unset; raises DataError."""
    if any(each < 0 for each in runs) or sum(runs) != rows * columns:
        raise DataError(
            f"{where}: the runs cover {sum(runs):,} pixels; the mask has {columns}×{rows}."
        )
    mask: NDArray[np.bool_] = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(rows, columns)
    return mask
