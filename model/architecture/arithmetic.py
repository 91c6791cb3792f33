"""What differs between torchvision's, Detectron2's and matterport's Mask R-CNN around the layers.

torchvision and Detectron2 count in pixels of the input and differ in where RoIAlign samples.
matterport counts in 0..1, from the centre of the first pixel to that of the last, has the
photograph in the middle of a square of zeros, suppresses proposals over all levels together,
and looks at each proposal's best class alone.

N images   H, W: height and width of the padded input   R: proposals   B: classes
"""

from __future__ import annotations

from functools import partial

import tensorflow as tf

from model.architecture.anchors import anchors_at
from model.architecture.box_head import DELTA_WEIGHTS, Selected, select_detections
from model.architecture.boxes import decode_boxes
from model.architecture.crop_and_resize import CropAndResize
from model.architecture.layers import Size, size_of
from model.architecture.nms import non_max_suppression, take_kept
from model.architecture.roi_align import Pyramid, RoIAlign, roi_align
from model.architecture.rpn import STRIDES, Proposals, Rpn
from model.config import Preset

# Classes are moved apart by more than any box is wide, in 0..1.
_APART = 2.0
# Beyond all classes, in 0..1.
_FAR = 4096.0


class PixelArithmetic:
    """torchvision's and Detectron2's."""

    rpn: type[Rpn] = Rpn

    def __init__(self, preset: Preset) -> None:
        self.preset = preset
        self.sampling = RoIAlign(aligned=preset.family == "detectron2")

    def normalize(self, images: tf.Tensor, image_sizes: tf.Tensor) -> tf.Tensor:
        """Pixels to network input; zero beyond each image's own size, at the top left."""
        rows = tf.range(size_of(images, 1)) < image_sizes[:, :1]
        columns = tf.range(size_of(images, 2)) < image_sizes[:, 1:]
        valid = tf.cast(rows, tf.float32)[:, :, None] * tf.cast(columns, tf.float32)[:, None]
        pixels = (tf.cast(images, tf.float32) - self.preset.mean) / self.preset.std
        return pixels * valid[..., None]

    def crop(
        self, pyramid: Pyramid, proposals: tf.Tensor, side: int, input_size: Size
    ) -> tf.Tensor:
        """Crop proposals (R, 4), as the RPN gives them, from the pyramid."""
        return roi_align(pyramid, proposals, side, self.sampling)

    def crop_detections(
        self, pyramid: Pyramid, boxes: tf.Tensor, side: int, input_size: Size
    ) -> tf.Tensor:
        """Crop detections (K, 4), in pixels, from the pyramid."""
        return roi_align(pyramid, boxes, side, self.sampling)

    def select(
        self,
        class_logits: tf.Tensor,
        deltas: tf.Tensor,
        proposals: Proposals,
        image_size: tf.Tensor,
        input_size: Size,
    ) -> Selected:
        """Choose the detections, in pixels of the input."""
        return select_detections(self.preset, class_logits, deltas, proposals, image_size)


