"""A trained network with other anchors. Run by `make test-training`, which installs PyTorch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: make test-training")

from seeded_weights import NUM_CLASSES, seeded_state_dict  # noqa: E402
from torchvision.models.detection._utils import BoxCoder  # noqa: E402
from versions import CLASSES, write_version  # noqa: E402

from model.config import EDGE  # noqa: E402
from model.runtime.errors import TrainingError  # noqa: E402
from model.training.anchor_ratios import OFFSETS, SCORES, with_ratios  # noqa: E402
from model.training.presets import build_network  # noqa: E402
from model.training.start import load_start, preset_to_train  # noqa: E402
from model.weights.torchvision import fold  # noqa: E402

OLD = (0.5, 1.0, 2.0)
CHANNELS = 8


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    """The two layers of an RPN head with one anchor for each of OLD."""
    torch.manual_seed(0)
    return {
        f"{SCORES}.weight": torch.randn(3, CHANNELS, 1, 1),
        f"{SCORES}.bias": torch.randn(3),
        f"{OFFSETS}.weight": torch.randn(12, CHANNELS, 1, 1) / 10,
        f"{OFFSETS}.bias": torch.randn(12) / 10,
    }


def proposed(state: dict[str, torch.Tensor], ratios: tuple[float, ...]) -> torch.Tensor:
    """The boxes that anchors of size 100 at the origin propose for one position's features."""
    heights = torch.tensor(ratios).sqrt()
    corners = torch.stack([-1 / heights, -heights, 1 / heights, heights], dim=1)
    features = torch.linspace(-1, 1, CHANNELS)
    offsets = state[f"{OFFSETS}.weight"][:, :, 0, 0] @ features + state[f"{OFFSETS}.bias"]
    return BoxCoder((1.0, 1.0, 1.0, 1.0)).decode_single(offsets.view(-1, 4), 50 * corners)


def test_as_many_other_anchors_propose_the_same_boxes(state):
    new = (3.0, 0.7, 1.5)  # in any order: flat takes over flat, tall takes over tall
    changed = with_ratios(state, OLD, new)
    torch.testing.assert_close(proposed(changed, new), proposed(state, OLD)[[2, 0, 1]])
    assert changed[f"{SCORES}.bias"].equal(state[f"{SCORES}.bias"][[2, 0, 1]])


def test_an_anchor_more_proposes_what_the_nearest_does(state):
    new = (0.5, 1.0, 2.0, 3.0)
    changed = with_ratios(state, OLD, new)
    torch.testing.assert_close(proposed(changed, new), proposed(state, OLD)[[0, 1, 2, 2]])


def test_training_begins_with_a_version_of_other_anchors(tmp_path: Path):
    old = seeded_state_dict(EDGE)
    write_version(tmp_path, EDGE, fold(old, EDGE)[0])
    preset = preset_to_train("edge", tmp_path, (0.7, 1.5, 3.0, 4.0))
    network = build_network(preset, NUM_CLASSES)
    load_start(network, preset, CLASSES, tmp_path)
    assert preset == replace(EDGE, anchor_ratios=(0.7, 1.5, 3.0, 4.0))
    scores = network.rpn.head.cls_logits.bias.detach()
    torch.testing.assert_close(scores, torch.tensor(old[f"{SCORES}.bias"])[[0, 2, 2, 2]])


def test_a_file_does_not_say_its_anchors(tmp_path: Path):
    with pytest.raises(TrainingError, match="does not say which anchors it has"):
        preset_to_train("edge", tmp_path / "best.pth", (0.7, 1.5, 3.0))
