"""How much memory decoding takes at its peak, from a photograph's record alone.

Bytes a pixel, measured at 12 and 50 megapixels (tests/security measures them again).
Pillow keeps RGB in four bytes a pixel, and the array made of it has three.
"""

from __future__ import annotations

from handler.photo.formats import ImageType
from handler.photo.record import Record

# While the decoder works: its own planes or canvases, what it hands over, Pillow's image.
# HEIC: 9 in its process, and what is read from that.
_DECODING: dict[ImageType, float] = {"JPEG": 4, "PNG": 4, "WebP": 16.5, "AVIF": 13, "HEIC": 15}
# More for an alpha that is a picture of its own, and times so much for planes of 10 or 12 bits.
_ALPHA_PLANE: dict[ImageType, float] = {"AVIF": 4, "HEIC": 5}
_DEEP_PLANES = 1.8
# From the decoder's pixels to RGB to the array; in between on white where it is transparent.
_HANDING, _HANDING_TRANSPARENT = 8, 9.5
# WebP, AVIF and HEIC are handed their file as copies.
_COPIES: dict[ImageType, int] = {"WebP": 2, "AVIF": 2, "HEIC": 2}
# A thread's buffers, and what is small.
_BASE = 2 * 2**20


def bytes_to_decode(record: Record, at_least: tuple[int, int] | None = None) -> int:
    """Bytes at the peak, beside the file: of the whole, or of what is scaled to `at_least`.

    at_least: width and height as stored.
    """
    pixels = record.width * record.height
    if at_least and record.type == "JPEG":
        reduced = pixels / _reduction(record, at_least) ** 2
        return int(_BASE + record.buffered + _HANDING * reduced)
    per_pixel = _DECODING[record.type] + record.transparent * _ALPHA_PLANE.get(record.type, 0)
    if record.type in _ALPHA_PLANE and record.bits > 8:
        per_pixel *= _DEEP_PLANES
    decoding = per_pixel * pixels + record.buffered
    handing = (_HANDING_TRANSPARENT if record.transparent else _HANDING) * pixels
    copies = _COPIES.get(record.type, 0) * record.picture_size
    return int(_BASE + max(decoding, handing) + copies)


def _reduction(record: Record, at_least: tuple[int, int]) -> int:
    """The scale at which Pillow decodes a JPEG: a whole one, one in 2, 4 or 8."""
    scale = min(record.width // at_least[0], record.height // at_least[1])
    return next((each for each in (8, 4, 2) if scale >= each), 1)
