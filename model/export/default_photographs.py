"""Photographs for calibration and comparison when a person brings none.

Views of the three public-domain samples that site/samples/README.md describes: each whole,
mirrored and darker, and cut upright. Three views compare the artifacts, six calibrate.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.photographs import read_photographs

SAMPLES = Path(__file__).parent / "samples"
_DARKER = 0.6


def default_photographs() -> list[NDArray[np.uint8]]:
    """Return nine views (h, w, 3) RGB; every third one, from the first, is a whole sample."""
    return [view for pixels in read_photographs(SAMPLES) for view in _views(pixels)]


def _views(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], ...]:
    height, width = pixels.shape[:2]
    left = (width - height * 3 // 4) // 2
    upright = pixels[:, left : left + height * 3 // 4]
    darker = np.rint(pixels[:, ::-1] * _DARKER).astype(np.uint8)
    return pixels, darker, np.ascontiguousarray(upright)
