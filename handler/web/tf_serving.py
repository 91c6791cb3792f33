"""TensorFlow Serving's predict API as JSON: images out of a request, predictions into an answer.

    {"instances": [image, …]}        -> {"predictions": [{output: value, …}, …]}
    {"inputs": [image, …] or image}  -> {"outputs": {output: [value, …], …}}

An image is {"b64": a photograph's file in base64} or a tensor (H, W, 3) of 0 to 255, bare or
under the name of its input. Outputs are the SavedModel's, padded to N detections:

    boxes (N, 4)  scores (N,)  labels (N,), 1 for the first class  masks (N, S, S)
    num_detections

Reference: https://www.tensorflow.org/tfx/serving/api_rest
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handler.errors import BadPrediction, ImageTooLarge
from handler.photo.decode import ImageLimits, Photo, open_photo
from model.runtime.detections import Detections
from model.runtime.predictor import Predictor

TENSOR_INPUT = "image"
BYTES_INPUT = "image_bytes"
# Either takes either input: clients of other models send bytes to `serving_default`.
SIGNATURES = {"serving_default": TENSOR_INPUT, "encoded": BYTES_INPUT}
MAX_DETECTIONS = 100
# What one request may hold; each image takes its time and 100 masks.
MAX_IMAGES = 16

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class PredictRequest:
    """The images of one request, and whether it was asked row by row."""

    images: list[Photo | Pixels]
    by_row: bool


def parse_request(body: bytes, limits: ImageLimits) -> PredictRequest:
    """Read a request; raises BadPrediction, or a BadImage for what is no photograph."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        raise BadPrediction("The request's body is not JSON.") from None
    if not isinstance(asked, dict) or ("instances" in asked) == ("inputs" in asked):
        raise BadPrediction("The request has to be an object with either 'instances' or 'inputs'.")
    signature = asked.get("signature_name") or "serving_default"
    if not isinstance(signature, str) or signature not in SIGNATURES:
        known = ", ".join(SIGNATURES)
        raise BadPrediction(f"Signature {signature!r} is unknown; there is {known}.")
    by_row = "instances" in asked
    items = asked["instances"] if by_row else _columns(asked["inputs"])
    if not isinstance(items, list) or not 1 <= len(items) <= MAX_IMAGES:
        raise BadPrediction(f"A request has to hold a list of 1 to {MAX_IMAGES} images.")
    return PredictRequest([_image(each, limits) for each in items], by_row)


def predict(predictor: Predictor, request: PredictRequest) -> dict[str, Any]:
    """Answer a request as TensorFlow Serving would."""
    labels = {each.id: label for label, each in enumerate(predictor.manifest.classes, start=1)}
    predictions = [_padded(_detect(predictor, image), labels) for image in request.images]
    if request.by_row:
        return {"predictions": predictions}
    return {"outputs": {name: [each[name] for each in predictions] for name in predictions[0]}}


def signature_definitions() -> dict[str, Any]:
    """The signatures as TensorFlow Serving's metadata words them."""
    images = {
        "serving_default": _tensor(TENSOR_INPUT, "DT_UINT8", -1, -1, -1, 3),
        "encoded": _tensor(BYTES_INPUT, "DT_STRING", -1),
    }
    outputs = {
        "boxes": _tensor("boxes", "DT_FLOAT", -1, MAX_DETECTIONS, 4),
        "scores": _tensor("scores", "DT_FLOAT", -1, MAX_DETECTIONS),
        "labels": _tensor("labels", "DT_INT32", -1, MAX_DETECTIONS),
        "masks": _tensor("masks", "DT_FLOAT", -1, MAX_DETECTIONS, 28, 28),
        "num_detections": _tensor("num_detections", "DT_INT32", -1),
    }
    return {
        name: {
            "inputs": {SIGNATURES[name]: image},
            "outputs": outputs,
            "method_name": "tensorflow/serving/predict",
        }
        for name, image in images.items()
    }


def _tensor(name: str, dtype: str, *sizes: int) -> dict[str, Any]:
    dimensions = [{"size": str(size), "name": ""} for size in sizes]
    return {
        "dtype": dtype,
        "tensor_shape": {"dim": dimensions, "unknown_rank": False},
        "name": f"{name}:0",
    }


def _columns(inputs: Any) -> Any:
    """The batch inside `inputs`, which may name its one input, and may be one encoded image."""
    inputs = _unnamed(inputs)
    return [inputs] if isinstance(inputs, dict) else inputs


def _unnamed(value: Any) -> Any:
    if isinstance(value, dict) and len(value) == 1:
        name, inner = next(iter(value.items()))
        if name in (TENSOR_INPUT, BYTES_INPUT):
            return inner
    return value


def _image(item: Any, limits: ImageLimits) -> Photo | Pixels:
    item = _unnamed(item)
    if isinstance(item, dict):
        if set(item) != {"b64"} or not isinstance(item["b64"], str):
            names = ", ".join(map(repr, item))
            raise BadPrediction(
                f"An image has to be {{'b64': text}} or a tensor; this one has {names}."
            )
        return open_photo(_decode_base64(item["b64"]), limits)
    return _pixels(item, limits)


def _decode_base64(text: str) -> bytes:
    # TensorFlow Serving takes both alphabets, with and without padding.
    standard = text.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        return b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise BadPrediction("An image's 'b64' is not base64.") from None


def _pixels(item: Any, limits: ImageLimits) -> Pixels:
    try:
        values = np.asarray(item)
    except (ValueError, OverflowError):
        raise BadPrediction("An image tensor's rows have different lengths.") from None
    if values.ndim != 3 or values.shape[2] != 3 or 0 in values.shape:
        raise BadPrediction(f"An image tensor has shape {values.shape}; (H, W, 3) is expected.")
    height, width, _ = values.shape
    if max(height, width) > limits.max_side or height * width > limits.max_pixels:
        raise ImageTooLarge(
            f"Image is {width}×{height} px; at most {limits.max_side} a side "
            f"and {limits.max_pixels:,} in all are allowed."
        )
    if values.dtype.kind not in "iuf" or not _fits_bytes(values):
        raise BadPrediction("An image tensor's values have to be whole numbers from 0 to 255.")
    return values.astype(np.uint8)


def _fits_bytes(values: NDArray[Any]) -> bool:
    return bool(((values >= 0) & (values <= 255) & (values == np.floor(values))).all())


def _detect(predictor: Predictor, image: Photo | Pixels) -> Detections:
    if isinstance(image, Photo):
        size = (image.width, image.height)
        pixels = image.scaled(*predictor.input_size(size))
    else:
        size, pixels = (image.shape[1], image.shape[0]), image
    # Every detection that the network answers: clients apply their own threshold.
    return predictor.predict(pixels, size, score_threshold=0.0, max_detections=MAX_DETECTIONS)


def _padded(found: Detections, labels: Mapping[int, int]) -> dict[str, Any]:
    side = found.raw_masks.shape[-1]
    masks = (found.raw_masks / np.float32(255)).round(4)
    return {
        "boxes": _fill(found.boxes, 4).tolist(),
        "scores": _fill(found.scores).tolist(),
        "labels": _fill(
            np.array([labels[each] for each in found.class_ids.tolist()], np.int32)
        ).tolist(),
        "masks": _fill(masks, side, side).tolist(),
        "num_detections": len(found),
    }


def _fill(values: NDArray[Any], *shape: int) -> NDArray[Any]:
    """`values` (n, …) and zeros below them: (N, …)."""
    filled = np.zeros((MAX_DETECTIONS, *shape), values.dtype)
    filled[: len(values)] = values
    return filled
