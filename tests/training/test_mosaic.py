"""Four photographs joined into one. Run by `make test-training`, which installs PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="training needs PyTorch: make test-training")

from model.training.dataset import DetectionDataset  # noqa: E402
from model.training.mosaic import Partners, join  # noqa: E402
from model.training.samples import Sample  # noqa: E402

CAT, DOG = 17, 18


def sample(path: Path, width: int = 100, height: int = 80, *, labeled: bool = True) -> Sample:
    """A photograph with one cat in its upper left quarter."""
    square = [10, 10, 50, 10, 50, 40, 10, 40]
    cat = {"category_id": CAT, "bbox": [10, 10, 40, 30], "segmentation": [square]}
    return Sample(path, width, height, np.array([True, labeled, labeled]), [cat])


def tile(height: int, width: int, value: int) -> tuple[np.ndarray, dict[str, torch.Tensor]]:
    """A photograph of one colour whose upper left corner of 4×4 is an object."""
    mask = torch.zeros((1, height, width), dtype=torch.uint8)
    mask[0, :4, :4] = 1
    return np.full((height, width, 3), value, np.uint8), {
        "boxes": torch.tensor([[0.0, 0.0, 4.0, 4.0]]),
        "labels": torch.tensor([1]),
        "masks": mask,
        "has_mask": torch.tensor([True]),
        "ignore": torch.tensor([[5.0, 5.0, 6.0, 6.0]]),
        "labeled": torch.tensor([True, True]),
    }


def test_objects_move_with_their_photographs():
    image, target = join([tile(10, 20, 1), tile(8, 12, 2), tile(6, 16, 3), tile(9, 14, 4)])
    assert image.shape == (19, 34, 3)
    assert target["boxes"][:, :2].tolist() == [[0, 0], [20, 0], [0, 10], [20, 10]]
    assert target["ignore"][:, :2].tolist() == [[5, 5], [25, 5], [5, 15], [25, 15]]
    for value, box, mask in zip((1, 2, 3, 4), target["boxes"], target["masks"], strict=True):
        left, top = int(box[0]), int(box[1])
        assert (image[top : top + 4, left : left + 4] == value).all()
        assert mask[top : top + 4, left : left + 4].sum() == mask.sum() == 16
    assert (image[8:10, 20:] == 127).all()


def test_only_photographs_labelled_alike_and_of_one_orientation_are_joined():
    here = Path("a.png")
    samples = [
        sample(here),
        sample(here, labeled=False),
        sample(here, 80, 100),
        sample(here),
        sample(here, labeled=False),
    ]
    partners = Partners(samples)
    drawn = {i for seed in range(20) for i in partners.draw(0, np.random.default_rng(seed))}
    assert drawn == {0, 3}
    assert partners.draw(2, np.random.default_rng(0)) == [2, 2, 2, 2]


def test_a_mosaic_is_as_large_as_a_photograph_and_holds_four(tmp_path: Path):
    Image.new("RGB", (100, 80)).save(tmp_path / "cat.png")
    samples = [sample(tmp_path / "cat.png")] * 3
    dataset = DetectionDataset(samples, [CAT, DOG], zooms=(1, 1), mosaic=1.0)
    image, target = dataset[0, 200, 0]
    assert image.shape == (3, 160, 200)
    assert len(target["boxes"]) == 4
    assert target["masks"].shape == (4, 160, 200)
    assert target["labels"].tolist() == [1] * 4
