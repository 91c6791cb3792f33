"""Detections as LabelMe's files: one JSON for each photograph, masks as PNGs in it."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import PurePosixPath
from typing import Any

from handler.masks.pictures import encode_mask_png
from handler.schemas import Detection, Manifest
from model.runtime.detections import InstanceMask
from model.runtime.rle import decode_mask

# The release whose files these are; shapes of type `mask` are in it.
_VERSION = "5.5.0"


def labelme_file(manifest: Manifest, photo: str) -> tuple[str, bytes]:
    """The name of a photograph's file, beside it, and what is in it."""
    source = manifest.source
    path = PurePosixPath(photo)
    content: dict[str, Any] = {
        "version": _VERSION,
        "flags": {},
        "shapes": [shape for each in manifest.detections if (shape := _shape(each))],
        "imagePath": path.name,
        "imageData": None,
        "imageHeight": source.height,
        "imageWidth": source.width,
    }
    return str(path.with_suffix(".json")), json.dumps(content, ensure_ascii=False).encode()


def _shape(detection: Detection) -> dict[str, Any] | None:
    mask = decode_mask(detection.rle)
    if not mask.area:
        return None
    rows, columns = mask.pixels.shape
    picture = encode_mask_png(InstanceMask(0, 0, mask.pixels), columns, rows)
    return {
        "label": detection.class_name,
        # Its corners are the first and the last pixel.
        "points": [[mask.x, mask.y], [mask.x + columns - 1, mask.y + rows - 1]],
        "group_id": None,
        "description": f"{detection.score:.4f}",
        "shape_type": "mask",
        "flags": {},
        "mask": b64encode(picture).decode(),
    }
