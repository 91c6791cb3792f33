"""A COCO file as training meets it: read once, and what is wrong with it said in a sentence.

Needs no PyTorch, so that mistakes are reported before anything heavy is loaded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from model.training.checks.verdict import read_sound

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

    Raises DataError for one with errors, as check-data finds them.
    """
    data = read_sound(path, images)
    objects = Counter(each.category_id for each in data.annotations if not each.iscrowd)
    return CocoFile(path, images, data.class_names, objects)


def listed(items: Iterable[object]) -> str:
    """Name the first three of several things."""
    words = [str(item) for item in items]
    return ", ".join(words[:_LISTED]) + (", …" if len(words) > _LISTED else "")
