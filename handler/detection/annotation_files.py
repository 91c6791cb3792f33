"""One file about all photographs of a run, as other tools read them.

coco.json         COCO results
areas.csv         a row per instance
labelstudio.json  tasks with predictions
fiftyone.json     a COCO data set: images, categories, annotations
cvat.json         the same, its masks marked as CVAT reads masks
cvat.xml          CVAT's XML 1.1
labelme.zip       LabelMe: a JSON for each photograph, to be unpacked beside them
yolo.zip          YOLO's labels/ and data.yaml, to be unpacked beside images/

They are made from manifests: of photographs detected here, by a service, or in an earlier run.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable
from typing import Any, Literal, get_args
from urllib.parse import quote
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from handler.masks.coco_dataset import coco_dataset
from handler.masks.cvat import cvat_xml
from handler.masks.label_studio import label_studio_task
from handler.masks.labelme import labelme_file
from handler.masks.tables import AREA_COLUMNS, area_rows, coco_results
from handler.masks.yolo import yolo_files
from handler.schemas import Manifest

AnnotationFormat = Literal[
    "coco", "csv", "labelstudio", "fiftyone", "cvat", "cvatxml", "labelme", "yolo"
]
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
        return self._encode(self._rows)


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


def _whole_results(manifest: Manifest, photo: str, _: int | str) -> list[Any]:
    """A result and its photograph, without what no other tool can hold."""
    kept = tuple(each.model_copy(update={"raw_mask": ""}) for each in manifest.detections)
    return [(manifest.model_copy(update={"detections": kept}), photo)]


def _to_csv(rows: list[Any]) -> bytes:
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows([["photo", *AREA_COLUMNS], *rows])
    return table.getvalue().encode()


def _to_json(rows: Any) -> bytes:
    return json.dumps(rows, ensure_ascii=False).encode()


def _to_fiftyone(results: list[Any]) -> bytes:
    return _to_json(coco_dataset(results, crowds=False))


def _to_cvat(results: list[Any]) -> bytes:
    return _to_json(coco_dataset(results, crowds=True))


def _to_labelme(results: list[Any]) -> bytes:
    return _to_zip(labelme_file(manifest, photo) for manifest, photo in results)


def _to_yolo(results: list[Any]) -> bytes:
    return _to_zip(yolo_files(results))


def _to_zip(files: Iterable[tuple[str, bytes]]) -> bytes:
    """Pack files; the same files are the same bytes."""
    packed = io.BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        for name, body in files:
            archive.writestr(ZipInfo(name), body, ZIP_DEFLATED)
    return packed.getvalue()


_Format = tuple[str, Callable[[Manifest, str, int | str], list[Any]], Callable[[list[Any]], bytes]]
_FORMATS: dict[AnnotationFormat, _Format] = {
    "coco": ("coco.json", _coco_rows, _to_json),
    "csv": ("areas.csv", _area_rows, _to_csv),
    "labelstudio": ("labelstudio.json", _label_studio_rows, _to_json),
    "fiftyone": ("fiftyone.json", _whole_results, _to_fiftyone),
    "cvat": ("cvat.json", _whole_results, _to_cvat),
    "cvatxml": ("cvat.xml", _whole_results, cvat_xml),
    "labelme": ("labelme.zip", _whole_results, _to_labelme),
    "yolo": ("yolo.zip", _whole_results, _to_yolo),
}
