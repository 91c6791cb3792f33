"""The edge network, small enough for tests; TensorFlow is imported by who asks for it."""

from dataclasses import replace

import pytest
from seeded_weights import seeded_state_dict

from model.config import EDGE
from model.weights.torchvision import fold

# Half the preset's sides.
SMALL_EDGE = replace(
    EDGE,
    min_size=192,
    max_size=256,
    buckets={"landscape": (192, 256), "portrait": (256, 192)},
)


@pytest.fixture(scope="session")
def small_network():
    """Seeded weights, and one channel of the stem dead but for its bias."""
    from model.architecture.mask_rcnn import MaskRCNN

    weights, num_classes = fold(seeded_state_dict(EDGE), EDGE)
    weights["backbone.body._conv_stem.weight"][..., 0] = 1e-12
    weights["backbone.body._conv_stem.bias"][0] = 3.0
    return MaskRCNN(SMALL_EDGE, num_classes, weights)


@pytest.fixture(scope="session")
def float_tflite(small_network):
    from model.export.litert import to_litert

    return to_litert(small_network)
