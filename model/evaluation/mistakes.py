"""What a user of the model would see go wrong, photograph by photograph.

Unlike COCO's protocol, which sweeps over scores and looks at one class at a time, this takes
detections of one score and better, and lets one stand for an object of another class.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from model.evaluation.detect import Result
from model.evaluation.truth import Annotation, Kind, Photograph, Truth

SCORE_THRESHOLD = 0.5
MATCH_IOU = 0.5
# A mask that overlaps its object by less is poor.
GOOD_IOU = 0.75


@dataclass(frozen=True, slots=True)
class Pair:
    """A detection and the object that it is taken for, by their places in their lists."""

    found: int
    object: int
    iou: float


@dataclass(frozen=True, slots=True)
class Review:
    """One photograph: what was found, what is there, and how they go together.

    pairs: overlapping by MATCH_IOU and more; of one class where there is a choice.
    false: detections that nothing answers, where their class is labelled in full.
    missed: objects that nothing answers.
    """

    photograph: Photograph
    found: tuple[Result, ...]
    objects: tuple[Annotation, ...]
    pairs: tuple[Pair, ...]
    false: tuple[int, ...]
    missed: tuple[int, ...]

    def right(self) -> Iterator[Pair]:
        """The pairs of one class."""
        return (pair for pair in self.pairs if self._same_class(pair))

    def confused(self) -> Iterator[Pair]:
        """The pairs of two classes."""
        return (pair for pair in self.pairs if not self._same_class(pair))

    def poor(self) -> Iterator[Pair]:
        """The pairs of one class that overlap badly."""
        return (pair for pair in self.right() if pair.iou < GOOD_IOU)

    @property
    def quality(self) -> float:
        """Panoptic quality, in [0, 1] (https://arxiv.org/abs/1801.00868, section 4).

        Confused pairs are neither found nor missed, but both a false and a missed one. 1 where
        there is nothing to find and nothing was found.
        """
        right = list(self.right())
        confused = len(self.pairs) - len(right)
        errors = len(self.false) + len(self.missed) + 2 * confused
        whole = len(right) + errors / 2
        return sum(pair.iou for pair in right) / whole if whole else 1.0

    def _same_class(self, pair: Pair) -> bool:
        found, thing = self.found[pair.found], self.objects[pair.object]
        return bool(found["category_id"] == thing["category_id"])


def review(truth: Truth, results: Sequence[Result]) -> Iterator[Review]:
    """Review every photograph: by masks, or by boxes where the truth has no masks."""
    kind: Kind = "segm" if truth.has_masks else "bbox"
    found: dict[int | str, list[Result]] = defaultdict(list)
    objects: dict[int | str, list[Annotation]] = defaultdict(list)
    for result in results:
        if result["score"] >= SCORE_THRESHOLD:
            found[result["image_id"]].append(result)
    for annotation in truth.objects(kind):
        objects[annotation["image_id"]].append(annotation)
    for each in truth.photographs:
        best_first = sorted(found[each.id], key=lambda result: -result["score"])
        yield _review(each, best_first, objects[each.id], kind)


def confusion(truth: Truth, reviews: Sequence[Review]) -> NDArray[np.int64]:
    """Count pairs: (C + 1, C + 1), rows what is there, columns what was found; last: nothing."""
    label = {each.id: index for index, each in enumerate(truth.classes)}
    counts = np.zeros((len(label) + 1, len(label) + 1), np.int64)
    for each in reviews:
        there = [label[thing["category_id"]] for thing in each.objects]
        found = [label[result["category_id"]] for result in each.found]
        for pair in each.pairs:
            counts[there[pair.object], found[pair.found]] += 1
        for index in each.false:
            counts[-1, found[index]] += 1
        for index in each.missed:
            counts[there[index], -1] += 1
    return counts


def worst(reviews: Sequence[Review], count: int) -> list[Review]:
    """The photographs of the lowest quality that have a mistake, most mistakes first in a tie."""

    def mistakes(each: Review) -> int:
        return len(each.false) + len(each.missed) + len([*each.confused(), *each.poor()])

    with_mistakes = [each for each in reviews if mistakes(each)]
    return sorted(with_mistakes, key=lambda each: (each.quality, -mistakes(each)))[:count]


def _review(
    photograph: Photograph, found: list[Result], annotations: list[Annotation], kind: Kind
) -> Review:
    objects = [each for each in annotations if not each["iscrowd"]]
    crowds = [each for each in annotations if each["iscrowd"]]
    pairs = list(_pair(found, objects, _ious(photograph, found, objects, kind)))
    in_crowd = _in_crowd(found, crowds, _ious(photograph, found, crowds, kind))
    taken = {pair.found for pair in pairs}
    answered = {pair.object for pair in pairs}
    return Review(
        photograph=photograph,
        found=tuple(found),
        objects=tuple(objects),
        pairs=tuple(pairs),
        false=tuple(
            index
            for index, each in enumerate(found)
            if index not in taken and not in_crowd[index] and photograph.labels(each["category_id"])
        ),
        missed=tuple(index for index in range(len(objects)) if index not in answered),
    )


def _pair(
    found: Sequence[Result], objects: Sequence[Annotation], ious: NDArray[np.float64]
) -> Iterator[Pair]:
    """Each detection, best first, with the free object nearest to it; its own class comes first."""
    same = _same_class(found, objects)
    free = np.ones(len(objects), bool)
    single = np.ones(len(found), bool)
    for allowed in (same, ~same):
        for index in np.flatnonzero(single) if len(objects) else ():
            overlap = np.where(allowed[index] & free, ious[index], 0)
            best = int(overlap.argmax())
            if overlap[best] >= MATCH_IOU:
                free[best] = single[index] = False
                yield Pair(int(index), best, float(overlap[best]))


def _in_crowd(
    found: Sequence[Result], crowds: Sequence[Annotation], ious: NDArray[np.float64]
) -> NDArray[np.bool_]:
    return np.any(_same_class(found, crowds) & (ious >= MATCH_IOU), axis=1)


def _same_class(found: Sequence[Result], objects: Sequence[Annotation]) -> NDArray[np.bool_]:
    a, b = (
        np.array([each["category_id"] for each in items], np.int64) for items in (found, objects)
    )
    same: NDArray[np.bool_] = a[:, None] == b
    return same


def _ious(
    photograph: Photograph, found: Sequence[Result], objects: Sequence[Annotation], kind: Kind
) -> NDArray[np.float64]:
    """IoU of every detection and object, (found, objects); for a crowd, the share inside it."""
    if not found or not objects:
        return np.zeros((len(found), len(objects)))
    crowd = [int(each["iscrowd"]) for each in objects]
    shapes: tuple[list[Any], list[Any]]
    if kind == "bbox":
        shapes = [each["bbox"] for each in found], [each["bbox"] for each in objects]
    else:
        masks = [encoded(each["segmentation"], photograph) for each in objects]
        shapes = [each["segmentation"] for each in found], masks
    return np.asarray(coco_mask.iou(*shapes, crowd))


def encoded(segmentation: Any, photograph: Photograph) -> Any:
    """COCO's polygons, or run lengths in either form, as compressed run lengths."""
    size = photograph.height, photograph.width
    if isinstance(segmentation, list):
        return coco_mask.merge(coco_mask.frPyObjects(segmentation, *size))
    if isinstance(segmentation["counts"], list):
        return coco_mask.frPyObjects(segmentation, *size)
    return segmentation
