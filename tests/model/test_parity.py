"""Two predictors whose answers are written down, and the differences a person can check."""

import numpy as np
import pytest

from model.export.parity import Answers, compare, compare_answers
from model.runtime.backends import RawDetections
from model.runtime.boxes import box_ious
from model.runtime.manifest import ModelManifest
from model.runtime.predictor import Predictor

PHOTOGRAPH = np.zeros((96, 128, 3), np.uint8)
BOX = (20.0, 10.0, 60.0, 50.0)


class ScriptedBackend:
    """Answers the detections (label, score, box) it was given, each with a full mask."""

    def __init__(self, *detections):
        self.labels = np.array([label for label, _, _ in detections], np.int32)
        self.scores = np.array([score for _, score, _ in detections], np.float32)
        self.boxes = np.array([box for _, _, box in detections], np.float32).reshape(-1, 4)

    def run(self, image, image_size, bucket, keep):
        kept = keep(self.scores, self.labels)
        masks = np.ones((len(kept), 28, 28), np.float32)
        return RawDetections(self.boxes[kept], self.scores[kept], self.labels[kept], masks)


@pytest.fixture
def parity(colour_model):
    """Compare two lists of detections in one photograph."""
    manifest = ModelManifest.load(colour_model)

    def run(reference, candidate):
        predictors = (
            Predictor(manifest, ScriptedBackend(*each)) for each in (reference, candidate)
        )
        return compare(*predictors, [PHOTOGRAPH])

    return run


def moved(box, pixels):
    x1, y1, x2, y2 = box
    return x1 + pixels, y1, x2 + pixels, y2


def test_same_answers_agree_in_everything(parity):
    same = parity([(1, 0.9, BOX)], [(1, 0.9, BOX)])
    assert (same.photographs, same.detections, same.agreement) == (1, 1, 1.0)
    assert (same.box_px_max, same.score_max, same.mask_iou_min) == (0, 0, 1)


def test_differences_are_those_of_the_matched_detections(parity):
    near = parity([(1, 0.9, BOX)], [(1, 0.8, moved(BOX, 2))])
    assert near.box_px_max == 2
    assert near.score_max == pytest.approx(0.1)
    assert near.mask_iou_min == pytest.approx(38 / 42, abs=0.05)


def test_median_is_not_moved_by_one_tipped_suppression(parity):
    expected = [(1, 0.9, BOX), (2, 0.9, BOX), (3, 0.9, BOX)]
    found = [(1, 0.9, BOX), (2, 0.9, BOX), (3, 0.9, moved(BOX, 9))]
    uneven = parity(expected, found)
    assert (uneven.box_px_median, uneven.box_px_mean, uneven.box_px_max) == (0, 3, 9)


def test_unanswered_detections_are_missed_or_extra(parity):
    apart = parity([(1, 0.9, BOX), (2, 0.9, BOX)], [(1, 0.9, BOX), (3, 0.9, BOX)])
    assert (apart.missed, apart.extra) == (1, 1)
    assert apart.agreement == pytest.approx(1 / 3)


def test_score_that_falls_just_below_the_threshold_is_not_missed(parity):
    assert parity([(1, 0.52, BOX)], [(1, 0.48, BOX)]).missed == 0
    assert parity([(1, 0.52, BOX)], [(1, 0.39, BOX)]).missed == 1


def test_one_detection_answers_only_one(parity):
    twins = parity([(1, 0.9, BOX), (1, 0.8, moved(BOX, 4))], [(1, 0.9, BOX)])
    assert (twins.detections, twins.missed) == (2, 1)


def test_low_scores_are_compared_where_there_are_no_high_ones(parity):
    """As of a model after ten steps of training."""
    low = parity([(1, 0.2, BOX), (2, 0.09, BOX)], [(1, 0.2, BOX)])
    assert (low.score_threshold, low.detections, low.missed) == (0.16, 1, 0)
    assert parity([(1, 0.2, BOX)], [(3, 0.2, BOX)]).missed == 1


def test_a_photograph_is_predicted_once_for_both_comparisons(colour_model):
    class Counted(ScriptedBackend):
        runs = 0

        def run(self, *arguments, **named):
            self.runs += 1
            return super().run(*arguments, **named)

    backend = Counted((1, 0.9, BOX))
    manifest = ModelManifest.load(colour_model)
    expected = Answers(Predictor(manifest, backend), [PHOTOGRAPH])
    for _ in range(2):
        found = Answers(Predictor(manifest, ScriptedBackend((1, 0.9, BOX))), [PHOTOGRAPH])
        assert compare_answers(expected, found).detections == 1
    assert backend.runs == 1


def test_nothing_found_by_either_is_agreement(parity):
    empty = parity([], [])
    assert (empty.detections, empty.agreement, empty.mask_iou_mean) == (0, 1.0, 1.0)


def test_overlap_of_boxes():
    a = np.array([[0, 0, 2, 2]], np.float32)
    b = np.array([[1, 0, 3, 2], [5, 5, 6, 6], [0, 0, 2, 2]], np.float32)
    np.testing.assert_allclose(box_ious(a, b), [[1 / 3, 0, 1]], atol=1e-6)
