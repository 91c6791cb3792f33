"""Run by `make test-training`, which installs PyTorch."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch", reason="training needs PyTorch: make test-training")

from model.training.dataset import BatchSampler, DetectionDataset
from model.training.samples import Sample, read_samples, repeat_factors
from model.training.views import View, place_box, place_mask, random_view

CAT, DOG = 17, 18
SQUARE = [20, 10, 60, 10, 60, 50, 20, 50]


def sample(width: int = 100, height: int = 80, **annotation: object) -> Sample:
    """A photograph with one cat."""
    cat = {"category_id": CAT, "bbox": [20, 10, 40, 40], "segmentation": [SQUARE]}
    return Sample(Path("cat.png"), width, height, np.array([True, True]), [cat | annotation])


@pytest.mark.parametrize(
    "view",
    [
        View((0, 0, 100, 80), 1.0, flip=False),
        View((0, 0, 100, 80), 0.5, flip=True),
        View((10, 5, 70, 55), 2.0, flip=True),
        View((10, 5, 70, 55), 2.0, flip=False, stretch=1.5),
    ],
)
def test_box_and_mask_move_together(view: View):
    box, visible = place_box([20, 10, 40, 40], view)
    mask = place_mask([SQUARE], sample(), view)
    rows, columns = np.nonzero(mask)
    found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert np.allclose(found, box, atol=1)
    assert visible == pytest.approx(1)


def test_a_photograph_is_stretched_as_far_as_its_sample_allows():
    rng = np.random.default_rng(0)
    views = [random_view(replace(sample(), stretch=1.5), 200, rng, (0.25, 3)) for _ in range(200)]
    stretches = [view.stretch for view in views]
    assert min(stretches) == pytest.approx(1 / 1.5, rel=0.05)
    assert max(stretches) == pytest.approx(1.5, rel=0.05)
    assert all(max(view.size) <= 201 for view in views)
    assert random_view(sample(), 200, rng).stretch == 1


def test_photographs_are_zoomed_as_far_as_asked():
    rng = np.random.default_rng(0)
    scales = [random_view(sample(), 100, rng, (0.1, 2)).scale for _ in range(300)]
    assert 0.1 <= min(scales) < 0.15
    assert 1.9 < max(scales) <= 2


def test_cropped_box_tells_how_much_is_left():
    _, visible = place_box([20, 10, 40, 40], View((40, 0, 100, 80), 1.0, flip=False))
    assert visible == pytest.approx(0.5)


def test_file_says_which_classes_are_labelled(tmp_path: Path):
    images = [
        {"id": 1, "file_name": "a.jpg", "width": 4, "height": 4, "labeled_category_ids": [DOG]},
        {"id": 2, "file_name": "b.jpg", "width": 4, "height": 4},
    ]
    path = tmp_path / "instances.json"
    path.write_text(json.dumps({"images": images, "annotations": []}))
    first, second = read_samples(path, tmp_path, [CAT, DOG])
    assert first.labeled.tolist() == [True, False, True]
    assert second.labeled.all()


def test_crowds_are_ignored_and_boxes_without_masks_kept(tmp_path: Path):
    Image.new("RGB", (100, 80)).save(tmp_path / "cat.png")
    crowd = sample(iscrowd=1).annotations[0]
    boxed = {"category_id": CAT, "bbox": [60, 10, 30, 30]}
    both = Sample(tmp_path / "cat.png", 100, 80, np.array([True, True]), [crowd, boxed])
    # Whatever the crop, the two end up as objects, ignored, or out of sight.
    for seed in range(8):
        _, target = DetectionDataset([both], [CAT])[0, 100, seed]
        assert not target["has_mask"].any()
        assert len(target["boxes"]) <= 1


def test_rare_class_is_seen_more_often():
    common = [sample() for _ in range(99)]
    rare = sample(category_id=DOG)
    weights = repeat_factors([*common, rare])
    assert weights[0] == 1
    assert weights[-1] == pytest.approx(10**0.5)


def test_photograph_is_seen_as_often_as_its_set_asks():
    often = replace(sample(), repeat=2.5)
    assert repeat_factors([sample(), often]).tolist() == [1, 2.5]


def test_resumed_sampler_goes_on_where_it_was():
    samples = [sample(), sample(80, 100), sample(), sample(80, 100), sample()]

    def batches(start: int, count: int):
        sampler = BatchSampler(samples, np.ones(5), 2, (64, 128), seed=3, start=start)
        return list(itertools.islice(sampler, count))

    assert batches(0, 6)[4:] == batches(4, 2)
