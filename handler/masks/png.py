"""Write PNG files from rows of bytes, fast where pictures are flat.

The format is ISO/IEC 15948 (https://www.w3.org/TR/png-3/). zlib only looks for runs (Z_RLE):
masks are made of runs, so this costs a third of its default search and is hardly larger.
"""

from __future__ import annotations

import struct
import zlib
from enum import Enum
from functools import cache

import numpy as np
from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_ZLIB_HEADER = b"\x78\x01"
_LAST_BLOCK = b"\x03\x00"  # empty, with deflate's fixed codes
_ADLER_MODULUS = 65521
_ZERO_BLOCK = 1 << 16


class PixelFormat(Enum):
    """Bits per sample and colour type, as IHDR has them."""

    BIT = (1, 0)
    PALETTE = (8, 3)
    RGBA = (8, 6)


def encode_png(
    rows: NDArray[np.uint8],
    width: int,
    pixel_format: PixelFormat,
    *,
    blank_above: int = 0,
    blank_below: int = 0,
    palette: NDArray[np.uint8] | None = None,
) -> bytes:
    """Encode `rows` (n, bytes per row), between rows of zeros that need not exist in memory.

    palette: (256, 3) RGB for PixelFormat.PALETTE; its first entry is shown transparent.
    """
    height = blank_above + len(rows) + blank_below
    header = struct.pack(">IIBBBBB", width, height, *pixel_format.value, 0, 0, 0)
    # Neighbouring rows of a photograph are alike; those of a mask are already runs.
    lines = _differences(rows) if pixel_format is PixelFormat.RGBA else _unfiltered(rows)
    stride = lines.shape[1]
    parts = [_SIGNATURE, _chunk(b"IHDR", header)]
    if palette is not None:
        parts += [_chunk(b"PLTE", palette.tobytes()), _chunk(b"tRNS", b"\x00")]
    data = _zlib_stream(blank_above * stride, lines.data, blank_below * stride)
    return b"".join([*parts, _chunk(b"IDAT", data), _chunk(b"IEND", b"")])


def _chunk(name: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(data, zlib.crc32(name))
    return b"".join([struct.pack(">I", len(data)), name, data, struct.pack(">I", checksum)])


def _unfiltered(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Filter type 0: each row behind a zero byte, so that a blank line is all zeros."""
    lines = np.zeros((len(rows), 1 + rows.shape[1]), np.uint8)
    lines[:, 1:] = rows
    return lines


def _differences(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Filter type 2, Up: each row less the row above it, modulo 256."""
    lines = np.full((len(rows), 1 + rows.shape[1]), 2, np.uint8)
    lines[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=lines[1:, 1:])
    return lines


def _zlib_stream(zeros_before: int, data: memoryview, zeros_after: int) -> bytes:
    """Compress `data` between zeros; the zeros cost time by the block, not by the byte."""
    checksum = zlib.adler32(data, _adler32_zeros(1, zeros_before))
    return b"".join(
        [
            _ZLIB_HEADER,
            _deflate_zeros(zeros_before),
            _deflate(data),
            _deflate_zeros(zeros_after),
            _LAST_BLOCK,
            struct.pack(">I", _adler32_zeros(checksum, zeros_after)),
        ]
    )


def _deflate(data: memoryview | bytes) -> bytes:
    """Compress to raw deflate that ends on a byte and refers to nothing before it."""
    deflater = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS, 9, zlib.Z_RLE)
    return deflater.compress(data) + deflater.flush(zlib.Z_FULL_FLUSH)


def _deflate_zeros(count: int) -> bytes:
    blocks, rest = divmod(count, _ZERO_BLOCK)
    return _zero_block() * blocks + _deflate(bytes(rest))


@cache
def _zero_block() -> bytes:
    return _deflate(bytes(_ZERO_BLOCK))


def _adler32_zeros(checksum: int, count: int) -> int:
    """Extend an Adler-32 by `count` zero bytes: the low half stays, and is added count times."""
    high, low = checksum >> 16, checksum & 0xFFFF
    return (high + count * low) % _ADLER_MODULUS << 16 | low
