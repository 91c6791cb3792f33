"""Strict import: every parameter once, of the right shape, or one clear sentence."""

import numpy as np
import pytest
from seeded_weights import NUM_CLASSES, seeded_state_dict

from model.config import COCO_R50, COCO_R50_V2, EDGE, PRESETS
from model.runtime.errors import WeightsMismatch
from model.weights.torchvision import expected_shapes, fold


@pytest.fixture(scope="module")
def edge_checkpoint():
    return seeded_state_dict(EDGE)


def checkpoint_of_ones(preset, num_classes):
    shapes = expected_shapes(preset, num_classes)
    return {name: np.ones(shape, np.float32) for name, shape in shapes.items()}


@pytest.mark.parametrize(
    ("preset", "parameters"),
    # The parameters of torchvision's models for 91 classes, counted there; its v1 weights
    # are published as 44,401,393, without the 53,120 of frozen BatchNorm.
    [(COCO_R50, 44_401_393 + 53_120), (COCO_R50_V2, 46_359_409)],
)
def test_the_plan_has_torchvisions_parameter_count(preset, parameters):
    shapes = expected_shapes(preset, 91)
    trained = [
        shape
        for name, shape in shapes.items()
        if not name.endswith(("running_mean", "running_var"))
    ]
    assert sum(int(np.prod(shape)) for shape in trained) == parameters


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_the_class_count_comes_from_the_checkpoint(preset):
    assert fold(checkpoint_of_ones(preset, 3), preset)[1] == 3


def test_counters_of_batch_norm_are_ignored(edge_checkpoint):
    state = edge_checkpoint | {"backbone.body._bn0.num_batches_tracked": np.int64(7)}
    assert fold(state, EDGE)[1] == NUM_CLASSES


def test_batch_norm_is_folded_into_the_convolution():
    state = checkpoint_of_ones(EDGE, 2)
    norm = "backbone.body._bn0"
    state[f"{norm}.weight"][:] = 3
    state[f"{norm}.bias"][:] = 5
    state[f"{norm}.running_mean"][:] = 2
    state[f"{norm}.running_var"][:] = 4 - EDGE.batch_norm_epsilon
    weights, _ = fold(state, EDGE)
    # 3 · (x - 2) / sqrt(4) + 5 is 1.5 · x + 2.
    np.testing.assert_allclose(weights["backbone.body._conv_stem.weight"], 1.5)
    np.testing.assert_allclose(weights["backbone.body._conv_stem.bias"], 2.0)


def test_folded_weights_have_tensorflows_layouts(edge_checkpoint):
    weights, _ = fold(edge_checkpoint, EDGE)
    assert weights["backbone.body._conv_stem.weight"].shape == (3, 3, 3, 32)
    assert weights["backbone.body._blocks.1._depthwise_conv.weight"].shape == (3, 3, 96, 1)
    assert weights["roi_heads.box_head.fc7.weight"].shape == (512, 512)
    assert weights["roi_heads.mask_predictor.conv5_mask.weight"].shape == (1, 1, 128, 512)


def test_names_of_older_torchvision_files_are_understood():
    state = checkpoint_of_ones(COCO_R50, 2)
    old = {}
    for name, array in state.items():
        name = name.replace("rpn.head.conv.0.0.", "rpn.head.conv.")
        if "_blocks." in name:
            name = name.replace(".0.weight", ".weight").replace(".0.bias", ".bias")
        for index in range(4):
            name = name.replace(f"mask_head.{index}.0.", f"mask_head.mask_fcn{index + 1}.")
        old[name] = array
    assert "roi_heads.mask_head.mask_fcn4.bias" in old
    assert "backbone.fpn.inner_blocks.3.weight" in old
    assert fold(old, COCO_R50)[0].keys() == fold(state, COCO_R50)[0].keys()


def test_what_does_not_fit_is_listed_with_counts(edge_checkpoint):
    state = dict(edge_checkpoint)
    for index in range(4):
        del state[f"roi_heads.mask_head.{index}.0.bias"]
    state["optimizer.step"] = np.zeros(1, np.float32)
    state["rpn.head.cls_logits.bias"] = np.zeros(9, np.float32)
    with pytest.raises(WeightsMismatch) as error:
        fold(state, EDGE)
    assert str(error.value) == (
        "The checkpoint does not fit the preset edge, which has 282 parameters: "
        "4 missing (roi_heads.mask_head.0.0.bias, roi_heads.mask_head.1.0.bias, "
        "roi_heads.mask_head.2.0.bias, …); 1 unexpected (optimizer.step); "
        "1 misshapen (rpn.head.cls_logits.bias is (9,), not (3,))."
    )


def test_one_parameter_under_two_names_is_refused():
    state = checkpoint_of_ones(COCO_R50, 2)
    state["rpn.head.conv.weight"] = state["rpn.head.conv.0.0.weight"]
    with pytest.raises(WeightsMismatch, match=r"rpn\.head\.conv\.0\.0\.weight"):
        fold(state, COCO_R50)


def test_another_architectures_checkpoint_is_refused(edge_checkpoint):
    with pytest.raises(WeightsMismatch, match="does not fit the preset coco-r50"):
        fold(edge_checkpoint, COCO_R50)


def test_a_classifier_is_refused():
    with pytest.raises(WeightsMismatch, match=r"1 unexpected \(fc\.weight\)"):
        fold({"fc.weight": np.zeros((1000, 2048), np.float32)}, EDGE)


def test_heads_that_disagree_on_the_class_count_are_refused(edge_checkpoint):
    name = "roi_heads.mask_predictor.mask_fcn_logits.weight"
    state = edge_checkpoint | {name: edge_checkpoint[name][:-1]}
    with pytest.raises(WeightsMismatch, match=r"1 misshapen .*\(6, 128, 1, 1\), not \(7, "):
        fold(state, EDGE)
