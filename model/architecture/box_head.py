"""Box head (Girshick, 2015): crops -> classes and refined boxes -> detections.

R: proposals   S: side of a crop (7)   C: channels   B: classes, the background included
K: (proposal, class) pairs that enter suppression (box_candidates)
D: detections (box_detections_per_img)
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from model.architecture.boxes import clip_boxes, decode_boxes, has_min_size
from model.architecture.layers import Conv2d, Linear, Weights
from model.architecture.nms import non_max_suppression, take_kept
from model.architecture.rpn import Proposals
from model.config import Preset

# A delta is this many times what it moves or scales a box by.
DELTA_WEIGHTS = (10.0, 10.0, 5.0, 5.0)
_MIN_SIZE = 1e-2


class BoxHead(tf.Module):
    """crops (R, S, S, C) -> class logits (R, B) and deltas (R, 4 · B)."""

    def __init__(self, preset: Preset, weights: Weights) -> None:
        super().__init__()
        head, predictor = "roi_heads.box_head", "roi_heads.box_predictor"
        self.convs = [
            Conv2d(weights, f"{head}.{index}.0", activation=tf.nn.relu)
            for index in range(preset.box_head_convs)
        ]
        self.reduce = (
            Linear(weights, f"{head}.{preset.box_head_reduction}")
            if preset.box_head_rank
            else tf.identity
        )
        self.fcs = [
            Linear(weights, f"{head}.{name}", activation=tf.nn.relu) for name in preset.box_head_fcs
        ]
        self.class_logits = Linear(weights, f"{predictor}.cls_score")
        self.deltas = Linear(weights, f"{predictor}.bbox_pred")

    def __call__(self, crops: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.name_scope("box_head"):
            for conv in self.convs:
                crops = conv(crops)
            x = self.reduce(tf.reshape(crops, [crops.shape[0], -1]))
            for fc in self.fcs:
                x = fc(x)
        with tf.name_scope("box_predictor"):
            return self.class_logits(x), self.deltas(x)


class Selected(NamedTuple):
    """boxes (D, 4), scores (D,), labels (D,) int32, best first; rows past num_detections are 0."""

    boxes: tf.Tensor
    scores: tf.Tensor
    labels: tf.Tensor
    num_detections: tf.Tensor


def select_detections(
    preset: Preset,
    class_logits: tf.Tensor,
    deltas: tf.Tensor,
    proposals: Proposals,
    image_size: tf.Tensor,
) -> Selected:
    """Per-class suppression over the best (proposal, class) pairs.

    class_logits (R, B), deltas (R, 4 · B), image_size (2,) int32 height and width.
    """
    with tf.name_scope("detections"):
        scores = _foreground_scores(class_logits, proposals, preset.box_score_thresh)
        foreground = scores.shape[1]
        pairs = min(preset.box_candidates, scores.shape[0] * foreground)
        scores, best = tf.math.top_k(tf.reshape(scores, [-1]), pairs)
        proposal, labels = best // foreground, best % foreground + 1

        delta_rows = proposal * (foreground + 1) + labels
        boxes = decode_boxes(
            tf.gather(tf.reshape(deltas, [-1, 4]), delta_rows),
            tf.gather(proposals.boxes, proposal),
            DELTA_WEIGHTS,
        )
        boxes = clip_boxes(boxes, image_size)
        scores = tf.where(has_min_size(boxes, _MIN_SIZE), scores, 0.0)

        indices, count = non_max_suppression(
            _move_apart(boxes, labels, image_size),
            scores,
            iou_threshold=preset.box_nms_thresh,
            max_kept=preset.box_detections_per_img,
        )
        return Selected(
            take_kept(boxes, indices, count),
            take_kept(scores, indices, count),
            take_kept(labels, indices, count),
            count,
        )


def _foreground_scores(
    class_logits: tf.Tensor, proposals: Proposals, threshold: float
) -> tf.Tensor:
    """(R, B) logits -> (R, B - 1) probabilities; 0 for padding and up to the threshold."""
    scores = tf.nn.softmax(class_logits)[:, 1:]
    is_candidate = (scores > threshold) & (proposals.scores[:, None] > 0)
    return tf.where(is_candidate, scores, 0.0)


def _move_apart(boxes: tf.Tensor, labels: tf.Tensor, image_size: tf.Tensor) -> tf.Tensor:
    """Shift each class's boxes to a place of its own, so that classes never overlap."""
    stride = tf.reduce_max(image_size) + 1
    return boxes + tf.cast(labels * stride, tf.float32)[:, None]
