"""check-data, training and evaluation say the same of annotations, before anything is computed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from coco_files import CAT, SIDE, found, thing, write_coco
from PIL import Image

from model.evaluation.scores import evaluate
from model.evaluation.truth import read_truth
from model.runtime.errors import DataError
from model.runtime.manifest import ModelClass
from model.training.check_data import check_data
from model.training.checks.records import read_data_set
from model.training.coco_files import read_coco_file

BOX = (10, 20, 40, 30)
SQUARE = [10, 20, 50, 20, 50, 50, 10, 50]
CLASSES = [ModelClass(1, "cat")]
NAN, INFINITY = float("nan"), float("inf")


def verdicts(file: Path) -> list[bool]:
    """Whether each of the three takes the file."""
    images = file.parent / "images"
    taken = [not check_data(read_data_set(file, images)).count("error")]
    for read in (lambda: read_truth(file, images, CLASSES), lambda: read_coco_file(file, images)):
        try:
            read()
        except DataError:
            taken.append(False)
        else:
            taken.append(True)
    return taken


def change(file: Path, part: str, **fields: object) -> Path:
    """Give the first record of a part other fields; ... takes one away."""
    data = json.loads(file.read_text())
    for name, value in fields.items():
        if value is ...:
            del data[part][0][name]
        else:
            data[part][0][name] = value
    file.write_text(json.dumps(data))
    return file


def rle(counts: object, size: object = (SIDE, SIDE)) -> dict[str, object]:
    return {"counts": counts, "size": list(size) if isinstance(size, tuple) else size}


BROKEN_ANNOTATIONS = {
    "area null": {"area": None},
    "area text": {"area": "1000"},
    "area negative": {"area": -4},
    "area NaN": {"area": NAN},
    "crowd null": {"iscrowd": None},
    "crowd text": {"iscrowd": "0"},
    "crowd two": {"iscrowd": 2},
    "polygon flat": {"segmentation": SQUARE},
    "polygon nested": {"segmentation": [[[10, 20], [50, 20], [50, 50]]]},
    "polygon deeper": {"segmentation": [[SQUARE]]},
    "polygon a point": {"segmentation": [[25.0, 25.0], SQUARE]},
    "polygon odd": {"segmentation": [SQUARE[:-1]]},
    "polygon text": {"segmentation": [["10", "20", "50", "20", "50", "50"]]},
    "polygon null": {"segmentation": [[None] * 6]},
    "polygon NaN": {"segmentation": [[NAN, *SQUARE[1:]]]},
    "polygon empty": {"segmentation": [[]]},
    "segmentation text": {"segmentation": "polygon"},
    "segmentation empty text": {"segmentation": ""},
    "segmentation empty object": {"segmentation": {}},
    "segmentation false": {"segmentation": False},
    "rle swapped": {"segmentation": rle([0, SIDE * SIDE], (SIDE * 2, SIDE))},
    "rle short": {"segmentation": rle([0, 7])},
    "rle long": {"segmentation": rle([0, SIDE * SIDE + 1])},
    "rle negative": {"segmentation": rle([-1, SIDE * SIDE + 1])},
    "rle floats": {"segmentation": rle([0.0, float(SIDE * SIDE)])},
    "rle float size": {"segmentation": rle([0, SIDE * SIDE], (float(SIDE), float(SIDE)))},
    "rle broken text": {"segmentation": rle("P\u20ac")},
    "rle without size": {"segmentation": {"counts": [0, SIDE * SIDE]}},
    "rle without counts": {"segmentation": {"size": [SIDE, SIDE]}},
    "bbox null": {"bbox": None},
    "bbox text": {"bbox": "10 20 40 30"},
    "bbox of texts": {"bbox": ["10", "20", "40", "30"]},
    "bbox of three": {"bbox": [1, 2, 3]},
    "bbox infinite": {"bbox": [1, 2, INFINITY, 4]},
    "bbox negative": {"bbox": [50, 50, -40, -30]},
    "bbox empty": {"bbox": [10, 20, 0, 30]},
    "bbox outside": {"bbox": [90, 20, 40, 30], "segmentation": []},
    "bbox missing": {"bbox": ...},
    "category a list": {"category_id": [CAT]},
    "category text": {"category_id": str(CAT)},
    "category float": {"category_id": CAT + 0.5},
    "category null": {"category_id": None},
    "category unknown": {"category_id": 99},
    "image unknown": {"image_id": 99},
    "image text": {"image_id": "1"},
    "image missing": {"image_id": ...},
    "id huge": {"image_id": 2**70},
}


@pytest.mark.parametrize("fields", BROKEN_ANNOTATIONS.values(), ids=BROKEN_ANNOTATIONS)
def test_broken_annotation_is_refused_by_all_with_file_id_and_cure(fields, tmp_path):
    file = write_coco(tmp_path, [thing(1, CAT, BOX, id=71)])
    assert verdicts(file) == [True, True, True]
    change(file, "annotations", **fields)
    assert verdicts(file) == [False, False, False]
    with pytest.raises(DataError, match=r"truth\.json.*annotation 71: .*\. [A-Z].*\."):
        read_truth(file, tmp_path / "images", CLASSES)


BROKEN_IMAGES = {
    "id text": {"id": "1"},
    "id null": {"id": None},
    "id float": {"id": 1.5},
    "width text": {"width": "100"},
    "width other": {"width": 90},
    "height missing": {"height": ...},
    "height zero": {"height": 0},
    "width NaN": {"width": NAN},
    "name missing": {"file_name": ...},
    "name empty": {"file_name": ""},
    "name null": {"file_name": None},
    "name of nothing": {"file_name": "gone.png"},
    "name with NUL": {"file_name": "a\0.png"},
    "labelled text": {"labeled_category_ids": "cat"},
    "labelled unknown": {"labeled_category_ids": [99]},
}


@pytest.mark.parametrize("fields", BROKEN_IMAGES.values(), ids=BROKEN_IMAGES)
def test_broken_image_is_refused_by_all(fields, tmp_path):
    file = write_coco(tmp_path, [thing(1, CAT, BOX), thing(2, CAT, BOX)], images=2)
    change(file, "images", **fields)
    assert verdicts(file) == [False, False, False]


def test_an_image_or_a_class_given_twice_is_refused_by_all(tmp_path):
    file = write_coco(tmp_path, [thing(1, CAT, BOX)], images=2)
    data = json.loads(file.read_text())
    for part in ("images", "categories"):
        file.write_text(json.dumps(data | {part: data[part] + data[part][-1:]}))
        assert verdicts(file) == [False, False, False], part


@pytest.mark.parametrize("part", ["images", "annotations", "categories"])
def test_a_list_that_is_null_is_refused_by_all(part, tmp_path):
    file = write_coco(tmp_path, [thing(1, CAT, BOX)])
    file.write_text(json.dumps(json.loads(file.read_text()) | {part: None}))
    for read in (
        lambda: read_data_set(file, tmp_path),
        lambda: read_truth(file, tmp_path, CLASSES),
        lambda: read_coco_file(file, tmp_path),
    ):
        with pytest.raises(DataError, match=f"has no list '{part}'"):
            read()


@pytest.mark.parametrize("cut", [40, 300])
def test_a_damaged_photograph_is_refused_by_all(cut, tmp_path):
    file = write_coco(tmp_path, [thing(1, CAT, BOX)], images=2)
    noise = Image.effect_noise((SIDE, SIDE), 90).convert("RGB")
    noise.save(tmp_path / "images" / "2.png")
    whole = (tmp_path / "images" / "2.png").read_bytes()
    (tmp_path / "images" / "2.png").write_bytes(whole[:cut])
    assert verdicts(file) == [False, False, False]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_sound_files_are_taken_by_all_in_every_encoding_of_json(encoding, tmp_path):
    things = [
        thing(1, CAT, BOX),
        thing(1, CAT, BOX, iscrowd=1, segmentation=rle([0, SIDE * SIDE]), area=0),
        thing(2, CAT, BOX, keypoints=[1, 2, 2], num_keypoints=1, score=0.4, segmentation=None),
        thing(2, CAT, BOX, segmentation=[], iscrowd=False, area=1200.0),
        thing(2, CAT, BOX, id=0),
    ]
    file = write_coco(tmp_path, things, images=2)
    file.write_text(file.read_text(), encoding=encoding)
    assert verdicts(file) == [True, True, True]


def test_ids_that_are_all_text_are_taken_by_all(tmp_path):
    file = write_coco(tmp_path, [thing(1, CAT, BOX)])
    change(file, "images", id="a/1")
    change(file, "annotations", image_id="a/1")
    assert verdicts(file) == [True, True, True]


def test_photographs_with_text_for_ids_are_scored(tmp_path):
    file = write_coco(tmp_path, [thing(1, CAT, BOX)])
    change(file, "images", id="a/1")
    change(file, "annotations", image_id="a/1")
    truth = read_truth(file, tmp_path / "images", CLASSES)
    assert (
        evaluate(truth, [found(1, CAT, BOX, 0.9) | {"image_id": "a/1"}], "segm").scores.ap > 0.999
    )
