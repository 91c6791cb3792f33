from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from model.training.checks.perceptual_hash import distances, nearest_alike, perceptual_hash

SAMPLES = Path(__file__).parents[2] / "site" / "samples"


@pytest.fixture(scope="module", params=["astronaut", "chelsea", "coffee"])
def picture(request: pytest.FixtureRequest) -> Image.Image:
    with Image.open(SAMPLES / f"{request.param}.jpg") as file:
        return file.convert("RGB")


def halved(picture: Image.Image) -> Image.Image:
    return picture.resize((picture.width // 2, picture.height // 2))


def recompressed(picture: Image.Image) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=30)
    return Image.open(file)


def brightened(picture: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(picture).enhance(1.2)


def cut(picture: Image.Image) -> Image.Image:
    x, y = picture.width // 50, picture.height // 50
    return ImageOps.crop(picture, (x, y, x, y))


@pytest.mark.parametrize(
    "change", [halved, recompressed, brightened, cut, ImageOps.grayscale, ImageOps.mirror]
)
def test_copy_is_known_again(picture: Image.Image, change: Callable[..., Image.Image]):
    copy = perceptual_hash(change(picture))
    assert nearest_alike(copy, perceptual_hash(picture)[None]) == 0


def test_another_photograph_is_told_apart(picture: Image.Image):
    others = [perceptual_hash(Image.open(path)) for path in sorted(SAMPLES.glob("*.jpg"))]
    near = distances(perceptual_hash(picture), np.array(others)).sum(1)
    assert sorted(near.tolist())[0] == 0
    assert sorted(near.tolist())[1] > 40


def test_nearest_of_several_copies_is_named(picture: Image.Image):
    copies = np.array([perceptual_hash(each) for each in (cut(picture), picture, cut(picture))])
    assert nearest_alike(perceptual_hash(picture), copies) == 1


def test_brighter_to_the_right_is_a_set_bit_of_dhash():
    ramp = Image.fromarray(np.tile(np.arange(90, dtype=np.uint8), (80, 1)))
    (upright, _), (mirrored, _) = perceptual_hash(ramp).tolist()
    assert upright == 2**64 - 1
    assert mirrored == 0


def test_mean_brightness_does_not_matter():
    noise = np.random.default_rng(0).integers(0, 200, (64, 64), np.uint8)
    hashes = [perceptual_hash(Image.fromarray(noise + np.uint8(add))) for add in (0, 50)]
    assert (hashes[0] == hashes[1]).all()


def test_nothing_is_like_nothing(picture: Image.Image):
    assert nearest_alike(perceptual_hash(picture), np.empty((0, 2, 2), np.uint64)) is None
