"""COCO's format as CVAT and Roboflow write it, with what each of them means by it.

CVAT       masks are run lengths with `iscrowd: 1`, and are objects, not crowds
Roboflow   the first category is the project's name, above the others and without an object
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pycocotools import mask as coco_mask

from model.data.fields import listing, mapping, number, read_json, side, text
from model.data.scene import Photo, Scene, Shape, Thing
from model.runtime.errors import DataError
from model.runtime.rle import RLE

Record = dict[str, Any]


def read_coco(path: Path) -> Scene:
    """Read a file in COCO's format, Roboflow's too; raises DataError."""
    return _read(path, crowds=True)


def read_cvat_coco(path: Path) -> Scene:
    """Read CVAT's COCO export; raises DataError."""
    return _read(path, crowds=False)


def _read(path: Path, *, crowds: bool) -> Scene:
    data = mapping(read_json(path), str(path))
    images, annotations, categories = (
        [mapping(each, f"{path.name}: {part}[{index}]") for index, each in enumerate(found)]
        for part in ("images", "annotations", "categories")
        for found in [listing(data.get(part), f"{path}: {part}")]
    )
    scene = Scene()
    names = _classes(categories, annotations, path.name, scene)
    photos: dict[Any, Photo] = {}
    for each in images:
        photo = _photo(each, path.name)
        if photos.setdefault(each.get("id"), photo) is not photo:
            raise DataError(f"{path.name} has two images with id {each.get('id')!r}.")
    scene.photos = list(photos.values())
    for each in annotations:
        at = f"{path.name}, annotation {each.get('id', '?')}"
        of = photos.get(each.get("image_id"))
        name = names.get(each.get("category_id"))
        if of is None:
            raise DataError(f"{at} is of image {each.get('image_id')!r}, which is not listed.")
        if name is None:
            raise DataError(
                f"{at} is of category {each.get('category_id')!r}, which is not listed."
            )
        crowd = crowds and bool(each.get("iscrowd"))
        of.things.append(Thing(name, _shape(each, of, at), at, crowd))
    return scene


def _photo(image: Record, file: str) -> Photo:
    where = f"{file}, image {image.get('id', '?')}"
    return Photo(
        # Roboflow keeps the name that the photograph had before it was exported in `extra`.
        text(image.get("file_name"), f"{where}: file_name"),
        side(image.get("width"), f"{where}: width"),
        side(image.get("height"), f"{where}: height"),
        where,
    )


def _classes(
    categories: list[Record], annotations: list[Record], file: str, scene: Scene
) -> dict[Any, str]:
    """Category id -> name; without a root that no object has."""
    used = {each.get("category_id") for each in annotations}
    names = {}
    for each in categories:
        name = text(each.get("name"), f"{file}, category {each.get('id', '?')}: name")
        if each.get("id") not in used and _is_root(each, categories):
            scene.note(f"the root class {name!r}, which has no object")
            continue
        id_ = each.get("id")
        if name in scene.classes:
            raise DataError(f"{file} has two categories called {name!r}.")
        scene.classes[name] = id_ if isinstance(id_, int) and id_ > 0 else None
        names[id_] = name
    return names


def _is_root(category: Record, categories: list[Record]) -> bool:
    """Whether all the others stand below it, as in Roboflow's exports."""
    others = [each for each in categories if each is not category]
    above = category.get("supercategory") in (None, "", "none")
    return (
        bool(others)
        and above
        and all(each.get("supercategory") == category.get("name") for each in others)
    )


def _shape(annotation: Record, photo: Photo, at: str) -> Shape:
    found = annotation.get("segmentation")
    if isinstance(found, dict):
        return Shape(rle=_rle(found, photo, at))
    if found:
        outlines = [
            [number(value, f"{at}: segmentation") for value in listing(each, f"{at}: segmentation")]
            for each in listing(found, f"{at}: segmentation")
        ]
        for each in outlines:
            if len(each) < 6 or len(each) % 2:
                raise DataError(f"{at}: an outline has {len(each)} numbers; 6, 8, … are expected.")
        return Shape(outlines=tuple(outlines))
    box = [number(each, f"{at}: bbox") for each in listing(annotation.get("bbox"), f"{at}: bbox")]
    if len(box) != 4:
        raise DataError(f"{at}: bbox has {len(box)} numbers; x, y, width, height are expected.")
    x, y, w, h = box
    return Shape(box=(x, y, w, h))


def _rle(found: Record, photo: Photo, at: str) -> RLE:
    size = [int(number(each, f"{at}: size")) for each in listing(found.get("size"), f"{at}: size")]
    if size != [photo.height, photo.width]:
        raise DataError(
            f"{at}: the mask's size is {size}; [height, width] of the photograph is "
            f"[{photo.height}, {photo.width}]."
        )
    counts = found.get("counts")
    if isinstance(counts, list):
        runs = [int(number(each, f"{at}: counts")) for each in counts]
        if any(each < 0 for each in runs) or sum(runs) != size[0] * size[1]:
            raise DataError(
                f"{at}: counts cover {sum(runs):,} pixels; the photograph has "
                f"{size[0] * size[1]:,}."
            )
        packed = coco_mask.frPyObjects({"size": size, "counts": runs}, *size)
        return {"size": size, "counts": packed["counts"].decode()}
    return {"size": size, "counts": text(counts, f"{at}: counts")}
