"""Which classes a run learns, held against what its COCO files hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from model.evaluation.truth import Truth, read_truth
from model.runtime.errors import DataError
from model.runtime.manifest import ModelClass
from model.training.coco_files import CocoFile, listed


def choose_classes(files: Sequence[CocoFile], wanted: Collection[int]) -> tuple[ModelClass, ...]:
    """Return the classes to learn, by rising id: the wanted, or all that have objects.

    Raises DataError: no objects, or names that contradict each other.
    """
    names = _join_names(files)
    objects = sum((file.objects for file in files), Counter[int]())
    where = listed(file.path for file in files)
    if not objects:
        raise DataError(f"There is nothing to learn from: no object is marked in {where}.")
    absent = [each for each in wanted if not objects[each]]
    if absent:
        present = ", ".join(f"{each} ({names[each]})" for each in sorted(objects))
        raise DataError(
            f"No object of category {listed(absent)} is marked in {where}; there are {present}."
        )
    return tuple(ModelClass(each, names[each]) for each in sorted(set(wanted) or objects))


def read_val(file: Path, images: Path, classes: Sequence[ModelClass], *, chosen: bool) -> Truth:
    """Read a validation file; where classes were `chosen`, it may have objects of others.

    Raises DataError.
    """
    truth = read_truth(file, images, classes)
    if truth.unknown and not chosen:
        raise DataError(
            f"{file} has objects of {listed(truth.unknown)}, of which the training data has none; "
            f"choose what to learn with --classes {','.join(str(each.id) for each in classes)}."
        )
    return truth


def write_classes(path: Path, classes: Iterable[ModelClass]) -> None:
    """Write what `maskdrop model import --classes` reads."""
    lines = (f"{each.id}\t{each.name}\n" for each in classes)
    path.write_text("".join(lines), encoding="utf-8")


def _join_names(files: Sequence[CocoFile]) -> dict[int, str]:
    names: dict[int, str] = {}
    for file in files:
        for number, name in file.names.items():
            known = names.setdefault(number, name)
            if known != name:
                raise DataError(
                    f"{file.path} calls category {number} {name!r}, another file {known!r}."
                )
    return names
