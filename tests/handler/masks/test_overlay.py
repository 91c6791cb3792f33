import io

import numpy as np
import pytest
from mask_samples import detections_of
from numpy.typing import NDArray
from PIL import Image

from handler.masks.overlay import Overlay, largest_first
from handler.masks.palette import instance_colour
from model.runtime.detections import Detections
from model.runtime.postprocess import paste_masks

# What JPEG at quality 90 may change of a flat colour, and of one beside an edge.
FLAT, EDGE = 4, 40


def grey(width: int, height: int) -> NDArray[np.uint8]:
    return np.full((height, width, 3), 128, np.uint8)


def overlay_of(frame: NDArray[np.uint8], detections: Detections) -> bytes:
    masks = list(paste_masks(detections))
    overlay = Overlay(frame, detections)
    for index in largest_first(detections):
        overlay.draw(index, masks[index])
    return overlay.encode()


def opened(jpeg: bytes) -> NDArray[np.int64]:
    return np.asarray(Image.open(io.BytesIO(jpeg)), np.int64)


def test_nothing_found_leaves_the_photograph_as_it_is() -> None:
    overlay = opened(overlay_of(grey(80, 60), detections_of(80, 60, [])))

    assert abs(overlay - 128).max() <= FLAT


def test_the_inside_of_a_mask_is_tinted_and_the_rest_is_not() -> None:
    overlay = opened(overlay_of(grey(400, 300), detections_of(400, 300, [[100, 100, 300, 250]])))

    tinted = 0.6 * 128 + 0.4 * np.array(instance_colour(0))
    assert abs(overlay[200, 200] - tinted).max() <= FLAT
    assert abs(overlay[290, 30] - 128).max() <= FLAT


def test_a_box_is_lined_in_the_instances_colour() -> None:
    overlay = opened(overlay_of(grey(400, 300), detections_of(400, 300, [[100, 100, 300, 250]])))

    assert abs(overlay[180, 100] - instance_colour(0)).max() <= EDGE


def test_the_photograph_handed_in_is_not_drawn_on() -> None:
    frame = grey(100, 80)

    overlay_of(frame, detections_of(100, 80, [[10, 10, 90, 70]]))

    assert (frame == 128).all()


@pytest.mark.parametrize("size", [(1, 1), (2, 90), (40, 30), (2000, 100)])
def test_any_frame_can_be_drawn_on(size: tuple[int, int]) -> None:
    width, height = size
    boxes = [[0, 0, width, height], [width - 1, height - 1, width, height], [0, 0, 0, 0]]

    overlay = Image.open(io.BytesIO(overlay_of(grey(*size), detections_of(*size, boxes))))

    assert overlay.size == size


def test_a_hundred_instances_can_be_drawn() -> None:
    corners = np.random.default_rng(0).uniform(0, [640, 480], (100, 2, 2))
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)

    overlay = opened(overlay_of(grey(640, 480), detections_of(640, 480, boxes)))

    assert overlay.shape == (480, 640, 3)
