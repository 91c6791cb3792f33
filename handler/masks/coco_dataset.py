"""Detections as a COCO data set: images, categories and annotations, with scores.

COCO's results (`tables.py`) name neither files nor classes; tools that import need both.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from handler.masks.tables import coco_box
from handler.schemas import Manifest


def coco_dataset(results: Iterable[tuple[Manifest, str]], *, crowds: bool) -> dict[str, Any]:
    """Build the file of results, each with its photograph's name.

    crowds: mark masks as `iscrowd`, by which CVAT takes them for masks.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    categories: dict[int, str] = {}
    for manifest, name in results:
        source = manifest.source
        number = len(images) + 1
        images.append(
            {"id": number, "file_name": name, "width": source.width, "height": source.height}
        )
        for each in manifest.detections:
            categories[each.class_id] = each.class_name
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": each.class_id,
                    "segmentation": each.rle,
                    "bbox": coco_box(each),
                    "area": each.area,
                    "iscrowd": int(crowds),
                    "score": each.score,
                }
            )
    listed = [{"id": id_, "name": name} for id_, name in sorted(categories.items())]
    return {"images": images, "annotations": annotations, "categories": listed}
