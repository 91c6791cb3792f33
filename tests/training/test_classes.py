from __future__ import annotations

from pathlib import Path

import pytest

from model.runtime.errors import DataError
from model.training.classes import choose_classes, read_val, write_classes
from model.training.coco_files import CocoFile, read_coco_file
from model.weights.class_list import read_classes

NAMES = {1: "person", 2: "bicycle", 17: "cat"}


def read(album: Path, name: str = "train.json") -> CocoFile:
    return read_coco_file(album / name, album / "images")


def test_classes_are_those_that_have_objects(album: Path, edit):
    edit("train.json", categories=[{"id": i, "name": n} for i, n in NAMES.items()])
    assert [(each.id, each.name) for each in choose_classes([read(album)], ())] == [
        (1, "person"),
        (17, "cat"),
    ]


def test_chosen_classes_come_by_rising_id(album: Path):
    assert [each.id for each in choose_classes([read(album)], (17, 1))] == [1, 17]
    assert [each.id for each in choose_classes([read(album)], (17,))] == [17]


def test_import_reads_what_is_written(album: Path):
    classes = choose_classes([read(album)], ())
    write_classes(album / "classes.txt", classes)
    assert read_classes(album / "classes.txt") == classes


def test_data_without_objects_is_refused(album: Path, edit):
    edit("train.json", annotations=[])
    with pytest.raises(DataError, match="nothing to learn from: no object is marked in"):
        choose_classes([read(album)], ())


def test_class_without_objects_is_named_with_those_that_have_some(album: Path):
    with pytest.raises(DataError, match=r"category 3 is marked in .* 1 \(person\), 17 \(cat\)"):
        choose_classes([read(album)], (3,))


def test_sets_that_name_a_category_differently_are_refused(album: Path, edit):
    edit("val.json", categories=[{"id": 1, "name": "person"}, {"id": 17, "name": "dog"}])
    with pytest.raises(DataError, match="calls category 17 'dog', another file 'cat'"):
        choose_classes([read(album), read(album, "val.json")], ())


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"categories": [{"id": 1, "name": "person"}]}, "category 17 is not listed"),
        ({"categories": [{"id": 1}]}, r"categories\[0\]\.name"),
        (
            {"images": [{"id": 1, "file_name": "gone.png", "width": 8, "height": 8}]},
            r"gone\.png \(image 1\).*cannot be read",
        ),
    ],
)
def test_broken_file_is_refused(parts: dict[str, object], said: str, album: Path, edit):
    edit("train.json", **parts)
    with pytest.raises(DataError, match=said):
        read(album)


def test_file_that_is_no_coco_file_is_told_what_it_lacks(album: Path):
    (album / "train.json").write_text('{"images": []}')
    with pytest.raises(DataError, match="has no list 'annotations'"):
        read(album)


def test_validation_with_objects_of_unknown_classes_is_refused(album: Path):
    people = choose_classes([read(album)], (1,))
    with pytest.raises(DataError, match=r"objects of cat, .*--classes 1\."):
        read_val(album / "val.json", album / "images", people, chosen=False)


def test_classes_left_out_on_purpose_may_be_in_the_validation(album: Path):
    people = choose_classes([read(album)], (1,))
    truth = read_val(album / "val.json", album / "images", people, chosen=True)
    assert [each.name for each in truth.classes] == ["person"]
