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
        # The logits are 1×1 too, so only their one wanted channel has to be laid out.
        self.upsample = Conv2d(weights, f"{predictor}.conv5_mask", activation=tf.nn.relu)
        self.logits = Conv2d(weights, f"{predictor}.mask_fcn_logits")

    def __call__(self, crops: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        with tf.name_scope("mask_head"):
            x = crops
            for conv in self.convs:
                x = conv(x)
            logits = self.logits(_split_pixels(self.upsample(x)))
        with tf.name_scope("mask_probability"):
            of_class = tf.gather(logits, labels, axis=3, batch_dims=1)
            masks = tf.nn.depth_to_space(tf.reshape(of_class, [*x.shape[:3], 4]), 2)
            return tf.sigmoid(tf.squeeze(masks, axis=3))


def _split_pixels(x: tf.Tensor) -> tf.Tensor:
    """(K, S, S, 4 · C) -> (K, S · S, 4, C)."""
    count, height, width, channels = x.shape
    return tf.reshape(x, [count, height * width, 4, channels // 4])
