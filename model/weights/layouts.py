"""Where PyTorch and TensorFlow keep the same weight, both ways.

                    PyTorch         TensorFlow
    convolution     (O, I, k, k)    (k, k, I, O)
    depthwise       (I, 1, k, k)    (k, k, I, 1)
    linear          (O, I)          (I, O), rows in H, W, C order after a flatten
    transposed      (I, O, 2, 2)    (1, 1, I, 4·O), for depth-to-space

I and O: input and output channels, k: kernel side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from numpy.typing import NDArray

# Side of the crops that the box head flattens.
CROP_SIDE = 7

_Rearrange = Callable[[NDArray[Any]], NDArray[Any]]


class Layout(NamedTuple):
    """The two directions; neither changes a value."""

    to_tensorflow: _Rearrange
    to_pytorch: _Rearrange


def _flattened_to_tensorflow(weight: NDArray[Any]) -> NDArray[Any]:
    outputs = len(weight)
    crops = weight.reshape(outputs, -1, CROP_SIDE, CROP_SIDE)
    return crops.transpose(2, 3, 1, 0).reshape(-1, outputs)


def _flattened_to_pytorch(weight: NDArray[Any]) -> NDArray[Any]:
    outputs = weight.shape[1]
    crops = weight.reshape(CROP_SIDE, CROP_SIDE, -1, outputs)
    return crops.transpose(3, 2, 0, 1).reshape(outputs, -1)


def _transposed_to_tensorflow(weight: NDArray[Any]) -> NDArray[Any]:
    return weight.transpose(0, 2, 3, 1).reshape(1, 1, len(weight), -1)


def _transposed_to_pytorch(weight: NDArray[Any]) -> NDArray[Any]:
    return weight.reshape(weight.shape[2], 2, 2, -1).transpose(0, 3, 1, 2)


CONVOLUTION = Layout(lambda w: w.transpose(2, 3, 1, 0), lambda w: w.transpose(3, 2, 0, 1))
DEPTHWISE = Layout(lambda w: w.transpose(2, 3, 0, 1), lambda w: w.transpose(2, 3, 0, 1))
LINEAR = Layout(lambda w: w.T, lambda w: w.T)
LINEAR_AFTER_FLATTEN = Layout(_flattened_to_tensorflow, _flattened_to_pytorch)
TRANSPOSED = Layout(_transposed_to_tensorflow, _transposed_to_pytorch)
