"""One file about all photographs of a run, as other tools read them.

coco.json         COCO results
areas.csv         a row per instance
labelstudio.json  tasks with predictions
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any, Literal, get_args
from urllib.parse import quote

from handler.detection.detector import Result
from handler.masks.label_studio import label_studio_task
from handler.masks.tables import areas_csv, coco_results

AnnotationFormat = Literal["coco", "csv", "labelstudio"]
ANNOTATION_FORMATS: tuple[AnnotationFormat, ...] = get_args(AnnotationFormat)


class AnnotationFile:
    """Collects rows of one format, result by result."""

    def __init__(self, export: AnnotationFormat) -> None:
        self.name, self._rows_of, self._encode = _FORMATS[export]
        self._rows: list[Any] = []

    def add(self, result: Result, photo: str) -> None:
        """Take in the result of the file named `photo`."""
        self._rows += self._rows_of(result, photo)

    def encode(self) -> bytes:
        """Make the file of all that was added."""
        return self._encode(self._rows).encode()


def image_id(photo: str) -> int | str:
    """Read the number of 000000000139.jpg, as COCO's files are named; else the stem."""
    stem = photo.rpartition(".")[0] or photo
    return int(stem) if stem.isascii() and stem.isdecimal() else stem


def _coco_rows(result: Result, photo: str) -> list[Any]:
    return [*coco_results(result.detections, result.masks(), image_id(photo))]


def _area_rows(result: Result, photo: str) -> list[Any]:
    header, *rows = csv.reader(io.StringIO(areas_csv(result.detections, result.masks())))
    return [["photo", *header], *([photo, *row] for row in rows)]


def _label_studio_rows(result: Result, photo: str) -> list[Any]:
    # The address at which Label Studio shows files of its local storage.
    url = f"/data/local-files/?d={quote(photo)}"
    version = f"{result.model.name}/{result.model.version}"
    return [label_studio_task(url, result.detections, result.masks(), version)]


def _to_csv(rows: list[Any]) -> str:
    table = io.StringIO()
    # Every photograph brought the header; the first one's stays.
    csv.writer(table, lineterminator="\n").writerows(
        row for index, row in enumerate(rows) if index == 0 or row != rows[0]
    )
    return table.getvalue()


def _to_json(rows: list[Any]) -> str:
    return json.dumps(rows, ensure_ascii=False)


_Format = tuple[str, Callable[[Result, str], list[Any]], Callable[[list[Any]], str]]
_FORMATS: dict[AnnotationFormat, _Format] = {
    "coco": ("coco.json", _coco_rows, _to_json),
    "csv": ("areas.csv", _area_rows, _to_csv),
    "labelstudio": ("labelstudio.json", _label_studio_rows, _to_json),
}
