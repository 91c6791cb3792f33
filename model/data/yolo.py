"""YOLO's data sets for segmentation: data.yaml, images/, and labels/ with a text file for each.

A line is a class's number and the points of one outline, or x, y (centre), width and height of a
box; all as shares of width and height. A photograph without a text file has no object.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from model.data.fields import mapping, number, text
from model.data.scene import Photo, Scene, Shape, Thing
from model.runtime.errors import DataError

_SUFFIXES = {".avif", ".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
_BOX = 4


def read_yolo(path: Path, split: str) -> tuple[Scene, Path]:
    """Read one split (`train`, `val`, `test`); answers it and the folder of its photographs.

    Raises DataError.
    """
    # Not in the extra `train`, with which the other formats are read.
    import yaml

    file = path / "data.yaml" if path.is_dir() else path
    try:
        data = mapping(yaml.safe_load(file.read_text(encoding="utf-8-sig")), str(file))
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError(f"{file} is not YAML: {error}.") from None
    names = _names(data.get("names"), file)
    folder = _folder(data, split, file)
    photographs = sorted(each for each in folder.rglob("*") if each.suffix.lower() in _SUFFIXES)
    if not photographs:
        raise DataError(f"{file}: {split} is {folder}, which has no photograph.")
    scene = Scene(classes=dict.fromkeys(names.values()))
    for each in photographs:
        scene.photos.append(_photo(each, folder, names, scene))
    return scene, folder


def _names(found: Any, file: Path) -> dict[int, str]:
    listed = dict(enumerate(found)) if isinstance(found, list) else mapping(found, f"{file}: names")
    return {
        int(number(key, f"{file}: names")): text(str(name), f"{file}: names[{key}]")
        for key, name in listed.items()
    }


def _folder(data: dict[str, Any], split: str, file: Path) -> Path:
    named = data.get(split)
    if not isinstance(named, str):
        there = ", ".join(each for each in ("train", "val", "test") if data.get(each)) or "none"
        raise DataError(f"{file} has no folder {split!r}; there are: {there}.")
    base = Path(str(data.get("path") or "."))
    # Roboflow writes ../train/images for what is train/images beside the file.
    tried = [
        file.parent / base / named,
        base / named,
        file.parent / named,
        file.parent / named.removeprefix("../"),
    ]
    for each in tried:
        if each.is_dir():
            return each
    raise DataError(f"{file}: {split} is {named!r}; there is no folder {tried[0]}.")


def _photo(path: Path, folder: Path, names: dict[int, str], scene: Scene) -> Photo:
    name = path.relative_to(folder).as_posix()
    try:
        with Image.open(path) as image:
            width, height = image.size
    except (OSError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} cannot be read: {error}.") from None
    photo = Photo(name, width, height, str(path))
    labels = _labels_of(path)
    if not labels.is_file():
        scene.note("photographs without a file of labels, taken as without objects")
        return photo
    for index, line in enumerate(labels.read_text(encoding="utf-8-sig").splitlines(), 1):
        if line.strip():
            photo.things.append(_thing(line.split(), f"{labels}:{index}", names, width, height))
    return photo


def _labels_of(photo: Path) -> Path:
    """images/… becomes labels/…, at the last `images` of the path, as Ultralytics does."""
    parts = list(photo.parts)
    if "images" in parts[:-1]:
        parts[len(parts) - 2 - parts[-2::-1].index("images")] = "labels"
    return Path(*parts).with_suffix(".txt")


def _thing(words: list[str], at: str, names: dict[int, str], width: int, height: int) -> Thing:
    class_ = number(words[0], f"{at}: the class")
    if class_ not in names:
        raise DataError(f"{at}: class {words[0]}; data.yaml names {len(names)} classes, from 0 on.")
    values = [number(each, at) for each in words[1:]]
    if any(not -0.01 <= each <= 1.01 for each in values):
        worst = max(values, key=lambda each: abs(each - 0.5))
        raise DataError(f"{at}: {worst:g} is no share of the photograph; 0 to 1 is expected.")
    if len(values) == _BOX:
        x, y, w, h = (v * side for v, side in zip(values, (width, height) * 2, strict=True))
        return Thing(names[int(class_)], Shape(box=(x - w / 2, y - h / 2, w, h)), at)
    if len(values) < 6 or len(values) % 2:
        raise DataError(
            f"{at}: {len(values)} numbers after the class; a box has 4, an outline 6, 8, …"
        )
    outline = [v * (height if index % 2 else width) for index, v in enumerate(values)]
    return Thing(names[int(class_)], Shape(outlines=(outline,)), at)
