"""A data set in COCO's format that anyone can draw: coloured discs and squares on noise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

DISC, SQUARE = 1, 2
SIZE = (96, 72)
_COLOURS = {DISC: (220, 40, 40), SQUARE: (40, 80, 220)}
_CATEGORIES = [{"id": DISC, "name": "disc"}, {"id": SQUARE, "name": "square"}]


def draw_shapes(
    images: Path, count: int, name: str = "train", size: tuple[int, int] = SIZE
) -> dict[str, Any]:
    """Draw photographs of a disc and a square each into a folder -> their annotations.

    name: what the files begin with; other names, other photographs.
    """
    images.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(list(name.encode()))
    data: dict[str, Any] = {"images": [], "annotations": [], "categories": list(_CATEGORIES)}
    for index in range(count):
        picture = _noise(rng, size)
        for side, category in enumerate(rng.permutation([DISC, SQUARE]).tolist()):
            outline = _outline(rng, category, side, size)
            ImageDraw.Draw(picture).polygon(list(map(tuple, outline)), _COLOURS[category])
            data["annotations"].append(
                _annotation(len(data["annotations"]) + 1, index + 1, category, outline)
            )
        file_name = f"{name}-{index:03}.png"
        picture.save(images / file_name)
        data["images"].append(
            {"id": index + 1, "file_name": file_name, "width": size[0], "height": size[1]}
        )
    return data


def write_json(path: Path, data: dict[str, Any]) -> Path:
    """Write annotations where they are wanted."""
    path.write_text(json.dumps(data))
    return path


def _noise(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Patches of soft colour under fine grain, so that no two are alike."""
    patches = Image.fromarray(rng.integers(60, 200, (6, 8, 3), np.uint8)).resize(size)
    grain = rng.normal(0, 12, (size[1], size[0], 3))
    return Image.fromarray(np.clip(np.asarray(patches) + grain, 0, 255).astype(np.uint8))


def _outline(
    rng: np.random.Generator, category: int, side: int, size: tuple[int, int]
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Points of a shape in the left (0) or the right (1) half, (P, 2)."""
    half, height = size[0] / 2, size[1]
    radius = rng.uniform(0.2, 0.35) * min(half, height)
    x, y = rng.uniform(radius, [half - radius, height - radius])
    corners = 24 if category == DISC else 4
    angles = 2 * np.pi * (np.arange(corners) + 0.5) / corners
    points = [x + side * half, y] + radius * np.stack([np.cos(angles), np.sin(angles)], 1)
    return np.asarray(np.round(points, 1))


def _annotation(
    id_: int, image: int, category: int, outline: np.ndarray[Any, np.dtype[np.float64]]
) -> dict[str, Any]:
    (x1, y1), (x2, y2) = outline.min(0).tolist(), outline.max(0).tolist()
    return {
        "id": id_,
        "image_id": image,
        "category_id": category,
        "iscrowd": 0,
        "bbox": [x1, y1, x2 - x1, y2 - y1],
        "area": (x2 - x1) * (y2 - y1),
        "segmentation": [outline.ravel().tolist()],
    }
