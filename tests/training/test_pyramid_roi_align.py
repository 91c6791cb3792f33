"""Run by `make test-training`, which installs PyTorch."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: make test-training")

from torchvision.ops import MultiScaleRoIAlign  # noqa: E402

from model.training.roi_align import PyramidRoIAlign  # noqa: E402

SIZE = (160, 192)
LEVELS = ("0", "1", "2", "3")


@pytest.fixture
def maps():
    """P2..P5 of two photographs."""
    torch.manual_seed(0)
    return {
        name: torch.randn(2, 4, SIZE[0] // stride, SIZE[1] // stride, requires_grad=True)
        for name, stride in zip(LEVELS, (4, 8, 16, 32), strict=True)
    }


@pytest.fixture
def boxes():
    """Small, large, empty ones, and some that leave the photograph; 30 and 20."""
    corners = torch.rand(50, 2) * 180 - 10
    sides = torch.cat([torch.rand(20, 2) * 20, torch.rand(28, 2) * 700, torch.zeros(2, 2)])
    return list(torch.cat([corners, corners + sides], dim=1).split([30, 20]))


@pytest.mark.parametrize("side", [7, 14])
def test_crops_and_gradients_are_torchvisions(side: int, maps, boxes):
    ours = PyramidRoIAlign(side)(maps, boxes, [SIZE, SIZE])
    torchvisions = MultiScaleRoIAlign(LEVELS, side, 2)(maps, boxes, [SIZE, SIZE])
    torch.testing.assert_close(ours, torchvisions, atol=1e-4, rtol=0)

    weights = torch.rand_like(ours)
    of_ours = torch.autograd.grad((ours * weights).sum(), maps.values())
    of_torchvisions = torch.autograd.grad((torchvisions * weights).sum(), maps.values())
    torch.testing.assert_close(of_ours, of_torchvisions, atol=1e-3, rtol=0)


def test_no_boxes_no_crops(maps):
    crops = PyramidRoIAlign(7)(maps, [torch.zeros(0, 4)] * 2, [SIZE, SIZE])
    assert crops.shape == (0, 4, 7, 7)
