"""EfficientNet-Lite0: EfficientNet-B0 (Tan and Le, 2019) for small processors.

No squeeze-and-excitation, ReLU6 instead of swish: both quantise to int8 without
loss. Its published weights were trained in TensorFlow, so it pads with SAME.
"""

from __future__ import annotations

import tensorflow as tf

from model.architecture.layers import Conv2d, DepthwiseConv2d, Weights
from model.config import EFFICIENTNET_LITE0_BLOCKS, EFFICIENTNET_LITE0_OUTPUTS, InvertedResidual


class EfficientNetLite0(tf.Module):
    """images (N, H, W, 3) -> C2..C5 at strides 4 to 32 with 24, 40, 112, 320 channels."""

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        body = "backbone.body"
        self.stem = Conv2d(weights, f"{body}._conv_stem", stride=2, activation=tf.nn.relu6)
        self.blocks = [
            _Block(weights, f"{body}._blocks.{index}", block)
            for index, block in enumerate(EFFICIENTNET_LITE0_BLOCKS)
        ]

    def __call__(self, images: tf.Tensor) -> list[tf.Tensor]:
        with tf.name_scope("backbone"):
            x = self.stem(images)
            outputs = []
            for block in self.blocks:
                x = block(x)
                outputs.append(x)
            return [outputs[index] for index in EFFICIENTNET_LITE0_OUTPUTS]


class _Block(tf.Module):
    """Expand 1×1, depthwise k×k, project 1×1, added to the input where shapes allow."""

    def __init__(self, weights: Weights, name: str, block: InvertedResidual) -> None:
        super().__init__()
        self.is_residual = block.is_residual
        self.expand = (
            Conv2d(weights, f"{name}._expand_conv", activation=tf.nn.relu6)
            if block.expansion > 1
            else tf.identity
        )
        self.depthwise = DepthwiseConv2d(
            weights, f"{name}._depthwise_conv", stride=block.stride, activation=tf.nn.relu6
        )
        self.project = Conv2d(weights, f"{name}._project_conv")

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.is_residual else y
