"""Run by `make test-training`, which installs PyTorch."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: make test-training")

from model.training.network import edge_mask_rcnn  # noqa: E402
from model.training.partial_labels import (  # noqa: E402
    classification_loss,
    respect_partial_labels,
    unknown_regions,
)

OBJECT = [10.0, 10.0, 50.0, 50.0]
BESIDE = [10.0, 10.0, 40.0, 60.0]
FAR = [200.0, 200.0, 240.0, 240.0]


def target(labeled: list[bool], *, has_mask: bool = True, ignore: list[list[float]] = ()):
    """One object of class 1 in a photograph of 256 × 256."""
    mask = torch.zeros(1, 256, 256, dtype=torch.uint8)
    mask[0, 10:50, 10:50] = has_mask
    return {
        "boxes": torch.tensor([OBJECT]),
        "labels": torch.tensor([1]),
        "masks": mask,
        "has_mask": torch.tensor([has_mask]),
        "ignore": torch.tensor(ignore, dtype=torch.float32).reshape(-1, 4),
        "labeled": torch.tensor([True, *labeled]),
    }


def test_regions_are_told_apart_by_crowd_and_distance():
    crowd = [190.0, 190.0, 250.0, 250.0]
    crowded, far = unknown_regions(
        torch.tensor([BESIDE, FAR]), target([True, True], ignore=[crowd])
    )
    assert crowded.tolist() == [False, True]
    assert far.tolist() == [False, True]


def test_part_of_an_object_is_not_far_from_it():
    head = [12.0, 12.0, 20.0, 20.0]
    _, far = unknown_regions(torch.tensor([head]), target([False, False]))
    assert far.tolist() == [False]


def test_background_does_not_push_down_a_class_that_is_not_labelled():
    logits = torch.zeros(1, 3, requires_grad=True)
    classification_loss(logits, [torch.tensor([0])], [target([True, False])]).backward()
    background, labelled, unlabelled = logits.grad[0].tolist()
    assert background < 0 < labelled
    assert unlabelled == 0


def test_object_is_told_apart_from_every_class():
    logits = torch.zeros(1, 3, requires_grad=True)
    classification_loss(logits, [torch.tensor([1])], [target([True, False])]).backward()
    assert (logits.grad[0] != 0).all()


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return respect_partial_labels(edge_mask_rcnn(3)).train()


def test_object_without_a_mask_has_no_mask_loss(network):
    losses = network([torch.rand(3, 256, 256)], [target([True, True], has_mask=False)])
    assert losses["loss_mask"] == 0
    assert losses["loss_classifier"] > 0


def test_photograph_without_any_full_label_is_not_background(network):
    anchors = [torch.tensor([OBJECT, FAR])]
    labels, _ = network.rpn.assign_targets_to_anchors(anchors, [target([False, False])])
    assert labels[0].tolist() == [1, -1]


def test_fully_labelled_photograph_is_background_where_nothing_is(network):
    anchors = [torch.tensor([OBJECT, FAR])]
    labels, _ = network.rpn.assign_targets_to_anchors(anchors, [target([True, True])])
    assert labels[0].tolist() == [1, 0]
