"""A scene as a file in COCO's format that `maskdrop model check-data` accepts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from pycocotools import mask as coco_mask

from model.data.file_names import PhotoFiles, plain_name
from model.data.scene import Outline, Photo, Scene, Shape, Thing
from model.runtime.errors import DataError
from model.runtime.rle import decode_rle

# What is drawn further outside than this is told; less is rounding, pixels.
_ROUNDING = 1.0


def to_coco(
    scene: Scene, images: Path, category_ids: dict[str, int] | None = None
) -> dict[str, Any]:
    """Number everything, find the photographs in `images`, and cut shapes at their borders.

    category_ids: of classes whose ids have to be another file's. What could not be kept is
    counted in the scene's notes. Raises DataError.
    """
    files = PhotoFiles(images)
    ids = _number_classes(scene, category_ids or {})
    listed: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    seen: dict[str, str] = {}
    for photo in scene.photos:
        name = files.find(photo.name)
        if name is None:
            scene.note(f"photographs that are not in {images}")
        image = _image(photo, name, images, len(listed) + 1)
        other = seen.setdefault(image["file_name"], photo.where)
        if other != photo.where:
            raise DataError(f"{photo.where} and {other} are both of {image['file_name']}.")
        listed.append(image)
        for thing in photo.things:
            found = _annotation(thing, image, ids, scene)
            if found:
                annotations.append({"id": len(annotations) + 1, **found})
    if not listed:
        raise DataError("No photograph is annotated in it.")
    categories = [
        {"id": id_, "name": name} for name, id_ in sorted(ids.items(), key=lambda x: x[1])
    ]
    return {"images": listed, "annotations": annotations, "categories": categories}


def _number_classes(scene: Scene, known: dict[str, int]) -> dict[str, int]:
    """Class -> id: another file's, the file's own, or the next free one."""
    for photo in scene.photos:
        for thing in photo.things:
            scene.classes.setdefault(thing.class_name, None)
    ids = {name: known[name] for name in scene.classes if name in known}
    taken = set(known.values())
    for name, own in scene.classes.items():
        if name not in ids and own is not None and own not in taken:
            ids[name] = own
            taken.add(own)
    for name in scene.classes:
        if name not in ids:
            ids[name] = next(number for number in range(1, len(taken) + 2) if number not in taken)
            taken.add(ids[name])
    return ids


def _image(photo: Photo, name: str | None, images: Path, id_: int) -> dict[str, Any]:
    width, height = photo.width, photo.height
    if width is None or height is None:
        if name is None:
            raise DataError(
                f"{photo.where} does not tell the size of {photo.name!r}, and it is not in "
                f"{images}; --images names the folder of the photographs."
            )
        width, height = _measure(images / name)
    return {
        "id": id_,
        "file_name": name or plain_name(photo.name),
        "width": width,
        "height": height,
    }


def _measure(path: Path) -> tuple[int, int]:
    """Width and height of a photograph, from its header."""
    try:
        with Image.open(path) as image:
            return image.size
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} cannot be read: {error}.") from None


def _annotation(
    thing: Thing, image: dict[str, Any], ids: dict[str, int], scene: Scene
) -> dict[str, Any] | None:
    """One object; None for one of which nothing is inside the photograph."""
    width, height = image["width"], image["height"]
    shape = _cut(thing.shape, width, height, scene)
    found = _measured(shape, width, height, thing)
    if found is None:
        scene.note("objects without a pixel in their photograph")
        return None
    return {
        "image_id": image["id"],
        "category_id": ids[thing.class_name],
        **found,
        "iscrowd": int(thing.crowd),
    }


def _measured(shape: Shape, width: int, height: int, thing: Thing) -> dict[str, Any] | None:
    """Segmentation, box and area, by COCO's own tools."""
    if shape.rle is not None:
        if shape.rle["size"] != [height, width]:
            h, w = shape.rle["size"]
            raise DataError(
                f"{thing.where}: the mask is {w}×{h}; the photograph is {width}×{height}."
            )
        try:
            # COCO's tools trust the counts; what is no mask would mislead or end them.
            decode_rle(shape.rle)
        except ValueError as error:
            raise DataError(f"{thing.where}: {error}") from None
        packed = {"size": [height, width], "counts": shape.rle["counts"].encode()}
        area = int(coco_mask.area(packed))
        box = [float(each) for each in coco_mask.toBbox(packed)]
        return {"segmentation": shape.rle, "bbox": box, "area": area} if area else None
    if shape.outlines:
        # Rounded first, so that the area is that of what is written.
        outlines = [[round(value, 2) for value in each] for each in shape.outlines]
        packed = coco_mask.merge(coco_mask.frPyObjects(outlines, height, width))
        area = int(coco_mask.area(packed))
        points = np.concatenate([np.reshape(each, (-1, 2)) for each in outlines])
        (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
        box = [round(float(each), 2) for each in (left, top, right - left, bottom - top)]
        whole = area and min(box[2:]) > 0
        return {"segmentation": outlines, "bbox": box, "area": area} if whole else None
    if shape.box is None:
        raise DataError(f"{thing.where} has no shape.")
    box = [round(each, 2) for each in shape.box]
    return {"bbox": box, "area": round(box[2] * box[3], 2)} if min(box[2:]) > 0 else None


def _cut(shape: Shape, width: int, height: int, scene: Scene) -> Shape:
    """Cut outlines and boxes at the photograph's border."""
    limits = np.array([width, height], float)
    if shape.outlines:
        inside: list[Outline] = []
        for outline in shape.outlines:
            points = np.reshape(np.asarray(outline, float), (-1, 2))
            cut = np.clip(points, 0, limits)
            _tell(points, cut, scene)
            inside.append([float(each) for each in cut.reshape(-1)])
        return Shape(outlines=tuple(each for each in inside if len(each) >= 6))
    if shape.box is not None and shape.rle is None:
        x, y, w, h = shape.box
        corners = np.array([[x, y], [x + w, y + h]], float)
        cut = np.clip(corners, 0, limits)
        _tell(corners, cut, scene)
        (x1, y1), (x2, y2) = cut
        return Shape(box=(float(x1), float(y1), float(x2 - x1), float(y2 - y1)))
    return shape


def _tell(points: NDArray[np.float64], cut: NDArray[np.float64], scene: Scene) -> None:
    if np.abs(points - cut).max(initial=0) > _ROUNDING:
        scene.note("shapes that left their photograph and were cut at its border")
