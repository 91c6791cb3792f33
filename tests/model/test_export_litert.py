"""The float .tflite: signatures, operators, size."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.tools import flatbuffer_utils
from seeded_weights import seeded_image


@pytest.fixture(scope="module")
def interpreter(float_tflite):
    return Interpreter(model_content=float_tflite, num_threads=2)


def test_every_bucket_has_a_signature_for_boxes_and_one_for_masks(interpreter):
    assert set(interpreter.get_signature_list()) == {
        "landscape",
        "landscape_masks",
        "portrait",
        "portrait_masks",
    }


def test_both_signatures_together_answer_as_the_network_does(interpreter, small_network):
    image, size = seeded_image("landscape")[None], np.array([[192, 256]], np.float32)
    expected = small_network.predict(image, size.astype(np.int32))
    found = interpreter.get_signature_runner("landscape")(image=image, image_size=size)
    masks = interpreter.get_signature_runner("landscape_masks")
    chunk = masks.get_input_details()["boxes"]["shape"][0]
    inputs = {name: found[name][:chunk] for name in ("boxes", "labels")}
    masks = masks(pyramid=found["pyramid"], **inputs)["masks"]

    assert found["num_detections"] == expected["num_detections"].numpy() > 0
    np.testing.assert_allclose(found["boxes"], expected["boxes"][0], atol=0.01)
    np.testing.assert_allclose(masks, expected["masks"][0, :chunk], atol=1e-4)


def test_operators_are_builtin(float_tflite):
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(float_tflite))
    codes = {code.builtinCode for code in model.operatorCodes}
    assert schema.BuiltinOperator.CUSTOM not in codes
    assert schema.BuiltinOperator.NON_MAX_SUPPRESSION_V4 in codes


def test_buckets_share_their_weights(float_tflite, small_network):
    weights = sum(variable.shape.num_elements() * 4 for variable in small_network.variables)
    assert len(float_tflite) < weights * 1.05
