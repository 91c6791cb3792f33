"""Label Studio's JSON export: brush masks, polygons and rectangles, and classes as choices.

A region is one or several entries of `result` with one `id`: a shape, and a label beside it or in
it. Coordinates are percent of the photograph. Of a task's annotations one counts: the ground
truth, or else the newest that was not cancelled.
"""

from __future__ import annotations

from math import cos, radians, sin
from pathlib import Path
from typing import Any

from model.data.brush import decode_brush
from model.data.fields import listing, mapping, number, points, read_json, side, text
from model.data.masks import to_rle
from model.data.scene import Photo, Scene, Shape, Thing
from model.runtime.errors import DataError

Result = dict[str, Any]

# Where a region's class stands: in its shape, or in an entry beside it.
_LABELS = (
    "brushlabels",
    "polygonlabels",
    "rectanglelabels",
    "ellipselabels",
    "labels",
    "choices",
)
_ELLIPSE_POINTS = 72


def read_labelstudio(path: Path) -> Scene:
    """Read an export; raises DataError."""
    tasks = read_json(path)
    if not isinstance(tasks, list):
        raise DataError(f"{path} is no list of tasks; export as JSON from Label Studio.")
    scene = Scene()
    for index, each in enumerate(tasks):
        where = f"{path.name}, task {mapping(each, f'{path}[{index}]').get('id', index)}"
        if "annotations" not in each:
            raise DataError(f"{where} has no annotations; export as JSON, not as JSON-MIN.")
        annotation = _chosen(listing(each["annotations"], f"{where}: annotations"), where)
        if annotation is None:
            scene.note("tasks that nobody annotated")
            continue
        scene.photos.append(_photo(each, annotation, where, scene))
    return scene


def _chosen(annotations: list[Any], where: str) -> Result | None:
    valid = [
        each
        for each in (mapping(each, f"{where}: an annotation") for each in annotations)
        if not each.get("was_cancelled")
    ]
    truth = [each for each in valid if each.get("ground_truth")]
    return max(truth or valid, key=lambda each: str(each.get("updated_at", "")), default=None)


def _photo(task: Result, annotation: Result, where: str, scene: Scene) -> Photo:
    regions: dict[str, list[Result]] = {}
    for index, each in enumerate(listing(annotation.get("result"), f"{where}: result")):
        entry = mapping(each, f"{where}: result[{index}]")
        if entry.get("type") != "relation":
            regions.setdefault(str(entry.get("id", index)), []).append(entry)
    photo = Photo(_image_name(task, where), None, None, where)
    for identity, entries in regions.items():
        at = f"{where}, region {identity}"
        if not any("original_width" in each for each in entries):
            scene.note("choices and texts about whole photographs")
            continue
        width, height = _size(entries, at)
        if photo.width is not None and (photo.width, photo.height) != (width, height):
            raise DataError(
                f"{at} is on {width}×{height} pixels; an earlier region on "
                f"{photo.width}×{photo.height}."
            )
        photo.width, photo.height = width, height
        if thing := _thing(entries, width, height, at, scene):
            photo.things.append(thing)
    return photo


def _image_name(task: Result, where: str) -> str:
    data = mapping(task.get("data"), f"{where}: data")
    names = [value for value in (data.get("image"), *data.values()) if isinstance(value, str)]
    return text(names[0] if names else None, f"{where}: data.image")


def _size(entries: list[Result], at: str) -> tuple[int, int]:
    entry = next(each for each in entries if "original_width" in each)
    rotation = number(entry.get("image_rotation") or 0, f"{at}: image_rotation")
    if rotation % 360:
        raise DataError(
            f"{at} was drawn on the photograph turned by {rotation:g}°; turn it back in Label "
            "Studio, or store the photograph upright."
        )
    return (
        side(entry["original_width"], f"{at}: original_width"),
        side(entry.get("original_height"), f"{at}: original_height"),
    )


def _thing(entries: list[Result], width: int, height: int, at: str, scene: Scene) -> Thing | None:
    shape = next((found for each in entries if (found := _shape(each, width, height, at))), None)
    if shape is None:
        kinds = ", ".join(sorted({str(each.get("type")) for each in entries}))
        scene.note(f"regions of type {kinds}, which have no area that COCO can hold")
        return None
    labels = {label for each in entries for label in _labels(each, at)}
    if len(labels) != 1:
        named = f" ({', '.join(sorted(labels))})" if labels else ""
        raise DataError(f"{at} has {len(labels)} classes{named}; one is expected.")
    return Thing(labels.pop(), shape, at)


def _labels(entry: Result, at: str) -> list[str]:
    value = mapping(entry.get("value"), f"{at}: value")
    return [
        text(each, f"{at}: {kind}")
        for kind in _LABELS
        if kind in value
        for each in listing(value[kind], f"{at}: {kind}")
    ]


def _shape(entry: Result, width: int, height: int, at: str) -> Shape | None:
    value = mapping(entry.get("value"), f"{at}: value")
    if "rle" in value:
        runs = listing(value["rle"], f"{at}: rle")
        return Shape(rle=to_rle(decode_brush(runs, width, height, at)))
    if "points" in value:
        corners = points(value["points"], f"{at}: points")
        if len(corners) < 3:
            raise DataError(f"{at}: the polygon has {len(corners)} points; 3 are the fewest.")
        scaled = [(x * width / 100, y * height / 100) for x, y in corners]
        return Shape(outlines=([each for pair in scaled for each in pair],))
    if {"x", "y", "radiusX", "radiusY"} <= value.keys():
        return _ellipse(value, width, height, at)
    if {"x", "y", "width", "height"} <= value.keys():
        return _rectangle(value, width, height, at)
    return None


def _rectangle(value: Result, width: int, height: int, at: str) -> Shape:
    """A rectangle; one that was turned, about its upper left corner, is an outline."""
    x, w = (number(value[key], f"{at}: {key}") * width / 100 for key in ("x", "width"))
    y, h = (number(value[key], f"{at}: {key}") * height / 100 for key in ("y", "height"))
    angle = radians(number(value.get("rotation") or 0, f"{at}: rotation"))
    if not angle:
        return Shape(box=(x, y, w, h))
    outline: list[float] = []
    for dx, dy in ((0.0, 0.0), (w, 0.0), (w, h), (0.0, h)):
        outline += (x + dx * cos(angle) - dy * sin(angle), y + dx * sin(angle) + dy * cos(angle))
    return Shape(outlines=(outline,))


def _ellipse(value: Result, width: int, height: int, at: str) -> Shape:
    x, rx = (number(value[key], f"{at}: {key}") * width / 100 for key in ("x", "radiusX"))
    y, ry = (number(value[key], f"{at}: {key}") * height / 100 for key in ("y", "radiusY"))
    turn = radians(number(value.get("rotation") or 0, f"{at}: rotation"))
    outline: list[float] = []
    for step in range(_ELLIPSE_POINTS):
        angle = radians(360 * step / _ELLIPSE_POINTS)
        dx, dy = rx * cos(angle), ry * sin(angle)
        outline += (x + dx * cos(turn) - dy * sin(turn), y + dx * sin(turn) + dy * cos(turn))
    return Shape(outlines=(outline,))
