"""An exponential moving average of the weights: steadier than the last step's."""

from __future__ import annotations

from copy import deepcopy

import torch
from torchvision.models.detection import MaskRCNN


class MovingAverage:
    """A second network whose weights follow the first's."""

    def __init__(self, model: MaskRCNN, decay: float = 0.998) -> None:
        self.model = deepcopy(model).eval()
        self.decay = decay

    @torch.no_grad()
    def update(self, model: MaskRCNN, step: int) -> None:
        """Move towards the model; faster at first, when there is little to remember."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for mean, value in zip(self.model.parameters(), model.parameters(), strict=True):
            mean.lerp_(value, 1 - decay)
