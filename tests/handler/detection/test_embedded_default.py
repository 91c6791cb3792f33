"""The model that comes along finds what is in the sample photographs, on every machine."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from handler.commands.main import app
from handler.detection.detector import Detector
from handler.schemas import Options
from model.runtime.predictor import Predictor
from model.runtime.versions import DEFAULT_MODEL, ZOO, find_model, versions

SAMPLES = Path(__file__).parents[3] / "site/samples"

# The folder's absence is the one reason to skip: once it is there, it has to work whole.
pytestmark = pytest.mark.skipif(
    not (ZOO / DEFAULT_MODEL).exists(), reason=f"model/zoo/{DEFAULT_MODEL} is not trained yet"
)


@pytest.fixture(scope="module")
def detector():
    return Detector(Predictor.load(find_model(DEFAULT_MODEL), check_golden=True))


@pytest.mark.parametrize(
    ("sample", "class_name", "middle", "background"),
    [
        # Points that a person would call inside and outside, x and y as shares of the sides.
        ("astronaut.jpg", "person", (0.35, 0.65), (0.95, 0.05)),
        ("chelsea.jpg", "cat", (0.45, 0.55), (0.97, 0.25)),
    ],
)
def test_sample_is_found_with_a_right_mask(detector, sample, class_name, middle, background):
    result = detector.detect((SAMPLES / sample).read_bytes(), Options(classes=(class_name,)))
    assert len(result.detections)
    assert result.detections.scores[0] > 0.7
    mask = next(result.masks())
    assert _is_set(mask, result, *middle)
    assert not _is_set(mask, result, *background)


def test_command_finds_them_without_any_setting(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MASKDROP_MODEL", raising=False)
    photos = [str(SAMPLES / name) for name in ("astronaut.jpg", "chelsea.jpg")]
    answer = CliRunner().invoke(app, ["detect", *photos, "--json"])
    best = [manifest["detections"][0]["class_name"] for manifest in json.loads(answer.stdout)]
    assert best == ["person", "cat"]


def test_coffee_is_no_person_and_no_animal(detector):
    result = detector.detect((SAMPLES / "coffee.jpg").read_bytes(), Options(score_threshold=0.7))
    assert not {"person", "cat", "dog"} & set(result.detections.class_names)


@pytest.mark.parametrize(
    ("sample", "found"), [("astronaut", ["person"]), ("chelsea", ["cat"]), ("coffee", [])]
)
def test_nothing_else_is_found_unless_asked_for(detector, sample, found):
    result = detector.detect((SAMPLES / f"{sample}.jpg").read_bytes(), Options())
    assert list(result.detections.class_names) == found


@pytest.mark.parametrize("version", versions(ZOO / DEFAULT_MODEL))
def test_every_version_can_still_be_served(version):
    Predictor.load(find_model(f"{DEFAULT_MODEL}/{version}"), check_golden=True)


def _is_set(mask, result, x, y):
    """Tell whether the mask covers the point."""
    column, row = int(x * result.photo.width) - mask.x, int(y * result.photo.height) - mask.y
    height, width = mask.pixels.shape
    return 0 <= row < height and 0 <= column < width and bool(mask.pixels[row, column])
