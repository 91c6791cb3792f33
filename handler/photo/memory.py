"""How much memory decoding takes at its peak, from a photograph's record alone.

Bytes a pixel, measured over 12 and 50 megapixels (tests/security measures them again):
Pillow keeps RGB in four bytes a pixel, and the array of what was decoded has three.
"""

from __future__ import annotations

from handler.photo.formats import ImageType
from handler.photo.record import Record

# While the decoder works: its own planes or canvases, what it hands over, Pillow's image.
_DECODING: dict[ImageType, float] = {"JPEG": 4, "PNG": 4, "WebP": 16, "AVIF": 16, "HEIC": 16}
_RGB_IMAGE = 4
_RGB_ARRAY = 3
# A thread's buffers, and what is small.
_BASE = 2 * 2**20


def bytes_to_decode(record: Record, at_least: tuple[int, int] | None = None) -> int:
    """Bytes at the peak, beside the file: of the whole, or of what is scaled to `at_least`.

    at_least: width and height as stored.
    """
    pixels = record.width * record.height
    if at_least and record.type == "JPEG":
        reduced = pixels / _reduction(record, at_least) ** 2
        return int(_BASE + record.buffered + reduced * (_RGB_IMAGE + _RGB_ARRAY))
    decoding = _DECODING[record.type] * pixels + record.buffered
    handing = (_RGB_IMAGE * 2 + _RGB_ARRAY) * pixels
    return int(_BASE + max(decoding, handing))


def _reduction(record: Record, at_least: tuple[int, int]) -> int:
    """The scale at which Pillow decodes a JPEG: a whole one, one in 2, 4 or 8."""
    scale = min(record.width // at_least[0], record.height // at_least[1])
    return next((each for each in (8, 4, 2) if scale >= each), 1)
