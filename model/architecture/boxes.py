"""Arithmetic on boxes (…, 4): x1, y1, x2, y2 in pixels."""

from __future__ import annotations

import math

import tensorflow as tf

# Offsets may enlarge a side at most by 1000 / 16, so that exp cannot overflow.
_MAX_LOG_SCALE = math.log(1000 / 16)


def decode_boxes(
    deltas: tf.Tensor,
    boxes: tf.Tensor,
    weights: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0),
) -> tf.Tensor:
    """Move and scale boxes (N, 4) by predicted deltas (N, 4) -> (N, 4).

    deltas are centre x, centre y (in sides), log width, log height, times `weights`
    (R-CNN's parametrisation, Girshick et al., 2014).
    """
    dx, dy, dw, dh = tf.unstack(deltas / weights, axis=-1)
    x1, y1, x2, y2 = tf.unstack(boxes, axis=-1)
    width, height = x2 - x1, y2 - y1
    center_x = x1 + 0.5 * width + dx * width
    center_y = y1 + 0.5 * height + dy * height
    half_width = 0.5 * width * tf.exp(tf.minimum(dw, _MAX_LOG_SCALE))
    half_height = 0.5 * height * tf.exp(tf.minimum(dh, _MAX_LOG_SCALE))
    return tf.stack(
        [
            center_x - half_width,
            center_y - half_height,
            center_x + half_width,
            center_y + half_height,
        ],
        axis=-1,
    )


def clip_boxes(boxes: tf.Tensor, image_size: tf.Tensor) -> tf.Tensor:
    """Cut boxes (N, 4) to the image; image_size (2,) int32 is its height and width."""
    limits = tf.cast(tf.gather(image_size, [1, 0, 1, 0]), tf.float32)
    return tf.minimum(tf.maximum(boxes, 0.0), limits)


def has_min_size(boxes: tf.Tensor, min_size: float) -> tf.Tensor:
    """Whether both sides are at least min_size pixels: (N, 4) -> (N,) bool."""
    x1, y1, x2, y2 = tf.unstack(boxes, axis=-1)
    return tf.minimum(x2 - x1, y2 - y1) >= min_size
