"""Pixels out of Pillow's image, upright.

Copied in strips: Pillow's own way to an array would hold the pixels three times.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from handler.photo.record import SIDEWAYS

Pixels = NDArray[np.uint8]

# How an image stored with an EXIF orientation is brought upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Orientations in which the stored first row comes last.
_FROM_THE_END = (3, 4, 6, 7)
_STRIP_ROWS = 256


def upright_pixels(image: Image.Image, orientation: int) -> Pixels:
    """Turn an RGB image upright -> (height, width, 3), not to be written to."""
    sideways = orientation in SIDEWAYS
    length = image.height
    pixels = np.empty((*(image.size if sideways else image.size[::-1]), 3), np.uint8)
    for start in range(0, length, _STRIP_ROWS):
        end = min(start + _STRIP_ROWS, length)
        strip = np.asarray(turn(image.crop((0, start, image.width, end)), orientation))
        if orientation in _FROM_THE_END:
            start, end = length - end, length - start
        if sideways:
            pixels[:, start:end] = strip
        else:
            pixels[start:end] = strip
    pixels.flags.writeable = False
    return pixels


def turn(image: Image.Image, orientation: int) -> Image.Image:
    """Bring a stored image upright."""
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image
