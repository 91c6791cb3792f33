"""Pictures for the colour model: grey, with a red person, a green cat, a blue dog."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

RED, GREEN, BLUE = (220, 30, 30), (30, 220, 30), (30, 30, 220)
_COLOURS = {"red": RED, "green": GREEN, "blue": BLUE}


def painted(width: int, height: int, **things: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """Paint rectangles, colour name -> x1, y1, x2, y2, on (height, width, 3) of grey."""
    pixels = np.full((height, width, 3), 90, np.uint8)
    for colour, (x1, y1, x2, y2) in things.items():
        pixels[y1:y2, x1:x2] = _COLOURS[colour]
    return pixels


def encoded(pixels: NDArray[np.uint8], kind: str = "PNG", **options: Any) -> bytes:
    """Save `pixels` as Pillow does with `options`."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def photo(width: int = 128, height: int = 96, kind: str = "PNG", **options: Any) -> bytes:
    """Encode a photograph of a person and a cat."""
    return encoded(
        painted(
            width,
            height,
            red=(width // 8, height // 4, width // 2, height // 2),
            green=(width // 2, height // 2, width, height),
        ),
        kind,
        **options,
    )
