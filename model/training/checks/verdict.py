"""The one verdict on a COCO file, for check-data, training and evaluation alike.

What is an error here ends all three before anything is computed: COCO's tools trust their input,
and answer it with a traceback after an hour, or with a score that is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from model.runtime.errors import DataError
from model.training.checks.annotations import check_ids, check_references, check_shapes
from model.training.checks.findings import Finding
from model.training.checks.photographs import ReadablePhotograph, check_sizes, read_photographs
from model.training.checks.records import DataSet, read_data_set

_NAMED_AT_MOST = 5


def find_faults(
    data: DataSet, on_photograph: Callable[[], None] = lambda: None
) -> tuple[list[ReadablePhotograph], list[Finding]]:
    """Read every photograph of a set, and find what is wrong with records, boxes and masks.

    on_photograph: called for each that was read, for a progress bar.
    """
    photographs, unread = read_photographs(data, on_photograph)
    return photographs, [*data.findings, *unread, *_faults(data, photographs)]


def read_sound(
    file: Path, images: Path, on_photograph: Callable[[], None] = lambda: None
) -> DataSet:
    """Read a COCO file whose photographs are in `images`, and find it free of errors.

    Raises DataError for a file that is not COCO's, and for one with errors: each is named with
    its file, its id and a cure.
    """
    data = read_data_set(file, images)
    _, findings = find_faults(data, on_photograph)
    errors = [each for each in findings if each.rule.level == "error"]
    if errors:
        raise DataError(_sentence(file, images, errors))
    return data


def _faults(data: DataSet, photographs: list[ReadablePhotograph]) -> Iterator[Finding]:
    yield from check_sizes(data, photographs)
    yield from check_ids(data)
    yield from check_references(data)
    yield from check_shapes(data)


def _sentence(file: Path, images: Path, errors: list[Finding]) -> str:
    count = "an error" if len(errors) == 1 else f"{len(errors):,} errors"
    lines = [f"{file} has {count}; nothing was computed."]
    lines += [f"- {each.where}: {each.says}. {each.rule.cure}" for each in errors[:_NAMED_AT_MOST]]
    if len(errors) > _NAMED_AT_MOST:
        lines.append(f"- … and {len(errors) - _NAMED_AT_MOST:,} more.")
    lines.append(f"All of them: maskdrop model check-data {file} --images {images}")
    return "\n".join(lines)
