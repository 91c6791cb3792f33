"""Depthwise convolution whose gradients are fast in bfloat16 on a CPU.

oneDNN 3.12 has fast kernels for the forward pass, for the input's gradient at stride 1, and for
the weights' gradient of 3×3 kernels; all else falls back to a reference. What falls back is
composed of what is fast. Measured on two cores, 4 photographs, milliseconds:

    gradient                           PyTorch   here
    weights, 5×5, 672 × 36×30             62      5
    weights, 5×5, stride 2, 144 × 72×60  120     14
    input,   5×5, stride 2, 144 × 72×60   37      9

N photographs, C channels, k side of a kernel.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor


def depthwise_conv2d(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int
) -> Tensor:
    """Convolve x (N, C, H, W) by weight (C, 1, k, k), k 3 or 5; stride 2 takes no padding.

    The bias gets no gradient. Anything but bfloat16 on a CPU is left to PyTorch.
    """
    if x.dtype == torch.bfloat16 and x.device.type == "cpu":
        y: Tensor = _DepthwiseConv2d.apply(x, weight, bias, stride, padding)
        return y
    return F.conv2d(x, weight, bias, stride, padding, 1, len(weight))


class _DepthwiseConv2d(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(x, weight, bias, stride, padding, 1, len(weight))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        (gradient,) = gradients
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        of_x = of_weight = None
        if ctx.needs_input_grad[0]:
            of_x = _input_gradient(gradient, x, weight, ctx.stride, ctx.padding)
        if ctx.needs_input_grad[1]:
            padded = F.pad(x, (ctx.padding,) * 4)
            of_weight = _weight_gradient(gradient, padded, weight, ctx.stride)
        return of_x, of_weight, None, None, None


def _input_gradient(
    gradient: Tensor, x: Tensor, weight: Tensor, stride: int, padding: int
) -> Tensor:
    if stride == 1:
        return _backward(gradient, x, weight, stride, padding, of_input=True)
    # Zeros between its values make it the gradient of a convolution of stride 1.
    n, channels, height, width = x.shape
    k = weight.shape[-1]
    spread = gradient.new_zeros(n, height - k + 1, width - k + 1, channels).permute(0, 3, 1, 2)
    spread[:, :, ::stride, ::stride] = gradient
    return F.conv2d(spread, weight.flip(2, 3), None, 1, k - 1, 1, channels)


def _weight_gradient(gradient: Tensor, padded: Tensor, weight: Tensor, stride: int) -> Tensor:
    """Of a convolution of `padded` without padding: corners of 3×3 cover the kernel."""
    last = weight.shape[-1] - 3
    height, width = ((side - 1) * stride + 3 for side in gradient.shape[2:])
    corner = weight[:, :, :3, :3].contiguous()
    result = torch.empty_like(weight)
    for i, j in product({0, last}, repeat=2):
        window = padded[:, :, i : i + height, j : j + width]
        window = window.contiguous(memory_format=torch.channels_last)
        part = _backward(gradient, window, corner, stride, 0, of_input=False)
        result[:, :, i : i + 3, j : j + 3] = part
    return result


def _backward(
    gradient: Tensor, x: Tensor, weight: Tensor, stride: int, padding: int, *, of_input: bool
) -> Tensor:
    of_x, of_weight, _ = torch.ops.aten.convolution_backward(
        gradient,
        x,
        weight,
        None,
        (stride, stride),
        (padding, padding),
        (1, 1),
        False,
        (0, 0),
        len(weight),
        (of_input, not of_input, False),
    )
    result: Tensor = of_x if of_input else of_weight
    return result
