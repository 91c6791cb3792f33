from collections.abc import Iterator

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from mask_samples import blob, detected, detections_of, mask_of, on_frame
from numpy.typing import NDArray

from handler.masks.label_studio import encode_brush, label_studio_task
from model.runtime.detections import InstanceMask


class Bits:
    """A stream of bits, highest first."""

    def __init__(self, data: list[int]) -> None:
        self._bits: Iterator[str] = iter("".join(f"{byte:08b}" for byte in data))

    def read(self, count: int) -> int:
        return int("".join(next(self._bits) for _ in range(count)), 2)


def decode(data: list[int]) -> list[int]:
    """Read rle-pack bit by bit, as its documentation describes it."""
    bits = Bits(data)
    count = bits.read(32)
    value_bits = bits.read(5) + 1
    sizes = [bits.read(4) + 1 for _ in range(4)]
    values: list[int] = []
    while len(values) < count:
        repeated = bits.read(1)
        length = bits.read(sizes[bits.read(2)]) + 1
        if repeated:
            values += [bits.read(value_bits)] * length
        else:
            values += [bits.read(value_bits) for _ in range(length)]
    return values


def brush_of(mask: InstanceMask, width: int, height: int) -> list[int]:
    """The RGBA picture, flat, all four channels alike."""
    frame = on_frame(mask, width, height) * 255
    return [int(value) for value in np.repeat(frame, 4)]


@settings(deadline=None)
@given(
    arrays(bool, st.tuples(st.integers(0, 9), st.integers(0, 9))),
    st.integers(0, 4),
    st.integers(1, 3),
)
def test_the_brush_decodes_to_the_mask(pixels: NDArray[np.bool_], corner: int, room: int) -> None:
    mask = InstanceMask(corner, corner, pixels)
    height, width = (side + corner + room for side in pixels.shape)

    assert decode(encode_brush(mask, width, height)) == brush_of(mask, width, height)


def test_runs_longer_than_16_bits_are_split() -> None:
    mask = InstanceMask(50, 60, blob(300, 200))

    assert decode(encode_brush(mask, 500, 400)) == brush_of(mask, 500, 400)


def test_a_full_frame_is_one_run() -> None:
    # Header: 4 in 32 bits, 00111, 0010 0011 0111 1111. Run: 1 repeated, 00 first size,
    # 011 four values, 11111111. Bytes from the fifth on:
    # 00111001 00011011 11111100 01111111 111(00000)
    assert encode_brush(mask_of("#"), 1, 1) == [0, 0, 0, 4, 0x39, 0x1B, 0xFC, 0x7F, 0xE0]


def test_a_task_has_a_brush_region_per_instance() -> None:
    detections = detections_of(30, 20, [[2, 2, 10, 10], [5, 5, 9, 9]])

    masks = [InstanceMask(3, 4, blob(12, 9)), mask_of("..")]

    task = label_studio_task("https://example.org/a.jpg", detected(detections, masks), "edge 1")

    (prediction,) = task["predictions"]
    assert prediction["model_version"] == "edge 1"
    values = [region["value"] for region in prediction["result"]]
    assert [each["brushlabels"] for each in values] == [["person"]] * 2
    assert [decode(each["rle"]) for each in values] == [brush_of(each, 30, 20) for each in masks]
