"""One file about all photographs of a run, as other tools read them.

coco.json         COCO results
areas.csv         a row per instance
labelstudio.json  tasks with predictions

They are made from manifests: of photographs detected here, by a service, or in an earlier run.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any, Literal, get_args
from urllib.parse import quote

from handler.masks.label_studio import label_studio_task
from handler.masks.tables import AREA_COLUMNS, area_rows, coco_results
from handler.schemas import Manifest

AnnotationFormat = Literal["coco", "csv", "labelstudio"]
ANNOTATION_FORMATS: tuple[AnnotationFormat, ...] = get_args(AnnotationFormat)


class AnnotationFile:
    """Collects rows of one format, result by result."""

    def __init__(self, export: AnnotationFormat) -> None:
        self.name, self._rows_of, self._encode = _FORMATS[export]
        self._rows: list[Any] = []

    def add(self, manifest: Manifest, photo: str, image_id: int | str) -> None:
        """Take in a result; `photo` and `image_id` are unique in the run."""
        self._rows += self._rows_of(manifest, photo, image_id)

    def encode(self) -> bytes:
        """Make the file of all that was added."""
        return self._encode(self._rows).encode()


def _coco_rows(manifest: Manifest, _: str, image_id: int | str) -> list[Any]:
    return [*coco_results(manifest.detections, image_id)]


def _area_rows(manifest: Manifest, photo: str, _: int | str) -> list[Any]:
    source = manifest.source
    rows = area_rows(manifest.detections, source.width, source.height)
    return [[photo, *row] for row in rows]


def _label_studio_rows(manifest: Manifest, photo: str, _: int | str) -> list[Any]:
    # The address at which Label Studio shows files of its local storage.
    url = f"/data/local-files/?d={quote(photo)}"
    version = f"{manifest.model.name}/{manifest.model.version}"
    return [label_studio_task(url, manifest.detections, version)]


def _to_csv(rows: list[Any]) -> str:
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows([["photo", *AREA_COLUMNS], *rows])
    return table.getvalue()


def _to_json(rows: list[Any]) -> str:
    return json.dumps(rows, ensure_ascii=False)


_Format = tuple[str, Callable[[Manifest, str, int | str], list[Any]], Callable[[list[Any]], str]]
_FORMATS: dict[AnnotationFormat, _Format] = {
    "coco": ("coco.json", _coco_rows, _to_json),
    "csv": ("areas.csv", _area_rows, _to_csv),
    "labelstudio": ("labelstudio.json", _label_studio_rows, _to_json),
}
