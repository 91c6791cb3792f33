"""From a tool's annotations to COCO's format: which reader, and where the photographs are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.data.coco_reader import read_coco, read_cvat_coco
from model.data.coco_writer import to_coco
from model.data.cvat_xml import read_cvat_xml
from model.data.fields import listing, mapping, read_json
from model.data.labelme import read_labelme
from model.data.labelstudio import read_labelstudio
from model.data.scene import Scene
from model.data.yolo import read_yolo
from model.runtime.errors import DataError


@dataclass(frozen=True, slots=True)
class Converted:
    """The COCO file's content, the folder of its photographs, and what was not kept."""

    coco: dict[str, Any]
    images: Path
    notes: Counter[str]


def convert(
    source: str, path: Path, images: Path | None, like: Path | None, split: str
) -> Converted:
    """Read `path` as `source` writes it; raises DataError."""
    if source == "yolo":
        scene, folder = read_yolo(path, split)
    else:
        scene, folder = _READERS[source](path), _beside(path)
    folder = images or folder
    coco = to_coco(scene, folder, _ids(like) if like else None)
    return Converted(coco, folder, scene.notes)


def _read_cvat(path: Path) -> Scene:
    """CVAT's XML or COCO, as a file or the folder that its archive holds."""
    if path.is_dir():
        found = [path / name for name in ("annotations.xml", "annotations/instances_default.json")]
        there = [each for each in found if each.is_file()]
        if len(there) != 1:
            raise DataError(
                f"{path} holds {len(there)} of annotations.xml and "
                "annotations/instances_default.json; one is expected."
            )
        path = there[0]
    return read_cvat_xml(path) if path.suffix.lower() == ".xml" else read_cvat_coco(path)


_READERS: dict[str, Callable[[Path], Scene]] = {
    "labelstudio": read_labelstudio,
    "cvat": _read_cvat,
    "labelme": read_labelme,
    "coco": read_coco,
}


def _beside(path: Path) -> Path:
    folder = path if path.is_dir() else path.parent
    return folder / "images" if (folder / "images").is_dir() else folder


def _ids(file: Path) -> dict[str, int]:
    """The classes of a COCO file and their ids."""
    data = mapping(read_json(file), str(file))
    found = [
        mapping(each, f"{file}: a category")
        for each in listing(data.get("categories"), f"{file}: categories")
    ]
    try:
        return {str(each["name"]): int(each["id"]) for each in found}
    except (KeyError, TypeError, ValueError):
        raise DataError(f"{file} has a category without a name or a number.") from None
