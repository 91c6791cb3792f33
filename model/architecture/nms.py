"""Non-maximum suppression: of boxes that overlap, the one with the best score."""

from __future__ import annotations

import tensorflow as tf


def non_max_suppression(
    boxes: tf.Tensor, scores: tf.Tensor, *, iou_threshold: float, max_kept: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Keep each box that overlaps no better one by more than iou_threshold.

    boxes (N, 4), scores (N,), those of 0 or less never kept
    -> indices (max_kept,) int32, best first, padded with 0, and how many count () int32.
    """
    # The op asks for y before x; overlap does not care which axis is which.
    indices, count = tf.raw_ops.NonMaxSuppressionV4(
        boxes=boxes,
        scores=scores,
        max_output_size=max_kept,
        iou_threshold=iou_threshold,
        score_threshold=0.0,
        pad_to_max_output_size=True,
    )
    return indices, count


def take_kept(rows: tf.Tensor, indices: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """Gather the rows (N, …) that suppression kept -> (max_kept, …); padding is 0."""
    kept = tf.gather(rows, indices)
    is_kept = tf.range(indices.shape[0]) < count
    return tf.where(tf.reshape(is_kept, [-1] + [1] * (kept.shape.rank - 1)), kept, 0)
