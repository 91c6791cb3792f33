"""A data set of coloured squares: red ones are people, green ones cats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
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


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder with train.json (4 photographs), val.json (2) and images/."""
    write_coco(tmp_path, "train", 4)
    write_coco(tmp_path, "val", 2)
    return tmp_path


@pytest.fixture
def edit(album: Path):
    """Rewrite one of the album's COCO files: edit("train.json", annotations=[])."""

    def rewrite(name: str, **parts: object) -> Path:
        path = album / name
        path.write_text(json.dumps(json.loads(path.read_text()) | parts))
        return path

    return rewrite
