"""Feature pyramid network (Lin et al., 2017)."""

from __future__ import annotations

import tensorflow as tf

from model.architecture.layers import Conv2d, Weights, size_of


class Fpn(tf.Module):
    """C2..C5 (N, H, W, various) -> P2..P6 at strides 4 to 64 (N, H, W, fpn_channels)."""

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        # The v2 recipe's blocks have a BatchNorm but, unlike the heads', no ReLU.
        self.inner = [Conv2d(weights, f"backbone.fpn.inner_blocks.{i}.0") for i in range(4)]
        self.layer = [Conv2d(weights, f"backbone.fpn.layer_blocks.{i}.0") for i in range(4)]

    def __call__(self, features: list[tf.Tensor]) -> list[tf.Tensor]:
        with tf.name_scope("fpn"):
            merged = [self.inner[3](features[3])]
            for inner, feature in zip(self.inner[2::-1], features[2::-1], strict=True):
                merged.insert(0, inner(feature) + _double(merged[0]))
            levels = [layer(x) for layer, x in zip(self.layer, merged, strict=True)]
            # P6 is every second pixel of P5.
            levels.append(tf.nn.max_pool2d(levels[-1], ksize=1, strides=2, padding="VALID"))
            return levels


def _double(x: tf.Tensor) -> tf.Tensor:
    """Nearest-neighbour upsampling: (N, H, W, C) -> (N, 2H, 2W, C)."""
    size = [2 * size_of(x, 1), 2 * size_of(x, 2)]
    return tf.raw_ops.ResizeNearestNeighbor(images=x, size=size)
