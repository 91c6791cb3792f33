"""Anchors, as numbers."""

import numpy as np

from model.architecture.anchors import anchors_at, base_anchors


def test_base_anchors_are_torchvisions():
    # AnchorGenerator(((32,),), ((0.5, 1.0, 2.0),)).cell_anchors
    assert base_anchors(32, (0.5, 1.0, 2.0)).tolist() == [
        [-23, -11, 23, 11],
        [-16, -16, 16, 16],
        [-11, -23, 11, 23],
    ]


def test_anchors_follow_the_grid_by_rows():
    base = np.array([[-1, -1, 1, 1], [-2, -2, 2, 2]], np.float32)
    anchors = anchors_at(np.array([0, 1, 2, 6]), base, (64, 96), (2, 3))
    assert anchors.numpy().tolist() == [
        [-1, -1, 1, 1],
        [-2, -2, 2, 2],
        [31, -1, 33, 1],
        [-1, 31, 1, 33],
    ]


def test_the_stride_of_an_uneven_level_is_rounded_down():
    # 224 px: P5 has 7 rows, P6 has 4, and 224 // 4 is 56.
    base = np.zeros((1, 4), np.float32)
    assert anchors_at(np.array([5]), base, (224, 224), (4, 4)).numpy().tolist() == [
        [56, 56, 56, 56]
    ]
