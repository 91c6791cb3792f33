"""PNG: a walk over its chunks, down to what makes the picture.

A decoder gets header, palette, transparency and pixels, these as one chunk. Everything
else is left out unread: compressed text and profiles (bombs, or with a bad checksum),
later frames, what follows the end.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from handler.errors import BrokenImage
from handler.photo.exif import exif_orientation
from handler.photo.record import ImageLimits, Record, broken, check_parts

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Colour type -> its channels, and the bits that each may have.
_COLOURS = {
    0: (1, (1, 2, 4, 8, 16)),
    2: (3, (8, 16)),
    3: (1, (1, 2, 4, 8)),
    4: (2, (8, 16)),
    6: (4, (8, 16)),
}
_GREY, _RGB, _PALETTE = 0, 2, 3
_WITH_ALPHA = (4, 6)


@dataclass(slots=True)
class _Found:
    """What a walk has found so far."""

    header: bytes = b""
    palette: bytes = b""
    transparency: bytes = b""
    pixels: list[bytes] = field(default_factory=list)
    exif: bytes | None = None
    animated: bool = False
    parts: int = 0
    complete: bool = False


def read_png(data: bytes, limits: ImageLimits) -> tuple[Record, bytes]:
    """Read a PNG's header -> its record, and the bytes that make its picture.

    Raises BrokenImage or ImageTooLarge.
    """
    found = _Found()
    for name, start, end in _chunks(data):
        found.parts += 1
        check_parts("PNG", "chunks", found.parts, limits.max_chunks)
        _take(data, name, start, end, found)
    if len(found.header) != 13:
        raise broken("PNG", len(data), len(data) >= 33, "its first chunk is not a header")
    width, height, bits, colour, _, _, interlace = struct.unpack(">IIBBBBB", found.header)
    _check_shape(found, bits, colour, len(data))
    transparency = _transparency(found.transparency, bits, colour)
    picture = _encode(found, transparency, colour)
    record = Record(
        type="PNG",
        size=len(data),
        picture_size=len(picture),
        width=width,
        height=height,
        orientation=exif_orientation(found.exif or b""),
        channels=_COLOURS[colour][0],
        bits=bits,
        transparent=colour in _WITH_ALPHA or bool(transparency),
        animated=found.animated,
        scans=7 if interlace else 1,
        parts=found.parts,
        complete=found.complete,
    )
    return record, picture


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield each chunk's name, and where its contents begin and end (perhaps past the file's)."""
    at = len(_SIGNATURE)
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        yield name, at + 8, at + 8 + length
        if name == b"IEND":
            return
        at += 12 + length


def _take(data: bytes, name: bytes, start: int, end: int, found: _Found) -> None:
    match name:
        case b"IHDR" if found.parts == 1:
            found.header = data[start:end]
        case b"PLTE" if not found.pixels:
            found.palette = found.palette or data[start:end]
        case b"tRNS" if not found.pixels:
            found.transparency = found.transparency or data[start:end]
        case b"IDAT":
            found.pixels.append(data[start:end])
        case b"eXIf" if found.exif is None and _is_sound(data, start, end):
            found.exif = data[start:end]
        case b"acTL":
            found.animated = True
        case b"IEND":
            found.complete = True


def _is_sound(data: bytes, start: int, end: int) -> bool:
    """Whether a chunk is all there, with the right checksum."""
    return data[end : end + 4] == struct.pack(">I", zlib.crc32(data[start - 4 : end]))


def _check_shape(found: _Found, bits: int, colour: int, size: int) -> None:
    """Raise BrokenImage for a header, or a palette, that no picture can have."""
    if colour not in _COLOURS or bits not in _COLOURS[colour][1]:
        raise BrokenImage(f"The PNG is corrupt: it has colour type {colour} with {bits} bits.")
    if colour == _PALETTE and not (found.palette and len(found.palette) % 3 == 0):
        held = f"{len(found.palette)} bytes" if found.palette else "none"
        reason = f"its pixels are palette indexes, and of a palette it has {held}"
        raise broken("PNG", size, found.complete or bool(found.pixels), reason)


def _transparency(chunk: bytes, bits: int, colour: int) -> bytes:
    """The colour, or the palette's alphas, that are transparent, as Pillow compares them.

    It compares with what pixels have become at 8 bits: grey of fewer bits is spread over
    0 to 255, and of 16 bits a channel of RGB the higher 8 remain.
    """
    if colour == _PALETTE:
        return chunk[:256]
    if (colour, len(chunk)) not in ((_GREY, 2), (_RGB, 6)):
        return b""
    values = struct.unpack(f">{len(chunk) // 2}H", chunk)
    if bits < 8:
        values = tuple((each & (1 << bits) - 1) * 255 // ((1 << bits) - 1) for each in values)
    elif bits == 16 and colour == _RGB:
        values = tuple(each >> 8 for each in values)
    return struct.pack(f">{len(values)}H", *values)


def _encode(found: _Found, transparency: bytes, colour: int) -> bytes:
    chunks = [(b"IHDR", found.header)]
    if colour == _PALETTE:
        chunks.append((b"PLTE", found.palette[: 3 * 256]))
    if transparency:
        chunks.append((b"tRNS", transparency))
    chunks += [(b"IDAT", b"".join(found.pixels)), (b"IEND", b"")]
    return b"".join([_SIGNATURE, *(part for name, body in chunks for part in _chunk(name, body))])


def _chunk(name: bytes, body: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    return struct.pack(">I", len(body)), name, body, struct.pack(">I", _crc(name, body))


def _crc(name: bytes, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(name))
