"""A batch is its images, one by one."""

import numpy as np
import pytest
from seeded_weights import seeded_image, seeded_state_dict

from model.architecture.mask_rcnn import MaskRCNN
from model.config import EDGE
from model.weights.torchvision import fold


@pytest.fixture(scope="module")
def network():
    weights, num_classes = fold(seeded_state_dict(EDGE), EDGE)
    return MaskRCNN(EDGE, num_classes, weights)


def test_neighbours_in_a_batch_do_not_matter(network):
    square = seeded_image("square")
    batch = np.stack([square[::-1], square])
    sizes = np.array([[224, 224], [224, 224]], np.int32)
    together = network.predict(batch, sizes)
    alone = network.predict(batch[1:], sizes[1:])
    assert together["num_detections"][1] == alone["num_detections"][0] > 0
    np.testing.assert_array_equal(together["boxes"][1], alone["boxes"][0])


def test_pixels_beyond_the_images_size_do_not_matter(network):
    canvas = np.zeros((1, 224, 256, 3), np.uint8)
    canvas[0, :, :224] = seeded_image("square")
    noisy = canvas.copy()
    noisy[0, :, 224:] = 200
    size = np.array([[224, 224]], np.int32)
    np.testing.assert_array_equal(network.normalize(canvas, size), network.normalize(noisy, size))


def test_normalisation_is_the_presets(network):
    white = np.full((1, 32, 32, 3), 255, np.uint8)
    assert np.all(network.normalize(white, np.array([[32, 32]], np.int32)).numpy() == 1.0)
