"""ResNet-50 and ResNet-101 (He et al., 2015).

torchvision has the stride in the 3×3 convolution; the networks that begin with the weights of
the paper's authors (MSRA), Detectron2's and matterport's, have it in the first 1×1.
"""

from __future__ import annotations

import tensorflow as tf

from model.architecture.layers import Conv2d, Weights, pad
from model.config import RESNET_BLOCKS, Preset


class ResNet(tf.Module):
    """images (N, H, W, 3) -> C2..C5 at strides 4 to 32 with 256, 512, 1024, 2048 channels.

    Strided layers pad as PyTorch does: TensorFlow's SAME would put the odd pixel
    on the other side and shift every feature by half a stride. matterport's pooling is Keras's,
    and pads so.
    """

    def __init__(self, preset: Preset, weights: Weights) -> None:
        super().__init__()
        body = "backbone.body"
        self.pools_as_keras = preset.family == "matterport"
        stride_first = preset.family != "torchvision"
        self.stem = Conv2d(weights, f"{body}.conv1", stride=2, padding=3, activation=tf.nn.relu)
        self.stages = [
            [
                _Bottleneck(
                    weights,
                    f"{body}.layer{stage}.{block}",
                    stride=2 if stage > 1 and block == 0 else 1,
                    stride_first=stride_first,
                    projects=block == 0,
                )
                for block in range(blocks)
            ]
            for stage, blocks in enumerate(RESNET_BLOCKS[preset.backbone], start=1)
        ]

    def __call__(self, images: tf.Tensor) -> list[tf.Tensor]:
        with tf.name_scope("backbone"):
            x = self._pool(self.stem(images))
            outputs = []
            for stage in self.stages:
                for block in stage:
                    x = block(x)
                outputs.append(x)
            return outputs

    def _pool(self, x: tf.Tensor) -> tf.Tensor:
        if self.pools_as_keras:
            return tf.nn.max_pool2d(x, ksize=3, strides=2, padding="SAME")
        # Zeros are as good as PyTorch's -inf here: nothing after ReLU is negative.
        return tf.nn.max_pool2d(pad(x, 1), ksize=3, strides=2, padding="VALID")


class _Bottleneck(tf.Module):
    """1×1 reduce, 3×3, 1×1 expand, added to the input or to its 1×1 projection."""

    def __init__(
        self, weights: Weights, name: str, *, stride: int, stride_first: bool, projects: bool
    ) -> None:
        super().__init__()
        first, second = (stride, 1) if stride_first else (1, stride)
        self.conv1 = Conv2d(weights, f"{name}.conv1", stride=first, activation=tf.nn.relu)
        self.conv2 = Conv2d(
            weights, f"{name}.conv2", stride=second, padding=1, activation=tf.nn.relu
        )
        self.conv3 = Conv2d(weights, f"{name}.conv3")
        self.shortcut = (
            Conv2d(weights, f"{name}.downsample.0", stride=stride, padding=0)
            if projects
            else tf.identity
        )

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        return tf.nn.relu(self.conv3(self.conv2(self.conv1(x))) + self.shortcut(x))
