"""LabelMe: a JSON file beside every photograph."""

from __future__ import annotations

import binascii
import io
from base64 import b64decode
from math import cos, hypot, pi, sin
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from model.data.fields import listing, mapping, points, read_json, side, text
from model.data.masks import place, to_rle
from model.data.scene import Photo, Scene, Shape, Thing
from model.runtime.errors import DataError

_CIRCLE_POINTS = 72
_AREALESS = {"point", "line", "linestrip", "points"}


def read_labelme(folder: Path) -> Scene:
    """Read every JSON file below a folder; raises DataError."""
    files = sorted(folder.rglob("*.json")) if folder.is_dir() else [folder]
    scene = Scene()
    for path in files:
        data = read_json(path)
        if isinstance(data, dict) and "shapes" in data and "imagePath" in data:
            scene.photos.append(_photo(path, folder, data, scene))
        else:
            scene.note("JSON files that are not LabelMe's")
    if not scene.photos:
        raise DataError(f"{folder} has no JSON file of LabelMe ({len(files)} JSON files in all).")
    return scene


def _photo(path: Path, folder: Path, data: dict[str, Any], scene: Scene) -> Photo:
    where = path.relative_to(folder).as_posix() if folder.is_dir() else path.name
    width = side(data.get("imageWidth"), f"{where}: imageWidth")
    height = side(data.get("imageHeight"), f"{where}: imageHeight")
    # Relative to the JSON file, which may be in a folder below.
    name = f"{where.rpartition('/')[0]}/{text(data['imagePath'], f'{where}: imagePath')}"
    photo = Photo(name.lstrip("/"), width, height, where)
    groups: dict[tuple[str, object], list[Shape]] = {}
    for index, each in enumerate(listing(data["shapes"], f"{where}: shapes")):
        at = f"{where}: shapes[{index}]"
        entry = mapping(each, at)
        label = text(entry.get("label"), f"{at}.label")
        shape = _shape(entry, width, height, at, scene)
        if shape is not None:
            # What has one group number is one object in several parts.
            group = entry.get("group_id")
            groups.setdefault((label, (at,) if group is None else group), []).append(shape)
    for number, ((label, _), shapes) in enumerate(groups.items()):
        at = f"{where}, object {number}"
        photo.things += [Thing(label, shape, at) for shape in _joined(shapes, at)]
    return photo


def _joined(shapes: list[Shape], at: str) -> list[Shape]:
    """The parts of one object as one shape."""
    if len(shapes) == 1:
        return shapes
    if any(not each.outlines for each in shapes):
        raise DataError(f"{at} is a group of shapes that are not all polygons; draw one mask.")
    return [Shape(outlines=tuple(outline for each in shapes for outline in each.outlines))]


def _shape(entry: dict[str, Any], width: int, height: int, at: str, scene: Scene) -> Shape | None:
    kind = entry.get("shape_type") or "polygon"
    if kind in _AREALESS:
        scene.note(f"shapes of type {kind}, which have no area")
        return None
    corners = points(entry.get("points"), f"{at}.points")
    if kind == "polygon":
        _expect(len(corners) >= 3, at, kind, len(corners), "3 or more")
        return Shape(outlines=([each for pair in corners for each in pair],))
    if kind == "rectangle":
        _expect(len(corners) in (2, 4), at, kind, len(corners), "2 or 4")
        (x1, y1), (x2, y2) = np.min(corners, axis=0), np.max(corners, axis=0)
        return Shape(box=(float(x1), float(y1), float(x2 - x1), float(y2 - y1)))
    if kind == "circle":
        _expect(len(corners) == 2, at, kind, len(corners), "2")
        return Shape(outlines=(_circle(*corners),))
    if kind == "mask":
        _expect(len(corners) == 2, at, kind, len(corners), "2")
        left, top = (round(each) for each in np.min(corners, axis=0))
        pixels = _picture(entry.get("mask"), at)
        return Shape(rle=to_rle(place(pixels, left, top, width, height)))
    raise DataError(f"{at}: shape_type is {kind!r}; LabelMe has none of that name.")


def _expect(right: bool, at: str, kind: str, count: int, expected: str) -> None:
    if not right:
        raise DataError(f"{at}: a {kind} has {count} points; {expected} are expected.")


def _circle(centre: tuple[float, float], edge: tuple[float, float]) -> list[float]:
    radius = hypot(edge[0] - centre[0], edge[1] - centre[1])
    turns = (2 * pi * step / _CIRCLE_POINTS for step in range(_CIRCLE_POINTS))
    return [
        value
        for turn in turns
        for value in (centre[0] + radius * cos(turn), centre[1] + radius * sin(turn))
    ]


def _picture(encoded: Any, at: str) -> NDArray[np.bool_]:
    try:
        with Image.open(io.BytesIO(b64decode(encoded, validate=True))) as image:
            pixels: NDArray[np.bool_] = np.asarray(image.convert("L")) > 0
            return pixels
    except (TypeError, ValueError, binascii.Error, OSError, UnidentifiedImageError) as error:
        raise DataError(f"{at}.mask is no PNG in base64: {error}.") from None
