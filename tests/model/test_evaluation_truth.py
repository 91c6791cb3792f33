"""Annotations that cannot be scored are refused in a sentence, before a model runs."""

from __future__ import annotations

import pytest
from coco_files import CAT, DOG, thing, write_coco

from model.evaluation.truth import read_truth
from model.runtime.errors import DataError
from model.runtime.manifest import ModelClass

BOX = (10, 10, 40, 40)
CAT_CLASS = ModelClass(1, "cat")


def read(file, *classes):
    return read_truth(file, file.parent / "images", classes or [CAT_CLASS])


def test_classes_meet_by_name_whatever_their_numbers(tmp_path):
    file = write_coco(tmp_path, [thing(1, 5, BOX)], names={5: "Cat"})
    assert read(file).classes == (ModelClass(5, "cat"),)


def test_what_only_one_side_knows_is_named(tmp_path):
    file = write_coco(tmp_path, [thing(1, CAT, BOX), thing(1, DOG, BOX)])
    truth = read(file, CAT_CLASS, ModelClass(2, "bear"))
    assert truth.unknown == ("dog",)
    assert truth.unlabeled == ("bear",)
    assert len(truth.annotations) == 1


def test_no_common_class_is_an_error_that_names_both(tmp_path):
    file = write_coco(tmp_path, [thing(1, CAT, BOX)])
    with pytest.raises(DataError, match="no class in common: the file has cat, dog; the model be"):
        read(file, ModelClass(1, "bear"))


def test_missing_photographs_are_named(tmp_path):
    file = write_coco(tmp_path, [thing(1, CAT, BOX)], images=9)
    for number in range(2, 9):
        (tmp_path / "images" / f"{number}.png").unlink()
    with pytest.raises(DataError, match=r"(?s)has 7 errors.* 2\.png \(image 2\).*… and 2 more"):
        read(file)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "is not JSON"),
        ("[]", "no list 'images'"),
        ('{"images": [{"id": 1}], "annotations": [], "categories": []}', r"images\[0\]\.file_name"),
        ('{"images": [], "annotations": [], "categories": []}', "lists no photograph"),
    ],
)
def test_file_that_is_not_a_data_set_is_refused(tmp_path, text, complaint):
    file = tmp_path / "truth.json"
    file.write_text(text)
    with pytest.raises(DataError, match=complaint):
        read(file)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"image_id": 7}, "image 7, annotation 0: image 7 is not listed"),
        ({"category_id": 99}, "annotation 0: category 99 is not listed"),
        ({"bbox": [1, 2]}, r"annotation 0: annotations\[0\]\.bbox"),
        ({"category_id": DOG}, r"no object of the model's classes \(cat\)"),
    ],
)
def test_annotation_that_cannot_be_scored_is_refused(tmp_path, change, complaint):
    file = write_coco(tmp_path, [thing(1, CAT, BOX) | change])
    with pytest.raises(DataError, match=complaint):
        read(file)


def test_area_and_crowd_may_be_left_out(tmp_path):
    bare = {"image_id": 1, "category_id": CAT, "bbox": list(BOX)}
    file = write_coco(tmp_path, [bare])
    [annotation] = read(file).annotations
    assert (annotation["area"], annotation["iscrowd"], annotation["id"]) == (1600, 0, 1)


def test_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"truth\.json cannot be read: No such file"):
        read(tmp_path / "truth.json")


def test_wrong_labeled_category_ids_are_shown(tmp_path):
    file = write_coco(tmp_path, [thing(1, CAT, BOX)], labeled_category_ids="cat")
    with pytest.raises(DataError, match=r"images\[0\]\.labeled_category_ids"):
        read(file)
