"""Fit a photograph into one of the network's static input shapes.

    photograph (h, w, 3) -> scaled to the valid part -> bucket (H, W, 3),
    the valid part at the top left, or in the middle where the manifest's resize mode is
    "square", and the rest filled with the pad pixel.

Normalisation is inside the graph: pixels stay uint8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.runtime.manifest import Preprocessing

# Pillow first shrinks by whole factors with a box filter, down to this multiple of
# the target, then resizes: 3 is "indistinguishable from fair resampling" in its
# documentation.
_REDUCING_GAP = 3.0


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a photograph lies in its bucket.

    width, height: of the bucket; valid_width, valid_height: of the scaled photograph; left,
    top: where it begins. Pixels.
    """

    bucket: str
    width: int
    height: int
    valid_width: int
    valid_height: int
    left: int = 0
    top: int = 0

    @property
    def padding(self) -> float:
        """The share of the bucket that the photograph leaves empty."""
        return 1 - self.valid_width * self.valid_height / (self.width * self.height)

    def to_frame(self, boxes: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
        """Map boxes (N, 4) from bucket pixels to a frame of `width` × `height`, clipped to it."""
        first = np.array([self.left, self.top] * 2, np.float32)
        scale = np.array([width / self.valid_width, height / self.valid_height] * 2, np.float32)
        limit = np.array([width, height] * 2, np.float32)
        in_frame: NDArray[np.float32] = np.clip((boxes - first) * scale, 0, limit)
        return in_frame


def place(width: int, height: int, preprocessing: Preprocessing) -> Placement:
    """Choose the bucket that a photograph of `width` × `height` fills best.

    The scale is the largest that fits, so the aspect ratio is kept to the pixel; in the mode
    "square" it enlarges no further than to a short side of min_size. A side is never less than
    one pixel.
    """
    centred = preprocessing.resize_mode == "square"
    most = max(1.0, preprocessing.min_size / min(width, height)) if centred else math.inf
    placements = [
        _place_in(name, bucket, width, height, most, centred)
        for name, bucket in preprocessing.buckets.items()
    ]
    return min(placements, key=lambda each: (each.padding, -each.valid_width * each.valid_height))


def fit(
    pixels: NDArray[np.uint8], placement: Placement, pad: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """Scale `pixels` (h, w, 3) RGB and pad them: (H, W, 3) uint8 of the bucket."""
    size = (placement.valid_width, placement.valid_height)
    scaled = Image.fromarray(pixels).resize(
        size, Image.Resampling.BILINEAR, reducing_gap=_REDUCING_GAP
    )
    image = np.empty((placement.height, placement.width, 3), np.uint8)
    image[:] = np.array(pad, np.uint8)
    rows = slice(placement.top, placement.top + placement.valid_height)
    columns = slice(placement.left, placement.left + placement.valid_width)
    image[rows, columns] = np.asarray(scaled)
    return image


def _place_in(
    name: str, bucket: tuple[int, int], width: int, height: int, most: float, centred: bool
) -> Placement:
    bucket_height, bucket_width = bucket
    scale = min(bucket_height / height, bucket_width / width, most)
    valid_width = _scaled(width, scale, bucket_width)
    valid_height = _scaled(height, scale, bucket_height)
    return Placement(
        bucket=name,
        width=bucket_width,
        height=bucket_height,
        valid_width=valid_width,
        valid_height=valid_height,
        left=(bucket_width - valid_width) // 2 if centred else 0,
        top=(bucket_height - valid_height) // 2 if centred else 0,
    )


def _scaled(side: int, scale: float, limit: int) -> int:
    return min(max(round(side * scale), 1), limit)
