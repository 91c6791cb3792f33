"""Means of the weights: over the last steps, and over the ends of the learning rate's cycles."""

from __future__ import annotations

from copy import deepcopy

import torch
from torchvision.models.detection import MaskRCNN


class MovingAverage:
    """A second network whose weights follow the first's: steadier than the last step's."""

    def __init__(self, model: MaskRCNN, decay: float = 0.998) -> None:
        self.model = deepcopy(model).eval()
        self.decay = decay

    @torch.no_grad()
    def update(self, model: MaskRCNN, step: int) -> None:
        """Move towards the model; faster at first, when there is little to remember."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for mean, value in zip(self.model.parameters(), model.parameters(), strict=True):
            mean.lerp_(value, 1 - decay)


class CycleMean:
    """A network with the mean of the weights that the cycles ended with.

    Stochastic weight averaging as Zhang et al. do it for detectors,
    https://arxiv.org/abs/2012.12645.
    """

    def __init__(self, model: MaskRCNN) -> None:
        self.model = deepcopy(model).eval()
        self.count = 0

    @torch.no_grad()
    def add(self, model: MaskRCNN) -> None:
        """Take one more end into the mean."""
        self.count += 1
        for mean, value in zip(self.model.parameters(), model.parameters(), strict=True):
            mean.lerp_(value, 1 / self.count)
