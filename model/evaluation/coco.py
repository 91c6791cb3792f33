"""COCO scores of a predictor, fair to photographs in which not every class is labelled.

A detection counts as wrong only where its class is labelled in full; elsewhere it counts
when it matches an object and is ignored when it does not.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from model.runtime.postprocess import paste_masks
from model.runtime.predictor import Predictor

# COCO's protocol keeps everything that a detector is at all sure of.
SCORE_THRESHOLD = 0.05


@dataclass(frozen=True, slots=True)
class ClassScore:
    """Average precision of one class, in [0, 1]; -1 where it has no object.

    ap: mean over IoU 0.50 to 0.95; ap50: at IoU 0.50; objects: how many there are to find.
    """

    name: str
    objects: int
    ap: float
    ap50: float


@dataclass(frozen=True, slots=True)
class Scores:
    """COCO scores over masks or boxes; the mean is over classes that have objects."""

    ap: float
    ap50: float
    ap_small: float
    ap_medium: float
    ap_large: float
    classes: tuple[ClassScore, ...]


def detect_all(predictor: Predictor, annotations: Path, images: Path) -> Iterator[dict[str, Any]]:
    """Yield the COCO results of every photograph that the annotations name."""
    for image in json.loads(annotations.read_text())["images"]:
        with Image.open(images / image["file_name"]) as file:
            pixels = np.asarray(file.convert("RGB"))
        size = (pixels.shape[1], pixels.shape[0])
        found = predictor.predict(pixels, size, score_threshold=SCORE_THRESHOLD)
        for index, mask in enumerate(paste_masks(found)):
            x1, y1, x2, y2 = found.boxes[index].tolist()
            frame = np.zeros((size[1], size[0]), np.uint8, order="F")
            h, w = mask.pixels.shape
            frame[mask.y : mask.y + h, mask.x : mask.x + w] = mask.pixels
            yield {
                "image_id": image["id"],
                "category_id": int(found.class_ids[index]),
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "score": float(found.scores[index]),
                "segmentation": coco_mask.encode(frame),
            }


def score(
    annotations: Path, results: list[dict[str, Any]], category_ids: list[int], iou_type: str
) -> Scores:
    """Score COCO results against a COCO file. iou_type is "segm" or "bbox"."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(annotations))
        evaluation = COCOeval(truth, truth.loadRes(results) if results else COCO(), iou_type)
        evaluation.params.catIds = category_ids
        evaluation.evaluate()
        _ignore_unlabelled(evaluation, truth)
        evaluation.accumulate()
        evaluation.summarize()
    stats = evaluation.stats
    return Scores(
        ap=float(stats[0]),
        ap50=float(stats[1]),
        ap_small=float(stats[3]),
        ap_medium=float(stats[4]),
        ap_large=float(stats[5]),
        classes=tuple(_by_class(evaluation, truth)),
    )


def _ignore_unlabelled(evaluation: COCOeval, truth: COCO) -> None:
    """Ignore unmatched detections of classes that their photograph does not label in full."""
    for image in evaluation.evalImgs:
        if image is None:
            continue
        labeled = truth.imgs[image["image_id"]].get("labeled_category_ids", "all80")
        if labeled != "all80" and image["category_id"] not in labeled:
            image["dtIgnore"] |= image["dtMatches"] == 0


def _by_class(evaluation: COCOeval, truth: COCO) -> Iterator[ClassScore]:
    # precision: (IoU thresholds, recalls, classes, area ranges, detection limits)
    precision: NDArray[np.float64] = evaluation.eval["precision"]
    for index, category in enumerate(evaluation.params.catIds):
        every_size = precision[:, :, index, 0, -1]
        yield ClassScore(
            name=truth.cats[category]["name"],
            objects=len(truth.getAnnIds(catIds=[category], iscrowd=False)),
            ap=_mean(every_size),
            ap50=_mean(every_size[0]),
        )


def _mean(precision: NDArray[np.float64]) -> float:
    known = precision[precision > -1]
    return float(known.mean()) if known.size else -1.0
