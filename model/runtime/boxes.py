"""How far boxes overlap; NumPy alone, as serving needs it too."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def box_ious(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """Overlap over union of every pair of boxes, x1 y1 x2 y2: (N, 4), (M, 4) -> (N, M)."""
    low, high = np.maximum(a[:, None, :2], b[:, :2]), np.minimum(a[:, None, 2:], b[:, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (a, b)]
    ious: NDArray[Any] = shared / np.maximum(areas[0][:, None] + areas[1] - shared, 1e-9)
    return ious
