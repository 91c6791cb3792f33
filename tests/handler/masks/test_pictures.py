import io
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from mask_samples import blob, detections_of, mask_of, on_frame
from numpy.typing import NDArray
from PIL import Image

from handler.errors import BadOptions
from handler.masks.pictures import Labels, encode_cutout_png, encode_mask_png
from model.runtime.detections import InstanceMask
from model.runtime.postprocess import paste_masks
from model.runtime.rle import encode_rle


def opened(png: bytes) -> Image.Image:
    """The picture, every checksum held."""
    Image.open(io.BytesIO(png)).verify()
    return Image.open(io.BytesIO(png))


def labels_of(masks: list[InstanceMask], width: int, height: int) -> bytes:
    labels = Labels(len(masks), width, height)
    # In any order: here the worst first.
    for index, mask in reversed([*enumerate(masks)]):
        labels.draw(index, mask)
    return labels.encode()


def photograph(width: int, height: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(1, 256, (height, width, 3), dtype=np.uint8)


@settings(deadline=None)
@given(
    arrays(bool, st.tuples(st.integers(0, 20), st.integers(0, 20))),
    st.integers(0, 17),
    st.integers(0, 3),
    st.integers(1, 9),
)
def test_a_mask_png_has_the_frames_exact_pixels(
    pixels: NDArray[np.bool_], x: int, y: int, room: int
) -> None:
    mask = InstanceMask(x, y, pixels)
    width, height = x + pixels.shape[1] + room, y + pixels.shape[0] + room

    image = opened(encode_mask_png(mask, width, height))

    assert image.mode == "1"
    assert np.array_equal(np.asarray(image), on_frame(mask, width, height))


def test_a_mask_png_of_a_12_megapixel_frame_has_its_exact_pixels() -> None:
    # Above and below the mask are more zeros than one deflate block holds.
    mask = InstanceMask(1003, 1501, blob(700, 600))

    image = opened(encode_mask_png(mask, 4000, 3000))

    assert np.array_equal(np.asarray(image), on_frame(mask, 4000, 3000))


@pytest.mark.parametrize("size", [(1, 1), (8, 1), (9, 3)])
def test_a_mask_may_fill_its_frame(size: tuple[int, int]) -> None:
    width, height = size

    image = opened(encode_mask_png(InstanceMask(0, 0, np.ones((height, width), bool)), *size))

    assert image.size == size
    assert np.asarray(image).all()


def test_labels_number_the_instances_from_one_with_the_best_on_top() -> None:
    best, other = mask_of("##\n##", x=1), mask_of("###\n###")

    labels = opened(labels_of([best, other], 4, 3))

    assert labels.mode == "P"
    assert np.asarray(labels).tolist() == [[2, 1, 1, 0], [2, 1, 1, 0], [0, 0, 0, 0]]


def test_the_background_of_labels_is_transparent_and_instances_are_coloured() -> None:
    shown = opened(labels_of([mask_of("#")], 2, 1)).convert("RGBA")

    assert shown.getpixel((1, 0)) == (0, 0, 0, 0)
    assert shown.getpixel((0, 0)) == (86, 180, 233, 255)


def test_labels_of_nothing_are_background() -> None:
    assert not np.asarray(opened(labels_of([], 5, 4))).any()


def test_255_instances_can_be_numbered() -> None:
    masks = [InstanceMask(x, 0, np.ones((1, 1), bool)) for x in range(255)]

    labels = opened(labels_of(masks, 255, 1))

    assert np.asarray(labels)[0].tolist() == list(range(1, 256))


def test_more_than_255_instances_are_refused() -> None:
    with pytest.raises(BadOptions, match=r"labels.png can number 255 instances .* has 256"):
        Labels(256, 1, 1)


def test_a_cutout_is_the_photograph_under_the_mask_and_nothing_else() -> None:
    frame = photograph(40, 30)
    mask = mask_of(".#.\n###", x=5, y=7)

    cutout = np.asarray(opened(encode_cutout_png(mask, frame)))

    assert np.array_equal(cutout[..., 3] == 255, mask.pixels)
    assert np.array_equal(cutout[..., :3], frame[7:9, 5:8] * mask.pixels[..., None])


def test_a_cutout_has_no_empty_margins() -> None:
    mask = mask_of("....\n.##.\n....", x=5, y=7)

    cutout = opened(encode_cutout_png(mask, photograph(40, 30)))

    assert cutout.size == (2, 1)


@pytest.mark.parametrize("mask", [mask_of("..\n.."), InstanceMask(3, 3, np.zeros((0, 0), bool))])
def test_the_cutout_of_an_empty_mask_is_one_transparent_pixel(mask: InstanceMask) -> None:
    cutout = opened(encode_cutout_png(mask, photograph(10, 10)))

    assert cutout.size == (1, 1)
    assert cutout.getpixel((0, 0)) == (0, 0, 0, 0)


@pytest.mark.parametrize("count", [0, 1, 100])
def test_every_number_of_detections_is_encoded(count: int) -> None:
    corners = np.random.default_rng(1).uniform(0, [60, 40], (count, 2, 2))
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    masks = list(paste_masks(detections_of(60, 40, boxes)))

    pictures = [opened(encode_mask_png(mask, 60, 40)) for mask in masks]

    assert len(pictures) == count
    assert all(
        np.array_equal(np.asarray(picture), on_frame(mask, 60, 40))
        for picture, mask in zip(pictures, masks, strict=True)
    )


def test_boxes_at_and_past_the_edges_of_the_frame_are_encoded() -> None:
    edges = [[0, 0, 1, 1], [32, 23, 33, 24], [-5, -5, 3, 3], [30, 20, 50, 40], [40, 40, 50, 50]]

    for mask in paste_masks(detections_of(33, 24, edges)):
        picture = opened(encode_mask_png(mask, 33, 24))
        assert np.array_equal(np.asarray(picture), on_frame(mask, 33, 24))


def test_a_hundred_masks_on_12_megapixels_stay_below_400_megabytes() -> None:
    detections = detections_of(4000, 3000, [[0, 0, 4000, 3000]] * 100)

    tracemalloc.start()
    labels = Labels(100, 4000, 3000)
    for index, mask in enumerate(paste_masks(detections)):
        labels.draw(index, mask)
        encode_mask_png(mask, 4000, 3000)
        encode_rle(mask, 4000, 3000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 400e6
