import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from mask_samples import detections_of, mask_of, on_frame
from pycocotools.coco import COCO

from handler.masks.tables import areas_csv, coco_results
from model.runtime.postprocess import paste_masks


def test_coco_results_are_loaded_by_pycocotools(tmp_path: Path) -> None:
    detections = detections_of(60, 40, [[2, 3, 30, 33], [10, 10, 12.5, 20.25]])
    truth = {
        "images": [{"id": 7, "width": 60, "height": 40}],
        "annotations": [],
        "categories": [{"id": 1}],
    }
    (tmp_path / "truth.json").write_text(json.dumps(truth))

    results = coco_results(detections, paste_masks(detections), image_id=7)
    (tmp_path / "coco.json").write_text(json.dumps(results))
    loaded = COCO(tmp_path / "truth.json").loadRes(str(tmp_path / "coco.json"))

    read = [loaded.annToMask(each).astype(bool) for each in loaded.loadAnns([1, 2])]
    ours = [on_frame(mask, 60, 40) for mask in paste_masks(detections)]
    assert np.array_equal(read, ours)


def test_a_coco_result_has_its_box_as_corner_and_size() -> None:
    detections = detections_of(60, 40, [[10, 10, 12.5, 20.25]])

    (result,) = coco_results(detections, [mask_of("#")], image_id="holiday")

    assert result["bbox"] == [10, 10, 2.5, 10.25]
    assert (result["image_id"], result["category_id"], result["score"]) == ("holiday", 1, 0.99)


def test_no_detections_make_an_empty_coco_list() -> None:
    assert coco_results(detections_of(60, 40, []), [], image_id=1) == []


def test_the_table_has_a_row_per_instance() -> None:
    detections = detections_of(10, 10, [[1, 2, 4, 3.5], [0, 0, 10, 10]])

    table = areas_csv(detections, [mask_of("###"), mask_of("..")])

    first, second = csv.DictReader(io.StringIO(table))
    assert (first["area"], first["share"], first["class_name"]) == ("3", "0.030000", "person")
    assert (first["y2"], second["area"]) == ("3.5", "0")


def test_a_class_name_with_a_comma_stays_one_column() -> None:
    detections = detections_of(10, 10, [[1, 2, 4, 3]])
    named = replace(detections, class_names=("cup, blue",))

    (row,) = csv.DictReader(io.StringIO(areas_csv(named, [mask_of("#")])))

    assert row["class_name"] == "cup, blue"


def test_no_detections_make_a_table_of_its_header() -> None:
    assert areas_csv(detections_of(60, 40, []), []).count("\n") == 1
