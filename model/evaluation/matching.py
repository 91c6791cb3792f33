"""Which detections are right, by COCO's rules (pycocotools), in arrays that can be resampled.

A detection counts as wrong only where its class is labelled in full; elsewhere it counts
when it matches an object and is ignored when it does not.

T IoU thresholds (0.50 to 0.95), D detections, P photographs.
"""

from __future__ import annotations

import contextlib
import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from model.evaluation.boundary import BoundaryEval
from model.evaluation.detect import Result
from model.evaluation.truth import Kind, Truth

# COCO's: all, small to 32² pixels, medium to 96², large.
SIZES = ("all", "small", "medium", "large")

_EVALUATORS: dict[Kind, tuple[type[COCOeval], str]] = {
    "segm": (COCOeval, "segm"),
    "bbox": (COCOeval, "bbox"),
    "boundary": (BoundaryEval, "segm"),
}

# One class in one photograph, as COCOeval.evaluateImg answers it.
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Matches:
    """The detections of one class, held against its objects of one size.

    photograph: (D,) where each detection is; best score first.
    right, wrong: (T, D) bool; neither where a detection is ignored.
    objects: (P,) how many there are to find in each photograph.
    """

    photograph: NDArray[np.int64]
    right: NDArray[np.bool_]
    wrong: NDArray[np.bool_]
    objects: NDArray[np.int64]


def match(truth: Truth, results: Sequence[Result], kind: Kind) -> list[list[Matches]]:
    """Match per class and size: [class][size], in the order of `truth.classes` and SIZES."""
    with contextlib.redirect_stdout(io.StringIO()):
        evaluator, shape = _EVALUATORS[kind]
        evaluation = evaluator(_truth(truth, kind), _found(truth, results, kind), shape)
        evaluation.evaluate()
    rows = [row for row in evaluation.evalImgs if row]
    _ignore_unlabelled(rows, truth)
    cells: dict[tuple[int, int], list[Row]] = defaultdict(list)
    for row in rows:
        cells[row["category_id"], evaluation.params.areaRng.index(row["aRng"])].append(row)
    number = {each.id: index for index, each in enumerate(truth.photographs)}
    thresholds = len(evaluation.params.iouThrs)
    return [
        [_concatenate(cells[each.id, size], number, thresholds) for size in range(len(SIZES))]
        for each in truth.classes
    ]


def _truth(truth: Truth, kind: Kind) -> COCO:
    coco = COCO()
    coco.dataset = {
        "images": [
            {"id": each.id, "width": each.width, "height": each.height}
            for each in truth.photographs
        ],
        "categories": [{"id": each.id, "name": each.name} for each in truth.classes],
        "annotations": list(truth.objects(kind)),
    }
    coco.createIndex()
    return coco


def _found(truth: Truth, results: Sequence[Result], kind: Kind) -> COCO:
    if not results:
        return COCO()
    # With a box in it, loadRes takes the box's area for the mask's, and its size with it.
    shape = "bbox" if kind == "bbox" else "segmentation"
    kept = ("image_id", "category_id", "score", shape)
    rows = [{name: each[name] for name in kept} for each in results]  # type: ignore[literal-required]
    loaded: COCO = _truth(truth, kind).loadRes(rows)
    return loaded


def _ignore_unlabelled(rows: Sequence[Row], truth: Truth) -> None:
    """Ignore unmatched detections of classes that their photograph does not label in full."""
    photographs = {each.id: each for each in truth.photographs}
    for row in rows:
        if not photographs[row["image_id"]].labels(row["category_id"]):
            row["dtIgnore"] |= row["dtMatches"] == 0


def _concatenate(rows: Sequence[Row], number: dict[int | str, int], thresholds: int) -> Matches:
    """Put the photographs of one class and size together, best score first."""
    objects = np.zeros(len(number), np.int64)
    scores, photograph = np.zeros(0), np.zeros(0, np.int64)
    matched = ignored = np.zeros((thresholds, 0), bool)
    if rows:
        at = [number[row["image_id"]] for row in rows]
        objects[at] = [np.count_nonzero(row["gtIgnore"] == 0) for row in rows]
        photograph = np.repeat(at, [len(row["dtScores"]) for row in rows])
        scores = np.concatenate([row["dtScores"] for row in rows])
        matched = np.concatenate([row["dtMatches"] for row in rows], axis=1) > 0
        ignored = np.concatenate([row["dtIgnore"] for row in rows], axis=1) > 0
    # Stable, as pycocotools sorts: ties keep the order of the image ids.
    order = np.argsort(-scores, kind="stable")
    return Matches(
        photograph=photograph[order],
        right=(matched & ~ignored)[:, order],
        wrong=(~matched & ~ignored)[:, order],
        objects=objects,
    )
