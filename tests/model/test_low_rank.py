"""The box head's first layer as a product of two."""

import numpy as np
import pytest

from model.config import EDGE
from model.runtime.errors import SlimmingError
from model.slimming.low_rank import factor_box_head, rank_of_energy

FC6 = "roi_heads.box_head.fc6"


@pytest.fixture
def layer():
    """Weights of 48 inputs and 32 outputs, as the box head's first layer."""
    return {f"{FC6}.weight": np.random.RandomState(0).standard_normal((48, 32)).astype(np.float32)}


def product(weights):
    return weights[f"{FC6}_reduce.weight"] @ weights[f"{FC6}.weight"]


def test_full_rank_is_the_layer_itself(layer):
    factored, preset = factor_box_head(layer, EDGE, rank=32)
    np.testing.assert_allclose(product(factored), layer[f"{FC6}.weight"], atol=1e-5)
    assert preset.box_head_rank == 32


def test_what_a_rank_leaves_out_is_the_smallest_singular_values(layer):
    values = np.linalg.svd(layer[f"{FC6}.weight"], compute_uv=False)
    factored, _ = factor_box_head(layer, EDGE, rank=8)
    error = np.linalg.norm(product(factored) - layer[f"{FC6}.weight"])
    # Eckart and Young (1936).
    assert error == pytest.approx(np.linalg.norm(values[8:]), rel=1e-4)


@pytest.mark.parametrize(("energy", "rank"), [(0.01, 1), (0.64, 1), (0.65, 2), (1, 3)])
def test_energy_is_the_share_of_squares(energy, rank):
    # Squares of 64, 27 and 9.
    assert rank_of_energy(np.sqrt(np.array([64, 27, 9], np.float64)), energy) == rank


def test_energy_picks_the_rank_by_eights(layer):
    values = np.linalg.svd(layer[f"{FC6}.weight"], compute_uv=False)
    rank = factor_box_head(layer, EDGE, energy=0.9)[1].box_head_rank
    kept = np.cumsum(np.square(values)) / np.sum(np.square(values))
    assert rank % 8 == 0
    assert kept[rank - 1] >= 0.9 > kept[rank - 9]


@pytest.mark.parametrize("rank", [0, -1, 33])
def test_a_rank_out_of_range_is_named_with_its_limits(layer, rank):
    with pytest.raises(SlimmingError, match=f"is {rank}; .* between 1 and 32"):
        factor_box_head(layer, EDGE, rank=rank)


@pytest.mark.parametrize("energy", [0, -0.5, 1.01])
def test_an_energy_out_of_range_is_named_with_its_limits(layer, energy):
    with pytest.raises(SlimmingError, match=f"is {energy}; it must be over 0 and at most 1"):
        factor_box_head(layer, EDGE, energy=energy)


def test_a_layer_is_factored_once(layer):
    with pytest.raises(SlimmingError, match="factored already, with rank 8"):
        factor_box_head(*factor_box_head(layer, EDGE, rank=8), rank=4)
