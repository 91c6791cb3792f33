"""What a file's bytes say before a decoder sees them: its type, its size, where its EXIF is.

Types are told by content, never by a name or a header that came with the file.
"""

from __future__ import annotations

import struct
from typing import Literal

from handler.errors import BrokenImage, UnsupportedImage

ImageType = Literal["JPEG", "PNG", "WebP"]

_ACCEPTED = "JPEG, PNG and WebP are accepted"

# What people send instead: (offset, bytes found there, what to call it).
_OTHERS = (
    (0, b"GIF8", "a GIF"),
    (0, b"II*\0", "a TIFF"),
    (0, b"MM\0*", "a TIFF"),
    (0, b"%PDF", "a PDF"),
    (0, b"BM", "a BMP"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"\0\0\0\x0cjP  ", "a JPEG 2000"),
    (0, b"\xff\x0a", "a JPEG XL"),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL"),
    (0, b"8BPS", "a Photoshop file"),
    (4, b"ftypavif", "an AVIF"),
    (4, b"ftyphei", "a HEIC"),
    (4, b"ftyphev", "a HEIC"),
    (4, b"ftypmif1", "a HEIF"),
    (4, b"ftyp", "a video"),
    (0, b"\x1aE\xdf\xa3", "a video"),
)


def image_type(data: bytes) -> ImageType:
    """Recognise an accepted image.

    Raises BrokenImage for no bytes at all, UnsupportedImage for anything else, naming
    what it is where that is known.
    """
    if not data:
        raise BrokenImage("The file is empty; a photograph is expected.")
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WebP"
    raise UnsupportedImage(f"This is {_name_of(data)}; {_ACCEPTED}.")


def declared_size(data: bytes, kind: Literal["PNG", "WebP"]) -> tuple[int, int]:
    """Read width and height, in pixels, from a PNG's or WebP's first chunk.

    Answers 0×0 when the chunk is not all there, or not one that may be first.
    """
    if len(data) < 30:
        return 0, 0
    if kind == "PNG":
        width, height = struct.unpack_from(">II", data, 16)
        return width, height
    return _webp_size(data)


def png_exif(data: bytes) -> bytes | None:
    """Find a PNG's EXIF chunk, which may follow the pixels."""
    at = 8
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if name == b"eXIf":
            return data[at + 8 : at + 8 + length]
        at += 12 + length
    return None


def is_truncated(data: bytes, kind: ImageType) -> bool:
    """Tell whether the bytes end before the image does."""
    match kind:
        case "JPEG":
            return not data.rstrip(b"\0").endswith(b"\xff\xd9")
        case "PNG":
            return b"IEND" not in data[-64:]
        case "WebP":
            return len(data) < 8 + int.from_bytes(data[4:8], "little")


def _webp_size(data: bytes) -> tuple[int, int]:
    match data[12:16]:
        case b"VP8 ":  # lossy
            width, height = struct.unpack_from("<HH", data, 26)
            return width & 0x3FFF, height & 0x3FFF
        case b"VP8L":  # lossless
            (bits,) = struct.unpack_from("<I", data, 21)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":  # extended: an animation, metadata, or both
            width, height = data[24:27], data[27:30]
            return int.from_bytes(width, "little") + 1, int.from_bytes(height, "little") + 1
        case _:
            return 0, 0


def _name_of(data: bytes) -> str:
    for offset, magic, name in _OTHERS:
        if data.startswith(magic, offset):
            return name
    if b"<svg" in data[:1024]:
        return "an SVG"
    return "text" if _is_text(data[:1024]) else "not an image that is known"


def _is_text(start: bytes) -> bool:
    # A cut may split the last character: up to three bytes of it are let go.
    for end in range(len(start), max(len(start) - 4, 0), -1):
        try:
            return start[:end].decode("utf-8").replace("\n", "").replace("\t", "").isprintable()
        except UnicodeDecodeError:
            continue
    return False
