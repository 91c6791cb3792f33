"""One colour per instance, the same in every output.

The first seven are Okabe and Ito's, chosen to stay apart for colour-blind eyes
(https://jfly.uni-koeln.de/color/), sky blue first: skin, fur and wood are not blue. After them
the hue turns by the golden angle, so that neighbours in number are far apart on the circle,
while lightness steps through three levels.
"""

from __future__ import annotations

import colorsys
from functools import cache

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]

INSTANCES = 255
"""As many as labels.png can number in a byte, 0 being the background."""

_OKABE_ITO: tuple[Colour, ...] = (
    (86, 180, 233),
    (230, 159, 0),
    (0, 158, 115),
    (240, 228, 66),
    (204, 121, 167),
    (213, 94, 0),
    (0, 114, 178),
)
_GOLDEN_TURN = 0.381966
_LIGHTNESS = (0.5, 0.72, 0.35)
_SATURATION = 0.75


def instance_colour(index: int) -> Colour:
    """RGB of the instance at `index`; after 255 they begin again."""
    red, green, blue = label_palette()[index % INSTANCES + 1].tolist()
    return red, green, blue


@cache
def label_palette() -> NDArray[np.uint8]:
    """Black for the background, then a colour per instance: (256, 3) RGB."""
    turned = [_turned(step) for step in range(INSTANCES - len(_OKABE_ITO))]
    return np.array([(0, 0, 0), *_OKABE_ITO, *turned], np.uint8)


def _turned(step: int) -> Colour:
    hue = step * _GOLDEN_TURN % 1
    rgb = colorsys.hls_to_rgb(hue, _LIGHTNESS[step % len(_LIGHTNESS)], _SATURATION)
    red, green, blue = (round(255 * value) for value in rgb)
    return red, green, blue
