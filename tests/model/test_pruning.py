"""Removing channels: which ones go, and that what is left is the same network."""

from dataclasses import replace

import numpy as np
import pytest
from seeded_weights import seeded_state_dict

from model.config import COCO_R50_V2, EDGE
from model.runtime.errors import SlimmingError
from model.slimming.pruning import Channels, Part, prune
from model.weights.torchvision import expected_shapes, fold, unfold


@pytest.fixture(scope="module")
def edge():
    return fold(seeded_state_dict(EDGE), EDGE)[0]


def two_layers():
    """Four channels between two linear layers; the second is the weakest, then the third."""
    return {
        "a.weight": np.array([[3, 1, 1, 3]], np.float32),
        "a.bias": np.array([0, 0, 1, 0], np.float32),
        "b.weight": np.array([[1], [1], [1], [-1]], np.float32),
    }


def test_a_channel_matters_by_its_filter_its_bias_and_its_readers():
    importance = Channels("a", ("b",)).importance(two_layers())
    np.testing.assert_allclose(importance, [3, 1, np.sqrt(2), 3])


def test_a_factor_that_wanders_to_the_next_layer_changes_no_importance():
    weights = two_layers()
    before = Channels("a", ("b",)).importance(weights)
    weights["a.weight"] *= 8
    weights["a.bias"] *= 8
    weights["b.weight"] /= 8
    np.testing.assert_allclose(Channels("a", ("b",)).importance(weights), before)


def test_a_maker_that_repeats_its_channels_loses_every_copy():
    weights = {
        "up.weight": np.arange(6, dtype=np.float32).reshape(1, 6),
        "up.bias": np.zeros(6, np.float32),
        "out.weight": np.ones((3, 1), np.float32),
    }
    cut = Channels("up", ("out",), blocks=2).keep(weights, np.array([0, 2]))
    assert cut["up.weight"].tolist() == [[0, 2, 3, 5]]
    assert cut["out.weight"].shape == (2, 1)


@pytest.mark.parametrize("preset", [EDGE, COCO_R50_V2], ids=lambda preset: preset.name)
def test_what_is_left_has_the_shapes_of_its_preset(preset):
    shapes = expected_shapes(preset, num_classes=3)
    weights, _ = fold({name: np.ones(shape, np.float32) for name, shape in shapes.items()}, preset)
    slim, slim_preset = prune(weights, preset, 0.5)
    state = unfold(slim, slim_preset)
    assert {n: a.shape for n, a in state.items()} == expected_shapes(slim_preset, num_classes=3)
    assert slim_preset.box_head_width == preset.box_head_width // 2


def test_widths_are_multiples_of_eight_and_the_blocks_own_input_stays(edge):
    _, preset = prune(edge, EDGE, 0.3)
    assert preset.block_widths[:5] == (32, 64, 104, 104, 168)
    assert (preset.box_head_width, preset.mask_head_channels) == (360, (88, 88, 88, 88))


def test_only_the_parts_named_lose_channels(edge):
    slim, preset = prune(edge, EDGE, 0.5, [Part.MASK_HEAD])
    assert preset == replace(EDGE, mask_head_channels=(64,) * 4, mask_predictor_channels=64)
    changed = {name for name in edge if slim[name].shape != edge[name].shape}
    assert all(name.startswith("roi_heads.mask_") for name in changed)


@pytest.mark.parametrize("ratio", [0, 1, -0.1, 30, float("nan")])
def test_a_share_that_is_none_is_named_with_its_limits(edge, ratio):
    with pytest.raises(SlimmingError, match=f"is {ratio}; it must lie between 0 and 1"):
        prune(edge, EDGE, ratio)
