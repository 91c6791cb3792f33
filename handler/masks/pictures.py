"""Masks as pictures: one bit per pixel, numbered instances, cut-outs.

Masks as numbers are in `rle.py` and `polygons.py`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from handler.errors import BadOptions
from handler.masks.palette import INSTANCES, label_palette
from handler.masks.png import PixelFormat, encode_png
from model.runtime.detections import InstanceAlpha, InstanceMask


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


def encode_cutout_png(shape: InstanceMask | InstanceAlpha, frame: NDArray[np.uint8]) -> bytes:
    """Encode an RGBA PNG of one instance, cut to its visible pixels, transparent around them.

    shape: a mask, whose set pixels are opaque, or an opacity per pixel. frame: (height, width, 3)
    RGB, not premultiplied. Hidden pixels are black, so nothing else of the photograph is
    given away. An empty mask makes one transparent pixel.
    """
    rows, columns = _visible_window(shape.pixels)
    visible = shape.pixels[rows, columns]
    cutout = np.zeros((*visible.shape, 4), np.uint8)
    shown = frame[shape.window][rows, columns]
    np.multiply(shown, visible.astype(bool, copy=False)[..., None], out=cutout[..., :3])
    opacity = np.uint8(255) if isinstance(shape, InstanceMask) else np.uint8(1)
    np.multiply(visible, opacity, out=cutout[..., 3])
    if not cutout.size:
        cutout = np.zeros((1, 1, 4), np.uint8)
    return encode_png(cutout.reshape(len(cutout), -1), cutout.shape[1], PixelFormat.RGBA)


def _visible_window(pixels: NDArray[np.bool_] | NDArray[np.uint8]) -> tuple[slice, slice]:
    """Rows and columns without the empty margins; none where all is empty."""
    rows = np.flatnonzero(pixels.any(axis=1))
    columns = np.flatnonzero(pixels.any(axis=0))
    if not len(rows):
        return slice(0), slice(0)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
