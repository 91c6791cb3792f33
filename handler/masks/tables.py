"""Detections as other tools read them: COCO results and a table of areas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import TypedDict

from handler.masks.rle import Rle, encode_rle
from model.runtime.detections import Detections, InstanceMask


class CocoResult(TypedDict):
    """One entry of a COCO results list (https://cocodataset.org/#format-results)."""

    image_id: int | str
    category_id: int
    bbox: list[float]
    score: float
    segmentation: Rle


def coco_results(
    detections: Detections, masks: Iterable[InstanceMask], image_id: int | str
) -> list[CocoResult]:
    """List the instances of one image; bbox is x, y, width, height in pixels."""
    width, height = detections.width, detections.height
    results: list[CocoResult] = []
    for index, mask in enumerate(masks):
        x1, y1, x2, y2 = detections.boxes[index].tolist()
        results.append(
            {
                "image_id": image_id,
                "category_id": int(detections.class_ids[index]),
                "bbox": [round(value, 2) for value in (x1, y1, x2 - x1, y2 - y1)],
                "score": round(float(detections.scores[index]), 5),
                "segmentation": encode_rle(mask, width, height),
            }
        )
    return results


def areas_csv(detections: Detections, masks: Iterable[InstanceMask]) -> str:
    """Tabulate each instance's area in pixels and its share of the photograph, with its box."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(
        ["index", "class_id", "class_name", "score", "area", "share", "x1", "y1", "x2", "y2"]
    )
    pixels = detections.width * detections.height
    for index, mask in enumerate(masks):
        writer.writerow(
            [
                index,
                detections.class_ids[index],
                detections.class_names[index],
                f"{detections.scores[index]:.4f}",
                mask.area,
                f"{mask.area / pixels:.6f}",
                *(f"{value:.1f}" for value in detections.boxes[index]),
            ]
        )
    return table.getvalue()
