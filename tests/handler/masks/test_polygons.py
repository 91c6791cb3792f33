import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from mask_samples import blob, mask_of, on_frame
from numpy.typing import NDArray
from pycocotools import mask as coco

from handler.masks.polygons import Part, Points, trace_polygons
from model.runtime.detections import InstanceMask


def rings(parts: list[Part]) -> list[Points]:
    return [ring for part in parts for ring in (part["outer"], *part["holes"])]


def filled_by_pycocotools(parts: list[Part], width: int, height: int) -> NDArray[np.bool_]:
    """Outer rings less holes, whichever part they are in."""
    frame = np.zeros((height, width), bool)
    for ring in rings(parts):
        polygon = [value for point in ring for value in point]
        frame ^= coco.decode(coco.frPyObjects([polygon], height, width))[..., 0].astype(bool)
    return frame


def filled_by_centres(parts: list[Part], width: int, height: int) -> NDArray[np.bool_]:
    """Pixels whose centres have an odd number of edges on their right."""
    y, x = np.mgrid[:height, :width] + 0.5
    frame = np.zeros((height, width), bool)
    for ring in rings(parts):
        for (x1, y1), (x2, y2) in zip(ring, ring[1:] + ring[:1], strict=True):
            if y1 != y2:
                spanned = (y >= min(y1, y2)) & (y < max(y1, y2))
                frame ^= spanned & (x < x1 + (y - y1) / (y2 - y1) * (x2 - x1))
    return frame


def iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return np.count_nonzero(a & b) / np.count_nonzero(a | b)


def signed_area(ring: Points) -> float:
    x, y = np.array(ring).T
    return float((x * np.roll(y, -1) - y * np.roll(x, -1)).sum() / 2)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("size", [(33, 33), (60, 45), (300, 200), (64, 900)])
def test_refilled_polygons_are_nearly_the_mask(size: tuple[int, int], seed: int) -> None:
    mask = InstanceMask(7, 3, blob(*size, seed=seed))
    width, height = size[0] + 20, size[1] + 10

    filled = filled_by_pycocotools(trace_polygons(mask), width, height)

    assert iou(filled, on_frame(mask, width, height)) >= 0.98


@settings(max_examples=200, deadline=None)
@given(arrays(bool, st.tuples(st.integers(1, 14), st.integers(1, 14))))
def test_any_pixels_at_all_are_outlined_within_a_hundredth(pixels: NDArray[np.bool_]) -> None:
    parts = trace_polygons(InstanceMask(2, 1, pixels))

    changed = filled_by_centres(parts, 20, 20) ^ on_frame(InstanceMask(2, 1, pixels), 20, 20)
    assert np.count_nonzero(changed) <= 0.01 * np.count_nonzero(pixels)
    assert all(len(ring) >= 3 for ring in rings(parts))


@pytest.mark.parametrize("seed", range(4))
def test_smooth_outlines_take_few_points(seed: int) -> None:
    mask = InstanceMask(0, 0, blob(300, 300, seed=seed))
    border = np.count_nonzero(np.diff(mask.pixels, axis=0)) + np.count_nonzero(
        np.diff(mask.pixels, axis=1)
    )

    points = sum(len(ring) for ring in rings(trace_polygons(mask)))

    assert points < border / 8


def test_a_rectangle_keeps_its_four_corners() -> None:
    parts = trace_polygons(InstanceMask(10, 20, np.ones((5, 7), bool)))

    assert parts == [{"outer": [[10, 20], [17, 20], [17, 25], [10, 25]], "holes": []}]


def test_one_pixel_is_a_square() -> None:
    assert trace_polygons(mask_of("#")) == [
        {"outer": [[0, 0], [1, 0], [1, 1], [0, 1]], "holes": []}
    ]


def test_an_empty_mask_has_no_parts() -> None:
    assert trace_polygons(mask_of("..\n..")) == []


def test_a_hole_belongs_to_the_part_around_it_and_an_island_in_it_is_a_part() -> None:
    mask = mask_of(
        """
        #######.##
        #.....#.##
        #.###.#...
        #.#.#.#...
        #.###.#...
        #.....#...
        #######...
        """
    )

    parts = trace_polygons(mask)

    firsts = [(part["outer"][0], len(part["holes"])) for part in parts]
    assert firsts == [([0, 0], 1), ([8, 0], 0), ([2, 2], 1)]


def test_holes_side_by_side_belong_to_the_same_part() -> None:
    parts = trace_polygons(mask_of("#####\n#.#.#\n#####"))

    assert len(parts) == 1
    assert len(parts[0]["holes"]) == 2


@pytest.mark.parametrize("drawing", ["#.\n.#", ".#\n#."])
def test_pixels_that_touch_at_a_corner_are_two_parts(drawing: str) -> None:
    parts = trace_polygons(mask_of(drawing))

    assert [len(part["outer"]) for part in parts] == [4, 4]


def test_outer_rings_and_holes_run_opposite_ways() -> None:
    (part,) = trace_polygons(mask_of("###\n#.#\n###"))

    assert signed_area(part["outer"]) == 9
    assert signed_area(part["holes"][0]) == -1


def test_a_ring_that_touches_itself_is_filled_right() -> None:
    mask = InstanceMask(0, 0, np.ones((40, 40), bool))
    mask.pixels[5:15, 5:15] = mask.pixels[15:25, 15:25] = False

    parts = trace_polygons(mask)

    assert np.array_equal(filled_by_centres(parts, 40, 40), mask.pixels)
