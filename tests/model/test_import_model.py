from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from checkpoint_writer import write_checkpoint

from model.config import EDGE
from model.runtime.errors import WeightsMismatch
from model.runtime.manifest import ModelClass, ModelManifest
from model.weights.batch_norm import choose_epsilon
from model.weights.class_list import read_classes
from model.weights.import_model import import_model
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


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfcat\r\ndog\r\n",
        b"cat\ndog\n\n  \n",
        "cat\ndog".encode("utf-16"),
    ],
)
def test_marks_and_empty_last_lines_are_no_part_of_a_class(content: bytes, tmp_path: Path):
    path = tmp_path / "classes.txt"
    path.write_bytes(content)

    assert [each.name for each in read_classes(path)] == ["cat", "dog"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"dog\ncaf\xe9\n", r"line 2: the byte 0xe9 is not utf-8\. Save the file as UTF-8"),
        (b"cat\ncat\n", r"line 2: the class 'cat' is on line 1 too"),
        (b"Cat\ndog\ncat\n", r"line 3: the class 'cat' is on line 1 too"),
        (b"1\tcat\n1\tdog\n", "line 2: the id 1 is on line 1 too"),
        (b"\n\n", "names no class"),
        (b"", "names no class"),
        (b"c\0a\0t\0", "NUL"),
    ],
)
def test_class_lists_that_would_be_misread_are_refused(content, complaint, tmp_path: Path):
    path = tmp_path / "classes.txt"
    path.write_bytes(content)

    with pytest.raises(WeightsMismatch, match=complaint):
        read_classes(path)


CONV = "backbone.body._blocks.1._project_conv.weight"
VARIANCE = "backbone.body._blocks.1._bn2.running_var"


@pytest.mark.parametrize(
    ("name", "value", "dtype", "complaint"),
    [
        (CONV, np.nan, np.float32, r"1 array has NaN or infinity: .*\.1\._project_conv\.weight"),
        (CONV, np.inf, np.float16, "NaN or infinity"),
        (VARIANCE, 0, np.float16, r"1 running variance has values of 0 or less: .*_bn2\.running_v"),
        (VARIANCE, -1, np.float32, "values of 0 or less"),
    ],
)
def test_weights_that_find_nothing_are_refused_by_name(
    state, name, value, dtype, complaint, tmp_path: Path, monkeypatch
):
    array = state[name].astype(dtype)
    array.flat[0] = value
    broken = state | {name: array}
    monkeypatch.setattr("model.weights.families.read_checkpoint", lambda *_: broken)

    with pytest.raises(WeightsMismatch, match=complaint):
        import_model(tmp_path / "pets.pth", EDGE, CLASSES, tmp_path, "pets")

    assert list(tmp_path.iterdir()) == []


def test_weights_too_large_for_float16_are_refused(state, tmp_path: Path):
    large = state | {CONV: state[CONV] + np.float32(1e5)}
    file = write_checkpoint(tmp_path / "pets.pth", large)

    with pytest.raises(WeightsMismatch, match=r"beyond float16 once .* Import without --half"):
        import_model(file, EDGE, CLASSES, tmp_path / "models", "pets", dtype=np.float16)


def test_a_small_variance_is_scaled_by_the_epsilon_that_is_given():
    state = {"bn.running_var": np.array([1e-5, 1], np.float32)}
    lines: list[str] = []
    assert choose_epsilon(None, 0.0, state, lines.append) == 0
    assert "changes 1 channels by over 1 %, one by a factor of 1.41" in lines[0]
    assert choose_epsilon(1e-5, 0.0, state, lines.append) == 1e-5
    assert len(lines) == 1


def test_layers_that_count_batches_have_pytorchs_epsilon():
    state = {"bn.running_var": np.ones(2), "bn.num_batches_tracked": np.array(7)}
    assert choose_epsilon(None, 0.0, state, lambda _: None) == 1e-5
    assert choose_epsilon(None, 1e-3, state, lambda _: None) == 1e-3
