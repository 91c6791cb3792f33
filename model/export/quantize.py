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

import logging
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import replace
from io import StringIO
from typing import Any, Literal

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils
from ai_edge_quantizer.algorithm_manager import AlgorithmName
from ai_edge_quantizer.calibrator import CalibrationMode, Calibrator
from ai_edge_quantizer.qtyping import TFLOperationName as Op
from ai_edge_quantizer.quantizer import Quantizer
from ai_edge_quantizer.recipe_manager import RecipeManager
from numpy.typing import NDArray

from model.export.litert import masks_signature
from model.runtime.errors import ExportError
from model.runtime.manifest import Preprocessing
from model.runtime.preprocess import fit, place

# Name scopes of the network, and what is int8 inside them.
_LAYERS = r"(^|;)(backbone|fpn|rpn_head|box_head|mask_head)(_\d+)?/"
_LAYER_OPS = (
    Op.CONV_2D,
    Op.DEPTHWISE_CONV_2D,
    Op.FULLY_CONNECTED,
    Op.ADD,
    Op.MAX_POOL_2D,
    Op.PAD,
    Op.RESHAPE,
    Op.RESIZE_NEAREST_NEIGHBOR,
)
_LEVELS = r"(^|;)pyramid/"
_NORMALIZATION = "normalize/"
_CORNERS = r"(^|;)roi_align/corners(_\d+)?/"
_BINS = r"(^|;)roi_align(_\d+)?/bins(_\d+)?/"

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
    photographs: Iterable[NDArray[np.uint8]],
    preprocessing: Preprocessing,
    float_layers: str | None = None,
) -> bytes:
    """Quantise what `to_litert` made, calibrated on photographs (h, w, 3) RGB of any size.

    Every photograph is fitted into every bucket; 50 of them, such as the model will see, do.
    float_layers: a regular expression; layers whose name it is found in stay float32 too.
    Raises ExportError where it is none, or found in no layer's name.
    """
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(float_model))
    if float_layers:
        _check_float_layers(model, float_layers)
    _lift_vanishing_weights(model)
    lifted = bytes(flatbuffer_utils.convert_object_to_bytearray(model))
    pyramids = {
        _Endpoint(model, bucket, "outputs", "pyramid").tensor_name: _Endpoint(
            model, masks_signature(bucket), "inputs", "pyramid"
        ).tensor_name
        for bucket in preprocessing.buckets
    }

    quantizer = Quantizer(lifted)
    _choose_int8(quantizer, pyramids)
    if float_layers:
        _choose_float(quantizer, float_layers)
    inputs = _calibration_inputs(photographs, preprocessing)
    with _quietly():
        ranges = _measure_ranges(lifted, inputs)
        for found, given in pyramids.items():
            ranges[given] = ranges[found]
        if _is_a_shift(preprocessing):
            _set_pixel_range(ranges, preprocessing)
        result = quantizer.quantize(ranges, enable_progress_report=False)

    quantized = flatbuffer_utils.read_model_from_bytearray(bytearray(result.quantized_model))
    for bucket in preprocessing.buckets:
        _Endpoint(quantized, bucket, "outputs", "pyramid").unwrap()
        _Endpoint(quantized, masks_signature(bucket), "inputs", "pyramid").unwrap()
        if _is_a_shift(preprocessing):
            _Endpoint(quantized, bucket, "inputs", "image").shift_pixels(preprocessing)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(quantized))


