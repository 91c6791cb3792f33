import numpy as np

from handler.masks.palette import instance_colour, label_palette


def test_no_two_instances_share_a_colour() -> None:
    assert len(np.unique(label_palette(), axis=0)) == 256


def test_neighbours_in_number_are_far_apart_in_colour() -> None:
    steps = np.diff(label_palette()[1:].astype(int), axis=0)

    assert np.linalg.norm(steps, axis=1).min() > 80


def test_the_overlay_and_labels_agree() -> None:
    assert instance_colour(4) == tuple(label_palette()[5])
    assert instance_colour(255) == instance_colour(0)
