"""Our network against torchvision's, on references that torchvision wrote.

The weights are a formula under torchvision's names (`seeded_weights.py`), the
references the output of `make_torchvision_references.py`.
"""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from seeded_weights import IMAGE_SIZES, seeded_image, seeded_state_dict

from model.architecture.mask_rcnn import MaskRCNN
from model.config import PRESETS
from model.weights.torchvision import fold

REFERENCES = Path(__file__).with_name("references")


@pytest.fixture(scope="module", params=PRESETS)
def preset(request):
    return PRESETS[request.param]


@pytest.fixture(scope="module")
def predict(preset):
    weights, num_classes = fold(seeded_state_dict(preset), preset)
    network = MaskRCNN(preset, num_classes, weights)
    any_size = [tf.TensorSpec([None, None, None, 3], tf.uint8), tf.TensorSpec([None, 2], tf.int32)]
    return tf.function(network.predict, input_signature=any_size)


@pytest.fixture(params=IMAGE_SIZES)
def image(request):
    return request.param


@pytest.fixture
def expected(preset, image):
    arrays = np.load(REFERENCES / f"{preset.name}.npz")
    return {name: arrays[f"{image}.{name}"] for name in ("boxes", "scores", "labels", "masks")}


def padded(image):
    """The image on a canvas of multiples of 32, and its own size; the canvas's grey is no zero."""
    pixels = seeded_image(image)
    height, width = pixels.shape[:2]
    canvas = np.pad(pixels, ((0, -height % 32), (0, -width % 32), (0, 0)), constant_values=99)
    return canvas, np.array([height, width], np.int32)


def test_detections_are_torchvisions(predict, image, expected):
    canvas, size = padded(image)
    found = {name: value[0].numpy() for name, value in predict(canvas[None], size[None]).items()}
    count = found["num_detections"]
    assert count == len(expected["labels"]) >= 20
    assert len(set(expected["labels"])) >= 4
    assert found["labels"][:count].tolist() == expected["labels"].tolist()
    np.testing.assert_allclose(found["boxes"][:count], expected["boxes"], atol=0.05, rtol=0)
    np.testing.assert_allclose(found["scores"][:count], expected["scores"], atol=1e-4, rtol=0)
    np.testing.assert_allclose(found["masks"][:count], expected["masks"] / 65535, atol=1e-3, rtol=0)


def test_rows_past_the_detections_are_zero(predict):
    canvas, size = padded("square")
    found = predict(canvas[None], size[None])
    count = int(found["num_detections"][0])
    assert count < 100
    for name in ("boxes", "scores", "labels"):
        assert not found[name][0, count:].numpy().any()
