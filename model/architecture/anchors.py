"""The boxes that the region proposal network starts from.

H, W: height and width of the padded input   A: anchors per position (one per ratio)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from model.architecture.layers import Size


def base_anchors(
    size: float, ratios: Sequence[float], *, rounded: bool = True
) -> NDArray[np.float32]:
    """Anchors around the origin, corners rounded to pixels as torchvision does: (A, 4).

    A ratio is height over width; every anchor's area is about size².
    """
    heights = np.sqrt(np.asarray(ratios, np.float32))
    widths = 1 / heights
    corners = size * np.stack([-widths, -heights, widths, heights], axis=1) / 2
    anchors: NDArray[np.float32] = (np.round(corners) if rounded else corners).astype(np.float32)
    return anchors


def anchors_at(
    indices: tf.Tensor,
    base: NDArray[np.float32],
    input_size: Size,
    grid_size: Size,
    stride: int | None = None,
) -> tf.Tensor:
    """Compute some of one level's anchors (N,) int32 -> (N, 4).

    A level has the base anchors at every position, by rows: its anchor i is the base's
    i mod A at position i div A. Written out for three input shapes they would be 2.6 MB
    of an edge model of 8.

    input_size is H, W, grid_size the level's h, w. The stride is the whole part of
    H / h, as in torchvision, so a P6 of 4 rows over 224 pixels has stride 56, not 64; or as given.
    """
    position, which = indices // len(base), indices % len(base)
    row_stride, column_stride = (
        stride or side // cells for side, cells in zip(input_size, grid_size, strict=True)
    )
    columns = grid_size[1]
    x, y = position % columns * column_stride, position // columns * row_stride
    return tf.gather(base, which) + tf.cast(tf.stack([x, y, x, y], axis=-1), tf.float32)
