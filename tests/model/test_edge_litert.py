"""The edge network as a .tflite of builtin operators computes what TensorFlow computes."""

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from seeded_weights import seeded_image, seeded_state_dict

from model.architecture.mask_rcnn import MaskRCNN
from model.config import EDGE
from model.weights.torchvision import fold

HEIGHT, WIDTH = 192, 256
POSITIONS = sum((HEIGHT // stride) * (WIDTH // stride) for stride in (4, 8, 16, 32))
MASKS_AT_ONCE = 8


@pytest.fixture(scope="module")
def network():
    weights, num_classes = fold(seeded_state_dict(EDGE), EDGE)
    return MaskRCNN(EDGE, num_classes, weights)


@pytest.fixture(scope="module")
def stages(network):
    """Both stages with static shapes: what the exporter turns into signatures."""

    @tf.function(
        input_signature=[
            tf.TensorSpec([1, HEIGHT, WIDTH, 3], tf.float32, name="images"),
            tf.TensorSpec([1, 2], tf.int32, name="image_sizes"),
        ]
    )
    def detect(images, image_sizes):
        return network.detect(images, image_sizes)._asdict()

    @tf.function(
        input_signature=[
            tf.TensorSpec([POSITIONS, EDGE.fpn_channels], tf.float32, name="pyramid"),
            tf.TensorSpec([MASKS_AT_ONCE, 4], tf.float32, name="boxes"),
            tf.TensorSpec([MASKS_AT_ONCE], tf.int32, name="labels"),
        ]
    )
    def masks(pyramid, boxes, labels):
        return {"masks": network.masks(pyramid, (HEIGHT, WIDTH), boxes, labels)}

    return detect, masks


def litert(stage, network):
    """A stage as LiteRT runs it; the converter's default refuses all but builtin operators."""
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [stage.get_concrete_function()], network
    )
    interpreter = Interpreter(model_content=converter.convert(), num_threads=2)
    return interpreter.get_signature_runner()


@pytest.fixture(scope="module")
def found(network, stages):
    image = seeded_image("landscape")[None]
    sizes = np.array([[HEIGHT, WIDTH]], np.int32)
    inputs = {"images": network.normalize(image, sizes).numpy(), "image_sizes": sizes}
    return inputs, {name: value.numpy() for name, value in stages[0](**inputs).items()}


def test_detections_are_tensorflows(network, stages, found):
    inputs, expected = found
    actual = litert(stages[0], network)(**inputs)
    assert actual["num_detections"] == expected["num_detections"] > 20
    np.testing.assert_array_equal(actual["labels"], expected["labels"])
    np.testing.assert_allclose(actual["boxes"], expected["boxes"], atol=0.01)
    np.testing.assert_allclose(actual["scores"], expected["scores"], atol=1e-4)
    np.testing.assert_allclose(actual["pyramid"], expected["pyramid"], atol=1e-4)


def test_masks_are_tensorflows(network, stages, found):
    _, detected = found
    inputs = {
        "pyramid": detected["pyramid"],
        "boxes": detected["boxes"][:MASKS_AT_ONCE],
        "labels": detected["labels"][:MASKS_AT_ONCE],
    }
    actual = litert(stages[1], network)(**inputs)["masks"]
    np.testing.assert_allclose(actual, stages[1](**inputs)["masks"], atol=1e-4)
