"""HEIC and AVIF: a walk over the boxes that describe the primary picture.

    meta                     what there is
      pitm                   which item is the picture
      iinf / infe            each item's type: hvc1, av01, or grid, a picture made of tiles
      iprp / ipco            properties: ispe (size), irot, imir, clap, pixi, auxC
      iprp / ipma            which properties an item has, in the order in which they apply
      iref / auxl            which items are another's alpha
    moov / trak / tkhd       a sequence: the size of its first track

How the picture is turned is the container's irot and imir: that is what viewers apply.
EXIF's orientation repeats it for programs that know no HEIF, and is not applied again.
Reference: ISO/IEC 23008-12.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from handler.errors import UnsupportedImage
from handler.photo.record import ImageLimits, Record, broken, check_parts

HeifType = Literal["AVIF", "HEIC"]

# Items that are pictures, coded or made of other items.
_CODED: dict[HeifType, tuple[bytes, ...]] = {"AVIF": (b"av01",), "HEIC": (b"hvc1", b"hev1")}
_DERIVED = (b"grid", b"iden", b"iovl")
_ALPHA = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1")
# Of a property no more is read; a colour profile may be a megabyte.
_LONGEST = 64
# (mirrored left to right first, then turned by so many quarters counter-clockwise) -> EXIF's.
_TURNS = {
    (False, 0): 1,
    (True, 0): 2,
    (False, 2): 3,
    (True, 2): 4,
    (True, 1): 5,
    (False, 3): 6,
    (True, 3): 7,
    (False, 1): 8,
}


@dataclass(slots=True)
class _Found:
    """What a walk has found so far."""

    kind: HeifType
    limits: ImageLimits
    parts: int = 0
    primary: int = 0
    types: dict[int, bytes] = field(default_factory=dict)
    properties: list[tuple[bytes, bytes]] = field(default_factory=list)
    properties_of: dict[int, list[int]] = field(default_factory=dict)
    alphas_of: dict[int, list[int]] = field(default_factory=dict)
    tracks: list[tuple[int, int]] = field(default_factory=list)

    def count(self, parts: int) -> None:
        """Count boxes, or entries of boxes; raises ImageTooLarge for too many."""
        self.parts += parts
        check_parts(self.kind, "boxes", self.parts, self.limits.max_chunks)

    def of(self, item: int) -> Iterator[tuple[bytes, bytes]]:
        """An item's properties, in the order in which they apply: name and contents."""
        for index in self.properties_of.get(item, ()):
            if 0 < index <= len(self.properties):
                yield self.properties[index - 1]


def read_heif(data: bytes, limits: ImageLimits, kind: HeifType) -> tuple[Record, bytes]:
    """Read a HEIC's or AVIF's header -> its record, and the bytes to decode: all of them.

    Raises BrokenImage, UnsupportedImage or ImageTooLarge.
    """
    found = _Found(kind, limits)
    try:
        complete = _walk(_Boxes(data), b"", 0, len(data), found) <= len(data)
        size = _size(found, kind)
    except struct.error:  # a box, or the file, ends before what it should hold does
        raise broken(kind, len(data), False, "") from None
    if size is None:
        raise broken(kind, len(data), complete, "it does not say how large it is")
    _check_item(found, kind)
    transparent = _is_transparent(found)
    record = Record(
        type=kind,
        size=len(data),
        picture_size=len(data),
        width=size[0],
        height=size[1],
        orientation=_orientation(found),
        channels=4 if transparent else 3,
        bits=_bits(found),
        transparent=transparent,
        animated=bool(found.tracks),
        parts=found.parts,
        complete=complete,
    )
    return record, data


