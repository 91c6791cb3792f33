"""The result of the one pipeline.

N instances, S side of a raw mask (28).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# What is asked of a detection unless somebody says otherwise, at every door.
# Of the embedded model's people 215 of 320 reach a score of 0.7, with 40 false ones; 0.5 has 219
# and 97.
DEFAULT_SCORE_THRESHOLD = 0.7
DEFAULT_MASK_THRESHOLD = 0.5
# The most that a network answers, and the default.
MAX_DETECTIONS = 100


@dataclass(frozen=True, slots=True)
class Detections:
    """Instances found in one photograph, best score first.

    Coordinates are pixels of the upright frame, `width` × `height`.

    boxes: (N, 4) float32, x1 y1 x2 y2, continuous, inside the frame.
    scores: (N,) float32 in [0, 1].
    class_ids: (N,) int64, as the model's manifest numbers its classes (COCO's for COCO's).
    class_names: N names, one per instance.
    raw_masks: (N, S, S) uint8, mask probability × 255 over the box, before pasting.
    refined_masks: what is pasted in their place where edges were refined: N finer masks, square.
    """

    width: int
    height: int
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    class_ids: NDArray[np.int64]
    class_names: tuple[str, ...]
    raw_masks: NDArray[np.uint8]
    refined_masks: tuple[NDArray[np.uint8], ...] | None = None

    def pasted_mask(self, index: int) -> NDArray[np.uint8]:
        """What is pasted for an instance: its refined mask where there is one, else its raw one."""
        masks = self.raw_masks if self.refined_masks is None else self.refined_masks
        mask: NDArray[np.uint8] = masks[index]
        return mask

    def __len__(self) -> int:
        return len(self.scores)

    def select(self, indices: NDArray[np.int64]) -> Detections:
        """The instances at `indices` (K,), in that order."""
        return Detections(
            width=self.width,
            height=self.height,
            boxes=self.boxes[indices],
            scores=self.scores[indices],
            class_ids=self.class_ids[indices],
            class_names=tuple(self.class_names[i] for i in indices),
            raw_masks=self.raw_masks[indices],
            refined_masks=self.refined_masks and tuple(self.refined_masks[i] for i in indices),
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
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the frame that `pixels` covers, as an index into its arrays."""
        height, width = self.pixels.shape
        return slice(self.y, self.y + height), slice(self.x, self.x + width)

    def frame(self, width: int, height: int) -> NDArray[np.bool_]:
        """The mask over the whole frame: (height, width)."""
        frame = np.zeros((height, width), np.bool_)
        frame[self.window] = self.pixels
        return frame

    @property
    def area(self) -> int:
        """Set pixels."""
        return int(np.count_nonzero(self.pixels))


@dataclass(frozen=True, slots=True)
class InstanceAlpha:
    """How visible an instance is at each pixel, cut to where it can be visible.

    `pixels` (h, w) uint8, 0 to 255, covers frame columns x..x+w and rows y..y+h.
    """

    x: int
    y: int
    pixels: NDArray[np.uint8]

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the frame that `pixels` covers, as an index into its arrays."""
        height, width = self.pixels.shape
        return slice(self.y, self.y + height), slice(self.x, self.x + width)
