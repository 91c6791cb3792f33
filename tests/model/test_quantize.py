"""What is int8 after quantisation, what is not, and what has to hold around it."""

import re

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.tools import flatbuffer_utils
from seeded_weights import seeded_image

from model.export.quantize import quantize
from model.export.ranges import RangeMeter, mean_ranges, ranges_of_tensors
from model.export.tflite_objects import read_tflite, write_tflite
from model.runtime.errors import ExportError
from model.weights.import_model import preprocessing_of

LAYERS = (
    schema.BuiltinOperator.CONV_2D,
    schema.BuiltinOperator.DEPTHWISE_CONV_2D,
    schema.BuiltinOperator.FULLY_CONNECTED,
)


@pytest.fixture(scope="module")
def preprocessing(small_network):
    return preprocessing_of(small_network.preset)


@pytest.fixture(scope="module")
def measured(float_tflite, preprocessing):
    """The ranges of three photographs, one after the other."""
    meter = RangeMeter(float_tflite, preprocessing)
    return [meter.measure(seeded_image(name)) for name in ("landscape", "portrait", "square")]


@pytest.fixture(scope="module")
def int8_tflite(float_tflite, measured, preprocessing):
    return quantize(float_tflite, mean_ranges(measured), preprocessing)


def layers_of(tflite):
    """Every layer's name, weights and bias, the bias as an array."""
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(tflite))
    found = []
    for graph in model.subgraphs:
        for operator in graph.operators:
            if model.operatorCodes[operator.opcodeIndex].builtinCode in LAYERS:
                _, weights, bias = (graph.tensors[index] for index in operator.inputs)
                values = np.array(model.buffers[bias.buffer].data, np.uint8).view(np.int32)
                name = graph.tensors[operator.outputs[0]].name.decode()
                found.append((name, weights, values))
    return found


def float_scopes(layers):
    """The parts of the network that have layers of float weights."""
    floats = {name for name, weights, _ in layers if weights.type != schema.TensorType.INT8}
    return {re.split(r"_\d|/", name)[0] for name in floats}


@pytest.fixture(scope="module")
def layers(int8_tflite):
    return layers_of(int8_tflite)


def runner(tflite, signature):
    return Interpreter(model_content=tflite, num_threads=2).get_signature_runner(signature)


def test_all_layers_are_int8_but_the_two_predictors(layers):
    assert float_scopes(layers) == {"rpn_predictor", "box_predictor"}


def test_weights_have_a_scale_per_channel(layers):
    stem = next(weights for name, weights, _ in layers if name.startswith("backbone/"))
    assert len(stem.quantization.scale) == 32


def test_bias_of_a_dead_channel_does_not_overflow(layers):
    stem = next(bias for name, _, bias in layers if name.startswith("backbone/"))
    assert 2**24 < stem[0] < 2**30


def test_pixels_enter_as_they_are(int8_tflite):
    image = runner(int8_tflite, "portrait").get_input_details()["image"]
    assert image["dtype"] == np.uint8
    assert image["quantization"] == (1 / 128, 127)


def test_pyramid_is_handed_on_as_int8_on_one_scale(int8_tflite):
    given = runner(int8_tflite, "landscape").get_output_details()["pyramid"]
    taken = runner(int8_tflite, "landscape_masks").get_input_details()["pyramid"]
    assert given["dtype"] == taken["dtype"] == np.int8
    assert given["quantization"] == taken["quantization"]


def test_crops_are_summed_in_int8(int8_tflite):
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(int8_tflite))
    crops = [
        tensor
        for graph in model.subgraphs
        for tensor in graph.tensors
        if re.search(r"roi_align(_\d+)?/bins(_\d+)?/Sum", tensor.name.decode())
        and len(tensor.shape) == 2
    ]
    assert crops
    assert {tensor.type for tensor in crops} == {schema.TensorType.INT8}


