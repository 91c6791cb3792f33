"""Photographs for training, evaluation, calibration and timing: decoded as the service does.

One decoder for all: what a model is trained and scored on is what it is shown when it
serves. 16-bit grey is scaled, transparency is white, EXIF's orientation is undone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from handler.errors import BadImage
from handler.photo.decode import ImageLimits, open_photo
from handler.photo.formats import SUFFIXES
from handler.photo.record import Record
from model.runtime.errors import DataError, ExportError

Pixels = NDArray[np.uint8]
T = TypeVar("T")

# Who trains chose the files: only what would not fit in memory, or takes for ever, is refused.
_LIMITS = ImageLimits(max_bytes=2**30, max_pixels=178_956_970, max_side=2**16)


def read_pixels(path: Path) -> Pixels:
    """Decode to upright RGB (h, w, 3); raises DataError, naming the file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None
    return _naming(path, lambda: open_photo(content, _LIMITS).full())


def read_thumbnail(path: Path, content: bytes, size: tuple[int, int]) -> tuple[Record, Pixels]:
    """Read a file's record and decode it at `size`, width and height, upright.

    Raises DataError, naming the file.
    """
    photo = _naming(path, lambda: open_photo(content, _LIMITS))
    return photo.record, _naming(path, lambda: photo.scaled(*size))


def _naming(path: Path, decode: Callable[[], T]) -> T:
    try:
        return decode()
    except BadImage as error:
        raise DataError(f"{path}: {error}") from None
    except MemoryError:
        raise DataError(f"{path}: there is not enough memory to decode it.") from None


def read_photographs(folder: Path, limit: int = 100) -> list[Pixels]:
    """Read upright RGB pixels (h, w, 3) of at most `limit` files, spread evenly by name.

    Raises ExportError for a folder without photographs, DataError for a broken one.
    """
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise ExportError(f"{folder} holds no photograph ({', '.join(SUFFIXES)}).")
    step = max(len(paths) / limit, 1)
    return [read_pixels(paths[int(i * step)]) for i in range(min(len(paths), limit))]
