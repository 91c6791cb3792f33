"""Small files in COCO's format: photographs of 100 × 100, rectangular objects."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

CAT, DOG = 17, 18
NAMES = {CAT: "cat", DOG: "dog"}
SIDE = 100

Box = tuple[float, float, float, float]


def thing(image: int, category: int, box: Box, **more: Any) -> dict[str, Any]:
    """Annotate a rectangle: x, y, width, height."""
    x, y, w, h = box
    polygon = [x, y, x + w, y, x + w, y + h, x, y + h]
    annotation = {"image_id": image, "category_id": category, "bbox": list(box)}
    return annotation | {"area": w * h, "iscrowd": 0, "segmentation": [polygon]} | more


def found(image: int, category: int, box: Box, score: float) -> dict[str, Any]:
    """Detect a rectangle of whole pixels."""
    x, y, w, h = map(int, box)
    frame = np.zeros((SIDE, SIDE), np.uint8, order="F")
    frame[y : y + h, x : x + w] = 1
    encoded = coco_mask.encode(frame)
    mask = {"size": encoded["size"], "counts": encoded["counts"].decode()}
    result = {"image_id": image, "category_id": category, "bbox": list(box), "score": score}
    return result | {"segmentation": mask}


def write_coco(
    folder: Path,
    annotations: Sequence[Mapping[str, Any]],
    images: int = 1,
    names: Mapping[int, str] = NAMES,
    **of_images: Any,
) -> Path:
    """Write grey photographs, numbered from 1, and truth.json, which it answers."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    listed = []
    for number in range(1, images + 1):
        Image.new("RGB", (SIDE, SIDE), (90, 90, 90)).save(folder / "images" / f"{number}.png")
        image = {"id": number, "file_name": f"{number}.png", "width": SIDE, "height": SIDE}
        listed.append(image | of_images)
    data = {
        "images": listed,
        "annotations": [{"id": index, **each} for index, each in enumerate(annotations)],
        "categories": [{"id": id_, "name": name} for id_, name in names.items()],
    }
    file = folder / "truth.json"
    file.write_text(json.dumps(data))
    return file
