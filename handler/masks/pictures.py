"""Masks as pictures: one bit per pixel, numbered instances, cut-outs.

Masks as numbers are in `rle.py` and `polygons.py`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from handler.errors import BadOptions
from handler.masks.palette import INSTANCES, label_palette
from handler.masks.png import PixelFormat, encode_png
from model.runtime.detections import InstanceMask


def encode_mask_png(mask: InstanceMask, width: int, height: int) -> bytes:
    """Encode a 1-bit PNG of the whole frame, white where the mask is set."""
    shift = mask.x % 8
    bits = np.packbits(np.pad(mask.pixels, ((0, 0), (shift, 0))), axis=1)
    rows = np.zeros((len(bits), (width + 7) // 8), np.uint8)
    first = mask.x // 8
    rows[:, first : first + bits.shape[1]] = bits
    return encode_png(
        rows,
        width,
        PixelFormat.BIT,
        blank_above=mask.y,
        blank_below=height - mask.y - len(rows),
    )


class Labels:
    """A picture of the whole frame whose pixels are their instance's index + 1, or 0.

    Where instances overlap, the one with the best score, which has the lowest index, is on top.
    """

    def __init__(self, count: int, width: int, height: int) -> None:
        """Raises BadOptions for a `count` beyond 255 instances, all that a byte can number."""
        if count > INSTANCES:
            raise BadOptions(
                f"labels.png can number {INSTANCES} instances and this photograph has {count}; "
                "lower max_detections or leave out the output `labels`."
            )
        self._width = width
        self._labels = np.zeros((height, width), np.uint8)

    def draw(self, index: int, mask: InstanceMask) -> None:
        """Number the pixels of the instance at `index`; instances may come in any order."""
        window = self._labels[mask.window]
        # 0, the background, becomes 255, above every index.
        window[mask.pixels & (window - np.uint8(1) > index)] = index + 1

    def encode(self) -> bytes:
        """Encode a palette PNG."""
        return encode_png(self._labels, self._width, PixelFormat.PALETTE, palette=label_palette())


def encode_cutout_png(mask: InstanceMask, frame: NDArray[np.uint8]) -> bytes:
    """Encode an RGBA PNG of one instance, cut to its set pixels, transparent around them.

    frame: (height, width, 3) RGB. Hidden pixels are black, so nothing else of the photograph is
    given away. An empty mask makes one transparent pixel.
    """
    visible = _trim(mask)
    height, width = visible.pixels.shape
    cutout = np.zeros((height, width, 4), np.uint8)
    np.multiply(frame[visible.window], visible.pixels[..., None], out=cutout[..., :3])
    np.multiply(visible.pixels, np.uint8(255), out=cutout[..., 3])
    if not cutout.size:
        cutout = np.zeros((1, 1, 4), np.uint8)
    return encode_png(cutout.reshape(len(cutout), -1), cutout.shape[1], PixelFormat.RGBA)


def _trim(mask: InstanceMask) -> InstanceMask:
    """Cut off the mask's empty margins."""
    rows = np.flatnonzero(mask.pixels.any(axis=1))
    columns = np.flatnonzero(mask.pixels.any(axis=0))
    if not len(rows):
        return InstanceMask(mask.x, mask.y, mask.pixels[:0, :0])
    pixels = mask.pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return InstanceMask(mask.x + int(columns[0]), mask.y + int(rows[0]), pixels)
