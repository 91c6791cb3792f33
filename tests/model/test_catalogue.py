import re

import pytest

from model.config import PRESETS
from model.runtime.errors import ModelNotFound
from model.weights.catalogue import CATALOGUE, published_weights
from model.weights.coco_classes import COCO_CLASSES

ENTRIES = pytest.mark.parametrize("entry", CATALOGUE.values(), ids=CATALOGUE.keys())


@ENTRIES
def test_the_digest_is_the_one_in_the_file_name(entry):
    assert re.fullmatch(r"[0-9a-f]{8}", entry.sha256_prefix)
    assert entry.file_name.endswith(f"-{entry.sha256_prefix}.pth")


@ENTRIES
def test_every_entry_is_for_a_preset_and_comes_over_https(entry):
    assert entry.preset in PRESETS
    assert entry.url.startswith("https://")


def test_coco_has_80_classes_under_91_labels():
    assert len(COCO_CLASSES) == 91
    assert len(set(COCO_CLASSES) - {"__background__", "N/A"}) == 80


def test_class_ids_are_cocos():
    named = {1: "person", 12: "N/A", 17: "cat", 18: "dog", 67: "dining table", 90: "toothbrush"}
    assert {class_id: COCO_CLASSES[class_id] for class_id in named} == named


def test_an_unpublished_preset_is_told_what_there_is():
    with pytest.raises(ModelNotFound, match="'edge', only for coco-r50 and coco-r50-v2"):
        published_weights("edge")
