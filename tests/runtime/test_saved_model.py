import dataclasses
import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest

from model.runtime.errors import ManifestError
from model.runtime.manifest import FileRecord, ModelManifest
from model.runtime.predictor import Predictor

pytest.importorskip("tensorflow", reason="the SavedModel backend needs the extra `model`")


@pytest.fixture(scope="module")
def folder(colour_model, tmp_path_factory):
    """The colour model with a SavedModel beside its .tflite."""
    script = Path(__file__).parent / "make_colour_model.py"
    spec = importlib.util.spec_from_file_location("make_colour_model", script)
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    folder = shutil.copytree(colour_model, tmp_path_factory.mktemp("colour") / "1")
    maker.save_saved_model(folder)
    return folder


@pytest.fixture(scope="module")
def listed(folder):
    """The same with the SavedModel's files in the manifest."""
    manifest = ModelManifest.load(folder)
    made = [folder / "saved_model.pb", *(folder / "variables").iterdir()]
    records = {str(path.relative_to(folder)): FileRecord.of(path) for path in made}
    dataclasses.replace(manifest, files=manifest.files | records).save(folder)
    return folder


def test_both_backends_answer_alike(listed):
    pixels = np.full((96, 128, 3), 90, np.uint8)
    pixels[10:60, 20:70] = (220, 30, 30)
    pixels[30:60, 40:70] = (30, 30, 220)
    ours = Predictor.load(listed).predict(pixels, (128, 96))
    reference = Predictor.load(listed, backend="saved_model").predict(pixels, (128, 96))
    assert ours.class_names == reference.class_names == ("person", "dog")
    np.testing.assert_array_equal(ours.boxes, reference.boxes)
    np.testing.assert_array_equal(ours.raw_masks, reference.raw_masks)


def test_golden_image_is_checked_here_too(listed):
    assert Predictor.load(listed, backend="saved_model", check_golden=True)


def test_model_without_saved_model_is_refused(colour_model):
    with pytest.raises(ManifestError, match=r"lists no file saved_model\.pb"):
        Predictor.load(colour_model, backend="saved_model")
