"""The three layers that everything is made of, with weights given as arrays.

Weights come under torchvision's names in TensorFlow's layouts, BatchNorm already
folded in (`model/weights/torchvision.py`), so every layer has a bias.

N images or regions, H and W height and width, I and O input and output channels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

Weights = Mapping[str, NDArray[np.float32]]
Activation = Callable[[tf.Tensor], tf.Tensor]
# Height and width: ints in a graph of static shape, else scalar int32 tensors.
Size = tuple[int | tf.Tensor, int | tf.Tensor]


class Conv2d(tf.Module):
    """Convolution, weight (k, k, I, O): x (N, H, W, I) -> (N, H', W', O).

    `padding` is "SAME" as TensorFlow pads, or a number of zeros on every side as
    PyTorch pads; the two differ where the stride is 2.
    """

    def __init__(
        self,
        weights: Weights,
        name: str,
        *,
        stride: int = 1,
        padding: int | Literal["SAME"] = "SAME",
        activation: Activation = tf.identity,
    ) -> None:
        super().__init__()
        self.weight = _variable(weights, f"{name}.weight")
        self.bias = _variable(weights, f"{name}.bias")
        self.stride = stride
        self.padding = padding
        self.activation = activation

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        x, padding = (x, "SAME") if self.padding == "SAME" else (pad(x, self.padding), "VALID")
        return self.activation(self._convolve(x, padding) + self.bias)

    def _convolve(self, x: tf.Tensor, padding: str) -> tf.Tensor:
        return tf.nn.conv2d(x, self.weight, self.stride, padding)


class DepthwiseConv2d(Conv2d):
    """One filter per channel, weight (k, k, I, 1): x (N, H, W, I) -> (N, H', W', I)."""

    def _convolve(self, x: tf.Tensor, padding: str) -> tf.Tensor:
        strides = [1, self.stride, self.stride, 1]
        return tf.nn.depthwise_conv2d(x, self.weight, strides, padding)


class Linear(tf.Module):
    """Fully connected layer, weight (I, O): x (N, I) -> (N, O)."""

    def __init__(
        self, weights: Weights, name: str, *, activation: Activation = tf.identity
    ) -> None:
        super().__init__()
        self.weight = _variable(weights, f"{name}.weight")
        self.bias = _variable(weights, f"{name}.bias")
        self.activation = activation

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        return self.activation(tf.matmul(x, self.weight) + self.bias)


def pad(x: tf.Tensor, amount: int) -> tf.Tensor:
    """Zeros on every side: x (N, H, W, C) -> (N, H + 2·amount, W + 2·amount, C)."""
    return tf.pad(x, [[0, 0], [amount, amount], [amount, amount], [0, 0]])


def size_of(x: tf.Tensor, axis: int) -> int | tf.Tensor:
    """Length of one axis: an int when the graph knows it, else a scalar tensor.

    Ints keep a static graph free of shape arithmetic, which LiteRT would run.
    """
    return x.shape[axis] if x.shape[axis] is not None else tf.shape(x)[axis]


def _variable(weights: Weights, name: str) -> tf.Variable:
    # A variable is stored once however many signatures use it; a constant would be
    # copied into each one's graph.
    return tf.Variable(weights[name], trainable=False, name=name, dtype=tf.float32)
