"""Run by `make test-training`, which installs PyTorch."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: make test-training")

from model.training.depthwise import depthwise_conv2d  # noqa: E402

CHANNELS = 16


def gradients(x, weight, stride: int, padding: int):
    """Of the sum of squares over a convolution, in the map and in the weights."""
    x, weight = x.detach().requires_grad_(), weight.detach().requires_grad_()
    y = depthwise_conv2d(x, weight, None, stride, padding)
    return torch.autograd.grad(y.float().square().sum(), (x, weight))


@pytest.mark.parametrize(
    ("kernel", "stride", "padding"), [(3, 1, 1), (5, 1, 2), (3, 2, 0), (5, 2, 0)]
)
def test_gradients_are_pytorchs(kernel: int, stride: int, padding: int):
    torch.manual_seed(0)
    # As SAME padding leaves them: sides from which every position of the kernel is reached.
    height, width = (side * stride + kernel - stride - 2 * padding for side in (9, 7))
    x = torch.randn(2, CHANNELS, height, width).bfloat16()
    weight = torch.randn(CHANNELS, 1, kernel, kernel).bfloat16()
    ours = gradients(x.contiguous(memory_format=torch.channels_last), weight, stride, padding)
    pytorchs = gradients(x.float(), weight.float(), stride, padding)
    for mine, wanted in zip(ours, pytorchs, strict=True):
        # bfloat16 keeps eight bits.
        assert (mine.float() - wanted).abs().max() < wanted.abs().max() / 100


def test_one_weights_gradient_is_a_sum_that_can_be_checked():
    # One tap at the kernel's corner, on a map of ones but for one 3: of y = w · x the gradient
    # in w is Σ x over the 4 positions that the tap sees.
    x = torch.ones(1, 1, 6, 6)
    x[0, 0, 1, 1] = 3
    weight = torch.zeros(1, 1, 5, 5).bfloat16().requires_grad_()
    depthwise_conv2d(x.bfloat16(), weight, None, 1, 0).sum().backward()
    assert weight.grad[0, 0, 0, 0] == 6
    assert weight.grad[0, 0, 4, 4] == 4