@contextmanager
def _quietly() -> Iterator[None]:
    """Hold back a progress bar per photograph, and a warning per weight and signature."""
    logging.disable(logging.WARNING)
    try:
        with redirect_stderr(StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


def _choose_int8(quantizer: Quantizer, pyramids: Iterable[str]) -> None:
    chosen = [(_LAYERS, op) for op in _LAYER_OPS]
    chosen += [(_LEVELS, Op.RESHAPE), (_CORNERS, Op.GATHER)]
    chosen += [(_BINS, op) for op in (Op.MUL, Op.SUM, Op.RESHAPE)]
    chosen += [(f"^{re.escape(name)};", Op.CONCATENATION) for name in pyramids]
    for scope, op in chosen:
        quantizer.add_static_config(scope, op, activation_num_bits=8, weight_num_bits=8)


def _choose_float(quantizer: Quantizer, float_layers: str) -> None:
    """Take layers back; of the recipes that fit an operator, the last one holds."""
    both = f"^(?=.*{_LAYERS})(?=.*(?:{float_layers}))"
    for op in _LAYER_OPS:
        quantizer.update_quantization_recipe(both, op, algorithm_key=AlgorithmName.NO_QUANTIZE)


def _check_float_layers(model: schema.ModelT, float_layers: str) -> None:
    try:
        pattern = re.compile(float_layers)
    except re.error as error:
        raise ExportError(f"{float_layers!r} is no regular expression: {error}.") from None
    names = (tensor.name.decode() for graph in model.subgraphs for tensor in graph.tensors)
    if not any(re.search(_LAYERS, name) and pattern.search(name) for name in names):
        raise ExportError(
            f"No int8 layer's name has {float_layers!r}; they begin with backbone/, fpn/, "
            "rpn_head/, box_head/ and mask_head/."
        )


def _calibration_inputs(
    photographs: Iterable[NDArray[np.uint8]], preprocessing: Preprocessing
) -> Iterator[tuple[str, dict[str, NDArray[Any]]]]:
    """Every photograph in every bucket, as that signature's inputs."""
    for pixels in photographs:
        height, width = pixels.shape[:2]
        for bucket, size in preprocessing.buckets.items():
            placement = place(width, height, replace(preprocessing, buckets={bucket: size}))
            image = fit(pixels, placement, preprocessing.pad)
            image_size = np.array([[placement.valid_height, placement.valid_width]], np.float32)
            yield bucket, {"image": image[np.newaxis], "image_size": image_size}


def _measure_ranges(
    float_model: bytes, inputs: Iterable[tuple[str, dict[str, NDArray[Any]]]]
) -> dict[str, Any]:
    """Tensor name -> smallest and largest value, as a moving average over the inputs."""
    # This mode takes ranges while the interpreter runs. The default keeps every tensor of
    # every signature instead: above 20 GB for ResNet-50 at 800×1088.
    calibrator = Calibrator(float_model, mode=CalibrationMode.CALIBRATION_PROFILER_BASED)
    every_tensor = RecipeManager()
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(float_model))
    for bucket, given in inputs:
        calibrator.calibrate({bucket: [given]}, every_tensor, cache_output=True)
        [found] = calibrator.get_cached_output()
        calibrator.clear_cached_output()
        masks = masks_signature(bucket)
        count = _Endpoint(model, masks, "inputs", "boxes").tensor.shape[0]
        best = {name: found[name][:count] for name in ("boxes", "labels")}
        calibrator.calibrate({masks: [best | {"pyramid": found["pyramid"]}]}, every_tensor)
    return calibrator.get_model_qsvs()


def _is_a_shift(preprocessing: Preprocessing) -> bool:
    """Whether (pixel - mean) / std, in steps of 1 / std, is the pixel shifted by a whole number.

    The pad pixel is then 0 without a mask, as the mean of a preset is a pixel value.
    """
    mean, std, pad = preprocessing.mean, preprocessing.std, preprocessing.pad
    return len(set(mean)) == len(set(std)) == 1 and pad == mean


def _set_pixel_range(ranges: dict[str, Any], preprocessing: Preprocessing) -> None:
    mean, std = preprocessing.mean[0], preprocessing.std[0]
    for name in ranges:
        if name.startswith(_NORMALIZATION):
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


class _Endpoint:
    """One input or output of a signature, by name."""

    def __init__(
        self, model: schema.ModelT, signature: str, side: Literal["inputs", "outputs"], name: str
    ) -> None:
        [definition] = [d for d in model.signatureDefs if d.signatureKey.decode() == signature]
        [self._entry] = [e for e in getattr(definition, side) if e.name.decode() == name]
        self._graph = model.subgraphs[definition.subgraphIndex]
        self._side = side

    @property
    def tensor(self) -> schema.TensorT:
        return self._graph.tensors[self._entry.tensorIndex]

    @property
    def tensor_name(self) -> str:
        return str(self.tensor.name.decode())

    def unwrap(self) -> None:
        """Hand the int8 tensor itself in or out, without the (de)quantising operator."""
        index = self._entry.tensorIndex
        inner, outer = ("outputs", "inputs") if self._side == "inputs" else ("inputs", "outputs")
        [wrapper] = [op for op in self._graph.operators if index in getattr(op, outer)]
        [bare] = getattr(wrapper, inner)
        self._graph.operators = [op for op in self._graph.operators if op is not wrapper]
        indices = [bare if each == index else each for each in getattr(self._graph, self._side)]
        setattr(self._graph, self._side, indices)
        self._entry.tensorIndex = bare

    def shift_pixels(self, preprocessing: Preprocessing) -> None:
        """Quantise the uint8 image itself, which is one addition, and drop the normalisation.

        Over float it is five passes over the image, a tenth of the time of all the network.
        """
        graph, image = self._graph, self._entry.tensorIndex
        in_scope = [op for op in graph.operators if self._is_normalization(op)]
        quantize = in_scope[-1]
        if graph.tensors[quantize.outputs[0]].type != schema.TensorType.INT8:
            return  # The first layer was asked to stay float.
        quantize.inputs = [image]
        self.tensor.quantization = schema.QuantizationParametersT(
            scale=[1 / preprocessing.std[0]], zeroPoint=[round(preprocessing.mean[0])]
        )
        dropped = {id(op) for op in in_scope} - {id(quantize)}
        graph.operators = [op for op in graph.operators if id(op) not in dropped]

    def _is_normalization(self, operator: schema.OperatorT) -> bool:
        name = self._graph.tensors[operator.outputs[0]].name.decode()
        return bool(name.startswith(_NORMALIZATION))
