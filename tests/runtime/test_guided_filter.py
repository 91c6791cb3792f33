"""The guided filter against its definition, window by window with `numpy.linalg`."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from model.runtime.guided_filter import apply_coefficients, fit_coefficients

EPSILON = 1e-4


def by_definition(
    guide: NDArray[np.float64], mask: NDArray[np.float64], radius: int
) -> NDArray[np.float64]:
    """Equations 5, 6 and 8 of the paper in its colour form (14 to 16), one window at a time."""
    height, width = mask.shape

    def window(y: int, x: int) -> tuple[slice, slice]:
        rows = slice(max(y - radius, 0), y + radius + 1)
        return rows, slice(max(x - radius, 0), x + radius + 1)

    fitted = np.zeros((4, height, width))
    for y, x in np.ndindex(height, width):
        colours = guide[:, *window(y, x)].reshape(3, -1)
        values = mask[window(y, x)].ravel()
        covariance = (colours * values).mean(1) - colours.mean(1) * values.mean()
        spread = np.cov(colours, bias=True) + EPSILON * np.eye(3)
        slope = np.linalg.solve(spread, covariance)
        fitted[:, y, x] = (*slope, values.mean() - slope @ colours.mean(1))
    result = np.zeros((height, width))
    for y, x in np.ndindex(height, width):
        mean = fitted[:, *window(y, x)].reshape(4, -1).mean(1)
        result[y, x] = mean[:3] @ guide[:, y, x] + mean[3]
    return result


def picture(height: int, width: int, seed: int = 3) -> tuple[NDArray[np.float64], ...]:
    random = np.random.default_rng(seed)
    return random.random((3, height, width)), random.random((height, width))


@pytest.mark.parametrize(("height", "width", "radius"), [(9, 13, 2), (6, 5, 4), (7, 7, 20)])
def test_it_is_the_filter_as_defined(height: int, width: int, radius: int) -> None:
    guide, mask = picture(height, width)

    coefficients = fit_coefficients(guide, mask, radius, EPSILON)
    filtered = apply_coefficients(coefficients, guide.astype(np.float32), 0, 0, 1)

    np.testing.assert_allclose(filtered, by_definition(guide, mask, radius), atol=1e-5)


def test_small_differences_of_bright_colours_are_not_lost() -> None:
    # Variances of 1e-6 beside squares of 1: of 32-bit sums nothing would be left.
    random = np.random.default_rng(5)
    guide = 0.999 + 0.001 * random.random((3, 60, 60))
    mask = (guide[0] > 0.9995).astype(float)

    coefficients = fit_coefficients(guide, mask, 4, EPSILON)
    filtered = (coefficients[:3] * guide).sum(0) + coefficients[3]

    np.testing.assert_allclose(filtered, by_definition(guide, mask, 4), atol=1e-9)


def test_a_blurred_step_moves_to_the_edge_of_the_colours() -> None:
    guide = np.zeros((3, 40, 40))
    guide[:, :, 22:] = [[[0.8]], [[0.5]], [[0.3]]]
    # The mask's half is at column 20, two from where the colours change.
    mask = np.broadcast_to(np.clip((np.arange(40) - 15) / 10, 0, 1), (40, 40)).copy()

    coefficients = fit_coefficients(guide, mask, 6, EPSILON)
    filtered = apply_coefficients(coefficients, guide.astype(np.float32), 0, 0, 1)

    assert (filtered[20] > 0.5).tolist() == [False] * 22 + [True] * 18


def test_of_a_flat_photograph_the_mask_is_only_blurred() -> None:
    mask = picture(12, 12)[1]

    coefficients = fit_coefficients(np.full((3, 12, 12), 0.4), mask, 1, EPSILON)

    assert np.abs(coefficients[:3]).max() < 1e-9
    assert coefficients[3, 5, 5] == pytest.approx(
        np.mean([mask[y - 1 : y + 2, x - 1 : x + 2] for y in (4, 5, 6) for x in (4, 5, 6)])
    )


def test_a_part_of_a_finer_guide_is_a_part_of_the_whole_result() -> None:
    guide, mask = picture(24, 32)
    coarse = guide.reshape(3, 6, 4, 8, 4).mean((2, 4))
    coefficients = fit_coefficients(coarse, mask[:6, :8], 2, EPSILON)
    fine = guide.astype(np.float32)

    whole = apply_coefficients(coefficients, fine, 0, 0, 4)
    part = apply_coefficients(coefficients, fine[:, 8:20, 4:28], 2, 1, 4)

    np.testing.assert_array_equal(part, whole[8:20, 4:28])


def test_coefficients_are_interpolated_between_cells() -> None:
    coefficients = np.zeros((4, 1, 2))
    coefficients[3, 0] = [0, 1]

    applied = apply_coefficients(coefficients, np.zeros((3, 4, 8), np.float32), 0, 0, 4)

    assert applied[1].tolist() == [0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1]
