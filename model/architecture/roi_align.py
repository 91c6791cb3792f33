"""Crop every region from its pyramid level (RoIAlign; He et al., 2017).

R: regions   S: side of a crop   C: channels   P: positions of the pyramid
h, w: height and width of a region's level
boxes (R, 4): x1, y1, x2, y2 in input pixels -> crops (R, S, S, C)

A region is cut into S × S bins of 2 × 2 samples; a sample is bilinear over 4
positions and a bin is its samples' mean. Along one axis a bin thus has 4 weighted
positions, and a bin is a weighted sum over 4 × 4: a gather, a product and a sum.
Where samples lie is a `Sampling`: torchvision's and Detectron2's here, matterport's in
crop_and_resize.py.
(In LiteRT, 100 regions of 7 × 7 × 96 from an int8 pyramid, one thread, twice: int8 products
and sums take 0.58 and 0.63 of what a float matrix product per bin takes, float ones 0.79, 0.83.
TensorFlow would rather have the product: 1000 regions of 256 channels take it 1.2 times as long.
Summing over rows and then over columns, with fewer multiplications but more passes over
memory, took 1.4 to 2.7 times as long as the matrix product.)
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple, Protocol

import numpy as np
import tensorflow as tf

from model.architecture.layers import Size, size_of

_STRIDES = (4, 8, 16, 32)
_SAMPLES = 2
# A region whose side (root of its area) reaches 112, 224 or 448 pixels goes one level
# up: floor(4 + log2(side / 224) + 1e-6) of the FPN paper without the logarithm.
_LEVEL_SIDES = (224 * 2 ** (np.array([-1, 0, 1]) - 1e-6)).astype(np.float32)
# 64 MB of float32, and as much for the products; gathered at once, 1000 regions of 256
# channels would be 800 MB.
_MAX_GATHERED = 2**24


class Pyramid(NamedTuple):
    """P2..P5: positions (P, C), each level flattened by rows, and the levels' sizes."""

    positions: tf.Tensor
    sizes: Sequence[Size]

    @classmethod
    def of_levels(cls, levels: Sequence[tf.Tensor]) -> Pyramid:
        """Flatten the levels P2..P5 (1, h, w, C)."""
        sizes = [(size_of(level, 1), size_of(level, 2)) for level in levels]
        with tf.name_scope("pyramid"):
            flat = [tf.reshape(level, [-1, level.shape[-1]]) for level in levels]
            return cls(tf.concat(flat, axis=0), sizes)

    @classmethod
    def of_input(cls, positions: tf.Tensor, input_size: Size) -> Pyramid:
        """Take positions (P, C) of an input of height and width input_size, multiples of 32."""
        height, width = input_size
        return cls(positions, [(height // stride, width // stride) for stride in _STRIDES])


class Sampling(Protocol):
    """Where the samples of a region lie. taps: positions of a bin along one axis."""

    taps: int

    def levels(self, boxes: tf.Tensor) -> tf.Tensor:
        """Choose each region's level: (R, 4) -> (R,) int32, 0 for P2 to 3 for P5."""

    def axis(
        self, start: tf.Tensor, end: tf.Tensor, length: tf.Tensor, stride: tf.Tensor, side: int
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Positions and weights of every bin along one axis of its level.

        start, end (R,) as the boxes have them, length (R,) int32 cells, stride (R,) float32
        pixels -> positions (R, S, taps) int32 inside 0..length - 1, weights (R, S, taps).
        """


class RoIAlign:
    """torchvision's sampling, or with `aligned` Detectron2's, in boxes of input pixels.

    aligned: cell centres lie at whole numbers, and a region may be narrower than a cell.
    """

    taps = 2 * _SAMPLES

    def __init__(self, aligned: bool = False) -> None:
        self.aligned = aligned

    def levels(self, boxes: tf.Tensor) -> tf.Tensor:
        return assign_levels(boxes)

    def axis(
        self, start: tf.Tensor, end: tf.Tensor, length: tf.Tensor, stride: tf.Tensor, side: int
    ) -> tuple[tf.Tensor, tf.Tensor]:
        start, end = start / stride, end / stride
        if self.aligned:
            return sample_axis(start - 0.5, end - 0.5, length, side, narrowest=0.0)
        return sample_axis(start, end, length, side)


TORCHVISION = RoIAlign()


def roi_align(
    pyramid: Pyramid, boxes: tf.Tensor, side: int, sampling: Sampling = TORCHVISION
) -> tf.Tensor:
    """Crop boxes (R, 4), R static, from their levels -> (R, side, side, C)."""
    with tf.name_scope("roi_align"):
        count, channels = boxes.shape[0], pyramid.positions.shape[-1]
        per_chunk = max(1, _MAX_GATHERED // (channels * (sampling.taps * side) ** 2))
        crops: list[tf.Tensor] = []
        for start in range(0, count, per_chunk):
            # One chunk after the other: TensorFlow would run them side by side and
            # hold all of them in memory.
            with tf.control_dependencies(crops[-1:]):
                some = boxes[start : start + per_chunk]
                crops.append(_crop(pyramid, some, side, sampling))
        return tf.concat(crops, axis=0) if len(crops) > 1 else crops[0]


def _crop(pyramid: Pyramid, boxes: tf.Tensor, side: int, sampling: Sampling) -> tf.Tensor:
    level = sampling.levels(boxes)
    heights, widths = (
        tf.gather(tf.stack(sides), level) for sides in zip(*pyramid.sizes, strict=True)
    )
    strides = tf.gather(tf.constant(_STRIDES, tf.float32), level)
    x1, y1, x2, y2 = tf.unstack(boxes, axis=1)
    rows, row_weights = sampling.axis(y1, y2, heights, strides, side)
    columns, column_weights = sampling.axis(x1, x2, widths, strides, side)
    taps = sampling.taps**2

    first = tf.gather(_first_positions(pyramid.sizes), level)
    rows = first[:, None, None] + rows * widths[:, None, None]
    indices = rows[:, :, None, :, None] + columns[:, None, :, None, :]
    weights = row_weights[:, :, None, :, None] * column_weights[:, None, :, None, :]
    with tf.name_scope("corners"):
        corners = tf.gather(pyramid.positions, tf.reshape(indices, [-1, taps]))
    with tf.name_scope("bins"):
        bins = tf.reduce_sum(corners * tf.reshape(weights, [-1, taps, 1]), axis=1)
        return tf.reshape(bins, [-1, side, side, bins.shape[-1]])


def assign_levels(boxes: tf.Tensor) -> tf.Tensor:
    """Choose each box's level by its area: (R, 4) -> (R,) int32, 0 for P2 to 3 for P5."""
    x1, y1, x2, y2 = tf.unstack(boxes, axis=1)
    sides = tf.sqrt((x2 - x1) * (y2 - y1))
    return tf.reduce_sum(tf.cast(sides[:, None] >= _LEVEL_SIDES, tf.int32), axis=1)


def sample_axis(
    start: tf.Tensor, end: tf.Tensor, length: tf.Tensor, side: int, narrowest: float = 1.0
) -> tuple[tf.Tensor, tf.Tensor]:
    """Positions and weights of every bin along one axis of its level.

    start, end (R,) float32 and length (R,) int32, all in the level's cells
    -> positions (R, S, 4) int32 inside 0..length - 1, weights (R, S, 4) float32.

    As torchvision with `aligned=False`: a region is at least 1 cell wide (`narrowest`), a
    sample more than 1 cell outside counts as 0, nearer ones take the edge's value.
    """
    samples = _SAMPLES * side
    centers = (np.arange(samples, dtype=np.float32) + 0.5) / samples
    points = start[:, None] + tf.maximum(end - start, narrowest)[:, None] * centers
    length = tf.cast(length, tf.float32)[:, None]
    is_near = (points >= -1) & (points <= length)
    inside = tf.minimum(tf.maximum(points, 0.0), length - 1)
    low = tf.floor(inside)
    high = tf.minimum(low + 1, length - 1)
    fraction = inside - low
    weights = tf.stack([1 - fraction, fraction], axis=-1) / _SAMPLES
    weights = tf.where(is_near[:, :, None], weights, 0.0)
    positions = tf.cast(tf.stack([low, high], axis=-1), tf.int32)
    shape = [-1, side, 2 * _SAMPLES]
    return tf.reshape(positions, shape), tf.reshape(weights, shape)


def _first_positions(sizes: Sequence[Size]) -> tf.Tensor:
    """Where each level begins in the flattened pyramid: (4,) int32."""
    areas = [height * width for height, width in sizes]
    return tf.stack(list(accumulate(areas[:-1], initial=0)))
