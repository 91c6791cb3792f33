"""From a file's bytes to its record, in one pass, before any decoder sees them."""

from __future__ import annotations

from handler.errors import ImageTooLarge
from handler.photo.formats import image_type
from handler.photo.heif import read_heif
from handler.photo.jpeg import read_jpeg
from handler.photo.png import read_png
from handler.photo.record import ImageLimits, Record, check_size
from handler.photo.webp import read_webp


def read_header(data: bytes, limits: ImageLimits) -> tuple[Record, bytes]:
    """Check a file -> its record, and the bytes that make its picture.

    Raises UnsupportedImage, BrokenImage or ImageTooLarge.
    """
    kind = image_type(data)
    if len(data) > limits.max_bytes:
        raise ImageTooLarge(
            f"The file has {len(data):,} bytes; at most {limits.max_bytes:,} are allowed."
        )
    match kind:
        case "JPEG":
            record, picture = read_jpeg(data, limits)
        case "PNG":
            record, picture = read_png(data, limits)
        case "WebP":
            record, picture = read_webp(data, limits)
        case "AVIF" | "HEIC":
            record, picture = read_heif(data, limits, kind)
    check_size(record, limits)
    return record, picture
