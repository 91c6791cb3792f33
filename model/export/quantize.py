"""Make a float .tflite int8 where that is fast and harmless, and leave it float elsewhere.

int8: backbone, FPN, RPN head, box head, mask head; weights symmetric per channel,
activations asymmetric, their ranges measured on photographs. The pyramid is int8 too, from
one signature to the other, and so are RoIAlign's sums over it: a quarter of the bytes.
float32: the predictors of RPN and box head (their logits are ranked, their offsets are the
answer), anchors, decoding, where RoIAlign samples, probabilities, suppression.

The work is done by ai-edge-quantizer. Around it: weights it cannot represent are lifted
before; the pyramid's float wrapping, and where the numbers allow it the pixels' way over
float, are taken out after.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_quantizer.algorithm_manager import AlgorithmName
from ai_edge_quantizer.qtyping import TFLOperationName as Op
from ai_edge_quantizer.quantizer import Quantizer
from numpy.typing import NDArray

from model.export.endpoints import Endpoint
from model.export.int8_scopes import CHOSEN, LAYER_OPS, LAYERS, NORMALIZATION
from model.export.litert import masks_signature
from model.export.ranges import Ranges, quietly, ranges_of_tensors
from model.export.tflite_objects import read_tflite, write_tflite
from model.runtime.errors import ExportError
from model.runtime.manifest import Preprocessing

# A bias is an int32 count of (input scale × weight scale). A channel that training has left
# without weights but with a bias (EfficientNet-Lite0 has about 70) makes that step so small
# that the count overflows. Its largest weight is lifted until the count fits in 30 bits at
# an input scale of 1/512; the output moves by less than a tenth of a quantum.
_LEAST_WEIGHT_OVER_BIAS = 127 * 512 / 2**30
_OUTPUT_AXIS = {
    schema.BuiltinOperator.CONV_2D: 0,
    schema.BuiltinOperator.DEPTHWISE_CONV_2D: 3,
    schema.BuiltinOperator.FULLY_CONNECTED: 0,
}


def quantize(
    float_model: bytes,
    ranges: Ranges,
    preprocessing: Preprocessing,
    float_layers: str | None = None,
) -> bytes:
    """Quantise what `to_litert` made, with ranges that `RangeMeter` measured on it.

    float_layers: a regular expression; layers whose name it is found in stay float32 too.
    Raises ExportError where it is none, or found in no layer's name.
    """
    model = read_tflite(float_model)
    if float_layers:
        _check_float_layers(model, float_layers)
    _lift_vanishing_weights(model)
    lifted = write_tflite(model)
    pyramids = {
        Endpoint(model, bucket, "outputs", "pyramid").tensor_name: Endpoint(
            model, masks_signature(bucket), "inputs", "pyramid"
        ).tensor_name
        for bucket in preprocessing.buckets
    }

    quantizer = Quantizer(lifted)
    _choose_int8(quantizer, pyramids)
    if float_layers:
        _choose_float(quantizer, float_layers)
    measured = ranges_of_tensors(model, ranges, preprocessing.buckets)
    for found, given in pyramids.items():
        measured[given] = measured[found]
    with quietly():
        if _is_a_shift(preprocessing):
            _set_pixel_range(measured, preprocessing)
        result = quantizer.quantize(measured, enable_progress_report=False)

    quantized = read_tflite(result.quantized_model)
    for bucket in preprocessing.buckets:
        Endpoint(quantized, bucket, "outputs", "pyramid").unwrap()
        Endpoint(quantized, masks_signature(bucket), "inputs", "pyramid").unwrap()
        if _is_a_shift(preprocessing):
            Endpoint(quantized, bucket, "inputs", "image").shift_pixels(preprocessing)
    return write_tflite(quantized)


def _choose_int8(quantizer: Quantizer, pyramids: Iterable[str]) -> None:
    concatenations = [(f"^{re.escape(name)};", Op.CONCATENATION) for name in pyramids]
    for scope, op in (*CHOSEN, *concatenations):
        quantizer.add_static_config(scope, op, activation_num_bits=8, weight_num_bits=8)


def _choose_float(quantizer: Quantizer, float_layers: str) -> None:
    """Take layers back; of the recipes that fit an operator, the last one holds."""
    both = f"^(?=.*{LAYERS})(?=.*(?:{float_layers}))"
    for op in LAYER_OPS:
        quantizer.update_quantization_recipe(both, op, algorithm_key=AlgorithmName.NO_QUANTIZE)


def _check_float_layers(model: schema.ModelT, float_layers: str) -> None:
    try:
        pattern = re.compile(float_layers)
    except re.error as error:
        raise ExportError(f"{float_layers!r} is no regular expression: {error}.") from None
    names = (tensor.name.decode() for graph in model.subgraphs for tensor in graph.tensors)
    if not any(re.search(LAYERS, name) and pattern.search(name) for name in names):
        raise ExportError(
            f"No int8 layer's name has {float_layers!r}; they begin with backbone/, fpn/, "
            "rpn_head/, box_head/ and mask_head/."
        )


def _is_a_shift(preprocessing: Preprocessing) -> bool:
    """Whether (pixel - mean) / std, in steps of 1 / std, is the pixel shifted by a whole number.

    The pad pixel is then 0 without a mask, as the mean of a preset is a pixel value.
    """
    mean, std, pad = preprocessing.mean, preprocessing.std, preprocessing.pad
    return len(set(mean)) == len(set(std)) == 1 and pad == mean


def _set_pixel_range(ranges: dict[str, Any], preprocessing: Preprocessing) -> None:
    mean, std = preprocessing.mean[0], preprocessing.std[0]
    for name in ranges:
        if name.startswith(NORMALIZATION):
            ranges[name] = {
                "min": np.array((0 - mean) / std, np.float32).reshape(1, 1, 1, 1),
                "max": np.array((255 - mean) / std, np.float32).reshape(1, 1, 1, 1),
            }


def _lift_vanishing_weights(model: schema.ModelT) -> None:
    for graph in model.subgraphs:
        for operator in graph.operators:
            axis = _OUTPUT_AXIS.get(model.operatorCodes[operator.opcodeIndex].builtinCode)
            if axis is None or len(operator.inputs) < 3 or operator.inputs[2] < 0:
                continue
            _, weights, bias = (graph.tensors[index] for index in operator.inputs)
            _lift(_values(model, weights), axis, _values(model, bias))


def _lift(weights: NDArray[np.float32], axis: int, bias: NDArray[np.float32]) -> None:
    """Raise each output channel's largest weight, in place, to what its bias asks for."""
    channels = np.moveaxis(weights, axis, 0)
    least = np.abs(bias) * _LEAST_WEIGHT_OVER_BIAS
    largest = np.abs(channels).reshape(len(channels), -1).max(axis=1)
    for channel in np.flatnonzero(largest < least):
        peak = np.unravel_index(np.abs(channels[channel]).argmax(), channels.shape[1:])
        channels[channel][peak] = least[channel]


def _values(model: schema.ModelT, tensor: schema.TensorT) -> NDArray[np.float32]:
    """A constant's values, to be changed in place."""
    buffer = model.buffers[tensor.buffer]
    buffer.data = np.array(buffer.data, np.uint8)
    return buffer.data.view(np.float32).reshape(tensor.shape)
