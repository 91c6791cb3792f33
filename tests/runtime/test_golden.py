import dataclasses
import shutil

import pytest

from model.runtime.errors import DigestMismatch, GoldenMismatch, ManifestError
from model.runtime.manifest import Golden, ModelManifest
from model.runtime.predictor import Predictor


@pytest.fixture
def load_recording(colour_model, tmp_path):
    """Load, golden check and all, a model whose manifest records other detections."""
    folder = shutil.copytree(colour_model, tmp_path / "1")
    manifest = ModelManifest.load(folder)

    def load(*changes):
        recorded = list(manifest.golden.detections)
        for index, change in changes:
            recorded[index] = dataclasses.replace(recorded[index], **change)
        golden = Golden("golden.png", tuple(recorded))
        dataclasses.replace(manifest, golden=golden).save(folder)
        return Predictor.load(folder, check_golden=True)

    return load


def test_model_that_answers_as_recorded_loads(colour_model):
    assert Predictor.load(colour_model, check_golden=True).manifest.name == "colour"


def test_small_differences_are_let_pass(load_recording):
    assert load_recording((0, {"score": 0.85, "box": (11.0, 20.0, 50.0, 79.0)}))


@pytest.mark.parametrize(
    "change", [{"class_id": 18}, {"score": 0.75}, {"box": (15.0, 20.0, 50.0, 80.0)}]
)
def test_other_class_score_or_box_is_a_mismatch(load_recording, change):
    with pytest.raises(GoldenMismatch, match=r"golden\.png: person .* is recorded but not found"):
        load_recording((0, change))


def test_instance_that_is_not_recorded_is_a_mismatch(colour_model, tmp_path):
    folder = shutil.copytree(colour_model, tmp_path / "1")
    manifest = ModelManifest.load(folder)
    golden = Golden("golden.png", manifest.golden.detections[:1])
    dataclasses.replace(manifest, golden=golden).save(folder)
    with pytest.raises(GoldenMismatch, match=r"cat \(score 0\.80, .*\) is found but not recorded"):
        Predictor.load(folder, check_golden=True)


def test_one_instance_does_not_prove_two(load_recording):
    twin = {"class_id": 1, "class_name": "person", "score": 0.9, "box": (10.0, 20.0, 50.0, 80.0)}
    with pytest.raises(GoldenMismatch, match="recorded but not found"):
        load_recording((1, twin))


def test_golden_image_is_held_against_its_digest(colour_model, tmp_path):
    folder = shutil.copytree(colour_model, tmp_path / "1")
    (folder / "golden.png").write_bytes(b"")
    with pytest.raises(DigestMismatch, match=r"golden\.png"):
        Predictor.load(folder, check_golden=True)


def test_model_without_golden_image_cannot_be_checked(colour_model, tmp_path):
    folder = shutil.copytree(colour_model, tmp_path / "1")
    dataclasses.replace(ModelManifest.load(folder), golden=None).save(folder)
    with pytest.raises(ManifestError, match="records no golden image"):
        Predictor.load(folder, check_golden=True)
    assert isinstance(Predictor.load(folder), Predictor)
