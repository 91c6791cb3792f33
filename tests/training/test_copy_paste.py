"""Run by `make test-training`, which installs PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch", reason="training needs PyTorch: make test-training")

import torch

from model.training.copy_paste import Cutout, Cutouts, cut_out, paste
from model.training.partial_labels import Target
from model.training.samples import Sample

CAT, DOG = 17, 18


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def sample(path: Path, **annotation: object) -> Sample:
    """A photograph of 100×80 with one cat in its upper left quarter."""
    square = [10, 10, 50, 10, 50, 40, 10, 40]
    cat = {"category_id": CAT, "bbox": [10, 10, 40, 30], "segmentation": [square]}
    return Sample(path, 100, 80, np.array([True, True]), [cat | annotation])


def target(size: int = 40, *, has_mask: bool = True) -> Target:
    """What is known of a square photograph whose left half is one object."""
    mask = torch.zeros((1, size, size), dtype=torch.uint8)
    mask[:, :, : size // 2] = has_mask
    return {
        "boxes": torch.tensor([[0.0, 0.0, size / 2, size]]),
        "labels": torch.tensor([1]),
        "masks": mask,
        "has_mask": torch.tensor([has_mask]),
        "ignore": torch.zeros((0, 4)),
        "labeled": torch.tensor([True, True]),
    }


def red(height: int, width: int) -> Cutout:
    pixels = np.full((height, width, 3), (255, 0, 0), np.uint8)
    return Cutout(pixels, np.ones((height, width), np.bool_))


def canvas(size: int = 40) -> np.ndarray:
    return np.zeros((size, size, 3), np.uint8)


def test_pasted_object_is_where_its_box_and_mask_say(rng: np.random.Generator):
    image = canvas()
    pasted = paste(image, target(), red(8, 6), 2, rng)
    x1, y1, x2, y2 = (int(v) for v in pasted["boxes"][-1])
    assert (x2 - x1, y2 - y1) == (6, 8)
    assert (image[y1:y2, x1:x2] == (255, 0, 0)).all()
    assert torch.equal(pasted["masks"][-1].bool(), torch.from_numpy(image[..., 0] == 255))
    assert pasted["labels"].tolist() == [1, 2]


def test_object_behind_loses_what_is_hidden(rng: np.random.Generator):
    pasted = paste(canvas(), target(), red(20, 40), 2, rng)
    behind, front = pasted["masks"]
    assert not (behind & front).any()
    assert behind.sum() == 20 * 20


def test_box_shrinks_to_what_is_left_of_the_mask(rng: np.random.Generator):
    pasted = paste(canvas(), target(), Cutout(*_upper_half()), 2, rng)
    assert pasted["boxes"][0].tolist() == [0, 20, 20, 40]


def _upper_half() -> tuple[np.ndarray, np.ndarray]:
    """A cutout as large as the canvas, of which the upper half is the object."""
    mask = np.zeros((40, 40), np.bool_)
    mask[:20] = True
    return canvas() + np.uint8(255), mask


@pytest.mark.parametrize("has_mask", [True, False])
def test_object_hidden_altogether_is_ignored(rng: np.random.Generator, has_mask: bool):
    pasted = paste(canvas(), target(has_mask=has_mask), red(40, 40), 2, rng)
    assert pasted["labels"].tolist() == [2]
    assert pasted["ignore"].tolist() == [[0, 0, 20, 40]]


def test_object_larger_than_the_photograph_stays_out(rng: np.random.Generator):
    image = canvas()
    before = target()
    assert paste(image, before, red(41, 10), 2, rng) is before
    assert not image.any()


def test_cutout_holds_the_object_alone(tmp_path: Path, rng: np.random.Generator):
    photograph = np.zeros((80, 100, 3), np.uint8)
    photograph[10:40, 10:50] = 200
    Image.fromarray(photograph).save(tmp_path / "cat.png")
    [source] = Cutouts([sample(tmp_path / "cat.png")], 1).sources
    cutout = cut_out(source, 200, rng)
    assert cutout.mask.mean() > 0.9
    assert (cutout.pixels[cutout.mask] > 150).all()


@pytest.mark.parametrize(
    "annotation", [{"iscrowd": 1}, {"segmentation": []}, {"bbox": [10, 10, 40, 8]}]
)
def test_crowds_boxes_and_small_objects_are_not_cut_out(annotation: dict[str, object]):
    assert not Cutouts([sample(Path("cat.png"), **annotation)], 1).sources


def test_no_sources_nothing_drawn(rng: np.random.Generator):
    assert Cutouts([], 1).draw(100, rng) == []


def test_rare_class_is_drawn_more_often_than_its_share(rng: np.random.Generator):
    many = [sample(Path("cat.png")) for _ in range(100)]
    cutouts = Cutouts([*many, sample(Path("dog.png"), category_id=DOG)], 1)
    assert cutouts.odds[-1] == pytest.approx(1 / 11)


def test_chance_of_nothing_pastes_nothing(rng: np.random.Generator):
    assert Cutouts([sample(Path("cat.png"))], 0).draw(100, rng) == []
