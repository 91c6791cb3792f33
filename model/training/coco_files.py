"""A COCO file as training meets it: read once, and what is wrong with it said in a sentence.

Needs no PyTorch, so that a mistake is told before anything heavy is loaded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from model.evaluation.truth import read_json
from model.runtime.errors import DataError

_LISTED = 3


@dataclass(frozen=True, slots=True)
class CocoFile:
    """The annotations in `path`, whose photographs are in the folder `images`.

    names: of its categories, by id. objects: how many each has, crowds left out.
    """

    path: Path
    images: Path
    names: dict[int, str]
    objects: Counter[int]


def read_coco_file(path: Path, images: Path) -> CocoFile:
    """Read a COCO file.

    Raises DataError unless it is one whose categories are listed and whose
    photographs are there.
    """
    data = read_json(path)
    names = {category["id"]: category["name"] for category in data["categories"]}
    objects = Counter(a["category_id"] for a in data["annotations"] if not a.get("iscrowd"))
    unlisted = sorted(objects.keys() - names.keys())
    if unlisted:
        raise DataError(
            f"{path} has objects of category {listed(unlisted)}, which it does not list."
        )
    _check_photographs(path, [images / image["file_name"] for image in data["images"]])
    return CocoFile(path, images, names, objects)


def listed(items: Iterable[object]) -> str:
    """Name the first three of several things."""
    words = [str(item) for item in items]
    return ", ".join(words[:_LISTED]) + (", …" if len(words) > _LISTED else "")


def _check_photographs(path: Path, photographs: list[Path]) -> None:
    missing = [photograph for photograph in photographs if not photograph.is_file()]
    if missing:
        raise DataError(
            f"{path}: {len(missing):,} of {len(photographs):,} photographs are missing: "
            f"{listed(missing)}."
        )
