"""Training goes on from a version, perhaps a slimmed one. Run by `make test-training`."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: make test-training")

from seeded_weights import NUM_CLASSES, seeded_state_dict  # noqa: E402
from versions import CLASSES, write_version  # noqa: E402

from model.config import COCO_R50, EDGE  # noqa: E402
from model.runtime.errors import ModelNotFound, TrainingError  # noqa: E402
from model.runtime.manifest import ModelClass  # noqa: E402
from model.runtime.versions import ZOO  # noqa: E402
from model.slimming.slim_model import Slimming  # noqa: E402
from model.training.presets import build_network  # noqa: E402
from model.training.start import load_start, preset_to_train  # noqa: E402
from model.weights.torchvision import fold  # noqa: E402


def test_a_slimmed_version_is_trained_and_imported_as_it_is(tmp_path: Path):
    weights, _ = fold(seeded_state_dict(EDGE), EDGE)
    weights, slim = Slimming(ratio=0.5, rank=32).apply(weights, EDGE)
    write_version(tmp_path, slim, weights)

    preset = preset_to_train("edge", tmp_path)
    network = build_network(preset, NUM_CLASSES)
    load_start(network, preset, CLASSES, tmp_path)
    imported, _ = fold({n: t.numpy() for n, t in network.state_dict().items()}, preset)

    assert preset == slim
    assert all(np.allclose(imported[name], weights[name], atol=1e-6) for name in weights)


def test_classes_are_taken_over_by_name(tmp_path: Path):
    state = seeded_state_dict(EDGE)
    write_version(tmp_path, EDGE, fold(state, EDGE)[0])
    network = build_network(EDGE, 4)
    before = deepcopy(network.state_dict())

    wanted = (CLASSES[2], ModelClass(9, "helmet"), CLASSES[0])
    said = load_start(network, EDGE, wanted, tmp_path)

    assert said == f"Starts from {tmp_path}, which does not know helmet."
    box, mask = network.roi_heads.box_predictor, network.roi_heads.mask_predictor.mask_fcn_logits
    for layer, name, rows in (
        (box.cls_score, "box_predictor.cls_score", 1),
        (box.bbox_pred, "box_predictor.bbox_pred", 4),
        (mask, "mask_predictor.mask_fcn_logits", 1),
    ):
        for kind in ("weight", "bias"):
            new = getattr(layer, kind).detach().unflatten(0, (-1, rows))
            old = torch.tensor(state[f"roi_heads.{name}.{kind}"]).unflatten(0, (-1, rows))
            fresh = before[f"roi_heads.{name}.{kind}"].unflatten(0, (-1, rows))
            torch.testing.assert_close(new[[0, 1, 3]], old[[0, 3, 1]])
            assert new[2].equal(fresh[2])


def test_the_factored_box_head_is_the_product_of_its_layers():
    _, slim = Slimming(rank=32).apply(fold(seeded_state_dict(EDGE), EDGE)[0], EDGE)
    head = build_network(slim, NUM_CLASSES).roi_heads.box_head
    crops = torch.rand(2, slim.fpn_channels, 7, 7)
    product = head.fc6.weight @ head.fc6_reduce.weight
    bias = head.fc6.weight @ head.fc6_reduce.bias + head.fc6.bias
    hidden = torch.relu(crops.flatten(1) @ product.T + bias)
    torch.testing.assert_close(head(crops), torch.relu(head.fc7(hidden)))


def test_a_slimmed_network_that_cannot_be_trained_is_refused(tmp_path: Path):
    write_version(tmp_path, replace(COCO_R50, box_head_rank=8), {})
    with pytest.raises(TrainingError, match=r"a slimmed coco-r50; .* only edge can be trained"):
        preset_to_train("coco-r50", tmp_path)


def test_the_embedded_model_is_found_by_its_name():
    network = build_network(EDGE, 2)
    said = load_start(network, EDGE, (ModelClass(1, "cat"),), Path("mask_rcnn_edge/2"))
    assert said == f"Starts from {ZOO}/mask_rcnn_edge/2."


def test_a_model_that_is_not_there_is_named():
    with pytest.raises(ModelNotFound, match="No model 'mask_rcnn_edgy'"):
        preset_to_train("edge", Path("mask_rcnn_edgy"))


def test_a_version_of_another_preset_is_refused(tmp_path: Path):
    write_version(tmp_path, COCO_R50, {})
    with pytest.raises(TrainingError, match="has the preset coco-r50, not edge"):
        preset_to_train("edge", tmp_path)
