"""Run by `make test-training`, which installs PyTorch."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: make test-training")

from model.config import COCO_R50, EDGE  # noqa: E402
from model.runtime.errors import CheckpointError, TrainingError, WeightsMismatch  # noqa: E402
from model.runtime.manifest import ModelClass  # noqa: E402
from model.training.presets import build_network  # noqa: E402
from model.training.start import default_start, load_start  # noqa: E402
from model.weights.torchvision import expected_shapes  # noqa: E402

PETS = (ModelClass(1, "cat"), ModelClass(2, "dog"))


@pytest.fixture(scope="module")
def edge():
    """A network of two classes and background."""
    return build_network(EDGE, 3)


def test_edge_starts_from_imagenet(edge):
    assert load_start(edge, EDGE, PETS, None).startswith("Starts from the ImageNet weights in")
    published = torch.load(default_start(EDGE), weights_only=True)
    assert edge.backbone.body._conv_stem.weight.equal(published["_conv_stem.weight"])


def test_checkpoint_of_the_same_classes_is_taken_whole(edge, tmp_path: Path):
    earlier = build_network(EDGE, 3)
    torch.save({"model": earlier.state_dict(), "step": 7}, tmp_path / "earlier.pth")
    said = load_start(edge, EDGE, PETS, tmp_path / "earlier.pth")
    assert said == f"Starts from {tmp_path}/earlier.pth."
    assert all(value.equal(earlier.state_dict()[name]) for name, value in edge.state_dict().items())


def test_layers_for_other_classes_start_afresh_and_that_is_said(edge, tmp_path: Path):
    earlier = build_network(EDGE, 7)
    torch.save(earlier.state_dict(), tmp_path / "earlier.pth")
    fresh = edge.roi_heads.box_predictor.cls_score.weight.clone()
    said = load_start(edge, EDGE, PETS, tmp_path / "earlier.pth")
    assert "roi_heads.box_predictor.cls_score" in said
    assert "start afresh" in said
    assert edge.roi_heads.box_predictor.cls_score.weight.equal(fresh)
    assert edge.rpn.head.cls_logits.weight.equal(earlier.rpn.head.cls_logits.weight)


def test_checkpoint_of_another_preset_is_named(edge, tmp_path: Path):
    state = {name: torch.zeros(1) for name in expected_shapes(COCO_R50, 91)}
    torch.save(state, tmp_path / "coco.pth")
    with pytest.raises(
        WeightsMismatch, match="does not fit the preset edge: it is one of coco-r50"
    ):
        load_start(edge, EDGE, PETS, tmp_path / "coco.pth")


def test_missing_checkpoint_is_named(edge, tmp_path: Path):
    with pytest.raises(CheckpointError, match=r"gone\.pth: No such file"):
        load_start(edge, EDGE, PETS, tmp_path / "gone.pth")


def test_published_weights_that_were_not_fetched_are_asked_for(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(TrainingError, match="maskdrop model fetch coco-r50"):
        default_start(COCO_R50)
