"""The result of the one pipeline.

N instances, S side of a raw mask (28).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Detections:
    """Instances found in one photograph, best score first.

    Coordinates are pixels of the upright frame, `width` × `height`.

    boxes: (N, 4) float32, x1 y1 x2 y2, continuous, inside the frame.
    scores: (N,) float32 in [0, 1].
    class_ids: (N,) int64, 1-based labels as torchvision gives them; 0 is background.
    raw_masks: (N, S, S) uint8, mask probability × 255 over the box, before pasting.
    class_names: name of class id i at index i - 1.
    """

    width: int
    height: int
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    class_ids: NDArray[np.int64]
    raw_masks: NDArray[np.uint8]
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.scores)

    def class_name(self, index: int) -> str:
        """Class name of the instance at `index`."""
        return self.class_names[int(self.class_ids[index]) - 1]

    def select(self, keep: NDArray[np.bool_] | NDArray[np.int64]) -> Detections:
        """The instances that a boolean mask or index array names, in that order."""
        return Detections(
            width=self.width,
            height=self.height,
            boxes=self.boxes[keep],
            scores=self.scores[keep],
            class_ids=self.class_ids[keep],
            raw_masks=self.raw_masks[keep],
            class_names=self.class_names,
        )


@dataclass(frozen=True, slots=True)
class InstanceMask:
    """One instance's binary mask, cut to where it can be set.

    `pixels` (h, w) bool covers frame columns x..x+w and rows y..y+h; outside it
    the mask is empty. h and w are 0 when nothing of the box is inside the frame.
    """

    x: int
    y: int
    pixels: NDArray[np.bool_]

    @property
    def area(self) -> int:
        """Set pixels."""
        return int(np.count_nonzero(self.pixels))
