"""Mask R-CNN (He et al., 2017): photograph -> boxes, classes, scores, masks.

H, W: height and width of the padded input, multiples of 32
D: detections (box_detections_per_img, 100)   K: boxes given to the mask head
C: channels of the pyramid   P: positions of the pyramid, H·W·(1/16 + 1/64 + 1/256 + 1/1024)
M: side of a mask (28)

Everything after the backbone works on one image and on padded tensors of fixed
length, so that one function serves a SavedModel (any H, W) and a .tflite
(constant H, W, builtin operators only).
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from model.architecture.arithmetic import arithmetic_of
from model.architecture.box_head import BoxHead
from model.architecture.efficientnet_lite import EfficientNetLite0
from model.architecture.fpn import Fpn
from model.architecture.layers import Size, Weights, size_of
from model.architecture.mask_head import MaskHead
from model.architecture.resnet import ResNet
from model.architecture.roi_align import Pyramid
from model.config import Preset


class Detected(NamedTuple):
    """The first stage's result, best score first.

    boxes (D, 4) float32: x1, y1, x2, y2 in input pixels, inside the valid size.
    scores (D,) float32.
    labels (D,) int32, 1 is the first class; 0, with box and score 0, is padding.
    num_detections () int32: how many of the D rows are detections.
    pyramid (P, C) float32: P2..P5, each flattened by rows, one after the other.
    """

    boxes: tf.Tensor
    scores: tf.Tensor
    labels: tf.Tensor
    num_detections: tf.Tensor
    pyramid: tf.Tensor


class MaskRCNN(tf.Module):
    """The network of a preset with the given folded weights.

    num_classes counts the background; labels run from 1 to num_classes - 1.
    """

    def __init__(self, preset: Preset, num_classes: int, weights: Weights) -> None:
        super().__init__()
        self.preset = preset
        self.num_classes = num_classes
        self.arithmetic = arithmetic_of(preset)
        self.backbone = (
            EfficientNetLite0(weights)
            if preset.backbone == "efficientnet_lite0"
            else ResNet(preset, weights)
        )
        self.fpn = Fpn(weights)
        self.rpn = self.arithmetic.rpn(preset, weights)
        self.box_head = BoxHead(preset, weights)
        self.mask_head = MaskHead(preset, weights)

    def normalize(self, images: tf.Tensor, image_sizes: tf.Tensor) -> tf.Tensor:
        """Pixels to network input, whatever is beyond each image's own size.

        images (N, H, W, 3) uint8 RGB, image_sizes (N, 2) int32 height and width
        -> (N, H, W, 3) float32.
        """
        with tf.name_scope("normalize"):
            return self.arithmetic.normalize(images, image_sizes)

    def detect(self, images: tf.Tensor, image_sizes: tf.Tensor) -> Detected:
        """Find boxes in one normalised image: all of the network but the masks.

        images (1, H, W, 3) float32, image_sizes (1, 2) int32 height and width.
        """
        image_size = image_sizes[0]
        features = self.backbone(images)
        levels = self.fpn(features)
        input_size = (size_of(images, 1), size_of(images, 2))
        proposals = self.rpn(levels, input_size, image_size)
        pyramid = Pyramid.of_levels(levels[:4])
        crops = self.arithmetic.crop(pyramid, proposals.boxes, 7, input_size)
        class_logits, deltas = self.box_head(crops)
        detections = self.arithmetic.select(class_logits, deltas, proposals, image_size, input_size)
        return Detected(*detections, pyramid.positions)

    def masks(
        self, pyramid: tf.Tensor, input_size: Size, boxes: tf.Tensor, labels: tf.Tensor
    ) -> tf.Tensor:
        """Mask probabilities of the boxes' classes, before pasting.

        pyramid (P, C) as `detect` returned it, input_size H and W of its image,
        boxes (K, 4), labels (K,) int32 -> (K, M, M) float32. K must be static.
        """
        whole = Pyramid.of_input(pyramid, input_size)
        crops = self.arithmetic.crop_detections(whole, boxes, 14, input_size)
        return self.mask_head(crops, labels)

    def predict(self, images: tf.Tensor, image_sizes: tf.Tensor) -> dict[str, tf.Tensor]:
        """Both stages on a batch of photographs, image by image.

        images (N, H, W, 3) uint8 RGB, image_sizes (N, 2) int32 height and width
        -> boxes (N, D, 4), scores (N, D), labels (N, D), num_detections (N,),
        masks (N, D, M, M).
        """

        def predict_one(inputs: tuple[tf.Tensor, tf.Tensor]) -> dict[str, tf.Tensor]:
            image, image_size = (x[None] for x in inputs)
            found = self.detect(self.normalize(image, image_size), image_size)
            input_size = (size_of(image, 1), size_of(image, 2))
            masks = self.masks(found.pyramid, input_size, found.boxes, found.labels)
            return {
                "boxes": found.boxes,
                "scores": found.scores,
                "labels": found.labels,
                "num_detections": found.num_detections,
                "masks": masks,
            }

        dtypes = dict.fromkeys(("boxes", "scores", "masks"), tf.float32)
        dtypes |= dict.fromkeys(("labels", "num_detections"), tf.int32)
        return tf.map_fn(predict_one, (images, image_sizes), fn_output_signature=dtypes)
