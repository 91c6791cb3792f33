"""Detections as predictions that Label Studio imports, each a brush region.

Its brush is an RGBA picture as run lengths in a stream of bits, the format of thi.ng's rle-pack
(https://github.com/thi-ng/umbrella/tree/develop/packages/rle-pack): the count of values (32
bits), bits per value less one (5), four sizes of run lengths less one (4 each); then per run
one bit that is set for a repeated value, the size's number (2), the length less one, the value.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handler.schemas import Detection
from model.runtime.detections import InstanceMask
from model.runtime.rle import decode_mask, run_lengths

_CHANNELS = 4
_VALUE_BITS = 8
_LENGTH_BITS = np.array([3, 4, 8, 16])
_LONGEST = 1 << 16
# The names in Label Studio's own template for semantic segmentation with masks.
_BRUSH, _IMAGE = "tag", "image"


def label_studio_task(
    image: str, detections: Iterable[Detection], model_version: str
) -> dict[str, Any]:
    """Build one task to import: `image` is the URL that Label Studio shows."""
    prediction = {"model_version": model_version, "result": [_region(each) for each in detections]}
    return {"data": {"image": image}, "predictions": [prediction]}


def encode_brush(mask: InstanceMask, width: int, height: int) -> list[int]:
    """Encode `mask` in its frame as the bytes of Label Studio's RLE."""
    lengths = _CHANNELS * run_lengths(mask, width, height, "rows")
    values = np.arange(len(lengths)) % 2 * 255
    chunks = -(-lengths // _LONGEST)
    values = np.repeat(values, chunks)
    last = np.cumsum(chunks)[chunks > 0] - 1
    split = np.full(len(values), _LONGEST)
    split[last] = (lengths[chunks > 0] - 1) % _LONGEST + 1

    sizes = np.searchsorted(1 << _LENGTH_BITS, split)
    widths = _LENGTH_BITS[sizes]
    codes = ((4 | sizes) << widths | split - 1) << _VALUE_BITS | values
    header = _header(_CHANNELS * width * height)
    bits = np.concatenate([header, _bits(codes, 3 + widths + _VALUE_BITS)])
    packed: list[int] = np.packbits(bits.astype(np.uint8)).tolist()
    return packed


def _header(count: int) -> NDArray[np.int64]:
    fields = np.array([count, _VALUE_BITS - 1, *(_LENGTH_BITS - 1)])
    return _bits(fields, np.array([32, 5, 4, 4, 4, 4]))


def _bits(codes: NDArray[np.int64], widths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Write each code in its width of bits, highest first, one after the other."""
    shifts = widths[:, None] - 1 - np.arange(widths.max())
    bits: NDArray[np.int64] = (codes[:, None] >> np.maximum(shifts, 0) & 1)[shifts >= 0]
    return bits


def _region(detection: Detection) -> dict[str, Any]:
    height, width = detection.rle["size"]
    mask = decode_mask(detection.rle)
    return {
        "id": f"{detection.index:03d}",
        "type": "brushlabels",
        "from_name": _BRUSH,
        "to_name": _IMAGE,
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "score": detection.score,
        "value": {
            "format": "rle",
            "rle": encode_brush(mask, width, height),
            "brushlabels": [detection.class_name],
        },
    }
