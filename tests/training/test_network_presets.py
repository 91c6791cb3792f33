"""Run by `make test-training`, which installs PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: make test-training")

from torch.nn.functional import conv2d  # noqa: E402

from model.config import COCO_R50, COCO_R50_V2, EDGE, PRESETS, Preset  # noqa: E402
from model.training.batches import Batch  # noqa: E402
from model.training.presets import build_network, freeze_body  # noqa: E402
from model.training.step import training_step  # noqa: E402
from model.weights.torchvision import fold  # noqa: E402

CLASSES = 3


@pytest.fixture(scope="module", params=PRESETS.values(), ids=lambda preset: preset.name)
def preset(request: pytest.FixtureRequest) -> Preset:
    return request.param


@pytest.fixture(scope="module")
def network(preset: Preset):
    torch.manual_seed(0)
    return build_network(preset, CLASSES).train()


def one_photograph() -> Batch:
    target = {
        "boxes": torch.tensor([[8.0, 8.0, 56.0, 56.0]]),
        "labels": torch.tensor([1]),
        "masks": torch.ones(1, 64, 64, dtype=torch.uint8),
        "has_mask": torch.tensor([True]),
        "ignore": torch.zeros(0, 4),
        "labeled": torch.ones(CLASSES, dtype=torch.bool),
    }
    return Batch([torch.rand(3, 64, 64)], [target], [])


def test_what_is_trained_can_be_imported(network, preset: Preset):
    state = {name: value.numpy() for name, value in network.state_dict().items()}
    weights, num_classes = fold(state, preset)
    assert num_classes == CLASSES
    assert weights["roi_heads.mask_predictor.mask_fcn_logits.weight"].shape[-1] == CLASSES


def test_step_moves_the_weights_but_no_statistics(network):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.01)
    losses = training_step(network, optimizer, one_photograph())
    changed = {n for n, value in network.state_dict().items() if not value.equal(before[n])}
    assert all(np.isfinite(list(losses.values())))
    assert "roi_heads.mask_predictor.mask_fcn_logits.weight" in changed
    assert not [name for name in changed if name.endswith(("running_mean", "running_var"))]


@pytest.mark.parametrize("preset", [COCO_R50, COCO_R50_V2], ids=lambda preset: preset.name)
def test_import_folds_the_numbers_that_were_trained(preset: Preset):
    model = build_network(preset, CLASSES)
    body, photo = model.backbone.body, torch.rand(1, 3, 32, 32)
    # A variance as small as torchvision's published weights have: epsilon tells there.
    body.bn1.running_var.fill_(1e-4)
    body.bn1.running_mean.uniform_()
    weights, _ = fold({name: value.numpy() for name, value in model.state_dict().items()}, preset)
    kernel = torch.tensor(weights["backbone.body.conv1.weight"]).permute(3, 2, 0, 1)
    bias = torch.tensor(weights["backbone.body.conv1.bias"])
    with torch.inference_mode():
        torch.testing.assert_close(
            conv2d(photo, kernel, bias, stride=2, padding=3),
            body.bn1(body.conv1(photo)),
            rtol=1e-4,
            atol=1e-3,
        )


def test_heads_alone_are_trained_where_that_is_asked():
    network = build_network(EDGE, CLASSES).train()
    freeze_body(network)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.01)
    training_step(network, optimizer, one_photograph())
    changed = {n for n, value in network.state_dict().items() if not value.equal(before[n])}
    assert not [name for name in changed if name.startswith("backbone.body.")]
    assert "backbone.fpn.layer_blocks.0.0.weight" in changed
    assert "rpn.head.cls_logits.weight" in changed


def test_edge_leaves_the_blocks_at_stride_2_as_imagenet_made_them():
    body = build_network(EDGE, CLASSES).backbone.body
    frozen = [name for name, value in body.named_parameters() if not value.requires_grad]
    assert {name.split(".")[0] for name in frozen} == {"_conv_stem", "_blocks"}
    assert not body._blocks[1]._project_conv.weight.requires_grad
    assert body._blocks[2]._project_conv.weight.requires_grad
