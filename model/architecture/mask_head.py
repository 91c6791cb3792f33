"""Mask head (He et al., 2017): crops -> one mask per region, of its own class.

K: regions   S: side of a crop (14)   M: side of a mask, 2S   C: channels   B: classes
"""

from __future__ import annotations

import tensorflow as tf

from model.architecture.layers import Conv2d, Weights
from model.config import Preset


class MaskHead(tf.Module):
    """crops (K, S, S, C), labels (K,) int32 -> probabilities (K, M, M)."""

    def __init__(self, preset: Preset, weights: Weights) -> None:
        super().__init__()
        head, predictor = "roi_heads.mask_head", "roi_heads.mask_predictor"
        self.convs = [
            Conv2d(weights, f"{head}.{index}.0", activation=tf.nn.relu)
            for index in range(len(preset.mask_head_channels))
        ]
        # A 2×2 transposed convolution of stride 2 is a 1×1 convolution to 4 times the
        # channels, laid out as 2×2 pixels: the same arithmetic, 4 times faster in int8.
        self.upsample = Conv2d(weights, f"{predictor}.conv5_mask", activation=tf.nn.relu)
        self.logits = Conv2d(weights, f"{predictor}.mask_fcn_logits")

    def __call__(self, crops: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        with tf.name_scope("mask_head"):
            x = crops
            for conv in self.convs:
                x = conv(x)
            x = tf.nn.depth_to_space(self.upsample(x), 2)
            return tf.sigmoid(_of_class(self.logits(x), labels))


def _of_class(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """(K, M, M, B) and (K,) -> (K, M, M): each region's own class."""
    by_class = tf.transpose(logits, [0, 3, 1, 2])
    return tf.gather(by_class, labels, batch_dims=1)
