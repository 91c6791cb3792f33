"""How far two predictors' answers on the same photographs are apart.

N, M: detections of the reference and of the candidate in one photograph
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.runtime.boxes import box_ious
from model.runtime.detections import Detections, InstanceMask
from model.runtime.postprocess import paste_masks
from model.runtime.predictor import Predictor

SCORE_THRESHOLD = 0.5
# A detection is answered by one that scores this much less: 0.51 against 0.49 is no difference.
SCORE_MARGIN = 0.1
MATCH_IOU = 0.5
# Of the best score: what counts as found where nothing scores 0.5.
_OF_BEST = 0.8


@dataclass(frozen=True, slots=True)
class Parity:
    """The differences, over all photographs, between a reference and a candidate.

    score_threshold: 0.5, unless the reference scores nothing so high.
    detections: the reference's, of that score and above; missed: of those, the ones that
    the candidate lacks; extra: the candidate's that the reference lacks. A detection is
    the same if its class is, its boxes overlap by half (IoU), and it scores four fifths of it.
    Of those in both: box_px is the largest distance between two sides in pixels of the
    photograph, score the distance between scores, mask_iou the overlap of the pasted masks.
    One tipped suppression moves a box by its whole side, hence median and mean.
    """

    photographs: int
    score_threshold: float
    detections: int
    missed: int
    extra: int
    box_px_median: float
    box_px_mean: float
    box_px_max: float
    score_mean: float
    score_max: float
    mask_iou_mean: float
    mask_iou_min: float

    @property
    def is_of_nothing(self) -> bool:
        """Whether neither found anything, so that nothing was compared."""
        return self.detections + self.extra == 0

    @property
    def agreement(self) -> float:
        """The share of all detections that both have; 1 if there are none."""
        both = self.detections - self.missed
        return both / (self.detections + self.extra) if self.detections + self.extra else 1.0


@dataclass(frozen=True, slots=True)
class _Pair:
    """One instance as both see it."""

    box_px: float
    score: float
    mask_iou: float


class Answers:
    """What one predictor finds in photographs; each is predicted once for all comparisons."""

    def __init__(self, predictor: Predictor, photographs: Sequence[NDArray[np.uint8]]) -> None:
        self._predictor: Predictor | None = predictor
        self.photographs = photographs
        self._found: dict[int, tuple[float, Detections]] = {}

    def of(self, index: int, threshold: float) -> Detections:
        """Return the detections of photograph `index` that score `threshold` or more."""
        lowest, found = self._found.get(index, (np.inf, None))
        if found is None or lowest > threshold:
            if self._predictor is None:
                raise ValueError(f"Photograph {index} was not predicted down to {threshold}.")
            pixels = self.photographs[index]
            height, width = pixels.shape[:2]
            found = self._predictor.predict(pixels, (width, height), score_threshold=threshold)
            self._found[index] = threshold, found
        return found.select(np.flatnonzero(found.scores >= threshold))

    def predict(self, index: int) -> None:
        """Predict photograph `index` for the comparisons to come, so that they need no predictor.

        After the last one, all are predicted again at any score if nothing scored 0.5.
        """
        self.of(index, SCORE_THRESHOLD - SCORE_MARGIN)
        if index == len(self.photographs) - 1 and not any(
            _number_sure(found, SCORE_THRESHOLD) for _, found in self._found.values()
        ):
            self.best_score()

    def forget_predictor(self) -> None:
        """Let go of the predictor; what was predicted stays."""
        self._predictor = None

    def best_score(self) -> float:
        """Return the highest score in all photographs, 0 where nothing is found."""
        found = (self.of(index, 0).scores for index in range(len(self.photographs)))
        return max((float(scores.max(initial=0)) for scores in found), default=0.0)


def compare(
    reference: Predictor, candidate: Predictor, photographs: Sequence[NDArray[np.uint8]]
) -> Parity:
    """Predict photographs (h, w, 3) RGB with both, and match what they find."""
    return compare_answers(Answers(reference, photographs), Answers(candidate, photographs))


def compare_answers(
    expected: Answers,
    found: Answers,
    progress: Callable[[int], AbstractContextManager[None]] = lambda index: nullcontext(),
) -> Parity:
    """Match two predictors' answers. `progress` is entered for every photograph, by its index.

    Where neither scores anything 0.5 or more, 0.8 of the reference's best score takes that
    place: a model after few steps of training is compared too.
    """
    parity = _compare_at(expected, found, SCORE_THRESHOLD, progress)
    if parity.detections + parity.extra == 0 and (best := expected.best_score()) > 0:
        return _compare_at(expected, found, min(_OF_BEST * best, SCORE_THRESHOLD))
    return parity


def _compare_at(
    expected: Answers,
    found: Answers,
    threshold: float,
    progress: Callable[[int], AbstractContextManager[None]] = lambda index: nullcontext(),
) -> Parity:
    pairs: list[_Pair] = []
    detections = missed = extra = 0
    lowest = threshold * (1 - SCORE_MARGIN / SCORE_THRESHOLD)
    for index in range(len(expected.photographs)):
        with progress(index):
            ours, theirs = (each.of(index, lowest) for each in (expected, found))
            matches = _match(ours, theirs)
            detections += _number_sure(ours, threshold)
            missed += _number_sure(_without(ours, matches[:, 0]), threshold)
            extra += _number_sure(_without(theirs, matches[:, 1]), threshold)
            pairs += _differences(ours.select(matches[:, 0]), theirs.select(matches[:, 1]))
    box_px, score, mask_iou = (
        np.array([getattr(pair, name) for pair in pairs])
        for name in ("box_px", "score", "mask_iou")
    )
    return Parity(
        photographs=len(expected.photographs),
        score_threshold=_rounded(threshold),
        detections=detections,
        missed=missed,
        extra=extra,
        box_px_median=_rounded(np.median(box_px) if pairs else 0),
        box_px_mean=_rounded(box_px.mean() if pairs else 0),
        box_px_max=_rounded(box_px.max(initial=0)),
        score_mean=_rounded(score.mean() if pairs else 0),
        score_max=_rounded(score.max(initial=0)),
        mask_iou_mean=_rounded(mask_iou.mean() if pairs else 1),
        mask_iou_min=_rounded(mask_iou.min(initial=1)),
    )


def _match(expected: Detections, found: Detections) -> NDArray[np.int64]:
    """Pairs of indices (K, 2): each expected one, best first, with the free one nearest to it."""
    ious = box_ious(expected.boxes, found.boxes)
    ious[expected.class_ids[:, None] != found.class_ids] = 0
    pairs = []
    for index in range(len(expected) if len(found) else 0):
        best = int(ious[index].argmax())
        if ious[index, best] >= MATCH_IOU:
            pairs.append((index, best))
            ious[:, best] = 0
    return np.array(pairs, np.int64).reshape(-1, 2)


def _without(detections: Detections, indices: NDArray[np.int64]) -> Detections:
    return detections.select(np.setdiff1d(np.arange(len(detections)), indices))


def _number_sure(detections: Detections, threshold: float) -> int:
    return int(np.count_nonzero(detections.scores >= threshold))


def _differences(expected: Detections, found: Detections) -> Iterator[_Pair]:
    masks = zip(paste_masks(expected), paste_masks(found), strict=True)
    for index, (a, b) in enumerate(masks):
        yield _Pair(
            box_px=float(np.abs(expected.boxes[index] - found.boxes[index]).max()),
            score=float(abs(expected.scores[index] - found.scores[index])),
            mask_iou=_mask_iou(a, b, (expected.height, expected.width)),
        )


def _mask_iou(a: InstanceMask, b: InstanceMask, frame: tuple[int, int]) -> float:
    canvas = np.zeros((2, *frame), bool)
    for layer, mask in zip(canvas, (a, b), strict=True):
        layer[mask.window] = mask.pixels
    union = np.count_nonzero(canvas.any(axis=0))
    return np.count_nonzero(canvas.all(axis=0)) / union if union else 1.0


def _rounded(value: float) -> float:
    return round(float(value), 4)
