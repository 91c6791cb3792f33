"""What is really in the photographs: a file in COCO's format, checked before a model runs.

Classes meet by name, as a data set numbers its categories as it likes. `labeled_category_ids`
of an image says which classes are labelled in full there: "all80", or a list; where it is
missing, all are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from model.runtime.errors import DataError
from model.runtime.manifest import ModelClass
from model.training.checks.records import NO_AREA, Image
from model.training.checks.records import Annotation as Record
from model.training.checks.verdict import read_sound

# Masks or boxes, as COCO's tools call them; or the masks' boundaries.
Kind = Literal["segm", "bbox", "boundary"]
KINDS: tuple[Kind, ...] = ("segm", "bbox", "boundary")

Annotation = dict[str, Any]

_NAMED_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class Photograph:
    """One image of the file; `labeled`: the classes labelled in full there, None for all."""

    id: int | str
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

    name, digest: the file's, and the SHA-256 of its bytes.
    classes: by the model's names and the file's ids.
    annotations: COCO's, with ids from 1 (COCO's tools take 0 for no match).
    unknown: the file's categories that have objects, and that the model does not know.
    unlabeled: the model's classes that the file does not have.
    """

    name: str
    digest: str
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
            if kind != "bbox" and not each["segmentation"]:
                x, y, w, h = each["bbox"]
                corners = [x, y, x + w, y, x + w, y + h, x, y + h]
                yield each | {"segmentation": [corners], "iscrowd": 1}
            else:
                yield each


def read_truth(
    file: Path,
    images: Path,
    classes: Sequence[ModelClass],
    on_photograph: Callable[[], None] = lambda: None,
) -> Truth:
    """Read COCO annotations of the photographs in `images`, for a model of these classes.

    on_photograph: called for each that was read, for a progress bar.
    Raises DataError for a file that is not COCO's, or has errors as check-data finds them; and
    for one that has no photograph, no object, or no class of the model.
    """
    data = read_sound(file, images, on_photograph)
    photographs = tuple(to_photograph(each, images) for each in data.images)
    if not photographs:
        raise DataError(f"{file} lists no photograph.")
    names = data.class_names
    shared = shared_classes(names, classes, file)
    annotations: list[Annotation] = []
    for each in data.annotations:
        if each.category_id in shared:
            annotations.append(_completed(each, len(annotations) + 1))
    if not annotations:
        wanted = ", ".join(each.name for each in shared.values())
        raise DataError(f"{file} has no object of the model's classes ({wanted}).")
    present = {each.category_id for each in data.annotations}
    found = {each.name for each in shared.values()}
    return Truth(
        name=file.name,
        digest=hashlib.sha256(file.read_bytes()).hexdigest(),
        photographs=photographs,
        classes=tuple(shared.values()),
        annotations=tuple(annotations),
        unknown=tuple(sorted(names[id_] for id_ in present - set(shared))),
        unlabeled=tuple(each.name for each in classes if each.name not in found),
    )


def to_photograph(image: Image, images: Path) -> Photograph:
    """Say where an image of a COCO file is, and what is labelled there."""
    labeled = image.labeled_category_ids
    return Photograph(
        id=image.id,
        path=images / image.file_name,
        width=image.width,
        height=image.height,
        labeled=None if labeled == "all80" else frozenset(labeled),
    )


def shared_classes(
    names: dict[int, str], classes: Sequence[ModelClass], file: Path
) -> dict[int, ModelClass]:
    """The file's category id -> the model's class of that name, with the file's id.

    Raises DataError where there is none.
    """
    ids = {name.casefold(): id_ for id_, name in names.items()}
    found = ((ids.get(each.name.casefold()), each.name) for each in classes)
    shared = {id_: ModelClass(id_, name) for id_, name in found if id_ is not None}
    if not shared:
        raise DataError(
            f"{file} and the model have no class in common: the file has "
            f"{_some(list(names.values()))}; the model {_some([each.name for each in classes])}."
        )
    return shared


def _completed(record: Record, id_: int) -> Annotation:
    """An annotation for COCO's tools; an area that is not stated is the box's."""
    width, height = record.bbox[2:]
    return {
        "id": id_,
        "image_id": record.image_id,
        "category_id": record.category_id,
        "bbox": record.bbox,
        "iscrowd": int(record.iscrowd),
        "area": width * height if record.area == NO_AREA else record.area,
        "segmentation": record.segmentation,
    }


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMED_AT_MOST])
    return shown if len(names) <= _NAMED_AT_MOST else f"{shown}, … ({len(names)})"
