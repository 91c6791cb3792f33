"""The plain way: a photograph in a form, instances in the answer."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Form, Query, Response, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from handler.detection.detector import Result
from handler.detection.stopwatch import Stopwatch
from handler.errors import (
    AnswerTooLarge,
    BadOptions,
    BrokenImage,
    ImageTooLarge,
    InvalidRequest,
    MalformedRequest,
    NotReady,
    Overloaded,
    RequestTimeout,
    RequestTooLarge,
    UnsupportedImage,
)
from handler.masks.pictures import encode_mask_png
from handler.masks.polygons import trace_polygons
from handler.photo.formats import NAMES
from handler.schemas import (
    MAX_CLASSES,
    ClassName,
    MaxDetections,
    Options,
    ScoreThreshold,
    Threshold,
)
from handler.web.messages import DetectAnswer, ImageSize
from handler.web.problems import problem_responses
from handler.web.routes.answers import check_size, json_answer
from handler.web.routes.dependencies import CallerOf, ServicesOf
from model.runtime.detections import InstanceMask
from model.runtime.edges import Edges

router = APIRouter(tags=["plain"])

_DEFAULTS = Options()

MaskFormat = Literal["rle", "polygons", "png", "array", "none"]


class DetectForm(BaseModel):
    """The photograph."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"image": "…the bytes of a JPEG…"}]})

    image: Annotated[UploadFile, Field(description=f"{NAMES}, told by its content.")]


class DetectQuery(BaseModel):
    """What may be asked beside the photograph."""

    model_config = ConfigDict(extra="forbid")

    masks: MaskFormat = "rle"
    score_threshold: ScoreThreshold = _DEFAULTS.score_threshold
    max_detections: MaxDetections = _DEFAULTS.max_detections
    mask_threshold: Threshold = _DEFAULTS.mask_threshold
    classes: Annotated[list[ClassName] | None, Query(min_length=1, max_length=MAX_CLASSES)] = None
    tile: bool = _DEFAULTS.tile
    edges: Annotated[
        Edges | None,
        Query(
            description="`plain`, or `refined`: masks that follow the photograph's edges. None "
            "given is the deployment's default, MASKDROP_EDGES."
        ),
    ] = _DEFAULTS.edges


@router.post(
    "/api/detect",
    summary="Detect in one photograph",
    response_model=DetectAnswer,
    responses=problem_responses(
        MalformedRequest,
        RequestTooLarge,
        ImageTooLarge,
        UnsupportedImage,
        BrokenImage,
        BadOptions,
        InvalidRequest,
        AnswerTooLarge,
        Overloaded,
        RequestTimeout,
        NotReady,
    ),
)
def detect(
    form: Annotated[DetectForm, Form(media_type="multipart/form-data")],
    query: Annotated[DetectQuery, Query()],
    services: ServicesOf,
    caller: CallerOf,
) -> Response:
    """Find instances in the form's `image`. Nothing is kept.

    `masks`: `rle` (COCO's), `polygons`, `png` (1-bit, whole frame, base64), `array` (rows of
    0 and 1), or `none`.
    """
    # No outputs are written here, so none takes memory.
    options = Options.model_validate(query.model_dump(exclude={"masks"}) | {"outputs": ()})
    detector = services.detector
    with detector.admitted(form.image.file.read(), options, caller) as photo:
        result = detector.detect(photo, options, stopwatch=Stopwatch(caller.check))
        if query.masks == "array":
            # Two characters a pixel; known before any is made.
            frame = result.detections
            check_size(2 * frame.width * frame.height * len(frame), services)
        with result.stopwatch.stage("encoding"):
            masks = _MASKS[query.masks](result)
        services.telemetry.detection(result.stopwatch.milliseconds, len(result.detections))
        return json_answer(_answer(result, masks).model_dump_json().encode(), services)


def _answer(result: Result, masks: list[Any] | None) -> DetectAnswer:
    found = result.detections
    return DetectAnswer(
        boxes=found.boxes.round(2).tolist(),
        masks=masks,
        class_ids=found.class_ids.tolist(),
        class_names=list(found.class_names),
        scores=[round(float(score), 5) for score in found.scores],
        image=ImageSize(width=found.width, height=found.height),
        model=result.model,
        timings=result.stopwatch.milliseconds,
    )


def _rle(result: Result) -> list[Any]:
    return [each.rle for each in result.instances]


def _polygons(result: Result) -> list[Any]:
    return [trace_polygons(mask) for mask in result.masks()]


def _png(result: Result) -> list[Any]:
    width, height = result.detections.width, result.detections.height
    return [b64encode(encode_mask_png(each, width, height)).decode() for each in result.masks()]


def _array(result: Result) -> list[Any]:
    return [
        _frame(each, result.detections.width, result.detections.height) for each in result.masks()
    ]


def _frame(mask: InstanceMask, width: int, height: int) -> list[list[int]]:
    rows: list[list[int]] = mask.frame(width, height).astype(np.uint8).tolist()
    return rows


_MASKS: dict[MaskFormat, Callable[[Result], list[Any] | None]] = {
    "rle": _rle,
    "polygons": _polygons,
    "png": _png,
    "array": _array,
    "none": lambda result: None,
}
