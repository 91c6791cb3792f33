"""RoIAlign (He et al., 2017) as sparse sums, in the place of torchvision's.

R regions, S side of a crop, C channels, P positions of the pyramid of all photographs

Every bin of a crop is a weighted sum of 4 × 4 positions (see `model.architecture.roi_align`),
and PyTorch has that as an embedding bag. torchvision's backward pass on a CPU is one thread
that scatters channel by channel: 200 ms a step of four photographs, against 20 ms here.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torchvision.ops import MultiScaleRoIAlign

_STRIDES = (4, 8, 16, 32)
_SAMPLES = 2
_LEVELS = ("0", "1", "2", "3")
# A region whose side (root of its area) reaches one of these goes one level up; the FPN
# paper's floor(4 + log2(side / 224)), with torchvision's tolerance.
_LEVEL_SIDES = tuple(224 * 2 ** (exponent - 1e-6) for exponent in (-1, 0, 1))


class PyramidRoIAlign(MultiScaleRoIAlign):
    """torchvision's MultiScaleRoIAlign on P2..P5 with sampling_ratio 2; on a CPU as sparse sums."""

    def __init__(self, side: int) -> None:
        super().__init__(_LEVELS, side, _SAMPLES)

    def forward(
        self, maps: dict[str, Tensor], boxes: list[Tensor], image_sizes: list[tuple[int, int]]
    ) -> Tensor:
        """Crop each photograph's boxes (R_i, 4), x1 y1 x2 y2 in pixels -> (R, C, S, S)."""
        levels = [maps[name] for name in _LEVELS]
        if levels[0].device.type != "cpu":
            crops: Tensor = super().forward(maps, boxes, image_sizes)
            return crops
        channels, side = levels[0].shape[1], self.output_size[0]
        positions = torch.cat([level.permute(0, 2, 3, 1).flatten(0, 2) for level in levels])
        with torch.no_grad():
            indices, weights = _bins(levels, boxes, side)
        bins = F.embedding_bag(
            indices.flatten(0, 2),
            positions.float(),
            mode="sum",
            per_sample_weights=weights.flatten(0, 2),
        )
        return bins.view(-1, side, side, channels).permute(0, 3, 1, 2)


def _bins(levels: list[Tensor], boxes: list[Tensor], side: int) -> tuple[Tensor, Tensor]:
    """Return the positions and the weights of every bin: (R, S, S, 16) each."""
    device = levels[0].device
    region = torch.cat(boxes).float()
    counts = torch.tensor([len(each) for each in boxes], device=device)
    photograph = torch.arange(len(boxes), device=device).repeat_interleave(counts)
    sides = (region[:, 2:] - region[:, :2]).prod(1).sqrt()
    level = torch.bucketize(sides, torch.tensor(_LEVEL_SIDES, device=device), right=True)

    sizes = torch.tensor([each.shape[2:] for each in levels], device=device)
    areas = sizes.prod(1)
    first = len(boxes) * (areas.cumsum(0) - areas)
    start = first[level] + photograph * areas[level]
    height, width = sizes[level].unbind(1)
    x1, y1, x2, y2 = (region / torch.tensor(_STRIDES, device=device)[level, None]).unbind(1)
    rows, row_weights = _axis(y1, y2, height, side)
    columns, column_weights = _axis(x1, x2, width, side)

    rows = start[:, None, None] + rows * width[:, None, None]
    indices = rows[:, :, None, :, None] + columns[:, None, :, None, :]
    weights = row_weights[:, :, None, :, None] * column_weights[:, None, :, None, :]
    return indices.flatten(3), weights.flatten(3)


def _axis(start: Tensor, end: Tensor, length: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Positions and weights (R, S, 4) of every bin along one axis of its level, in cells.

    As torchvision with `aligned=False`: a region is at least 1 cell wide, a sample more than
    1 cell outside counts as 0, nearer ones take the edge's value.
    """
    samples = _SAMPLES * side
    centers = (torch.arange(samples, device=start.device) + 0.5) / samples
    points = start[:, None] + (end - start).clamp(min=1)[:, None] * centers
    length = length[:, None]
    is_near = (points >= -1) & (points <= length)
    inside = torch.minimum(points.clamp(min=0), length - 1)
    low = inside.floor()
    high = torch.minimum(low + 1, length - 1)
    fraction = inside - low
    weights = torch.stack([1 - fraction, fraction], dim=2) / _SAMPLES * is_near[:, :, None]
    positions = torch.stack([low, high], dim=2).long()
    return positions.view(-1, side, 4), weights.view(-1, side, 4)
