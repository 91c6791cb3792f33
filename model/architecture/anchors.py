"""The boxes that the region proposal network starts from.

H, W: height and width of the padded input   A: anchors per position (one per ratio)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from model.architecture.layers import Size


def base_anchors(size: float, ratios: Sequence[float]) -> NDArray[np.float32]:
    """Anchors around the origin, corners rounded to pixels as torchvision does: (A, 4).

    A ratio is height over width; every anchor's area is about size².
    """
    heights = np.sqrt(np.asarray(ratios, np.float32))
    widths = 1 / heights
    return np.round(size * np.stack([-widths, -heights, widths, heights], axis=1) / 2)


def grid_anchors(
    base: NDArray[np.float32],
    input_size: Size,
    grid_size: Size,
) -> tf.Tensor:
    """Repeat the base anchors at every position of one level, by rows: (h · w · A, 4).

    input_size is H, W, grid_size the level's h, w. The stride is the whole part of
    H / h, as in torchvision, so a P6 of 4 rows over 224 pixels has stride 56, not 64.
    """
    strides = [side // cells for side, cells in zip(input_size, grid_size, strict=True)]
    y, x = (
        tf.cast(tf.range(cells) * stride, tf.float32)
        for cells, stride in zip(grid_size, strides, strict=True)
    )
    x, y = tf.meshgrid(x, y)
    shifts = tf.stack([x, y, x, y], axis=-1)
    return tf.reshape(shifts[:, :, None] + base, [-1, 4])