@dataclass(frozen=True, slots=True)
class _Boxes:
    """A file as boxes: 4 bytes length, 4 bytes name, contents."""

    data: bytes

    def between(self, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
        """Yield each box's name, and where its contents begin and end (perhaps past `end`)."""
        while start + 8 <= end:
            length, name = struct.unpack_from(">I4s", self.data, start)
            contents = start + 8
            if length == 1:
                (length,) = struct.unpack_from(">Q", self.data, contents)
                contents += 8
            start = len(self.data) if length == 0 else start + max(length, 8)
            yield name, contents, start


def _walk(boxes: _Boxes, parent: bytes, start: int, end: int, found: _Found) -> int:
    """Read what is in the box `parent`; answers where the last box in it says that it ends."""
    last = start
    for name, contents, after in boxes.between(start, end):
        last, inside = after, min(after, end)
        found.count(1)
        if parent == b"ipco":
            found.properties.append((name, boxes.data[contents : min(inside, contents + _LONGEST)]))
        elif parent == b"iref" and name == b"auxl":
            _read_alphas(boxes.data[contents:inside], found)
        elif read := _READERS.get((parent, name)):
            read(boxes.data[contents:inside], found)
        elif (skipped := _skipped(boxes.data, parent, name, contents)) is not None:
            _walk(boxes, name, contents + skipped, inside, found)
    return last


def _skipped(data: bytes, parent: bytes, name: bytes, contents: int) -> int | None:
    """Bytes before the first box inside a box; None for one that is not looked into."""
    match parent, name:
        case (b"", b"meta") | (b"meta", b"iref"):
            return 4
        case b"meta", b"iinf":
            return 6 if data[contents : contents + 1] == b"\0" else 8
        case (b"", b"moov") | (b"moov", b"trak") | (b"meta", b"iprp") | (b"iprp", b"ipco"):
            return 0
        case _:
            return None


def _read_primary(body: bytes, found: _Found) -> None:
    (found.primary,) = struct.unpack_from(">I" if body[:1] != b"\0" else ">H", body, 4)


def _read_item(body: bytes, found: _Found) -> None:
    number = ">IH4s" if body[:1] == b"\3" else ">HH4s"
    item, _, kind = struct.unpack_from(number, body, 4)
    found.types[item] = kind


def _read_associations(body: bytes, found: _Found) -> None:
    version, flags, count = struct.unpack_from(">B2xBI", body)
    number, index = ">IB" if version else ">HB", ">H" if flags & 1 else ">B"
    bits, at = (0x7FFF if flags & 1 else 0x7F), 8
    # Each entry takes bytes, so a count that lies ends with the box.
    for _ in range(count):
        item, properties = struct.unpack_from(number, body, at)
        at += struct.calcsize(number)
        size = struct.calcsize(index)
        found.count(1 + properties)
        found.properties_of[item] = [
            struct.unpack_from(index, body, at + each * size)[0] & bits
            for each in range(properties)
        ]
        at += properties * size


def _read_alphas(body: bytes, found: _Found) -> None:
    """Read that an item is an auxiliary picture of others (ids of two bytes)."""
    item, count = struct.unpack_from(">HH", body)
    found.count(count)
    for each in struct.unpack_from(f">{count}H", body, 4):
        found.alphas_of.setdefault(each, []).append(item)


def _read_track(body: bytes, found: _Found) -> None:
    width, height = struct.unpack(">II", body[-8:])
    found.tracks.append((width >> 16, height >> 16))


_READERS: dict[tuple[bytes, bytes], Callable[[bytes, _Found], None]] = {
    (b"meta", b"pitm"): _read_primary,
    (b"iinf", b"infe"): _read_item,
    (b"iprp", b"ipma"): _read_associations,
    (b"trak", b"tkhd"): _read_track,
}


def _check_item(found: _Found, kind: HeifType) -> None:
    item = found.types.get(found.primary)
    if item is not None and item not in (*_CODED[kind], *_DERIVED):
        name = item.decode("ascii", "replace")
        raise UnsupportedImage(f"This is a HEIF whose picture is coded as {name!r}, not {kind}.")


def _size(found: _Found, kind: HeifType) -> tuple[int, int] | None:
    """Width and height, pixels, as a decoder answers them before they are turned."""
    properties = dict(found.of(found.primary))
    if b"ispe" not in properties:
        return next((each for each in found.tracks if all(each)), None)
    width, height = struct.unpack_from(">4xII", properties[b"ispe"])
    if kind == "HEIC" and b"clap" in properties:  # the part to be shown; AVIF's decoder passes over
        across, of_width, down, of_height = struct.unpack_from(">IIII", properties[b"clap"])
        if of_width and of_height:
            return across // of_width, down // of_height
    return width, height


def _orientation(found: _Found) -> int:
    """Put the primary item's turns and mirrors together."""
    mirrored, quarters = False, 0
    for name, body in found.of(found.primary):
        if name == b"irot" and body:
            quarters += body[0] & 3
        elif name == b"imir" and body:
            # Axis 1 exchanges left and right; 0 exchanges top and bottom.
            mirrored = not mirrored
            quarters = (0 if body[0] & 1 else 2) - quarters
    return _TURNS[mirrored, quarters % 4]


def _bits(found: _Found) -> int:
    pixi = dict(found.of(found.primary)).get(b"pixi", b"")
    return pixi[5] if len(pixi) > 5 else 8


def _is_transparent(found: _Found) -> bool:
    return any(
        name == b"auxC" and body[4:].startswith(_ALPHA)
        for item in found.alphas_of.get(found.primary, ())
        for name, body in found.of(item)
    )
