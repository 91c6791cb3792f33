"""The files that a result is written as, made one at a time.

instances/000-person.png …  1-bit, full frame
cutouts/000-person.png …    RGBA, cut to the mask
labels.png                  palette, instance index + 1
overlay.jpg
photo.jpg                   the photograph upright, for browsers that do not draw its type
rle.json  polygons.json     one entry per instance

Every mask is made once and handed to all outputs, then forgotten: one is in memory.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from handler.detection.detector import Result
from handler.masks.overlay import Overlay, encode_photo_jpeg, largest_first
from handler.masks.pictures import Labels, encode_cutout_png, encode_mask_png
from handler.masks.polygons import Part, trace_polygons
from handler.schemas import OutputName
from model.runtime.detections import InstanceMask

File = tuple[str, bytes]


def render(result: Result) -> Iterator[File]:
    """Make the outputs that the options ask for: name beside the manifest, and bytes."""
    files = _files(result)
    while file := _next(files, result):
        yield file


def _next(files: Iterator[File], result: Result) -> File | None:
    with result.stopwatch.stage("encoding"):
        return next(files, None)


def _files(result: Result) -> Iterator[File]:
    outputs = [_OUTPUTS[name](result) for name in dict.fromkeys(result.options.outputs)]
    if any(output.needs_masks for output in outputs):
        # The overlay's order; no other output cares.
        for index in largest_first(result.detections):
            mask = result.mask(index)
            for output in outputs:
                yield from output.add(index, mask)
    while outputs:
        yield from outputs.pop(0).finish()


class _Output:
    """One kind of output: it is shown every mask once, in any order, then finished."""

    needs_masks = True

    def __init__(self, result: Result) -> None:
        self.result = result

    def add(self, index: int, mask: InstanceMask) -> Iterator[File]:
        """Take the mask of the instance at `index`; make the file that needs no other."""
        yield from ()

    def finish(self) -> Iterator[File]:
        """Make the file that needs every mask."""
        yield from ()


class _Instances(_Output):
    def add(self, index: int, mask: InstanceMask) -> Iterator[File]:
        frame = self.result.detections
        png = encode_mask_png(mask, frame.width, frame.height)
        yield f"instances/{_stem(self.result, index)}.png", png


class _Cutouts(_Output):
    def add(self, index: int, mask: InstanceMask) -> Iterator[File]:
        shape = self.result.alpha(index) or mask
        png = encode_cutout_png(shape, self.result.photo.full())
        yield f"cutouts/{_stem(self.result, index)}.png", png


class _Labels(_Output):
    def __init__(self, result: Result) -> None:
        found = result.detections
        self._labels = Labels(len(found), found.width, found.height)

    def add(self, index: int, mask: InstanceMask) -> Iterator[File]:
        self._labels.draw(index, mask)
        yield from ()

    def finish(self) -> Iterator[File]:
        yield "labels.png", self._labels.encode()


class _Overlay(_Output):
    def __init__(self, result: Result) -> None:
        self._overlay = Overlay(result.photo.full(), result.detections)

    def add(self, index: int, mask: InstanceMask) -> Iterator[File]:
        self._overlay.draw(index, mask)
        yield from ()

    def finish(self) -> Iterator[File]:
        yield "overlay.jpg", self._overlay.encode()


class _Photo(_Output):
    needs_masks = False

    def finish(self) -> Iterator[File]:
        yield "photo.jpg", encode_photo_jpeg(self.result.photo.full())


class _RLE(_Output):
    needs_masks = False

    def finish(self) -> Iterator[File]:
        yield _listing(self.result, "rle", [each.rle for each in self.result.instances])


class _Polygons(_Output):
    def __init__(self, result: Result) -> None:
        super().__init__(result)
        self._polygons: dict[int, list[Part]] = {}

    def add(self, index: int, mask: InstanceMask) -> Iterator[File]:
        self._polygons[index] = trace_polygons(mask)
        yield from ()

    def finish(self) -> Iterator[File]:
        parts = [self._polygons[index] for index in range(len(self._polygons))]
        yield _listing(self.result, "polygons", parts)


def _listing(result: Result, field: str, values: Sequence[Any]) -> File:
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


_OUTPUTS: dict[OutputName, type[_Output]] = {
    "instances": _Instances,
    "labels": _Labels,
    "overlay": _Overlay,
    "cutouts": _Cutouts,
    "rle": _RLE,
    "polygons": _Polygons,
    "photo": _Photo,
}
