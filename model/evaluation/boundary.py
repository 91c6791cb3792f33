"""Boundary IoU: whether outlines agree, where mask IoU asks for areas.

B. Cheng, R. Girshick, P. Dollár, A. Berg, A. Kirillov, "Boundary IoU: Improving Object-Centric
Image Segmentation Evaluation", CVPR 2021. A mask's boundary is the part of it within a fiftieth
of the photograph's diagonal of its outline. For boundary AP the smaller of mask IoU and boundary
IoU counts.
"""

from __future__ import annotations

from math import hypot
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_masks
from pycocotools.cocoeval import COCOeval

# Of the photograph's diagonal: how deep a boundary is.
_DEPTH = 0.02


class BoundaryEval(COCOeval):
    """COCO's evaluation of masks, with boundary AP in place of mask AP."""

    def computeIoU(self, imgId: Any, catId: Any) -> Any:  # noqa: N802, N803  # pycocotools' names
        """The smaller of mask IoU and boundary IoU, detections (best first) × objects."""
        masks = super().computeIoU(imgId, catId)
        if len(masks) == 0:
            return masks
        objects = self._gts[imgId, catId]
        found = sorted(self._dts[imgId, catId], key=lambda each: -each["score"])
        found = found[: self.params.maxDets[-1]]
        edges = [[boundary(each["segmentation"]) for each in side] for side in (found, objects)]
        crowds = [int(each["iscrowd"]) for each in objects]
        return np.minimum(masks, coco_masks.iou(*edges, crowds))


def boundary(rle: dict[str, Any]) -> dict[str, Any]:
    """The boundary of a mask; both as pycocotools encodes them."""
    height, width = rle["size"]
    depth = max(1, round(_DEPTH * hypot(height, width)))
    frame = coco_masks.decode(rle)
    x, y, w, h = (int(v) for v in coco_masks.toBbox(rle))
    mask = frame[y : y + h, x : x + w]
    mask[erode(mask.astype(bool), depth)] = 0
    encoded: dict[str, Any] = coco_masks.encode(frame)
    return encoded


def erode(mask: NDArray[np.bool_], depth: int) -> NDArray[np.bool_]:
    """Where all pixels of the (2 · depth + 1)² around are set; outside the array none is."""
    for axis in (0, 1):
        ends = np.minimum(np.arange(mask.shape[axis]) + depth + 1, mask.shape[axis])
        starts = np.maximum(np.arange(mask.shape[axis]) - depth, 0)
        sums = np.cumsum(mask, axis=axis, dtype=np.int32)
        sums = np.pad(sums, [(int(axis == each), 0) for each in (0, 1)])
        mask = sums.take(ends, axis) - sums.take(starts, axis) == 2 * depth + 1
    return mask
