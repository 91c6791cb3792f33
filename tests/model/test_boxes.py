"""Box arithmetic and suppression on numbers that a person can check."""

import math

import numpy as np
import tensorflow as tf

from model.architecture.box_head import select_detections
from model.architecture.boxes import clip_boxes, decode_boxes, has_min_size
from model.architecture.nms import non_max_suppression, take_kept
from model.architecture.rpn import Proposals
from model.config import EDGE

# Side 10 on a line: the first two overlap by 8 of 12 columns (IoU 2/3), the third by
# 5 of 15 with the first (IoU 1/3).
LINE = np.array([[0, 0, 10, 10], [2, 0, 12, 10], [5, 0, 15, 10]], np.float32)


def suppress(boxes, scores, iou_threshold, max_kept=4):
    indices, count = non_max_suppression(
        boxes, np.array(scores, np.float32), iou_threshold=iou_threshold, max_kept=max_kept
    )
    assert indices.shape == (max_kept,)
    return indices.numpy()[: int(count)].tolist()


def test_the_better_of_two_overlapping_boxes_stays():
    assert suppress(LINE, [0.5, 0.9, 0.3], 0.5) == [1]
    assert suppress(LINE, [0.9, 0.5, 0.3], 0.5) == [0, 2]


def test_overlap_up_to_the_threshold_is_no_reason():
    assert suppress(LINE, [0.9, 0.5, 0.3], 0.7) == [0, 1, 2]


def test_a_suppressed_box_suppresses_nothing():
    # Box 1 falls to box 0, so box 2 (IoU 0.54 with box 1, 0.33 with box 0) stays.
    assert suppress(LINE, [0.9, 0.5, 0.3], 0.4) == [0, 2]


def test_boxes_without_score_are_padding():
    assert suppress(LINE, [0.0, 0.5, 0.0], 0.9) == [1]


def test_no_more_than_the_best_are_kept():
    assert suppress(LINE, [0.7, 0.8, 0.9], 0.9, max_kept=2) == [2, 1]


def test_kept_rows_are_followed_by_zeros():
    assert take_kept(np.array([5, 6, 7]), np.array([2, 0, 0]), 1).numpy().tolist() == [7, 0, 0]


def test_no_deltas_leave_a_box_as_it_is():
    assert decode_boxes(tf.zeros((3, 4)), LINE).numpy().tolist() == LINE.tolist()


def test_deltas_move_by_sides_and_scale_by_exponents():
    # From centre (5, 5): half a width right, a whole height down; twice as wide.
    deltas = tf.constant([[0.5, 1.0, math.log(2), 0.0]])
    np.testing.assert_allclose(decode_boxes(deltas, LINE[:1]), [[0, 10, 20, 20]], atol=1e-5)
    weights = (10.0, 10.0, 5.0, 5.0)
    weighted = decode_boxes(deltas * weights, LINE[:1], weights)
    np.testing.assert_allclose(weighted, [[0, 10, 20, 20]], atol=1e-5)


def test_a_side_grows_to_62_times_at_most():
    wild = tf.constant([[0.0, 0.0, 50.0, 0.0]])
    x1, _, x2, _ = decode_boxes(wild, LINE[:1]).numpy()[0]
    np.testing.assert_allclose(x2 - x1, 10 * 1000 / 16, rtol=1e-5)


def test_boxes_are_cut_to_height_and_width():
    wild = np.array([[-5.0, -5.0, 500.0, 500.0]], np.float32)
    assert clip_boxes(wild, np.array([20, 30])).numpy().tolist() == [[0, 0, 30, 20]]


def test_a_box_without_extent_is_too_small():
    boxes = np.array([[3, 3, 3, 9], [3, 3, 3.5, 3.5]], np.float32)
    assert has_min_size(boxes, 0.01).numpy().tolist() == [False, True]


def select(class_logits, boxes):
    """Detections of a box head that leaves every box where its proposal is."""
    logits = np.array(class_logits, np.float32)
    deltas = tf.zeros((len(logits), 4 * logits.shape[1]))
    proposals = Proposals(boxes, np.ones(len(boxes), np.float32))
    found = select_detections(EDGE, logits, deltas, proposals, np.array([100, 100], np.int32))
    count = int(found.num_detections)
    return found.labels.numpy()[:count].tolist(), found.boxes.numpy()[:count].tolist()


def test_classes_do_not_suppress_each_other():
    labels, boxes = select([[0, 9, 0], [0, 0, 8]], LINE[:2])
    assert labels == [1, 2]
    assert boxes == LINE[:2].tolist()


def test_one_class_suppresses_itself():
    labels, boxes = select([[0, 9, 0], [0, 8, 0]], LINE[:2])
    assert labels == [1]
    assert boxes == LINE[:1].tolist()


def test_the_background_and_weak_classes_are_not_detections():
    # Softmax of the second: 0.93 background, 0.046 for class 1, below the 0.05 wanted.
    assert select([[9, 0, 0], [3, 0, -1]], LINE[:2])[0] == []
