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

from handler.masks.polygons import trace_polygons
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
    result = [brush_region(each, each.class_name, _BRUSH, _IMAGE) for each in detections]
    prediction = {"model_version": model_version, "result": result}
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


def brush_region(detection: Detection, label: str, tag: str, image: str) -> dict[str, Any]:
    """A detection as a brush region of the control `tag` on the object `image`."""
    height, width = detection.rle["size"]
    rle = encode_brush(decode_mask(detection.rle), width, height)
    value = {"format": "rle", "rle": rle, "brushlabels": [label]}
    return _region(detection, "brushlabels", value, tag, image)


def polygon_regions(detection: Detection, label: str, tag: str, image: str) -> list[dict[str, Any]]:
    """A detection as polygon regions, one for each part; holes cannot be held."""
    height, width = detection.rle["size"]
    scale = np.array([width, height]) / 100
    regions = []
    for number, part in enumerate(trace_polygons(decode_mask(detection.rle))):
        points = (np.asarray(part["outer"]) / scale).tolist()
        value = {"points": points, "closed": True, "polygonlabels": [label]}
        region = _region(detection, "polygonlabels", value, tag, image)
        regions.append(region | {"id": f"{region['id']}-{number}"})
    return regions


def rectangle_region(detection: Detection, label: str, tag: str, image: str) -> dict[str, Any]:
    """A detection's box as a rectangle region."""
    height, width = detection.rle["size"]
    x1, y1, x2, y2 = detection.box
    value = {
        "x": 100 * x1 / width,
        "y": 100 * y1 / height,
        "width": 100 * (x2 - x1) / width,
        "height": 100 * (y2 - y1) / height,
        "rotation": 0,
        "rectanglelabels": [label],
    }
    return _region(detection, "rectanglelabels", value, tag, image)


def _region(
    detection: Detection, kind: str, value: dict[str, Any], tag: str, image: str
) -> dict[str, Any]:
    height, width = detection.rle["size"]
    return {
        "id": f"{detection.index:03d}",
        "type": kind,
        "from_name": tag,
        "to_name": image,
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "score": detection.score,
        "value": value,
    }
