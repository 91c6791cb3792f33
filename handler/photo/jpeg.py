"""JPEG: a walk over its segments, down to what makes the picture.

A decoder gets tables, frame, scans, and the two application segments that say what the
colours mean. Metadata, padding, embedded previews (MPO) and what follows are left out:
Pillow would walk them byte by byte, 80 s for 25 MB of padding, and take an orientation
from XMP.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from handler.errors import UnsupportedImage
from handler.photo.exif import exif_orientation
from handler.photo.record import ImageLimits, Record, broken, check_parts

_EXIF = b"Exif\0\0"

# A marker is 0xFF and a code. Padding (more 0xFF) and garbage before it are passed over.
_MARKER = re.compile(rb"\xff[^\x00\xff]")
_PADDING_END = re.compile(rb"[^\xff]")
# Padding in a scan: libjpeg would begin anew with it whenever it is given more of the file.
_PADDING = re.compile(rb"\xff\xff+")
# In a scan, restart markers belong to it.
_SCAN_END = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")

_EOI, _SOS, _APP0, _APP1, _APP14 = 0xD9, 0xDA, 0xE0, 0xE1, 0xEE
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a segment
_TABLES = {0xC4, 0xCC, 0xDB, 0xDD}  # DHT, DAC, DQT, DRI
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_KEPT = {_SOS, *_TABLES, *_FRAMES}
# JFIF's without a preview has 18 bytes, Adobe's 16.
_COLOUR_BYTES = 64
_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}


@dataclass(frozen=True, slots=True)
class _Segment:
    """A marker's code, and where it and its contents (a scan's pixels included) stand."""

    code: int
    start: int
    end: int


@dataclass(slots=True)
class _Found:
    """What a walk has found so far; kept: what the decoder is given."""

    kept: list[bytes] = field(default_factory=lambda: [b"\xff\xd8"])
    applications: set[int] = field(default_factory=set)
    frame: bytes = b""
    exif: bytes | None = None
    parts: int = 0
    scans: int = 0
    complete: bool = False


def read_jpeg(data: bytes, limits: ImageLimits) -> tuple[Record, bytes]:
    """Read a JPEG's header -> its record, and the bytes that make its picture.

    Raises BrokenImage, UnsupportedImage or ImageTooLarge.
    """
    found = _Found()
    for segment in _segments(data):
        found.parts += 1
        check_parts("JPEG", "segments", found.parts, limits.max_segments)
        _take(data, segment, found)
    if len(found.frame) < 10 or not found.scans:
        reason = "no picture begins in it" if found.frame else "it does not say how large it is"
        raise broken("JPEG", len(data), found.complete, reason)
    picture = b"".join([*found.kept, b"\xff\xd9" * found.complete])
    return _record(data, picture, found), picture


def _segments(data: bytes) -> Iterator[_Segment]:
    """Walk over the segments, the last one the picture's end or what the file's end cuts."""
    at = 2
    while marker := _MARKER.search(data, _skip_padding(data, at)):
        start, at = marker.span()
        code = data[at - 1]
        if code in _ALONE:
            continue
        if code == _EOI:
            yield _Segment(code, start, at)
            return
        at += max(int.from_bytes(data[at : at + 2], "big"), 2)
        if code == _SOS:
            end = _SCAN_END.search(data, at)
            at = end.start() if end else len(data)
        yield _Segment(code, start, at)


def _skip_padding(data: bytes, at: int) -> int:
    """Go to the last 0xFF of a row of them, ten times faster than a search for markers does."""
    if not data.startswith(b"\xff\xff", at):
        return at
    end = _PADDING_END.search(data, at)
    return end.start() - 1 if end else len(data)


def _take(data: bytes, segment: _Segment, found: _Found) -> None:
    code, contents = segment.code, slice(segment.start + 4, segment.end)
    if code == _EOI:
        found.complete = True
    elif code == _APP1:
        if found.exif is None and data.startswith(_EXIF, contents.start):
            found.exif = data[contents]
    elif code in (_APP0, _APP14):
        # Only the first of each counts; a long one is a preview, not a colour space.
        if code not in found.applications and segment.end - segment.start < _COLOUR_BYTES:
            found.applications.add(code)
            found.kept.append(data[segment.start : segment.end])
    elif code in _KEPT:
        kept = data[segment.start : segment.end]
        if code == _SOS:
            found.scans += 1
            kept = kept if b"\xff\xff" not in kept else _PADDING.sub(b"\xff", kept)
        found.kept.append(kept)
        if code in _FRAMES and not found.frame:
            found.frame = data[segment.start + 1 : segment.end]


def _record(data: bytes, picture: bytes, found: _Found) -> Record:
    code, _, bits, height, width, channels = struct.unpack_from(">BHBHHB", found.frame)
    if bits != 8:
        raise UnsupportedImage(f"This is a JPEG of {bits} bits a channel; 8 are accepted.")
    return Record(
        type="JPEG",
        size=len(data),
        picture_size=len(picture),
        width=width,
        height=height,
        orientation=exif_orientation(found.exif or b""),
        channels=channels,
        scans=found.scans,
        parts=found.parts,
        buffered=_coefficients(found.frame[9:], width, height)
        if code in _PROGRESSIVE or found.scans > 1
        else 0,
        complete=found.complete,
    )


def _coefficients(components: bytes, width: int, height: int) -> int:
    """Bytes of a whole picture's coefficients, two each, as decoders of several scans keep them."""
    samplings = [(each >> 4, each & 15) for each in components[1::3]]
    across = max((h for h, _ in samplings), default=1) or 1
    down = max((v for _, v in samplings), default=1) or 1
    share = sum(h * v for h, v in samplings) / (across * down)
    return int(2 * width * height * share)
