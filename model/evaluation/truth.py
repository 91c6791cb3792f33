"""What is really in the photographs: a file in COCO's format, checked before a model runs.

Classes meet by name, as a data set numbers its categories as it likes. `labeled_category_ids`
of an image says which classes are labelled in full there: "all80", or a list; where it is
missing, all are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from model.runtime.errors import DataError
from model.runtime.manifest import ModelClass

# Masks or boxes, as COCO's tools call them.
Kind = Literal["segm", "bbox"]
KINDS: tuple[Kind, ...] = ("segm", "bbox")

Annotation = dict[str, Any]

_NAMED_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class Photograph:
    """One image of the file; `labeled`: the classes labelled in full there, None for all."""

    id: int
    path: Path
    width: int
    height: int
    labeled: frozenset[int] | None

    def labels(self, category: int) -> bool:
        """Whether every object of the category is labelled, so that others are wrong."""
        return self.labeled is None or category in self.labeled


@dataclass(frozen=True, slots=True)
class Truth:
    """Photographs and the objects in them, of the classes that a model and a file share.

    name: the file's.
    classes: by the model's names and the file's ids.
    annotations: COCO's, with ids from 1 (COCO's tools take 0 for no match).
    unknown: the file's categories that have objects, and that the model does not know.
    unlabeled: the model's classes that the file does not have.
    """

    name: str
    photographs: tuple[Photograph, ...]
    classes: tuple[ModelClass, ...]
    annotations: tuple[Annotation, ...]
    unknown: tuple[str, ...]
    unlabeled: tuple[str, ...]

    @property
    def has_masks(self) -> bool:
        """Whether any object has a mask."""
        return any(each["segmentation"] for each in self.annotations)

    def objects(self, kind: Kind) -> Iterator[Annotation]:
        """Every annotation; for masks, one that has only a box is a region to be ignored."""
        for each in self.annotations:
            if kind == "segm" and not each["segmentation"]:
                x, y, w, h = each["bbox"]
                corners = [x, y, x + w, y, x + w, y + h, x, y + h]
                yield each | {"segmentation": [corners], "iscrowd": 1}
            else:
                yield each


def read_truth(file: Path, images: Path, classes: Sequence[ModelClass]) -> Truth:
    """Read COCO annotations of the photographs in `images`, for a model of these classes.

    Raises DataError for a file that is not COCO's, has no photograph, no object, or no class
    of the model, and for photographs that are not there.
    """
    data = read_json(file)
    photographs = tuple(_photograph(each, images, file) for each in data["images"])
    if not photographs:
        raise DataError(f"{file} lists no photograph.")
    names = {each["id"]: str(each["name"]) for each in data["categories"]}
    shared = _shared(names, classes, file)
    known_ids = {each.id for each in photographs}
    annotations: list[Annotation] = []
    for each in data["annotations"]:
        _check_annotation(each, known_ids, names, file)
        if each["category_id"] in shared:
            annotations.append(_completed(each, len(annotations) + 1))
    if not annotations:
        wanted = ", ".join(each.name for each in shared.values())
        raise DataError(f"{file} has no object of the model's classes ({wanted}).")
    _check_files(photographs, images)
    present = {each["category_id"] for each in data["annotations"]}
    found = {each.name for each in shared.values()}
    return Truth(
        name=file.name,
        photographs=photographs,
        classes=tuple(shared.values()),
        annotations=tuple(annotations),
        unknown=tuple(sorted(names[id_] for id_ in present - set(shared))),
        unlabeled=tuple(each.name for each in classes if each.name not in found),
    )


def read_json(file: Path) -> dict[str, list[Any]]:
    """Read a COCO file's images, annotations and categories; raises DataError for another."""
    try:
        data = json.loads(file.read_bytes())
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise DataError(f"{file} is not JSON: {error}.") from None
    for key, fields in (
        ("images", ("id", "file_name", "width", "height")),
        ("annotations", ("image_id", "category_id", "bbox")),
        ("categories", ("id", "name")),
    ):
        entries = data.get(key) if isinstance(data, dict) else None
        if not isinstance(entries, list):
            raise DataError(f"{file} has no list {key!r}; COCO's format is expected.")
        for index, entry in enumerate(entries):
            missing = [f for f in fields if not isinstance(entry, dict) or f not in entry]
            if missing:
                raise DataError(f"{file}: {key}[{index}] has no {missing[0]}.")
    return dict(data)


def _photograph(image: dict[str, Any], images: Path, file: Path) -> Photograph:
    labeled = image.get("labeled_category_ids", "all80")
    if labeled != "all80" and not isinstance(labeled, list):
        raise DataError(
            f"{file}: labeled_category_ids of {image['file_name']} is {labeled!r}; "
            '"all80" or a list of category ids is expected.'
        )
    return Photograph(
        id=image["id"],
        path=images / image["file_name"],
        width=image["width"],
        height=image["height"],
        labeled=None if labeled == "all80" else frozenset(labeled),
    )


def _shared(
    names: dict[int, str], classes: Sequence[ModelClass], file: Path
) -> dict[int, ModelClass]:
    """The file's category id -> the model's class of that name, with the file's id."""
    ids = {name.casefold(): id_ for id_, name in names.items()}
    found = ((ids.get(each.name.casefold()), each.name) for each in classes)
    shared = {id_: ModelClass(id_, name) for id_, name in found if id_ is not None}
    if not shared:
        raise DataError(
            f"{file} and the model have no class in common: the file has "
            f"{_some(list(names.values()))}; the model {_some([each.name for each in classes])}."
        )
    return shared


def _check_annotation(
    annotation: Annotation, images: set[int], names: dict[int, str], file: Path
) -> None:
    image, category, box = (annotation[key] for key in ("image_id", "category_id", "bbox"))
    where = f"{file}: annotation {annotation.get('id', '')}".rstrip()
    if image not in images:
        raise DataError(f"{where} is of image {image!r}, which the file does not list.")
    if category not in names:
        raise DataError(f"{where} is of category {category!r}, which the file does not list.")
    numbers = isinstance(box, list) and all(isinstance(each, int | float) for each in box)
    if not numbers or len(box) != 4:
        raise DataError(f"{where} has the bbox {box!r}; [x, y, width, height] is expected.")


def _completed(annotation: Annotation, id_: int) -> Annotation:
    """Give what COCO's tools need and some files leave out: crowd, area, mask."""
    width, height = annotation["bbox"][2:]
    defaults = {"iscrowd": 0, "area": width * height, "segmentation": None}
    return defaults | annotation | {"id": id_}


def _check_files(photographs: Sequence[Photograph], images: Path) -> None:
    missing = [each.path.name for each in photographs if not each.path.is_file()]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(photographs)} photographs are missing in {images}: "
            f"{_some(missing)}. --images names their folder."
        )


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMED_AT_MOST])
    return shown if len(names) <= _NAMED_AT_MOST else f"{shown}, … ({len(names)})"
