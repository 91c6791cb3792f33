"""The colour guided filter: make a mask follow the edges of a photograph.

K. He, J. Sun, X. Tang, "Guided Image Filtering", IEEE TPAMI 35 (2013), and the fast variant of
K. He, J. Sun, "Fast Guided Filter", arXiv:1505.00996 (2015).

In every window the mask is fitted as a linear function of the colour, a · I + b; a pixel's
result is the mean over the windows that hold it. Where the colour steps, the result steps too;
where the photograph is flat, a is near 0 and the result is a blurred mask. The fast variant
fits at a reduced scale, and applies the interpolated coefficients to the full one.

h, w the size at which is fitted; F the factor to the size at which is applied; R the radius of a
window, which is 2R + 1 wide.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_CHANNEL_PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))


def fit_coefficients(guide: Floats, mask: Floats, radius: int, epsilon: float) -> Floats:
    """Fit mask (h, w) = a · guide (3, h, w) + b: (4, h, w), a and then b, means over windows.

    Sums are of float64: a variance is the small difference of two of them.
    """
    products = np.stack([guide[i] * guide[j] for i, j in _CHANNEL_PAIRS])
    means = _box_means(np.concatenate([guide, mask[None], guide * mask, products]), radius)
    colour, level = means[:3], means[3]
    covariance = means[4:7] - colour * level
    variances = [
        means[7 + index] - colour[i] * colour[j] + (epsilon if i == j else 0)
        for index, (i, j) in enumerate(_CHANNEL_PAIRS)
    ]
    slope = _solve_symmetric(variances, covariance)
    offset = level - (slope * colour).sum(0)
    return _box_means(np.concatenate([slope, offset[None]]), radius)


def _solve_symmetric(matrix: list[Floats], right: Floats) -> Floats:
    """Solve a symmetric 3 × 3 system at every pixel, by cofactors; `matrix` holds its upper half.

    epsilon on its diagonal keeps the determinant above 0.
    """
    rr, rg, rb, gg, gb, bb = matrix
    cofactors = (
        (gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb),
        (gb * rb - rg * bb, rr * bb - rb * rb, rb * rg - rr * gb),
        (rg * gb - gg * rb, rb * rg - rr * gb, rr * gg - rg * rg),
    )
    determinant = rr * cofactors[0][0] + rg * cofactors[0][1] + rb * cofactors[0][2]
    rows = [sum(c * r for c, r in zip(row, right, strict=True)) for row in cofactors]
    return np.stack(rows) / determinant


def _box_means(values: Floats, radius: int) -> Floats:
    """Mean of each map (K, h, w) over windows, which end where the map ends."""
    return _means_along(_means_along(values, radius, 1), radius, 2)


def _means_along(values: Floats, radius: int, axis: int) -> Floats:
    count = values.shape[axis]
    sums = np.zeros_like(values, shape=[n + (i == axis) for i, n in enumerate(values.shape)])
    np.cumsum(values, axis=axis, out=sums[:, 1:] if axis == 1 else sums[:, :, 1:])
    ends = np.minimum(np.arange(count) + radius + 1, count)
    starts = np.maximum(np.arange(count) - radius, 0)
    lengths = (ends - starts).reshape((-1, 1) if axis == 1 else (-1,))
    means: Floats = (sums.take(ends, axis) - sums.take(starts, axis)) / lengths
    return means


def apply_coefficients(
    coefficients: Floats, guide: NDArray[np.float32], top: int, left: int, factor: int
) -> NDArray[np.float32]:
    """Apply fitted coefficients (4, h, w) to a part of a guide F times as fine: (H, W).

    guide: (3, H, W) RGB in [0, 1], the part from row F · `top` and column F · `left` on.
    Coefficients are interpolated bilinearly. The result may leave [0, 1] a little.
    """
    height, width = guide.shape[1:]
    maps = coefficients.astype(np.float32)
    low, high, fraction = _taps(maps.shape[1], factor, top * factor, height)
    rows = maps[:, low]
    rows += fraction[:, None] * (maps[:, high] - rows)
    low, high, fraction = _taps(maps.shape[2], factor, left * factor, width)
    enlarged = rows.take(low, 2)
    enlarged += fraction * (rows.take(high, 2) - enlarged)
    enlarged[:3] *= guide
    applied: NDArray[np.float32] = enlarged.sum(0)
    return applied


def _taps(
    cells: int, factor: int, start: int, count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Between which cells `count` finer samples from `start` on lie, and how far on the way."""
    position = np.clip((start + np.arange(count) + 0.5) / factor - 0.5, 0, cells - 1)
    low = np.minimum(position.astype(np.int64), max(cells - 2, 0))
    return low, np.minimum(low + 1, cells - 1), (position - low).astype(np.float32)