class MatterportRpn(Rpn):
    """Proposals in 0..1: the best of all levels, clipped to the square, suppressed together."""

    def __call__(
        self, levels: list[tf.Tensor], input_size: Size, image_size: tf.Tensor
    ) -> Proposals:
        predictions = [self._predict(level) for level in levels]
        with tf.name_scope("proposals"):
            per_level = []
            for level, base, stride, (objectness, deltas) in zip(
                levels, self.base_anchors, STRIDES, predictions, strict=True
            ):
                anchors = partial(
                    self._anchors, level=level, base=base, stride=stride, input_size=input_size
                )
                per_level.append(self._candidates(objectness, deltas, anchors))
            logits, boxes = (tf.concat(parts, axis=0) for parts in zip(*per_level, strict=True))
            return self._suppress(logits, boxes)

    def _anchors(
        self,
        indices: tf.Tensor,
        level: tf.Tensor,
        base: tf.Tensor,
        stride: int,
        input_size: Size,
    ) -> tf.Tensor:
        step = self.preset.anchor_stride
        grid = (-(-size_of(level, 1) // step), -(-size_of(level, 2) // step))
        return to_unit(anchors_at(indices, base, input_size, grid, step * stride), input_size)

    def _suppress(self, logits: tf.Tensor, boxes: tf.Tensor) -> Proposals:
        preset = self.preset
        count = tf.minimum(preset.rpn_pre_nms_top_n, size_of(logits, 0))
        logits, best = tf.math.top_k(logits, count)
        boxes = tf.clip_by_value(tf.gather(boxes, best), 0.0, 1.0)
        scores = tf.sigmoid(logits)
        kept = non_max_suppression(
            _never_flat(boxes),
            scores,
            iou_threshold=preset.rpn_nms_thresh,
            max_kept=preset.rpn_post_nms_top_n,
        )
        return Proposals(take_kept(boxes, *kept), take_kept(scores, *kept))


class MatterportArithmetic:
    """matterport's."""

    rpn: type[Rpn] = MatterportRpn

    def __init__(self, preset: Preset) -> None:
        self.preset = preset

    def normalize(self, images: tf.Tensor, image_sizes: tf.Tensor) -> tf.Tensor:
        """Pixels less their mean; what is around the photograph is black, not the mean."""
        sides = (size_of(images, 1), size_of(images, 2))
        rows, columns = (
            _within(side, image_sizes[:, axis : axis + 1]) for axis, side in enumerate(sides)
        )
        valid = rows[:, :, None] * columns[:, None]
        return tf.cast(images, tf.float32) * valid[..., None] - self.preset.mean

    def crop(
        self, pyramid: Pyramid, proposals: tf.Tensor, side: int, input_size: Size
    ) -> tf.Tensor:
        """Crop proposals (R, 4), in 0..1, from the pyramid."""
        return roi_align(pyramid, proposals, side, CropAndResize(input_size))

    def crop_detections(
        self, pyramid: Pyramid, boxes: tf.Tensor, side: int, input_size: Size
    ) -> tf.Tensor:
        """Crop detections (K, 4), in pixels, from the pyramid."""
        return self.crop(pyramid, to_unit(boxes, input_size), side, input_size)

    def select(
        self,
        class_logits: tf.Tensor,
        deltas: tf.Tensor,
        proposals: Proposals,
        image_size: tf.Tensor,
        input_size: Size,
    ) -> Selected:
        """Refine each proposal as its best class, and suppress class by class."""
        preset = self.preset
        with tf.name_scope("detections"):
            probabilities = tf.nn.softmax(class_logits)
            labels = tf.argmax(probabilities, axis=1, output_type=tf.int32)
            scores = tf.reduce_max(probabilities, axis=1)
            classes = class_logits.shape[1]
            rows = tf.range(labels.shape[0]) * classes + labels
            boxes = decode_boxes(
                tf.gather(tf.reshape(deltas, [-1, 4]), rows), proposals.boxes, DELTA_WEIGHTS
            )
            low, high = _window(image_size, input_size)
            boxes = tf.minimum(tf.maximum(boxes, low), high)
            is_found = (labels > 0) & (scores >= preset.box_score_thresh) & (proposals.scores > 0)
            indices, count = non_max_suppression(
                _never_flat(boxes + _APART * tf.cast(labels, tf.float32)[:, None]),
                tf.where(is_found, scores, 0.0),
                iou_threshold=preset.box_nms_thresh,
                max_kept=preset.box_detections_per_img,
            )
            return Selected(
                take_kept(to_pixels(boxes, input_size), indices, count),
                take_kept(scores, indices, count),
                take_kept(labels, indices, count),
                count,
            )


Arithmetic = PixelArithmetic | MatterportArithmetic


def arithmetic_of(preset: Preset) -> Arithmetic:
    """The arithmetic of a preset's family."""
    return (MatterportArithmetic if preset.family == "matterport" else PixelArithmetic)(preset)


def to_unit(boxes: tf.Tensor, input_size: Size) -> tf.Tensor:
    """Boxes (N, 4) of pixels to 0..1; the last pixel of a box is inside it there."""
    return (boxes - [0.0, 0.0, 1.0, 1.0]) / _last_pixels(input_size)


def to_pixels(boxes: tf.Tensor, input_size: Size) -> tf.Tensor:
    """Boxes (N, 4) of 0..1 to pixels."""
    return boxes * _last_pixels(input_size) + [0.0, 0.0, 1.0, 1.0]


def _never_flat(boxes: tf.Tensor) -> tf.Tensor:
    """Give each box without an area one of its own, far from all: (N, 4) -> (N, 4).

    matterport keeps them: they overlap nothing. LiteRT's suppression puts a box that it has kept
    back into its queue, and counts on its overlapping itself; one without an area it keeps again
    and again, and nothing after it.
    """
    x1, y1, x2, y2 = tf.unstack(boxes, axis=1)
    place = _FAR + 2.0 * tf.cast(tf.range(size_of(boxes, 0)), tf.float32)
    own = tf.stack([place, place, place + 1, place + 1], axis=1)
    return tf.where(((x2 > x1) & (y2 > y1))[:, None], boxes, own)


def _last_pixels(input_size: Size) -> tf.Tensor:
    height, width = (tf.cast(side, tf.float32) - 1 for side in input_size)
    return tf.stack([width, height, width, height])


def _within(side: int | tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
    """1 for the middle `valid` (N, 1) int32 of `side` pixels, else 0: (N, side) float32."""
    first = (side - valid) // 2
    index = tf.range(side)
    return tf.cast((index >= first) & (index < first + valid), tf.float32)


def _window(image_size: tf.Tensor, input_size: Size) -> tuple[tf.Tensor, tf.Tensor]:
    """The photograph's place in 0..1: its corners as (4,) x, y, x, y each."""
    height, width = image_size[0], image_size[1]
    top, left = (input_size[0] - height) // 2, (input_size[1] - width) // 2
    last = _last_pixels(input_size)
    low = tf.cast(tf.stack([left, top, left, top]), tf.float32) / last
    right, bottom = left + width - 1, top + height - 1
    return low, tf.cast(tf.stack([right, bottom, right, bottom]), tf.float32) / last
