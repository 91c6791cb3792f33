"""Detections as other tools read them: COCO results and a table of areas.

Both are made from a manifest's detections, so that a result can be exported wherever it was made.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

from handler.schemas import Detection
from model.runtime.rle import RLE

AREA_COLUMNS = (
    "index",
    "class_id",
    "class_name",
    "score",
    "area",
    "share",
    "x1",
    "y1",
    "x2",
    "y2",
)


class CocoResult(TypedDict):
    """One entry of a COCO results list (https://cocodataset.org/#format-results)."""

    image_id: int | str
    category_id: int
    bbox: list[float]
    score: float
    segmentation: RLE


def coco_results(detections: Iterable[Detection], image_id: int | str) -> list[CocoResult]:
    """List the instances of one image; bbox is x, y, width, height in pixels."""
    return [
        {
            "image_id": image_id,
            "category_id": each.class_id,
            "bbox": coco_box(each),
            "score": each.score,
            "segmentation": each.rle,
        }
        for each in detections
    ]


def coco_box(detection: Detection) -> list[float]:
    """The box as x, y, width, height in pixels, two decimals."""
    x1, y1, x2, y2 = detection.box
    return [round(value, 2) for value in (x1, y1, x2 - x1, y2 - y1)]


def area_rows(detections: Iterable[Detection], width: int, height: int) -> list[list[str | int]]:
    """Tabulate each instance in AREA_COLUMNS: area in pixels, and its share of the photograph."""
    return [
        [
            each.index,
            each.class_id,
            each.class_name,
            f"{each.score:.4f}",
            each.area,
            f"{each.area / (width * height):.6f}",
            *(f"{value:.1f}" for value in each.box),
        ]
        for each in detections
    ]