def test_pyramid_differs_from_the_floats_by_the_noise_of_int8(int8_tflite, float_tflite):
    inputs = {
        "image": seeded_image("landscape")[None],
        "image_size": np.array([[192, 256]], np.float32),
    }
    expected = runner(float_tflite, "landscape")(**inputs)["pyramid"]
    detect = runner(int8_tflite, "landscape")
    scale, zero = detect.get_output_details()["pyramid"]["quantization"]
    actual = (detect(**inputs)["pyramid"].astype(np.float32) - zero) * scale

    signal_to_noise = 10 * np.log10(expected.var() / (actual - expected).var())
    assert signal_to_noise > 15


def test_file_is_a_third_of_the_floats(int8_tflite, float_tflite):
    assert len(int8_tflite) < len(float_tflite) / 3


def test_photographs_in_another_order_give_the_same_bytes(
    int8_tflite, float_tflite, measured, preprocessing
):
    again = quantize(float_tflite, mean_ranges(measured[::-1]), preprocessing)
    assert again == int8_tflite


def test_one_measuring_serves_every_bucket(float_tflite, measured, preprocessing):
    """No bucket's int8 layer keeps a scale of its own."""
    one = quantize(float_tflite, measured[0], preprocessing)
    pyramids = [
        runner(one, bucket).get_output_details()["pyramid"] for bucket in preprocessing.buckets
    ]
    assert {each["dtype"] for each in pyramids} == {np.int8}
    assert len({each["quantization"] for each in pyramids}) == 1


def test_buckets_that_differ_share_no_ranges(float_tflite, measured):
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(float_tflite))
    [graph] = [each for each in model.subgraphs if each.name == b"portrait"]
    graph.operators.pop(next(n for n, op in enumerate(graph.operators) if is_layer(model, op)))
    with pytest.raises(ExportError, match="landscape, portrait are not the same"):
        ranges_of_tensors(model, measured[0], ["landscape", "portrait"])


def is_layer(model, operator):
    return model.operatorCodes[operator.opcodeIndex].builtinCode in LAYERS


def test_weights_are_stored_once_for_all_signatures(float_tflite, small_network):
    values = sum(each.shape.num_elements() for each in small_network.variables)
    assert len(float_tflite) < 1.1 * 4 * values


def test_layers_that_are_named_stay_float(float_tflite, measured, preprocessing):
    mixed = quantize(
        float_tflite, mean_ranges(measured), preprocessing, "backbone/Relu6;|mask_head"
    )
    assert float_scopes(layers_of(mixed)) == {
        "rpn_predictor",
        "box_predictor",
        "backbone",
        "mask_head",
    }
    inputs = {
        "image": seeded_image("landscape")[None],
        "image_size": np.array([[192, 256]], np.float32),
    }
    expected = runner(float_tflite, "landscape")(**inputs)["scores"]
    assert runner(mixed, "landscape")(**inputs)["scores"][:3] == pytest.approx(
        expected[:3], abs=0.05
    )


@pytest.mark.parametrize(
    ("float_layers", "complaint"),
    [("neck", "No int8 layer's name has 'neck'"), ("(", "'\\(' is no regular expression")],
)
def test_name_that_is_no_layers_is_refused(float_tflite, preprocessing, float_layers, complaint):
    with pytest.raises(ExportError, match=complaint):
        quantize(float_tflite, {}, preprocessing, float_layers)


def test_no_constant_is_written_byte_by_byte(int8_tflite, monkeypatch):
    """The quantiser's file has constants that are not arrays: minutes for a ResNet-50."""
    model = read_tflite(int8_tflite)
    for buffer in model.buffers:
        buffer.data = None if buffer.data is None else bytearray(buffer.data)
    one_byte = flatbuffers.Builder.PrependUint8
    written = []
    monkeypatch.setattr(
        flatbuffers.Builder, "PrependUint8", lambda self, x: (written.append(x), one_byte(self, x))
    )
    assert write_tflite(model) == int8_tflite
    assert len(written) < len(int8_tflite) / 100
