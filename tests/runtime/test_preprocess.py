import numpy as np
import pytest

from model.runtime.manifest import Preprocessing
from model.runtime.preprocess import fit, place

EDGE = Preprocessing(
    mean=(127.0, 127.0, 127.0),
    std=(128.0, 128.0, 128.0),
    min_size=512,
    max_size=512,
    buckets={"landscape": (384, 512), "portrait": (512, 384), "square": (512, 512)},
    pad=(127, 127, 127),
)


@pytest.mark.parametrize(
    ("size", "bucket", "valid"),
    [
        ((4000, 3000), "landscape", (512, 384)),
        ((3000, 4000), "portrait", (384, 512)),
        ((700, 700), "square", (512, 512)),
        ((1920, 1080), "landscape", (512, 288)),
        ((20_000, 1000), "landscape", (512, 26)),
        ((1000, 20_000), "portrait", (26, 512)),
        ((16_000, 1), "landscape", (512, 1)),
        ((1, 1), "square", (512, 512)),
    ],
)
def test_bucket_with_the_least_padding_is_chosen(size, bucket, valid):
    placement = place(*size, EDGE)
    assert placement.bucket == bucket
    assert (placement.valid_width, placement.valid_height) == valid


def test_photograph_lies_top_left_on_the_pad_pixel():
    white = np.full((108, 192, 3), 255, np.uint8)
    image = fit(white, place(192, 108, EDGE), (124, 116, 104))
    assert image.shape == (384, 512, 3)
    assert (image[:288] == 255).all()
    assert (image[288:] == (124, 116, 104)).all()


def test_shrinking_averages_every_pixel():
    # A fine chequerboard aliases to black or white where pixels are skipped.
    board = np.indices((1536, 2048)).sum(0) % 2 * 255
    image = fit(
        np.repeat(board[..., None], 3, 2).astype(np.uint8), place(2048, 1536, EDGE), (0,) * 3
    )
    assert np.abs(image.astype(int) - 127).max() <= 2


def test_boxes_return_to_the_frame_and_stay_inside():
    placement = place(1920, 1080, EDGE)
    boxes = np.array([[0, 0, 256, 144], [-3, 200, 600, 384]], np.float32)
    in_frame = placement.to_frame(boxes, 1920, 1080)
    assert in_frame[0].tolist() == [0, 0, 960, 540]
    assert in_frame[1].tolist() == [0, 750, 1920, 1080]


SQUARE = Preprocessing(
    mean=(123.7, 116.8, 103.9),
    std=(1.0, 1.0, 1.0),
    min_size=800,
    max_size=1024,
    buckets={"square": (1024, 1024)},
    pad=(0, 0, 0),
    resize_mode="square",
)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        # width, height -> width, height, left, top
        ((640, 480), (1024, 768, 0, 128)),
        ((600, 600), (800, 800, 112, 112)),
        ((900, 900), (900, 900, 62, 62)),
        ((4000, 3000), (1024, 768, 0, 128)),
        ((301, 1000), (308, 1024, 358, 0)),
    ],
)
def test_square_mode_has_the_photograph_in_the_middle(size, expected):
    placement = place(*size, SQUARE)
    found = placement.valid_width, placement.valid_height, placement.left, placement.top
    assert found == expected


def test_square_mode_pads_with_black_and_maps_boxes_back():
    pixels = np.full((300, 600, 3), 200, np.uint8)
    placement = place(600, 300, SQUARE)
    image = fit(pixels, placement, SQUARE.pad)
    assert not image[: placement.top].any()
    assert (image[placement.top : placement.top + placement.valid_height] == 200).all()
    corners = [0, placement.top, 1024, placement.top + placement.valid_height]
    boxes = placement.to_frame(np.array([corners], np.float32), 600, 300)
    np.testing.assert_allclose(boxes, [[0, 0, 600, 300]], atol=1e-3)
