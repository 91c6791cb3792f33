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

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handler.detection.admission import Caller
from handler.detection.detector import Detector
from handler.detection.footprint import detection_bytes
from handler.detection.stopwatch import Stopwatch
from handler.errors import BadPrediction
from handler.photo.decode import ImageLimits, open_photo
from handler.schemas import Options
from handler.telemetry.protocol import Telemetry
from handler.web.json_images import (
    BYTES_INPUT,
    MAX_VALUE,
    TENSOR_INPUT,
    Cursor,
    read_image,
)
from model.runtime.detections import MAX_DETECTIONS, Detections
from model.runtime.predictor import Predictor

# Either takes either input: clients of other models send bytes to `serving_default`.
SIGNATURES = {"serving_default": TENSOR_INPUT, "encoded": BYTES_INPUT}
# What one request may hold; each image takes its time and 100 masks.
MAX_IMAGES = 16
# Every detection that the network answers: clients apply their own threshold.
_EVERYTHING = Options(score_threshold=0.0, max_detections=MAX_DETECTIONS, outputs=())
# A body beside itself: its text, one image's base64, and the file in that.
_COPIES = 4
# A tensor, and what it is resized through, bytes a pixel.
_TENSOR_BYTES = 12


@dataclass(frozen=True, slots=True)
class PredictRequest:
    """Where the images of a request begin in its text, and whether it was asked row by row.

    size: bytes that detecting in the largest of them takes, beside the text.
    """

    text: str
    places: tuple[int, ...]
    by_row: bool
    size: int


def parse_request(body: bytes, limits: ImageLimits, predictor: Predictor) -> PredictRequest:
    """Look through a request, one image in memory at a time.

    Raises BadPrediction, or a BadImage for what is no photograph.
    """
    text = _text(body)
    cursor = Cursor(text)
    found: dict[str, list[tuple[int, int]]] = {}
    if cursor.peek() != "{":
        raise _wrong_object()
    for name in cursor.fields():
        if name in ("instances", "inputs") and name not in found:
            found[name] = list(_survey(cursor, name == "inputs", limits, predictor))
        elif name == "signature_name":
            _check_signature(cursor.value(MAX_VALUE))
        elif name in found:
            raise _wrong_object()
        else:
            cursor.value(MAX_VALUE)
    if cursor.peek():
        raise BadPrediction("The request's body is not JSON: it goes on after its end.")
    if len(found) != 1:
        raise _wrong_object()
    [(name, images)] = found.items()
    if not images:
        raise _wrong_count()
    places, sizes = zip(*images, strict=True)
    return PredictRequest(text, places, name == "instances", max(sizes))


def parsing_bytes(body: bytes) -> int:
    """What looking through a request takes at its peak, beside its body."""
    return _COPIES * len(body)


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except ValueError:
        raise BadPrediction("The request's body is not JSON: it is not UTF-8.") from None


def _check_signature(signature: object) -> None:
    if signature is not None and signature != "" and signature not in list(SIGNATURES):
        known = ", ".join(SIGNATURES)
        raise BadPrediction(f"Signature {str(signature)[:80]!r} is unknown; there is {known}.")


def _survey(
    cursor: Cursor, by_column: bool, limits: ImageLimits, predictor: Predictor
) -> Iterator[tuple[int, int]]:
    """Check every image of a batch: where it begins, and the bytes that it takes.

    A column may name its one input, and may be one encoded image.
    """
    if by_column and cursor.peek() == "{":
        inside = Cursor(cursor.text, cursor.at)
        name = next(inside.fields(), "")
        if name in (TENSOR_INPUT, BYTES_INPUT):
            for _ in cursor.fields():
                yield from _survey(cursor, True, limits, predictor)
            return
        yield _survey_one(cursor, limits, predictor)
        return
    if cursor.peek() != "[":
        raise _wrong_count()
    for index in cursor.items():
        if index >= MAX_IMAGES:
            raise _wrong_count()
        yield _survey_one(cursor, limits, predictor)


def _survey_one(cursor: Cursor, limits: ImageLimits, predictor: Predictor) -> tuple[int, int]:
    cursor.peek()
    place = cursor.at
    image = read_image(cursor, limits)
    if isinstance(image, bytes):
        photo = open_photo(image, limits)
        size = predictor.input_size((photo.width, photo.height))
        return place, detection_bytes(photo, size, (), tiled=False, refined=False)
    return place, _TENSOR_BYTES * image.shape[0] * image.shape[1]


def _wrong_object() -> BadPrediction:
    return BadPrediction("The request has to be an object with either 'instances' or 'inputs'.")


def _wrong_count() -> BadPrediction:
    return BadPrediction(f"A request has to hold a list of 1 to {MAX_IMAGES} images.")


def answer_request(detector: Detector, body: bytes, caller: Caller, telemetry: Telemetry) -> bytes:
    """Answer a request as TensorFlow Serving would, in JSON; `telemetry` is told of each image.

    Raises as `parse_request` and `Gate.entered` do.
    """
    with detector.gate.entered(parsing_bytes(body), caller):
        request = parse_request(body, detector.limits, detector.predictor)
    # It had its turn, and is not sent away for a second one.
    caller.patient = True
    with detector.gate.entered(parsing_bytes(body) + request.size, caller):
        return _predict(detector, request, caller, telemetry)


def _predict(
    detector: Detector, request: PredictRequest, caller: Caller, telemetry: Telemetry
) -> bytes:
    """Detect in one image after the other; of each only its answer is kept, as JSON."""
    limits, classes = detector.limits, detector.predictor.manifest.classes
    labels = {each.id: label for label, each in enumerate(classes, start=1)}
    predictions = []
    for place in request.places:
        caller.check()
        image = read_image(Cursor(request.text, place), limits)
        shown = open_photo(image, limits) if isinstance(image, bytes) else image
        del image
        stopwatch = Stopwatch()
        found = detector.find(shown, _EVERYTHING, stopwatch)
        with stopwatch.stage("encoding"):
            padded = _padded(found, labels)
            predictions.append({name: json.dumps(value) for name, value in padded.items()})
        telemetry.detection(stopwatch.milliseconds, len(found))
    if request.by_row:
        rows = ",".join(_object(each) for each in predictions)
        return f'{{"predictions":[{rows}]}}'.encode()
    columns = {name: f"[{','.join(each[name] for each in predictions)}]" for name in predictions[0]}
    return f'{{"outputs":{_object(columns)}}}'.encode()


def _object(fields: Mapping[str, str]) -> str:
    """A JSON object of values that are JSON already."""
    return "{" + ",".join(f'"{name}":{value}' for name, value in fields.items()) + "}"


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
