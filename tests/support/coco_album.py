"""A data set of coloured squares: red ones are people, green ones cats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from painting import encoded, painted

PERSON, CAT = 1, 17
CATEGORIES = [{"id": PERSON, "name": "person"}, {"id": CAT, "name": "cat"}]


def write_coco(folder: Path, name: str, count: int) -> Path:
    """Write `count` photographs of 96 × 64 with a person or a cat each, and their COCO file."""
    (folder / "images").mkdir(exist_ok=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number in range(1, count + 1):
        x, category = 4 * number, (CAT, PERSON)[number % 2]
        colour = "red" if category == PERSON else "green"
        pixels = painted(96, 64, **{colour: (x, 10, x + 40, 50)})
        file_name = f"{name}-{number}.png"
        (folder / "images" / file_name).write_bytes(encoded(pixels))
        images.append({"id": number, "file_name": file_name, "width": 96, "height": 64})
        polygon = [x, 10, x + 40, 10, x + 40, 50, x, 50]
        annotations.append(
            {
                "id": number,
                "image_id": number,
                "category_id": category,
                "bbox": [x, 10, 40, 40],
                "area": 1600,
                "iscrowd": 0,
                "segmentation": [polygon],
            }
        )
    path = folder / f"{name}.json"
    path.write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": CATEGORIES})
    )
    return path
