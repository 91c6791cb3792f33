"""False alarms in photographs that certainly lack a class, on the colour model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from coco_files import CAT, DOG, NAMES, thing, write_coco
from painting import photo

from model.evaluation.negatives import (
    count_false_alarms,
    read_negatives,
    share,
    summarize,
)
from model.runtime.errors import DataError
from model.runtime.manifest import ModelClass
from model.runtime.predictor import Predictor

CLASSES = [ModelClass(id_, name) for id_, name in NAMES.items()]
BOX = (10, 10, 40, 40)


def listed(folder: Path, *images: dict[str, object], annotations=(), size=(100, 100)) -> Path:
    """A COCO file of these images, whose photographs exist."""
    file = write_coco(folder, annotations, len(images))
    data = json.loads(file.read_text())
    for image, more in zip(data["images"], images, strict=True):
        image |= {"width": size[0], "height": size[1], **more}
    data["categories"].append({"id": 1, "name": "person"})
    file.write_text(json.dumps(data))
    return file


def test_only_classes_labelled_in_full_and_without_objects_are_absent(tmp_path):
    file = listed(
        tmp_path,
        {"shows": ["tiger"], "labeled_category_ids": [CAT]},
        {"shows": ["deer", "otter"]},
        {"labeled_category_ids": [CAT]},
        {"labeled_category_ids": []},
        annotations=[thing(2, CAT, BOX), thing(3, CAT, BOX)],
    )
    negatives = read_negatives(file, tmp_path / "images", CLASSES)
    assert [(each.shows, set(each.absent)) for each in negatives] == [
        ("tiger", {"cat"}),
        ("deer and otter", {"dog"}),
    ]


def test_a_file_without_any_is_refused(tmp_path):
    file = listed(tmp_path, {"labeled_category_ids": [DOG]}, annotations=[thing(1, DOG, BOX)])
    with pytest.raises(DataError, match="no photograph without a class of the model"):
        read_negatives(file, tmp_path / "images", CLASSES)


def test_what_is_found_there_is_counted_by_what_is_shown(tmp_path, colour_model):
    # The colour model takes red for a person and green for a cat; it never sees a dog.
    known = [ModelClass(1, "person"), *CLASSES]
    shown = [{"shows": ["tiger"]}, {"shows": ["tiger"], "labeled_category_ids": [DOG]}, {}]
    file = listed(
        tmp_path, *shown, annotations=[thing(3, 1, BOX), thing(3, CAT, BOX)], size=(128, 96)
    )
    for number in (1, 2, 3):
        (tmp_path / "images" / f"{number}.png").write_bytes(photo(128, 96))
    negatives = read_negatives(file, tmp_path / "images", known)
    counted = list(count_false_alarms(Predictor.load(colour_model), negatives))

    rows = summarize(counted, ["person", "cat", "dog"])

    assert [(row.shows, row.photographs) for row in rows] == [
        ("tiger", 2),
        ("not said", 1),
        ("all", 3),
    ]
    tigers, others, everything = rows
    assert tigers.found == {"person": (1, 1), "cat": (1, 1), "dog": (2, 0)}
    assert others.found == {"dog": (1, 0)}
    assert everything.found == {"person": (1, 1), "cat": (1, 1), "dog": (3, 0)}
    assert share(tigers.found["cat"]) == "1 of 1"
    assert share(others.found.get("cat")) == "–"
