"""The public door for Python users: what it takes, what it answers, and the example of its page."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from painting import encoded, painted
from PIL import Image

import maskdrop
from handler.errors import BadOptions, UnsupportedImage

ROOT = Path(__file__).parents[1]
PIXELS = painted(128, 96, red=(10, 20, 50, 80), green=(70, 30, 120, 80))


@pytest.fixture(scope="module")
def model() -> maskdrop.Model:
    return maskdrop.load(ROOT / "tests/runtime/colour_model/1", threads=1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "squares.png"
    path.write_bytes(encoded(PIXELS))
    return path


def test_every_kind_of_photograph_gives_the_same_instances(
    model: maskdrop.Model, file: Path
) -> None:
    kinds = [file, str(file), file.read_bytes(), Image.open(file), PIXELS]
    found = [[(each.name, each.score, each.box) for each in model.detect(kind)] for kind in kinds]
    assert [name for name, _, _ in found[0]] == ["person", "cat"]
    assert found.count(found[0]) == len(kinds)


def test_a_mask_covers_its_object_in_the_whole_frame(model: maskdrop.Model) -> None:
    person, cat = model.detect(PIXELS)
    assert person.mask.shape == (96, 128)
    assert person.mask.dtype == np.bool_
    assert person.mask[50, 30]
    assert not person.mask[50, 95]
    assert cat.mask[50, 95]


def test_a_mask_has_the_area_that_the_manifest_says(model: maskdrop.Model) -> None:
    result = model.detect(PIXELS)
    areas = [each.area for each in result.manifest.detections]
    assert [int(each.mask.sum()) for each in result] == areas
    assert len(result) == 2


def test_options_are_the_command_lines(model: maskdrop.Model) -> None:
    assert [each.name for each in model.detect(PIXELS, classes=("cat",))] == ["cat"]
    with pytest.raises(ValueError, match="score_threshold"):
        model.detect(PIXELS, score_threshold=2)
    with pytest.raises(BadOptions, match="it knows 'cat'"):
        model.detect(PIXELS, classes=("catt",))


@pytest.mark.parametrize("mode", ["L", "RGBA", "CMYK", "YCbCr", "P"])
def test_pillow_images_of_every_mode_are_taken(model: maskdrop.Model, mode: str) -> None:
    assert model.detect(Image.fromarray(PIXELS).convert(mode)).manifest.source.width == 128


def test_a_file_is_turned_as_exif_says_and_a_pillow_image_is_not(
    model: maskdrop.Model, tmp_path: Path
) -> None:
    image = Image.fromarray(PIXELS)
    image.getexif()[0x0112] = 6
    image.save(tmp_path / "turned.png", exif=image.getexif())
    source = model.detect(tmp_path / "turned.png").manifest.source
    assert (source.width, source.height, source.filename) == (96, 128, "turned.png")
    assert model.detect(Image.open(tmp_path / "turned.png")).manifest.source.width == 128


def test_pixels_are_not_held_against_the_limit_on_a_files_bytes() -> None:
    limited = maskdrop.load(ROOT / "tests/runtime/colour_model/1", threads=1, max_image_bytes=1000)
    assert len(limited.detect(PIXELS)) == 2


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (PIXELS.astype(np.float32) / 255, r"shape \(96, 128, 3\) and type float32"),
        (PIXELS[:, :, 0], r"shape \(96, 128\)"),
        (np.moveaxis(PIXELS, 2, 0), r"shape \(3, 96, 128\)"),
        ([[1, 2]], r"shape \(1, 2\) and type list"),
    ],
)
def test_an_array_that_is_no_photograph_is_named(
    model: maskdrop.Model, pixels: np.ndarray, words: str
) -> None:
    with pytest.raises(UnsupportedImage, match=words):
        model.detect(pixels)


def test_the_example_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = re.findall(r"```python\n(.*?)```", (ROOT / "docs/python.md").read_text(), re.DOTALL)
    shutil.copy(ROOT / "site/samples/astronaut.jpg", tmp_path / "photo.jpg")
    run = [sys.executable, "-c", example[0]]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("person 0.")
    assert (tmp_path / "out/photo/overlay.jpg").is_file()
    assert (tmp_path / "out/photo/manifest.json").is_file()


def test_the_module_is_the_command_line() -> None:
    run = [sys.executable, "-m", "maskdrop", "--version"]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True)
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", done.stdout)
    assert io.StringIO(done.stderr).read() == ""
