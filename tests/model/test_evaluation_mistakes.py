"""What is called right, false, missed, confused and poor in one photograph."""

from __future__ import annotations

import numpy as np
import pytest
from coco_files import CAT, DOG, NAMES, found, thing, write_coco

from model.evaluation.mistakes import confusion, review, worst
from model.evaluation.truth import read_truth
from model.evaluation.worst_sheet import explain
from model.runtime.manifest import ModelClass

CLASSES = [ModelClass(id_, name) for id_, name in NAMES.items()]
BOX = (10, 10, 40, 40)
HALF = (10, 10, 40, 24)
ELSEWHERE = (60, 60, 30, 30)


@pytest.fixture
def reviewed(tmp_path):
    """Review photographs of these annotations and results: the truth, and the reviews."""

    def reviewed(annotations, results, **options):
        file = write_coco(tmp_path, annotations, **options)
        truth = read_truth(file, tmp_path / "images", CLASSES)
        return truth, list(review(truth, results))

    return reviewed


def counts(truth, reviews):
    """The confusion matrix: rows cat, dog, nothing; columns the same."""
    return confusion(truth, reviews).tolist()


def test_right_missed_and_false_are_told_apart(reviewed):
    things = [thing(1, CAT, BOX), thing(1, DOG, ELSEWHERE)]
    seen = [found(1, CAT, BOX, 0.9), found(1, CAT, (55, 5, 20, 20), 0.8)]
    assert counts(*reviewed(things, seen)) == [[1, 0, 0], [0, 0, 1], [1, 0, 0]]


def test_object_of_another_class_is_confused(reviewed):
    truth, reviews = reviewed([thing(1, CAT, BOX)], [found(1, DOG, BOX, 0.9)])
    assert counts(truth, reviews) == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert reviews[0].quality == 0


def test_its_own_class_has_the_first_choice(reviewed):
    seen = [found(1, DOG, BOX, 0.9), found(1, CAT, BOX, 0.8)]
    assert counts(*reviewed([thing(1, CAT, BOX)], seen)) == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]


def test_detection_of_a_class_that_is_not_labelled_is_not_false(reviewed):
    seen = [found(1, DOG, ELSEWHERE, 0.9)]
    truth, reviews = reviewed([thing(1, CAT, BOX)], seen, labeled_category_ids=[CAT])
    assert counts(truth, reviews) == [[0, 0, 1], [0, 0, 0], [0, 0, 0]]


def test_detection_in_a_crowd_is_not_false(reviewed):
    things = [thing(1, CAT, BOX), thing(1, DOG, ELSEWHERE, iscrowd=1)]
    seen = [found(1, CAT, BOX, 0.9), found(1, DOG, (65, 65, 10, 10), 0.9)]
    truth, reviews = reviewed(things, seen)
    assert counts(truth, reviews) == [[1, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert reviews[0].quality == 1


def test_unsure_detections_do_not_count(reviewed):
    seen = [found(1, CAT, BOX, 0.49)]
    assert counts(*reviewed([thing(1, CAT, BOX)], seen)) == [[0, 0, 1], [0, 0, 0], [0, 0, 0]]


def test_poor_mask_is_right_but_named(reviewed):
    truth, reviews = reviewed([thing(1, CAT, BOX)], [found(1, CAT, HALF, 0.9)])
    assert counts(truth, reviews)[0] == [1, 0, 0]
    assert reviews[0].quality == pytest.approx(24 / 40, abs=0.02)
    assert explain(reviews[0], NAMES) == "poor mask of 1 cat"


def test_worst_come_first_and_those_without_mistakes_not_at_all(reviewed):
    things = [thing(image, CAT, BOX) for image in (1, 2, 3)] + [thing(3, DOG, ELSEWHERE)]
    seen = [found(1, CAT, BOX, 0.9), found(2, CAT, HALF, 0.9), found(3, DOG, HALF, 0.9)]
    _, reviews = reviewed(things, seen, images=4)
    assert [each.photograph.id for each in worst(reviews, 10)] == [3, 2]


def test_boxes_are_reviewed_where_there_are_no_masks(reviewed):
    truth, reviews = reviewed([thing(1, CAT, BOX, segmentation=None)], [found(1, CAT, BOX, 0.9)])
    assert np.array_equal(confusion(truth, reviews), [[1, 0, 0], [0, 0, 0], [0, 0, 0]])
