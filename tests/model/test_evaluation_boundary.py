"""Boundary IoU against the paper's definition, with scipy's erosion and distances."""

from __future__ import annotations

from math import hypot

import numpy as np
import pytest
from coco_files import CAT, NAMES, found, thing, write_coco
from mask_samples import blob
from numpy.typing import NDArray
from pycocotools import mask as coco_masks
from scipy.ndimage import binary_erosion, distance_transform_cdt

from model.evaluation.boundary import boundary, erode
from model.evaluation.scores import evaluate
from model.evaluation.truth import read_truth
from model.runtime.manifest import ModelClass


def encoded(mask: NDArray[np.bool_]) -> dict[str, object]:
    rle: dict[str, object] = coco_masks.encode(np.asfortranarray(mask.astype(np.uint8)))
    return rle


@pytest.mark.parametrize("depth", [1, 3, 9])
@pytest.mark.parametrize("seed", range(4))
def test_erosion_is_scipys(depth: int, seed: int) -> None:
    mask = blob(57, 43, seed)

    expected = binary_erosion(mask, np.ones((3, 3), bool), iterations=depth)

    np.testing.assert_array_equal(erode(mask, depth), expected)


@pytest.mark.parametrize(("width", "height"), [(57, 43), (300, 200), (640, 427)])
@pytest.mark.parametrize("seed", range(3))
def test_a_boundary_is_what_is_near_to_the_outline(width: int, height: int, seed: int) -> None:
    mask = blob(width, height, seed)
    depth = max(1, round(0.02 * hypot(width, height)))

    # The frame's own border is an outline too: behind it, nothing is set.
    away = distance_transform_cdt(np.pad(mask, 1), "chessboard")[1:-1, 1:-1]

    made = coco_masks.decode(boundary(encoded(mask))).astype(bool)
    np.testing.assert_array_equal(made, mask & (away <= depth))


def test_an_empty_mask_has_an_empty_boundary() -> None:
    assert not coco_masks.decode(boundary(encoded(np.zeros((20, 30), bool)))).any()


def test_a_mask_in_a_mask_agrees_in_area_and_not_in_outline(tmp_path) -> None:
    # 100 × 100 px: boundaries are 3 deep. Of 80 × 80 set, the outer 4 are missed: IoU 0.81, and
    # no pixel of either boundary in common.
    truth = read_truth(
        write_coco(tmp_path, [thing(1, CAT, (10, 10, 80, 80))], images=1),
        tmp_path / "images",
        [ModelClass(*each) for each in NAMES.items()],
    )
    near = [found(1, CAT, (14, 14, 72, 72), 0.9)]
    exact = [found(1, CAT, (10, 10, 80, 80), 0.9)]

    assert evaluate(truth, near, "segm").scores.ap50 == pytest.approx(1)
    assert evaluate(truth, near, "boundary").scores.ap50 == 0
    assert evaluate(truth, exact, "boundary").scores.ap == pytest.approx(1)


def test_the_smaller_of_mask_and_boundary_iou_counts(tmp_path) -> None:
    # A small object is all boundary; here mask IoU (1/2) is what decides.
    truth = read_truth(
        write_coco(tmp_path, [thing(1, CAT, (10, 10, 4, 4))], images=1),
        tmp_path / "images",
        [ModelClass(*each) for each in NAMES.items()],
    )
    part = [found(1, CAT, (10, 10, 4, 2.5), 0.9)]

    for kind in ("segm", "boundary"):
        scores = evaluate(truth, part, kind).scores
        assert (scores.ap50, scores.ap75) == pytest.approx((1, 0))
