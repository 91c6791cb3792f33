"""A slimmed version is a version like any other."""

from dataclasses import replace

import numpy as np
import pytest
from seeded_weights import seeded_image, seeded_state_dict
from typer.testing import CliRunner
from versions import write_version

from handler.commands.main import app
from model.architecture.mask_rcnn import MaskRCNN
from model.config import EDGE
from model.export.export_model import export_model
from model.runtime.errors import ManifestError
from model.runtime.manifest import ModelManifest
from model.runtime.predictor import Predictor
from model.weights.torchvision import fold
from model.weights.version_folder import load_weights, preset_of

INSIDE = ("_expand_conv", "_depthwise_conv", "box_head.", "mask_head.", "conv5_mask")
PHOTOGRAPH = seeded_image("square")[:128, :160]


@pytest.fixture(scope="module")
def half_idle(tmp_path_factory):
    """A version of which every other channel inside blocks and heads is exactly zero."""
    folder = tmp_path_factory.mktemp("models") / "seeded/1"
    weights, _ = fold(seeded_state_dict(EDGE), EDGE)
    for name, array in weights.items():
        if "_blocks.0." not in name and any(part in name for part in INSIDE):
            axis = 2 if name.endswith("_depthwise_conv.weight") else array.ndim - 1
            np.moveaxis(array, axis, -1)[..., ::2] = 0
    write_version(folder, EDGE, weights, landscape=(128, 160))
    return folder


@pytest.fixture(scope="module")
def slim(half_idle):
    """Run `maskdrop model slim` on it."""
    base = half_idle.parents[1]
    words = ["model", "slim", half_idle, "--to", base]
    return lambda *more: CliRunner().invoke(app, [str(word) for word in (*words, *more)])


@pytest.fixture(scope="module")
def slimmed(slim, half_idle):
    """What is left without the idle half, with a box head of full rank."""
    answer = slim("--prune", 0.5, "--rank", 256, "--name", "half")
    assert answer.exit_code == 0, answer.output
    return half_idle.parents[1] / "half/1"


def found(folder):
    manifest = ModelManifest.load(folder)
    weights = load_weights(folder, manifest)
    network = MaskRCNN(preset_of(manifest), len(manifest.classes) + 1, weights)
    answer = network.predict(PHOTOGRAPH[None], np.array([PHOTOGRAPH.shape[:2]], np.int32))
    return {name: value.numpy() for name, value in answer.items()}


def test_removing_what_is_idle_changes_nothing(half_idle, slimmed):
    before, after = found(half_idle), found(slimmed)
    assert before["num_detections"] > 0
    assert before["labels"].tolist() == after["labels"].tolist()
    for name in ("boxes", "scores", "masks"):
        np.testing.assert_allclose(after[name], before[name], atol=2e-3)


def test_manifest_tells_what_was_changed_and_how(slimmed):
    manifest = ModelManifest.load(slimmed)
    assert manifest.preset_changes["box_head_width"] == 256
    assert manifest.preset_changes["mask_head_channels"] == [64] * 4
    assert manifest.source == (
        "seeded/1 pruned by 50% (backbone, box-head, mask-head) and factored with rank 256, "
        "from: a formula"
    )


def test_slimmed_version_exports_and_detects(slimmed, tmp_path):
    folder = tmp_path / "half/1"
    export_model(slimmed, [PHOTOGRAPH], artifacts=["litert"], precision="float32", to=folder)
    height, width = PHOTOGRAPH.shape[:2]
    assert len(Predictor.load(folder).predict(PHOTOGRAPH, (width, height))) > 0


def test_command_tells_sizes_before_and_after(slim):
    lines = slim("--rank", 32).output.splitlines()
    assert [line.split()[-1] for line in lines if "parameters" in line] == ["-33%"]
    assert any("box_head_rank" in line and line.split()[-1] == "32" for line in lines)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "Nothing to slim: give a share to prune, a rank or an energy."),
        (["--rank", 8, "--energy", 0.9], "Both a rank (8) and an energy (0.9) are given"),
        (["--prune", 2], "The share to prune is 2.0; it must lie between 0 and 1."),
    ],
)
def test_bad_request_is_answered_in_a_sentence_and_writes_nothing(
    slim, half_idle, options, sentence
):
    answer = slim(*options, "--name", "bad")
    assert answer.exit_code == 1
    assert sentence in " ".join(answer.output.split())
    assert not (half_idle.parents[1] / "bad").exists()


def test_manifest_with_an_unknown_change_is_refused(half_idle):
    manifest = ModelManifest.load(half_idle)
    with pytest.raises(ManifestError, match=r"changes backbone of its preset to 8"):
        preset_of(replace(manifest, preset_changes={"backbone": 8}))
    with pytest.raises(ManifestError, match=r"changes box_head_rank of its preset to 'low'"):
        preset_of(replace(manifest, preset_changes={"box_head_rank": "low"}))
    with pytest.raises(ManifestError, match=r"changes rpn_nms_thresh of its preset to 2.0"):
        preset_of(replace(manifest, preset_changes={"rpn_nms_thresh": 2.0}))
