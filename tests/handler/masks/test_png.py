import struct
import zlib

import numpy as np
import pytest

from handler.masks.png import PixelFormat, encode_png


def image_data(png: bytes) -> bytes:
    """Everything in IDAT, inflated: zlib refuses a wrong checksum or a stream cut short."""
    start = png.index(b"IDAT")
    (length,) = struct.unpack(">I", png[start - 4 : start])
    return zlib.decompress(png[start + 4 : start + 4 + length])


@pytest.mark.parametrize(("above", "below"), [(0, 0), (1, 0), (0, 3), (9, 70_000), (70_000, 9)])
def test_rows_that_are_not_in_memory_are_zeros_in_the_file(above: int, below: int) -> None:
    rows = np.array([[0xFF, 0x80], [0x00, 0x7F]], np.uint8)

    data = image_data(encode_png(rows, 16, PixelFormat.BIT, blank_above=above, blank_below=below))

    assert data == bytes(3 * above) + b"\x00\xff\x80\x00\x00\x7f" + bytes(3 * below)


def test_rgba_rows_are_written_as_differences() -> None:
    rows = np.array([[10, 20, 30, 255], [11, 19, 30, 255]], np.uint8)

    data = image_data(encode_png(rows, 1, PixelFormat.RGBA))

    assert list(data) == [2, 10, 20, 30, 255, 2, 1, 255, 0, 0]
