"""Keras's and Detectron2's files are read whole, by name, and refused where they do not fit."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from seeded_imports import preset

from model.commands.options import ImportedName
from model.config import KNOWN_PRESETS
from model.runtime.errors import CheckpointError, WeightsMismatch
from model.runtime.manifest import ModelClass, ModelManifest
from model.weights.checkpoint import read_checkpoint
from model.weights.detectron2 import expected_detectron2_shapes, fold_detectron2
from model.weights.detectron2_config import read_detectron2_config
from model.weights.import_model import import_model
from model.weights.matterport import expected_keras_shapes, fold_matterport, read_keras
from model.weights.matterport_config import read_matterport_config
from model.weights.version_folder import preset_of

MATTERPORT, DETECTRON2 = preset("matterport-r50"), preset("detectron2-r50")


@pytest.fixture(scope="module")
def keras() -> dict[str, np.ndarray]:
    shapes = expected_keras_shapes(MATTERPORT, 3)
    return {name: np.full(shape, 0.5, np.float32) for name, shape in shapes.items()}


@pytest.fixture(scope="module")
def detectron2() -> dict[str, np.ndarray]:
    shapes = expected_detectron2_shapes(DETECTRON2, 3)
    return {name: np.full(shape, 0.5, np.float32) for name, shape in shapes.items()}


def write_h5(path: Path, state, place=lambda layer, part: f"{layer}/{layer}/{part}:0") -> Path:
    with h5py.File(path, "w") as file:
        for name, array in state.items():
            file[place(*name.split("/"))] = array
    return path


LAYOUTS = {
    "bare": lambda layer, part: f"{layer}/{layer}/{part}:0",
    "whole model": lambda layer, part: f"model_weights/{layer}/{layer}/{part}:0",
    "nested": lambda layer, part: (
        f"rpn_model/{layer}/{part}:0" if layer.startswith("rpn") else f"{layer}/{part}:0"
    ),
    "in parallel": lambda layer, part: f"mask_rcnn/{layer}/{part}:0",
    "numbered scopes": lambda layer, part: f"{layer}/{layer}_1/{part}:0",
}


@pytest.mark.parametrize("place", LAYOUTS.values(), ids=LAYOUTS)
def test_every_layout_of_keras_is_read(keras, place, tmp_path):
    state = read_keras(write_h5(tmp_path / "m.h5", keras, place), lambda _: None)
    assert state.keys() == keras.keys()


def test_what_training_adds_is_left_out_and_said(keras, tmp_path):
    path = write_h5(tmp_path / "m.h5", keras)
    with h5py.File(path, "a") as file:
        file["optimizer_weights/training/SGD/conv1/kernel/momentum:0"] = np.zeros(3)
        file["anchors/Variable:0"] = np.zeros((4, 4))
    lines: list[str] = []
    assert read_keras(path, lines.append).keys() == keras.keys()
    assert lines == ["Left out anchors, which follow from the settings and the optimizer's state."]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"conv1/kernel": None}, r"1 missing \(conv1/kernel\)"),
        ({"extra/kernel": np.zeros(3)}, r"1 unexpected \(extra/extra/kernel:0\)"),
        ({"fpn_p2/kernel": np.zeros((3, 3, 256, 128))}, "1 misshapen"),
        ({"rpn_bbox_pred/bias": np.zeros(20)}, "5 anchors at a position.*3 RPN_ANCHOR_RATIOS"),
        ({"res4b_branch2a/kernel": None, "bn4b_branch2a/gamma": None}, "2 missing"),
    ],
)
def test_a_file_that_would_load_in_part_is_refused(keras, change, complaint, tmp_path):
    state = {name: array for name, array in (keras | change).items() if array is not None}
    path = write_h5(tmp_path / "m.h5", state)
    with pytest.raises(WeightsMismatch, match=complaint):
        fold_matterport(read_keras(path, lambda _: None), MATTERPORT)


def test_another_depth_is_refused(keras):
    with pytest.raises(WeightsMismatch, match=r"306 missing \(res4g_branch2a/kernel"):
        fold_matterport(keras, preset("matterport-r101"))


def test_an_array_that_is_there_twice_is_refused(keras, tmp_path):
    path = write_h5(tmp_path / "m.h5", keras)
    with h5py.File(path, "a") as file:
        file["other/conv1/kernel:0"] = keras["conv1/kernel"]
    with pytest.raises(CheckpointError, match="conv1/kernel twice"):
        read_keras(path, lambda _: None)


def test_an_array_that_would_fill_the_memory_is_refused(tmp_path):
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.create_dataset("conv1/kernel:0", (10**6, 10**6), np.float32)
    with pytest.raises(CheckpointError, match=r"conv1/kernel:0 has 1,000,000,000,000 numbers"):
        read_keras(tmp_path / "m.h5", lambda _: None)


def test_arrays_that_are_no_floats_are_named(keras):
    state = keras | {"conv1/bias": np.ones(64, np.int8)}
    with pytest.raises(WeightsMismatch, match=r"1 not floating-point \(conv1/bias is int8\)"):
        fold_matterport(state, MATTERPORT)


def test_files_of_the_other_family_are_named(keras, tmp_path):
    h5 = write_h5(tmp_path / "m.h5", {"mrcnn_mask/kernel": keras["mrcnn_mask/kernel"]})
    with pytest.raises(CheckpointError, match=r"HDF5 file.*--preset matterport-r101"):
        import_model(h5, DETECTRON2, (), tmp_path, "m")
    pth = Path(__file__).with_name("checkpoints") / "kinds_zip.pth"
    with pytest.raises(CheckpointError, match="no HDF5 file"):
        import_model(pth, MATTERPORT, (), tmp_path, "m")
    h5.write_bytes(h5.read_bytes()[:5000])
    with pytest.raises(CheckpointError, match="damaged or cut short"):
        import_model(h5, MATTERPORT, (), tmp_path, "m")


def test_widths_are_the_files(tmp_path):
    narrow = replace(MATTERPORT, fpn_channels=64, box_head_width=128)
    shapes = expected_keras_shapes(narrow, 2)
    state = {name: np.ones(shape, np.float32) for name, shape in shapes.items()}
    weights, classes, found = fold_matterport(state, MATTERPORT)
    assert (classes, found.fpn_channels, found.box_head_width) == (2, 64, 128)
    assert weights["roi_heads.box_head.fc6.weight"].shape == (64 * 49, 128)


def test_settings_reach_the_manifest_and_come_back(keras, tmp_path):
    config = tmp_path / "config.toml"
    config.write_text(
        "NAME = 'cells'\nIMAGE_MIN_DIM = 512\nIMAGE_MAX_DIM = 512\n"
        "RPN_ANCHOR_SCALES = [8, 16, 32, 64, 128]\nDETECTION_MIN_CONFIDENCE = 0\n"
        "RPN_ANCHOR_RATIOS = [0.5, 1, 2]\nMEAN_PIXEL = [43.5, 39.5, 48.2]\nLEARNING_RATE = 0.1\n"
    )
    settings = read_matterport_config(config, MATTERPORT)
    path = write_h5(tmp_path / "m.h5", keras)
    classes = (ModelClass(1, "cell"), ModelClass(2, "other"))
    folder = import_model(path, settings, classes, tmp_path / "models", "cells")
    manifest = ModelManifest.load(folder)
    assert manifest.preprocessing.buckets == {"square": (512, 512)}
    assert manifest.preprocessing.pad == (0, 0, 0)
    assert preset_of(manifest) == replace(settings, batch_norm_epsilon=1e-3)
    assert preset_of(manifest).anchor_ratios == (2.0, 1.0, 0.5)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("IMAGE_RESIZE_MODE = 'pad64'", "IMAGE_RESIZE_MODE is 'pad64'; 'square' alone"),
        ("IMAGE_CHANNEL_COUNT = 4", "IMAGE_CHANNEL_COUNT is 4"),
        ("BACKBONE_STRIDES = [4, 8]", "BACKBONE_STRIDES"),
        ("BACKBONE = 'resnet101'", "BACKBONE is 'resnet101'"),
        ("IMAGE_MAX_DIM = 1000", "a multiple of 64"),
        ("RPN_ANCHOR_SCALES = [8, 16]", "a list of 5 numbers above 0"),
        ("RPN_ANCHOR_SCALES = [8, 16, 32, 64, nan]", "a list of 5 numbers above 0"),
        ("IMAGE_MAX_DIM = 100032", "a whole number from 1 to 2048"),
        ("DETECTION_MAX_INSTANCES = 100000", "a whole number from 1 to 1000"),
        ("MEAN_PIXEL = [1, 2]", "three numbers from 0 to 255"),
        ("DETECTION_NMS_THRESHOLD = 3", "a number from 0 to 1"),
        ("IMAGE_MAX_DIMS = 3", "IMAGE_MAX_DIMS is no setting of matterport's Config"),
        ("IMAGE_MAX_DIM: 3", "is not TOML"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(line, complaint, tmp_path):
    config = tmp_path / "config.toml"
    config.write_text(line)
    with pytest.raises(WeightsMismatch, match=complaint):
        read_matterport_config(config, MATTERPORT)


def cell_anchors(sizes):
    for level, size in enumerate(sizes):
        half = np.array([[size / r**0.5, size * r**0.5] for r in (0.5, 1, 2)], np.float32) / 2
        name = f"proposal_generator.anchor_generator.cell_anchors.{level}"
        yield name, np.concatenate([-half, half], axis=1)


def test_a_zoos_pickle_brings_pixels_and_anchors(detectron2, tmp_path):
    mean = np.array([103.53, 116.28, 123.675], np.float32).reshape(3, 1, 1)
    more = {
        "pixel_mean": mean,
        "pixel_std": 0 * mean + 1,
        **dict(cell_anchors([16, 32, 64, 128, 256])),
    }
    zoo = {"model": detectron2 | more, "__author__": "Detectron2 Model Zoo"}
    path = tmp_path / "model_final.pkl"
    path.write_bytes(pickle.dumps(zoo))
    lines: list[str] = []
    weights, classes, found = fold_detectron2(
        read_checkpoint(path, lines.append), DETECTRON2, "BGR", lines.append
    )
    assert classes == 3
    assert found.anchor_sizes == (16, 32, 64, 128, 256)
    assert lines == [
        "Anchors, from the file: sizes (16.0, 32.0, 64.0, 128.0, 256.0), ratios (0.5, 1.0, 2.0)."
    ]
    assert weights["roi_heads.box_predictor.bbox_pred.weight"].shape == (1024, 12)
    assert not weights["roi_heads.box_predictor.bbox_pred.weight"][:, :4].any()


def test_the_background_is_moved_to_the_front_and_the_stem_turned(detectron2):
    state = detectron2 | {"roi_heads.box_predictor.cls_score.bias": np.array([1, 2, 9.0])}
    stem = np.zeros((64, 3, 7, 7), np.float32)
    stem[:, 0] = 1
    state["backbone.bottom_up.stem.conv1.weight"] = stem
    weights, *_ = fold_detectron2(state, DETECTRON2, "BGR", lambda _: None)
    assert weights["roi_heads.box_predictor.cls_score.bias"].tolist() == [9, 1, 2]
    assert weights["backbone.body.conv1.weight"][..., 2, :].all()
    assert not weights["backbone.body.conv1.weight"][..., 0, :].any()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"backbone.fpn_output2.weight": None}, r"1 missing \(backbone\.fpn_output2\.weight\)"),
        ({"roi_heads.keypoint_head.deconv.weight": np.zeros(3)}, "1 unexpected"),
        (
            {"roi_heads.box_predictor.bbox_pred.weight": np.zeros((4, 1024), np.float32)},
            r"bbox_pred\.weight is \(4, 1024\), not \(8, 1024\)",
        ),
    ],
)
def test_another_detectron2_model_is_refused_in_its_own_names(detectron2, change, complaint):
    state = {name: array for name, array in (detectron2 | change).items() if array is not None}
    with pytest.raises(WeightsMismatch, match=complaint):
        fold_detectron2(state, DETECTRON2, "BGR", lambda _: None)


def test_the_preset_that_a_file_fits_is_told(detectron2, tmp_path):
    path = tmp_path / "model_final.pkl"
    path.write_bytes(pickle.dumps({"model": detectron2}))
    with pytest.raises(WeightsMismatch, match="give --preset detectron2-r50"):
        import_model(path, KNOWN_PRESETS["coco-r50"], (), tmp_path, "m")


def test_a_configuration_that_builds_on_itself_is_refused(tmp_path):
    (tmp_path / "config.yaml").write_text("_BASE_: config.yaml")
    with pytest.raises(WeightsMismatch, match="_BASE_ goes in circles"):
        read_detectron2_config(tmp_path / "config.yaml", DETECTRON2, lambda _: None)


# Nine mappings of nine aliases each.
BOMB = "l0: &l0 {x: 1}\n" + "".join(
    f"l{n}: &l{n} {{{', '.join(f'k{k}: *l{n - 1}' for k in range(9))}}}\n" for n in range(1, 10)
)


def test_a_configuration_and_its_base_are_read(tmp_path):
    (tmp_path / "base.yaml").write_text(
        "MODEL:\n  RPN:\n    NMS_THRESH: 0.6\n  ANCHOR_GENERATOR:\n"
        "    SIZES: [[16], [32], [64], [128], [256]]\n    ASPECT_RATIOS: [[0.5, 1.0, 2.0]]\n"
        "SOLVER:\n  STEPS: !!python/tuple [1, 2]\n"
    )
    file = tmp_path / "config.yaml"
    file.write_text(
        "_BASE_: base.yaml\nMODEL:\n  RESNETS: {DEPTH: 50}\n  RPN: {POST_NMS_TOPK_TEST: 300}\n"
        "  ROI_HEADS: {NUM_CLASSES: 2}\nINPUT: {MIN_SIZE_TEST: 640, FORMAT: RGB}\n"
    )
    found = read_detectron2_config(file, DETECTRON2, lambda _: None)
    assert (found.channels, found.num_classes) == ("RGB", 2)
    assert found.preset.rpn_nms_thresh == 0.6
    assert found.preset.rpn_post_nms_top_n == 300
    assert found.preset.anchor_sizes == (16, 32, 64, 128, 256)
    assert found.preset.buckets["landscape"] == (640, 864)


def test_sizes_of_a_configuration_are_the_input_shapes(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("INPUT: {MIN_SIZE_TEST: 800, MAX_SIZE_TEST: 1333}")
    same = read_detectron2_config(file, DETECTRON2, lambda _: None).preset
    assert same.buckets == DETECTRON2.buckets
    file.write_text("INPUT: {MIN_SIZE_TEST: 800, MAX_SIZE_TEST: 512}")
    small = read_detectron2_config(file, DETECTRON2, lambda _: None).preset
    assert small.buckets == {"landscape": (384, 512), "portrait": (512, 384), "square": (384, 384)}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("MODEL: {RESNETS: {DEPTH: 101}}", "DEPTH is 101"),
        ("MODEL: {META_ARCHITECTURE: PanopticFPN}", "META_ARCHITECTURE is 'PanopticFPN'"),
        ("MODEL: {MASK_ON: false}", "MASK_ON is False"),
        ("MODEL: {BACKBONE: {NAME: build_resnet_backbone}}", "build_resnet_backbone"),
        ("MODEL: {ROI_BOX_HEAD: {NUM_CONV: 4}}", "ROI_BOX_HEAD.NUM_CONV is 4"),
        ("MODEL: {ANCHOR_GENERATOR: {SIZES: [[32, 64]]}}", "SIZES is"),
        ("MODEL: !!python/object/apply:os.system ['true']", "is not YAML"),
        ("- 1", "holds no settings"),
        ("MODEL: &a {RPN: *a}", "nested too deeply"),
        (BOMB, "more than 10,000 settings"),
        ("MODEL: {RESNETS: {DEPTH: [50]}}", r"DEPTH is \[50\]"),
        ("MODEL: {ANCHOR_GENERATOR: {SIZES: '[[32'}}", "SIZES is"),
        ("MODEL: {PIXEL_STD: [0, 0, 0]}", "three numbers above 0"),
        ("MODEL: {PIXEL_MEAN: [.nan, 0, 0]}", "three numbers are expected"),
        ("MODEL: {ANCHOR_GENERATOR: {ASPECT_RATIOS: [[.inf]]}}", "ASPECT_RATIOS is"),
        ("MODEL: {RPN: {POST_NMS_TOPK_TEST: 1000000}}", "from 1 to 5000"),
        ("INPUT: {MIN_SIZE_TEST: 0}", "a whole number from 1"),
        ("INPUT: {MIN_SIZE_TEST: 9000, MAX_SIZE_TEST: 9000}", "a long side of 9000 pixels"),
    ],
)
def test_what_a_configuration_asks_in_vain_is_named(text, complaint, tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(text)
    with pytest.raises(WeightsMismatch, match=complaint):
        read_detectron2_config(file, DETECTRON2, lambda _: None)


def test_import_takes_every_preset():
    assert [each.value for each in ImportedName] == list(KNOWN_PRESETS)
