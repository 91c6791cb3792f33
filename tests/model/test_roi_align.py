"""RoIAlign on grids that a person can check."""

import numpy as np
import pytest

from model.architecture.roi_align import Pyramid, assign_levels, roi_align


def pyramid_of(p2, channels=1):
    """A pyramid for a 128 × 128 input whose P2 is given (32, 32) and whose other levels are -1."""
    others = [np.full((side, side), -1.0) for side in (16, 8, 4)]
    flat = np.concatenate([level.ravel() for level in (p2, *others)])
    positions = np.repeat(flat[:, None], channels, axis=1).astype(np.float32)
    return Pyramid.of_input(positions, (128, 128))


COLUMNS = np.tile(np.arange(32.0), (32, 1))
ROWS = COLUMNS.T


def crop(p2, box, side):
    return roi_align(pyramid_of(p2), np.array([box], np.float32), side)[0, :, :, 0].numpy()


def test_a_ramp_gives_the_centres_of_the_bins():
    # 8..24 px are cells 2..6: two bins of 2 cells, centred on 3 and 5.
    assert crop(COLUMNS, (8, 8, 24, 24), 2).tolist() == [[3, 5], [3, 5]]
    assert crop(ROWS, (8, 8, 24, 24), 2).tolist() == [[3, 3], [5, 5]]


def test_a_bin_is_the_mean_of_four_bilinear_samples():
    # One bin over cells 1..3: samples at 1.5 and 2.5 on both axes. Cell (2, 2) is a
    # quarter of each of the four.
    spot = np.zeros((32, 32))
    spot[2, 2] = 1
    assert crop(spot, (4, 4, 12, 12), 1).tolist() == [[0.25]]


def test_half_pixels_are_not_moved():
    # aligned=False: pixel 0 is the centre of cell 0, so cells 0..1 average to 0.5.
    assert crop(COLUMNS, (0, 0, 4, 4), 1).tolist() == [[0.5]]


def test_a_tiny_box_is_one_cell_wide():
    assert crop(COLUMNS, (8, 8, 8, 8), 1).tolist() == [[2.5]]


def test_samples_take_the_edge_up_to_one_cell_outside_and_then_zero():
    # Cells 30..36 in 3 bins of 2: samples 30.5, 31.5 | 32.5, 33.5 | 34.5, 35.5; the grid
    # ends at 31 and counts until 32.
    values = crop(COLUMNS, (120, 0, 144, 8), 3)[0]
    assert values.tolist() == [(30.5 + 31) / 2, 0, 0]
    # Cells -2..4 in 3 bins of 2: -1.5 counts as 0 and -0.5 as the edge's 7.
    assert crop(np.full((32, 32), 7.0), (-8, 0, 16, 8), 3)[0].tolist() == [3.5, 7, 7]


@pytest.mark.parametrize(
    ("side", "level"),
    [(1, 0), (111.9, 0), (112, 1), (223.9, 1), (224, 2), (447.9, 2), (448, 3), (2000, 3)],
)
def test_larger_boxes_come_from_coarser_levels(side, level):
    assert assign_levels(np.array([[5, 5, 5 + side, 5 + side]], np.float32)).numpy() == [level]


def test_a_coarse_level_is_found_behind_the_finer_ones():
    # 448 px of a 512 × 512 input: level P5, whose 16 × 16 cells hold their row number.
    levels = [np.zeros((side, side)) for side in (128, 64, 32)]
    levels.append(np.tile(np.arange(16.0)[:, None], (1, 16)))
    positions = np.concatenate([x.ravel() for x in levels])[:, None].astype(np.float32)
    box = np.array([[32, 32, 480, 480]], np.float32)
    crops = roi_align(Pyramid.of_input(positions, (512, 512)), box, 2)
    assert crops[0, :, :, 0].numpy().tolist() == [[4.5, 4.5], [11.5, 11.5]]


def test_chunks_are_crops_in_order():
    # 2048 channels leave room for 10 regions of 7 × 7 at once.
    boxes = np.array([[4 * i, 0, 4 * i + 4, 4] for i in range(25)], np.float32)
    crops = roi_align(pyramid_of(COLUMNS, channels=2048), boxes, 7)
    assert crops.shape == (25, 7, 7, 2048)
    means = crops[:, :, :, -1].numpy().mean((1, 2))
    np.testing.assert_allclose(means, np.arange(25) + 0.5, atol=1e-4)
