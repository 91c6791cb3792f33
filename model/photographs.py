"""Photographs from a folder, for calibration and comparison."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from model.runtime.errors import ExportError

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


def read_photographs(folder: Path, limit: int = 100) -> list[NDArray[np.uint8]]:
    """Read upright RGB pixels (h, w, 3) of at most `limit` files, spread evenly by name.

    Raises ExportError for a folder without photographs.
    """
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    if not paths:
        raise ExportError(f"{folder} holds no photograph (.jpg, .jpeg, .png or .webp).")
    step = max(len(paths) / limit, 1)
    return [_read(paths[int(i * step)]) for i in range(min(len(paths), limit))]


def _read(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
