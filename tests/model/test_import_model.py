from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from checkpoint_writer import write_checkpoint

from model.config import EDGE
from model.runtime.errors import WeightsMismatch
from model.runtime.manifest import ModelClass, ModelManifest
from model.weights.import_model import import_model, read_classes
from model.weights.torchvision import expected_shapes, fold
from model.weights.version_folder import load_weights

CLASSES = (ModelClass(1, "person"), ModelClass(17, "cat"))


@pytest.fixture(scope="module")
def state():
    shapes = expected_shapes(EDGE, num_classes=3)
    return {name: np.full(shape, 0.5, np.float32) for name, shape in shapes.items()}


@pytest.fixture(scope="module")
def checkpoint(state, tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp("checkpoint") / "pets.pth", state)


def test_imported_version_holds_the_folded_weights(checkpoint: Path, state, tmp_path: Path):
    folder = import_model(checkpoint, EDGE, CLASSES, tmp_path, "pets")

    manifest = ModelManifest.load(folder)
    weights = load_weights(folder, manifest)
    expected, _ = fold(state, EDGE)
    assert weights.keys() == expected.keys()
    assert all(np.array_equal(weights[name], expected[name]) for name in expected)


def test_manifest_tells_classes_input_and_source(checkpoint: Path, tmp_path: Path):
    folder = import_model(checkpoint, EDGE, CLASSES, tmp_path, "pets", licence="CC0")

    manifest = ModelManifest.load(folder)
    assert manifest.classes == CLASSES
    assert manifest.preprocessing.pad == (127, 127, 127)
    assert manifest.source.startswith("pets.pth, SHA-256 ")
    assert manifest.licence == "CC0"


def test_second_import_becomes_the_next_version(checkpoint: Path, tmp_path: Path):
    first = import_model(checkpoint, EDGE, CLASSES, tmp_path, "pets", dtype=np.float16)
    second = import_model(checkpoint, EDGE, CLASSES, tmp_path, "pets", dtype=np.float16)

    assert (first.name, second.name) == ("1", "2")


def test_class_list_of_the_wrong_length_is_refused_and_nothing_written(
    checkpoint: Path, tmp_path: Path
):
    with pytest.raises(WeightsMismatch, match=r"1 classes are named, but .* tells 2 apart"):
        import_model(checkpoint, EDGE, CLASSES[:1], tmp_path, "pets")

    assert list(tmp_path.iterdir()) == []


def test_class_names_are_numbered_from_one_unless_they_bring_an_id(tmp_path: Path):
    path = tmp_path / "classes.txt"
    path.write_text("person\n17\tcat\n")

    assert read_classes(path) == CLASSES


def test_empty_class_name_is_named_by_its_line(tmp_path: Path):
    path = tmp_path / "classes.txt"
    path.write_text("person\n\ncat\n")

    with pytest.raises(WeightsMismatch, match="line 2"):
        read_classes(path)
