"""The files that a result is written as, made one at a time.

instances/000-person.png …  1-bit, full frame
cutouts/000-person.png …    RGBA, cut to the mask
labels.png                  palette, instance index + 1
overlay.jpg
photo.jpg                   the photograph upright, for browsers that do not draw its type
rle.json  polygons.json     one entry per instance
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from handler.detection.detector import Result
from handler.masks.overlay import encode_overlay_jpeg, encode_photo_jpeg
from handler.masks.pictures import encode_cutout_png, encode_labels_png, encode_mask_png
from handler.masks.polygons import trace_polygons
from handler.schemas import OutputName

File = tuple[str, bytes]


def render(result: Result) -> Iterator[File]:
    """Make the outputs that the options ask for: name beside the manifest, and bytes."""
    for output in dict.fromkeys(result.options.outputs):
        files = _RENDERERS[output](result)
        while file := _next(files, result):
            yield file


def _next(files: Iterator[File], result: Result) -> File | None:
    with result.stopwatch.stage("encoding"):
        return next(files, None)


def _instances(result: Result) -> Iterator[File]:
    frame = result.detections
    for index, mask in enumerate(result.masks()):
        png = encode_mask_png(mask, frame.width, frame.height)
        yield f"instances/{_stem(result, index)}.png", png


def _labels(result: Result) -> Iterator[File]:
    frame = result.detections
    yield "labels.png", encode_labels_png(result.masks(), frame.width, frame.height)


def _overlay(result: Result) -> Iterator[File]:
    options = result.options
    jpeg = encode_overlay_jpeg(result.photo.full(), result.detections, options.mask_threshold)
    yield "overlay.jpg", jpeg


def _photo(result: Result) -> Iterator[File]:
    yield "photo.jpg", encode_photo_jpeg(result.photo.full())


def _cutouts(result: Result) -> Iterator[File]:
    frame = result.photo.full()
    for index, mask in enumerate(result.masks()):
        yield f"cutouts/{_stem(result, index)}.png", encode_cutout_png(mask, frame)


def _rle(result: Result) -> Iterator[File]:
    yield _listing(result, "rle", (each.rle for each in result.instances))


def _polygons(result: Result) -> Iterator[File]:
    yield _listing(result, "polygons", map(trace_polygons, result.masks()))


def _listing(result: Result, field: str, values: Iterator[Any]) -> File:
    rows = [
        {
            "index": each.index,
            "class_id": each.class_id,
            "class_name": each.class_name,
            field: value,
        }
        for each, value in zip(result.instances, values, strict=True)
    ]
    return f"{field}.json", json.dumps(rows, ensure_ascii=False).encode()


def _stem(result: Result, index: int) -> str:
    """`000-person`; a class name may hold what a file name must not."""
    name = re.sub(r"\W+", "-", result.detections.class_names[index]).strip("-")
    return f"{index:03d}-{name or 'object'}"


_RENDERERS: dict[OutputName, Callable[[Result], Iterator[File]]] = {
    "instances": _instances,
    "labels": _labels,
    "overlay": _overlay,
    "cutouts": _cutouts,
    "rle": _rle,
    "polygons": _polygons,
    "photo": _photo,
}
