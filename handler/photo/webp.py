"""WebP: a walk over its chunks, down to what makes the first picture.

A decoder gets the canvas, the first frame and its alpha. Metadata and later frames are
left out: libwebp would look at every frame before it shows the first.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from handler.photo.exif import exif_orientation
from handler.photo.record import ImageLimits, Record, broken, check_parts

_ANIMATION, _ALPHA = 0x02, 0x10  # flags of VP8X


@dataclass(slots=True)
class _Found:
    """What a walk has found so far; kept: what the decoder is given, without VP8X."""

    canvas: bytes = b""
    picture: bytes = b""
    kept: list[bytes] = field(default_factory=list)
    exif: bytes | None = None
    frames: int = 0
    parts: int = 0


def read_webp(data: bytes, limits: ImageLimits) -> tuple[Record, bytes]:
    """Read a WebP's header -> its record, and the bytes that make its picture.

    Raises BrokenImage or ImageTooLarge.
    """
    end = 8 + int.from_bytes(data[4:8], "little")
    found = _Found()
    for name, chunk in _chunks(data, min(end, len(data))):
        found.parts += 1
        check_parts("WebP", "chunks", found.parts, limits.max_chunks)
        _take(name, chunk, found)
    complete = len(data) >= end
    size = _size(found)
    if size is None:
        raise broken("WebP", len(data), complete, "it does not say how large it is")
    picture = _encode(found)
    record = Record(
        type="WebP",
        size=len(data),
        picture_size=len(picture),
        width=size[0],
        height=size[1],
        orientation=exif_orientation(found.exif or b""),
        channels=4 if _is_transparent(found) else 3,
        transparent=_is_transparent(found),
        animated=found.frames > 1,
        parts=found.parts,
        complete=complete,
    )
    return record, picture


def _chunks(data: bytes, end: int) -> Iterator[tuple[bytes, memoryview]]:
    """Yield each chunk's name, and the chunk whole: name, length, contents, padding.

    The last one is cut where the file is.
    """
    view, at = memoryview(data), 12
    while at + 8 <= end:
        name, length = struct.unpack_from("<4sI", data, at)
        after = at + 8 + length + length % 2
        yield name, view[at : min(after, end)]
        at = after


def _take(name: bytes, chunk: memoryview, found: _Found) -> None:
    match name:
        case b"VP8X" if found.parts == 1:
            found.canvas = bytes(chunk[8:18])
        case b"EXIF" if found.exif is None:
            found.exif = bytes(chunk[8:])
        case b"ANMF":
            found.frames += 1
            if found.frames == 1:
                found.kept.append(bytes(chunk))
        case b"ANIM" | b"ALPH" if found.canvas and not found.picture:
            found.kept.append(bytes(chunk))
        case b"VP8 " | b"VP8L" if not found.picture:
            found.picture = name + bytes(chunk[8:18])
            found.kept.append(bytes(chunk))


def _size(found: _Found) -> tuple[int, int] | None:
    """Width and height, pixels: the canvas's, or the picture's where there is no canvas."""
    body = found.canvas or found.picture
    if found.canvas and len(body) == 10:
        return (
            int.from_bytes(body[4:7], "little") + 1,
            int.from_bytes(body[7:10], "little") + 1,
        )
    if body.startswith(b"VP8L") and len(body) >= 9:
        (bits,) = struct.unpack_from("<I", body, 5)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if body.startswith(b"VP8 ") and len(body) == 14:
        width, height = struct.unpack_from("<HH", body, 10)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _is_transparent(found: _Found) -> bool:
    if found.canvas:
        return bool(found.canvas[0] & _ALPHA)
    return found.picture.startswith(b"VP8L") and bool(found.picture[8] & 0x10)


def _encode(found: _Found) -> bytes:
    body = b"".join(found.kept)
    if found.canvas:
        flags = found.canvas[0] & (_ALPHA | _ANIMATION)
        body = struct.pack("<4sIB", b"VP8X", 10, flags) + found.canvas[1:] + body
    return struct.pack("<4sI4s", b"RIFF", 4 + len(body), b"WEBP") + body
