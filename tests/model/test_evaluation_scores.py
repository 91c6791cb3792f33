"""Our average precision is pycocotools', and the bootstrap is what drawing photographs gives."""

from __future__ import annotations

import contextlib
import io
import json

import numpy as np
import pytest
from coco_files import CAT, DOG, NAMES, SIDE, found, thing, write_coco
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from model.evaluation.matching import match
from model.evaluation.scores import evaluate, precision
from model.evaluation.truth import read_truth
from model.runtime.manifest import ModelClass

CLASSES = [ModelClass(id_, name) for id_, name in NAMES.items()]
BOX = (10, 10, 40, 40)
ELSEWHERE = (60, 60, 30, 30)


@pytest.fixture
def truth_of(tmp_path):
    """Write annotations and read them as a truth."""

    def truth_of(annotations, **options):
        file = write_coco(tmp_path, annotations, **options)
        return read_truth(file, tmp_path / "images", CLASSES)

    return truth_of


@pytest.fixture
def crowded(truth_of):
    """Twelve photographs of cats and dogs of every size, and detections of most of them."""
    rng = np.random.default_rng(5)
    annotations, results = [], []
    for image in range(1, 13):
        for _ in range(int(rng.integers(1, 7))):
            w, h = (int(v) for v in rng.integers(6, 60, 2))
            box = tuple(int(v) for v in (*rng.integers(0, [SIDE - w, SIDE - h]), w, h))
            category = int(rng.choice([CAT, DOG]))
            annotations.append(thing(image, category, box, iscrowd=int(rng.random() < 0.1)))
            if rng.random() < 0.8:
                x, y = np.clip(box[:2] + rng.integers(-4, 5, 2), 0, [SIDE - w, SIDE - h]).tolist()
                # Few distinct scores, so that ties are sorted too.
                score = float(rng.integers(1, 10)) / 10
                category = category if rng.random() < 0.9 else CAT + DOG - category
                results.append(found(image, category, (x, y, w, h), score))
    return truth_of(annotations, images=12), results


def pycocotools_stats(file, results, kind):
    """AP, AP50, AP75, small, medium, large, by the library's own road."""
    if kind == "segm":
        results = [{k: v for k, v in each.items() if k != "bbox"} for each in results]
    data = json.loads(file.read_text())
    for number, annotation in enumerate(data["annotations"], start=1):
        annotation["id"] = number
    truth = COCO()
    with contextlib.redirect_stdout(io.StringIO()):
        truth.dataset = data
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(results), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats[:6]


@pytest.mark.parametrize("kind", ["segm", "bbox"])
def test_scores_are_those_of_pycocotools_where_all_is_labelled(crowded, tmp_path, kind):
    truth, results = crowded
    scores = evaluate(truth, results, kind).scores

    ours = [scores.ap, scores.ap50, scores.ap75]
    ours += [scores.ap_small, scores.ap_medium, scores.ap_large]
    theirs = pycocotools_stats(tmp_path / "truth.json", results, kind)
    assert 0.1 < scores.ap < 0.9
    assert ours == pytest.approx(theirs.tolist(), abs=1e-12)


def test_resample_is_the_score_of_the_drawn_photographs(crowded, tmp_path):
    truth, results = crowded
    times = np.random.default_rng(3).multinomial(12, np.full(12, 1 / 12))
    drawn, seen = [], []
    copies = [image for image, n in enumerate(times, start=1) for _ in range(n)]
    data = json.loads((tmp_path / "truth.json").read_text())
    for copy, image in enumerate(copies, start=1):
        drawn += [a | {"image_id": copy} for a in data["annotations"] if a["image_id"] == image]
        seen += [r | {"image_id": copy} for r in results if r["image_id"] == image]
    file = write_coco(tmp_path / "drawn", drawn, images=12)
    expected = evaluate(read_truth(file, file.parent / "images", CLASSES), seen, "bbox").curves

    weighted = [precision(sizes[0], times) for sizes in match(truth, results, "bbox")]

    np.testing.assert_allclose(weighted, expected, atol=1e-12)


def test_spread_holds_the_score_and_is_the_same_every_time(crowded):
    first = evaluate(*crowded, "bbox", resamples=50).scores
    low, high = first.ap_interval
    assert low < first.ap < high
    assert first == evaluate(*crowded, "bbox", resamples=50).scores


def test_difference_of_a_model_and_itself_is_nothing(crowded):
    evaluation = evaluate(*crowded, "bbox", resamples=20)
    assert evaluation.less(evaluation) == [(0.0, (0.0, 0.0))] * 3


@pytest.mark.parametrize(
    ("labeled", "expected"), [("all80", 0.5), ([CAT], 0.5), ([], 1.0), ([DOG], 1.0)]
)
def test_unmatched_detection_is_wrong_only_where_its_class_is_labelled(truth_of, labeled, expected):
    truth = truth_of([thing(1, CAT, BOX)], labeled_category_ids=labeled)
    results = [found(1, CAT, ELSEWHERE, 0.95), found(1, CAT, BOX, 0.9)]

    assert evaluate(truth, results, "bbox").scores.ap50 == pytest.approx(expected, abs=0.01)


def test_class_without_objects_has_no_score(truth_of):
    scores = evaluate(truth_of([thing(1, CAT, BOX)]), [found(1, CAT, BOX, 0.9)], "segm").scores
    assert [each.objects for each in scores.classes] == [1, 0]
    assert [each.ap for each in scores.classes] == [pytest.approx(1), -1]


def test_no_detection_scores_zero(truth_of):
    assert evaluate(truth_of([thing(1, CAT, BOX)]), [], "bbox", 5).scores.ap == 0


def test_object_without_a_mask_is_neither_missed_nor_wrong_among_masks(truth_of):
    truth = truth_of([thing(1, CAT, BOX), thing(1, CAT, ELSEWHERE, segmentation=None)])
    results = [found(1, CAT, ELSEWHERE, 0.95), found(1, CAT, BOX, 0.9)]

    masks, boxes = (evaluate(truth, results, kind).scores for kind in ("segm", "bbox"))
    assert (masks.objects, masks.ap) == (1, pytest.approx(1))
    assert (boxes.objects, boxes.ap) == (2, pytest.approx(1))
