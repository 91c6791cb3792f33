"""Crop every region as matterport's Mask R-CNN does, with TensorFlow's `crop_and_resize`.

That operator does not convert to LiteRT's builtins, so it is written as roi_align.py's gather,
product and sum: one bilinear sample a bin, the first and the last on the region's border.

R: regions   S: side of a crop
boxes (R, 4): x1, y1, x2, y2 in 0..1, from the centre of the first pixel to that of the last
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from model.architecture.layers import Size

# Sides at which round(4 + log2(side / 224)) goes one level up, pixels.
_LEVEL_SIDES = (224 * 2 ** np.array([-1.5, -0.5, 0.5])).astype(np.float32)


class CropAndResize:
    """The sampling of a network whose input is `input_size`, H and W pixels."""

    taps = 2

    def __init__(self, input_size: Size) -> None:
        self.input_size = input_size

    def levels(self, boxes: tf.Tensor) -> tf.Tensor:
        """The level by the root of the area, in 0..1 times the root of the input's."""
        height, width = (tf.cast(side, tf.float32) for side in self.input_size)
        x1, y1, x2, y2 = tf.unstack(boxes, axis=1)
        sides = tf.sqrt((x2 - x1) * (y2 - y1)) * tf.sqrt(height * width)
        return tf.reduce_sum(tf.cast(sides[:, None] >= _LEVEL_SIDES, tf.int32), axis=1)

    def axis(
        self, start: tf.Tensor, end: tf.Tensor, length: tf.Tensor, stride: tf.Tensor, side: int
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Positions and weights (R, S, 2); a sample outside the level counts as 0."""
        last = tf.cast(length, tf.float32)[:, None] - 1
        steps = np.arange(side, dtype=np.float32)
        points = start[:, None] * last + steps * ((end - start)[:, None] * last / (side - 1))
        inside = tf.minimum(tf.maximum(points, 0.0), last)
        low = tf.floor(inside)
        fraction = inside - low
        weights = tf.stack([1 - fraction, fraction], axis=-1)
        weights = tf.where(((points >= 0) & (points <= last))[:, :, None], weights, 0.0)
        positions = tf.stack([low, tf.minimum(low + 1, last)], axis=-1)
        return tf.cast(positions, tf.int32), weights
