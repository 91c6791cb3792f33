"""The SavedModel, called as TF Serving calls it."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from seeded_weights import seeded_image

from model.export.saved_model import write_saved_model


@pytest.fixture(scope="module")
def folder(small_network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved_model")
    write_saved_model(small_network, folder)
    return folder


@pytest.fixture(scope="module")
def call(folder):
    loaded = tf.saved_model.load(str(folder))

    def call(signature, **inputs):
        tensors = {name: tf.constant(value) for name, value in inputs.items()}
        return {k: v.numpy() for k, v in loaded.signatures[signature](**tensors).items()}

    return call


def png(pixels):
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    return data.getvalue()


def test_folder_is_as_tf_serving_expects(folder):
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"saved_model.pb", "variables/variables.index"} <= names
    assert not (folder / "assets").exists()


def test_preprocessed_answers_as_the_network_does(call, small_network):
    image = seeded_image("landscape")[None]
    found = call("preprocessed", image=image, image_size=np.array([[192, 256]], np.float32))
    expected = small_network.predict(image, np.array([[192, 256]], np.int32))
    assert found["num_detections"][0] == expected["num_detections"][0] > 0
    np.testing.assert_allclose(found["boxes"], expected["boxes"], atol=0.01)
    assert found["masks"].shape == (1, 100, 28, 28)


def test_boxes_are_in_pixels_of_the_photograph_given(call):
    small = seeded_image("landscape")
    large = small.repeat(2, axis=0).repeat(2, axis=1)
    expected, found = (call("serving_default", image=each[None]) for each in (small, large))
    count = int(expected["num_detections"][0])
    assert found["num_detections"][0] == count > 0
    np.testing.assert_allclose(
        found["boxes"][0, :count], 2 * expected["boxes"][0, :count], atol=0.1
    )


def test_photograph_of_odd_sides_is_padded_within(call):
    photograph = seeded_image("portrait")
    found = call("serving_default", image=photograph[None])
    height, width = photograph.shape[:2]
    assert found["num_detections"][0] > 0
    assert (found["boxes"] <= np.array([width, height, width, height]) + 0.01).all()


def test_encoded_photographs_of_different_sizes_make_a_batch(call):
    photographs = [seeded_image(name) for name in ("landscape", "portrait")]
    together = call("encoded", image_bytes=[png(each) for each in photographs])
    for index, photograph in enumerate(photographs):
        alone = call("serving_default", image=photograph[None])
        np.testing.assert_allclose(together["boxes"][index], alone["boxes"][0], atol=1e-3)
