"""Region proposal network (Ren et al., 2015): pyramid -> boxes worth a closer look.

h, w: height and width of one level   C: channels   A: anchors per position
L: anchors of one level, h · w · A    R: proposals (rpn_post_nms_top_n)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import tensorflow as tf

from model.architecture.anchors import anchors_at, base_anchors
from model.architecture.boxes import clip_boxes, decode_boxes, has_min_size
from model.architecture.layers import Conv2d, Size, Weights, size_of
from model.architecture.nms import non_max_suppression, take_kept
from model.config import Preset

_MIN_SIZE = 1e-3
# Of P2..P6.
STRIDES = (4, 8, 16, 32, 64)


class Proposals(NamedTuple):
    """boxes (R, 4) and objectness (R,) in (0, 1], best first; padding is 0 in both."""

    boxes: tf.Tensor
    scores: tf.Tensor


class Rpn(tf.Module):
    """P2..P6 (1, h, w, C) -> Proposals."""

    def __init__(self, preset: Preset, weights: Weights) -> None:
        super().__init__()
        self.preset = preset
        self.convs = [
            Conv2d(
                weights,
                f"rpn.head.conv.{index}.0",
                stride=preset.anchor_stride,
                activation=tf.nn.relu,
            )
            for index in range(preset.rpn_convs)
        ]
        self.objectness = Conv2d(weights, "rpn.head.cls_logits")
        self.deltas = Conv2d(weights, "rpn.head.bbox_pred")
        is_torchvision = preset.family == "torchvision"
        self.base_anchors = [
            base_anchors(size, preset.anchor_ratios, rounded=is_torchvision)
            for size in preset.anchor_sizes
        ]

    def __call__(
        self, levels: list[tf.Tensor], input_size: Size, image_size: tf.Tensor
    ) -> Proposals:
        """input_size is H, W with the padding; image_size (2,) int32 is without."""
        predictions = [self._predict(level) for level in levels]
        with tf.name_scope("proposals"):
            per_level = []
            for level, base, stride, (objectness, deltas) in zip(
                levels, self.base_anchors, STRIDES, predictions, strict=True
            ):
                anchors = partial(
                    anchors_at,
                    base=base,
                    input_size=input_size,
                    grid_size=(size_of(level, 1), size_of(level, 2)),
                    # torchvision's follow from the sizes of input and level.
                    stride=None if self.preset.family == "torchvision" else stride,
                )
                per_level.append(self._propose(objectness, deltas, anchors, image_size))
            return self._best(per_level)

    def _predict(self, level: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """One level -> logits (L,) and deltas (L, 4)."""
        with tf.name_scope("rpn_head"):
            for conv in self.convs:
                level = conv(level)
        with tf.name_scope("rpn_predictor"):
            return tf.reshape(self.objectness(level), [-1]), tf.reshape(self.deltas(level), [-1, 4])

    def _candidates(
        self,
        objectness: tf.Tensor,
        deltas: tf.Tensor,
        anchors: Callable[[tf.Tensor], tf.Tensor],
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """One level's best logits, and their boxes before any is clipped."""
        logits, best = tf.math.top_k(
            objectness, tf.minimum(self.preset.rpn_pre_nms_top_n, size_of(objectness, 0))
        )
        return logits, decode_boxes(tf.gather(deltas, best), anchors(best))

    def _propose(
        self,
        objectness: tf.Tensor,
        deltas: tf.Tensor,
        anchors: Callable[[tf.Tensor], tf.Tensor],
        image_size: tf.Tensor,
    ) -> Proposals:
        """One level's proposals: (L,), (L, 4) and the anchors at given indices -> Proposals."""
        preset = self.preset
        logits, boxes = self._candidates(objectness, deltas, anchors)
        boxes = clip_boxes(boxes, image_size)
        scores = tf.where(has_min_size(boxes, _MIN_SIZE), tf.sigmoid(logits), 0.0)
        kept = non_max_suppression(
            boxes,
            scores,
            iou_threshold=preset.rpn_nms_thresh,
            max_kept=preset.rpn_post_nms_top_n,
        )
        return Proposals(take_kept(boxes, *kept), take_kept(scores, *kept))

    def _best(self, per_level: list[Proposals]) -> Proposals:
        boxes, scores = (tf.concat(parts, axis=0) for parts in zip(*per_level, strict=True))
        scores, best = tf.math.top_k(scores, self.preset.rpn_post_nms_top_n)
        return Proposals(tf.gather(boxes, best), scores)
