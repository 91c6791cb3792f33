"""EXIF's orientation, the one piece of metadata that is read."""

from __future__ import annotations

import struct

_ORIENTATION = 0x0112
_SHORT = 3
_PREFIX = b"Exif\0\0"


def exif_orientation(block: bytes) -> int:
    """Read the orientation from an EXIF block: 1 to 8, and 1 where none makes sense.

    block: a TIFF file, with or without `Exif` and two zeros before it.
    Browsers read it likewise: one SHORT in the first directory.
    """
    tiff = block.removeprefix(_PREFIX)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, start)
        for at in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, values, value = struct.unpack_from(f"{order}HHIH", tiff, at)
            if tag == _ORIENTATION:
                return value if (kind, values) == (_SHORT, 1) and 1 <= value <= 8 else 1
    except struct.error:  # the block ends before its directory does
        pass
    return 1
