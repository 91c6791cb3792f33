"""A COCO file as training meets it: read once, and what is wrong with it said in a sentence.

Needs no PyTorch, so that a mistake is told before anything heavy is loaded.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.runtime.errors import DataError

_PARTS = ("images", "annotations", "categories")
_LISTED = 3


@dataclass(frozen=True, slots=True)
class CocoFile:
    """The annotations in `path`, whose photographs are in the folder `images`.

    names: of its categories, by id. objects: how many each has, crowds left out.
    """

    path: Path
    images: Path
    data: dict[str, Any]
    names: dict[int, str]
    objects: Counter[int]


def read_coco_file(path: Path, images: Path) -> CocoFile:
    """Read a COCO file.

    Raises DataError unless it is one whose categories are listed and whose
    photographs are there.
    """
    data = _read_json(path)
    try:
        names = {category["id"]: category["name"] for category in data["categories"]}
        objects = Counter(a["category_id"] for a in data["annotations"] if not a.get("iscrowd"))
        photographs = [images / image["file_name"] for image in data["images"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is not a COCO file: an entry lacks {error}.") from None
    unlisted = sorted(objects.keys() - names.keys())
    if unlisted:
        raise DataError(
            f"{path} has objects of category {listed(unlisted)}, which it does not list."
        )
    _check_photographs(path, photographs)
    return CocoFile(path, images, data, names, objects)


def listed(items: Iterable[object]) -> str:
    """Name the first three of several things."""
    words = [str(item) for item in items]
    return ", ".join(words[:_LISTED]) + (", …" if len(words) > _LISTED else "")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}.") from None
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}.") from None
    missing = [part for part in _PARTS if not isinstance(data, dict) or part not in data]
    if missing:
        raise DataError(f"{path} is not a COCO file: it has no {' and no '.join(missing)}.")
    return dict(data)


def _check_photographs(path: Path, photographs: list[Path]) -> None:
    missing = [photograph for photograph in photographs if not photograph.is_file()]
    if missing:
        raise DataError(
            f"{path}: {len(missing):,} of {len(photographs):,} photographs are missing: "
            f"{listed(missing)}."
        )
