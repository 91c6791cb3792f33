"""What Python users have a photograph in: a file, its bytes, a Pillow image, an array of pixels."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from handler.errors import UnsupportedImage
from handler.photo.decode import Photo, open_photo
from handler.photo.record import ImageLimits

PhotoInput = str | Path | bytes | Image.Image | NDArray[np.uint8]

# What Pillow writes as PNG without a loss that our decoding would see; others become RGB first.
_PNG_MODES = {"1", "L", "LA", "P", "RGB", "RGBA", "I;16"}


def read_input(photo: PhotoInput, limits: ImageLimits) -> tuple[Photo, str | None]:
    """Check a photograph of any kind as `open_photo` does; answer also its file's name.

    An array is (height, width, 3) uint8, RGB. EXIF's orientation is applied to files, and not to
    a Pillow image, whose pixels are taken as they are.
    Raises OSError, UnsupportedImage, BrokenImage, ImageTooLarge.
    """
    if isinstance(photo, str | Path):
        return open_photo(Path(photo).read_bytes(), limits), Path(photo).name
    if isinstance(photo, bytes):
        return open_photo(photo, limits), None
    image = photo if isinstance(photo, Image.Image) else _from_array(photo)
    file = io.BytesIO()
    # Level 0 copies: 12 megapixels take 0.05 s. The limit on a file's bytes is not for these.
    kept = image if image.mode in _PNG_MODES else image.convert("RGB")
    kept.save(file, "PNG", compress_level=0)
    return open_photo(file.getvalue(), replace(limits, max_bytes=file.tell())), None


def _from_array(pixels: NDArray[np.uint8]) -> Image.Image:
    shape, kind = np.shape(pixels), getattr(pixels, "dtype", type(pixels).__name__)
    if len(shape) != 3 or shape[2] != 3 or 0 in shape or kind != np.uint8:
        raise UnsupportedImage(
            f"The array has shape {shape} and type {kind}; (height, width, 3) of uint8 is expected."
        )
    return Image.fromarray(pixels)
