"""matterport's and Detectron2's networks with a ResNet-101, as tests/model does with ResNet-50."""

from __future__ import annotations

import pytest
from other_projects import build, hold_against_reference


@pytest.mark.parametrize("name", ["matterport-r101", "detectron2-r101"])
def test_detections_are_the_other_projects(name):
    # Twice the layers, and up to 0.0013 between two masks.
    assert hold_against_reference(build(name), name, mask_tolerance=2e-3) == 0
