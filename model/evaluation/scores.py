"""Average precision, as COCO's tools accumulate it, and its spread over the photographs.

The spread is a bootstrap: photographs are drawn with replacement as many times as there are,
and scored again. A photograph drawn twice counts twice; nothing is matched anew.

T IoU thresholds, R recalls (0.00 to 1.00), D detections, P photographs, N resamples, C classes.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.evaluation.detect import Result
from model.evaluation.matching import SIZES, Matches, match
from model.evaluation.truth import Kind, Truth

RECALLS = np.linspace(0, 1, 101)
# Where IoU 0.50 and 0.75 stand among the thresholds.
AT_50, AT_75 = 0, 5
_SEED = 1

# The lower and upper end that hold 95 % of the resamples; None without a bootstrap.
Interval = tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class ClassScore:
    """Average precision of one class, in [0, 1]; -1 where there is no object.

    ap: mean over IoU 0.50 to 0.95; ap50, ap75: at IoU 0.50 and 0.75.
    objects: how many there are to find.
    """

    name: str
    objects: int
    ap: float
    ap50: float
    ap75: float
    ap_interval: Interval
    ap50_interval: Interval


@dataclass(frozen=True, slots=True)
class Scores:
    """COCO scores over masks, boxes or boundaries; means over the classes that have objects.

    objects_*: how many there are of a size: small to 32² pixels, medium to 96², large.
    """

    objects: int
    objects_small: int
    objects_medium: int
    objects_large: int
    ap: float
    ap50: float
    ap75: float
    ap_small: float
    ap_medium: float
    ap_large: float
    ap_interval: Interval
    ap50_interval: Interval
    classes: tuple[ClassScore, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Scores over masks or boxes, and what they were made from.

    curves: (C, T, R) precision, NaN for a class without objects.
    samples: (N, C + 1, 2) AP and AP50 of every class, and then of all, in every resample.
    """

    scores: Scores
    curves: NDArray[np.float64]
    samples: NDArray[np.float64]

    def less(self, reference: Evaluation) -> list[tuple[float, Interval]]:
        """AP less the reference's, of every class and then of all, with its interval.

        Both have to be of one truth and number of resamples: their draws are the same then.
        """
        pairs = zip(_all_aps(reference.scores), _all_aps(self.scores), strict=True)
        samples = self.samples[:, :, 0] - reference.samples[:, :, 0]
        return [(b - a, _interval(samples[:, c])) for c, (a, b) in enumerate(pairs)]


def evaluate(truth: Truth, results: Sequence[Result], kind: Kind, resamples: int = 0) -> Evaluation:
    """Score COCO results; `resamples` of 0 leaves the spread out."""
    matches = match(truth, results, kind)
    by_size = dict(zip(SIZES, zip(*matches, strict=True), strict=True))
    once = np.ones(len(truth.photographs), np.int64)
    # From one seed, so that every model is scored on the same draws.
    draws = np.random.default_rng(_SEED).multinomial(len(once), once / len(once), resamples)
    samples = np.array([_ap_and_ap50(by_size["all"], times) for times in draws])
    samples = samples.reshape(resamples, len(truth.classes) + 1, 2)
    curves = {
        size: np.array([precision(each, once) for each in classes])
        for size, classes in by_size.items()
    }
    objects = {size: [int(m.objects.sum()) for m in classes] for size, classes in by_size.items()}
    sizes: dict[str, Any] = {f"ap_{size}": _mean(curves[size]) for size in SIZES[1:]}
    sizes |= {f"objects_{size}": sum(objects[size]) for size in SIZES[1:]}
    scores = Scores(
        **_figures(objects["all"], curves["all"], samples[:, -1]),
        **sizes,
        classes=tuple(
            ClassScore(
                each.name, **_figures(objects["all"][c : c + 1], curves["all"][c], samples[:, c])
            )
            for c, each in enumerate(truth.classes)
        ),
    )
    return Evaluation(scores, curves["all"], samples)


def _figures(
    objects: Sequence[int], curves: NDArray[np.float64], samples: NDArray[np.float64]
) -> dict[str, Any]:
    """What a class and all classes have alike: curves (…, T, R), samples (N, 2)."""
    return {
        "objects": sum(objects),
        "ap": _mean(curves),
        "ap50": _mean(curves[..., AT_50, :]),
        "ap75": _mean(curves[..., AT_75, :]),
        "ap_interval": _interval(samples[:, 0]),
        "ap50_interval": _interval(samples[:, 1]),
    }


def precision(matches: Matches, times: NDArray[np.int64]) -> NDArray[np.float64]:
    """Precision at every recall, (T, R), when photographs count `times` (P,); NaN without objects.

    Of the precisions at a recall and beyond, the best: COCOeval.accumulate's arithmetic.
    """
    thresholds = len(matches.right)
    objects = int(matches.objects @ times)
    if not objects:
        return np.full((thresholds, len(RECALLS)), np.nan)
    weights = times[matches.photograph]
    right = np.cumsum(matches.right * weights, axis=1, dtype=float)
    wrong = np.cumsum(matches.wrong * weights, axis=1, dtype=float)
    precisions = right / (right + wrong + np.spacing(1))
    best = np.maximum.accumulate(precisions[:, ::-1], axis=1)[:, ::-1]
    # A recall that is not reached has the precision 0, which stands behind the last detection.
    best = np.pad(best, ((0, 0), (0, 1)))
    at = np.array([np.searchsorted(row, RECALLS, side="left") for row in right / objects])
    return np.take_along_axis(best, at, axis=1)


def _all_aps(scores: Scores) -> list[float]:
    return [*(each.ap for each in scores.classes), scores.ap]


def _ap_and_ap50(classes: Sequence[Matches], times: NDArray[np.int64]) -> NDArray[np.float64]:
    """Every class's, then all's: (C + 1, 2)."""
    curves = np.array([precision(each, times) for each in classes])
    by_class = np.stack([curves.mean(axis=(1, 2)), curves[:, AT_50].mean(axis=1)], axis=1)
    return np.vstack([by_class, _nanmean(by_class)])


def _nanmean(values: NDArray[np.float64]) -> Any:
    with warnings.catch_warnings():
        # A draw may have no object at all.
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanmean(values, axis=0)


def _interval(samples: NDArray[np.float64]) -> Interval:
    known = samples[~np.isnan(samples)]
    if not known.size:
        return None
    low, high = np.percentile(known, (2.5, 97.5))
    return float(low), float(high)


def _mean(curves: NDArray[np.float64]) -> float:
    known = curves[~np.isnan(curves)]
    return float(known.mean()) if known.size else -1.0
