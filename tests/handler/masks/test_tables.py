import json
from pathlib import Path

import numpy as np
from mask_samples import detected, detections_of, mask_of, on_frame
from pycocotools.coco import COCO

from handler.masks.tables import AREA_COLUMNS, area_rows, coco_results
from model.runtime.postprocess import paste_masks


def test_coco_results_are_loaded_by_pycocotools(tmp_path: Path) -> None:
    detections = detections_of(60, 40, [[2, 3, 30, 33], [10, 10, 12.5, 20.25]])
    truth = {
        "images": [{"id": 7, "width": 60, "height": 40}],
        "annotations": [],
        "categories": [{"id": 1}],
    }
    (tmp_path / "truth.json").write_text(json.dumps(truth))

    results = coco_results(detected(detections), image_id=7)
    (tmp_path / "coco.json").write_text(json.dumps(results))
    loaded = COCO(tmp_path / "truth.json").loadRes(str(tmp_path / "coco.json"))

    read = [loaded.annToMask(each).astype(bool) for each in loaded.loadAnns([1, 2])]
    ours = [on_frame(mask, 60, 40) for mask in paste_masks(detections)]
    assert np.array_equal(read, ours)


def test_a_coco_result_has_its_box_as_corner_and_size() -> None:
    detections = detections_of(60, 40, [[10, 10, 12.5, 20.25]])

    (result,) = coco_results(detected(detections), image_id="holiday")

    assert result["bbox"] == [10, 10, 2.5, 10.25]
    assert (result["image_id"], result["category_id"], result["score"]) == ("holiday", 1, 0.99)


def test_no_detections_make_an_empty_coco_list() -> None:
    assert coco_results([], image_id=1) == []


def test_the_table_has_a_row_per_instance() -> None:
    detections = detections_of(10, 10, [[1, 2, 4, 3.5], [0, 0, 10, 10]])

    rows = area_rows(detected(detections, [mask_of("###"), mask_of("..")]), 10, 10)

    first, second = (dict(zip(AREA_COLUMNS, row, strict=True)) for row in rows)
    assert (first["area"], first["share"], first["class_name"]) == (3, "0.030000", "person")
    assert (first["y2"], second["area"]) == ("3.5", 0)
