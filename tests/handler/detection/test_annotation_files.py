import csv
import json

import pytest
from painting import encoded, painted, photo

from handler.detection.annotation_files import AnnotationFile
from handler.detection.detector import Detector
from handler.schemas import Options
from model.runtime.predictor import Predictor


@pytest.fixture(scope="module")
def export(colour_model):
    """Export two photographs, the second of them empty."""
    detector = Detector(Predictor.load(colour_model, threads=1))

    def encode(name):
        file = AnnotationFile(name)
        both = detector.detect(photo(), Options()).manifest()
        nothing = detector.detect(encoded(painted(64, 64)), Options()).manifest()
        file.add(both, "000000000139.jpg", 139)
        file.add(nothing, "a/beach, blue.png", "a/beach, blue")
        file.add(both, "b/beach, blue.png", "b/beach, blue")
        return file.name, file.encode().decode()

    return encode


def test_coco_is_one_list_of_all(export):
    name, text = export("coco")
    rows = json.loads(text)
    assert name == "coco.json"
    assert [each["image_id"] for each in rows] == [139, 139, "b/beach, blue", "b/beach, blue"]
    assert [each["category_id"] for each in rows] == [1, 17, 1, 17]


def test_areas_have_one_header_and_name_their_photograph(export):
    name, text = export("csv")
    rows = list(csv.DictReader(text.splitlines()))
    assert name == "areas.csv"
    assert [each["photo"] for each in rows] == ["000000000139.jpg"] * 2 + ["b/beach, blue.png"] * 2
    assert [each["class_name"] for each in rows] == ["person", "cat"] * 2


def test_label_studio_has_a_task_per_photograph(export):
    name, text = export("labelstudio")
    tasks = json.loads(text)
    assert name == "labelstudio.json"
    assert tasks[1]["data"]["image"] == "/data/local-files/?d=a/beach%2C%20blue.png"
    assert [len(each["predictions"][0]["result"]) for each in tasks] == [2, 0, 2]
    assert tasks[0]["predictions"][0]["model_version"] == "colour/1"
