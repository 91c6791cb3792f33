from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from model.runtime.detections import Detections
from model.runtime.edges import refine_edges
from model.runtime.postprocess import paste_alpha, paste_mask, paste_masks


def disc(width: int, height: int, x: float, y: float, radius: float) -> NDArray[np.bool_]:
    columns, rows = np.arange(width) + 0.5, np.arange(height)[:, None] + 0.5
    return np.hypot(columns - x, rows - y) < radius


def photograph(shape: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """A light disc on a dark ground, both a little noisy."""
    noise = np.random.default_rng(1).integers(0, 12, (*shape.shape, 3))
    return (np.where(shape[..., None], (200, 160, 90), (30, 60, 80)) + noise).astype(np.uint8)


def found(size: tuple[int, int], *boxes: tuple[float, float, float, float]) -> Detections:
    """Discs in boxes, as a network sees them that is out by 0.6 of its 28 values a side."""
    columns = np.arange(28)
    distance = 12.5 - np.hypot(columns - 14.1, columns[:, None] - 12.9)
    raw = np.rint(255 / (1 + np.exp(-1.5 * distance))).astype(np.uint8)
    width, height = size
    count = len(boxes)
    return Detections(
        width=width,
        height=height,
        boxes=np.array(boxes, np.float32),
        scores=np.linspace(1, 0.8, count, dtype=np.float32),
        class_ids=np.ones(count, np.int64),
        class_names=("ball",) * count,
        raw_masks=np.stack([raw] * count),
    )


def iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return float((a & b).sum() / (a | b).sum())


@pytest.mark.parametrize("scale", [1, 4, 9.5])
def test_masks_move_to_the_edges_of_the_photograph(scale: float) -> None:
    width, height = round(160 * scale), round(120 * scale)
    shape = disc(width, height, 80 * scale, 60 * scale, 30 * scale)
    box = (46.4 * scale, 26.4 * scale, 113.6 * scale, 93.6 * scale)
    plain = found((width, height), box)

    refined = refine_edges(plain, photograph(shape))

    [before], [after] = ([m.frame(width, height) for m in paste_masks(d)] for d in (plain, refined))
    assert iou(before, shape) < 0.93
    assert iou(after, shape) > 0.97


@pytest.mark.parametrize(("side", "values"), [(60, 56), (111, 56), (112, 112), (224, 224)])
def test_a_refined_mask_has_at_most_a_value_per_pixel(side: int, values: int) -> None:
    plain = found((400, 300), (20, 20, 20 + side, 20 + side / 2))

    refined = refine_edges(plain, photograph(disc(400, 300, 60, 60, 30)))

    assert refined.refined_masks is not None
    assert refined.refined_masks[0].shape == (values, values)


def test_masks_of_small_boxes_stay_as_they_are() -> None:
    plain = found((100, 80), (10, 10, 30, 27), (40, 10, 90, 14))

    refined = refine_edges(plain, photograph(disc(100, 80, 20, 20, 8)))

    np.testing.assert_array_equal(np.stack(refined.refined_masks or ()), plain.raw_masks)


def test_boxes_are_refined_at_the_frames_border_and_beyond_a_levels_last_whole_pixel() -> None:
    # Odd sides: every reduced level ends in a pixel that is photograph in part.
    width, height = 1501, 1003
    shape = disc(width, height, 1501, 1003, 900)
    plain = found((width, height), (601, 103, 1501, 1003), (0, 0, 1501, 1003))

    refined = refine_edges(plain, photograph(shape))

    for mask in paste_masks(refined):
        assert mask.x + mask.pixels.shape[1] == width
        assert mask.y + mask.pixels.shape[0] == height


def test_plain_masks_are_untouched() -> None:
    plain = found((100, 80), (10, 10, 70, 70))
    raw = plain.raw_masks.copy()

    refined = refine_edges(plain, photograph(disc(100, 80, 40, 40, 30)))

    np.testing.assert_array_equal(refined.raw_masks, raw)
    assert plain.refined_masks is None
    [mask] = paste_masks(replace(refined, refined_masks=None))
    expected = paste_mask(raw[0], plain.boxes[0], 100, 80)
    np.testing.assert_array_equal(mask.pixels, expected.pixels)


def test_boxes_are_those_of_a_manifest() -> None:
    plain = found((100, 80), (10.123456, 10.98765, 70.5, 70.555))

    refined = refine_edges(plain, photograph(disc(100, 80, 40, 40, 30)))

    assert [round(v, 2) for v in refined.boxes[0].tolist()] == [10.12, 10.99, 70.5, 70.56]
    assert refined.boxes[0].tolist() == np.float32([10.12, 10.99, 70.5, 70.56]).tolist()


def test_nothing_found_is_nothing_refined() -> None:
    none = found((100, 80), (10, 10, 70, 70)).select(np.zeros(0, np.int64))

    assert refine_edges(none, np.zeros((80, 100, 3), np.uint8)).refined_masks == ()


def test_selecting_takes_refined_masks_along() -> None:
    plain = found((100, 80), (10, 10, 70, 70), (0, 0, 90, 80))
    refined = refine_edges(plain, photograph(disc(100, 80, 40, 40, 30)))

    chosen = refined.select(np.array([1]))

    assert refined.refined_masks is not None
    np.testing.assert_array_equal(chosen.pasted_mask(0), refined.refined_masks[1])


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.85])
def test_opacity_is_half_where_the_mask_ends(threshold: float) -> None:
    plain = found((100, 80), (10, 10, 70, 70))
    raw, box = plain.raw_masks[0], plain.boxes[0]

    mask = paste_mask(raw, box, 100, 80, threshold)
    alpha = paste_alpha(raw, box, 100, 80, threshold)

    assert (alpha.x, alpha.y, alpha.pixels.shape) == (mask.x, mask.y, mask.pixels.shape)
    assert alpha.pixels[mask.pixels].min() >= 127
    assert alpha.pixels[~mask.pixels].max() <= 127
    assert alpha.pixels[0].max() == 0
    assert alpha.pixels.max() == 255
    assert len(np.unique(alpha.pixels)) > 20
