"""Strict import of matterport/Mask_RCNN's Keras weights (.h5).

A file holds a group for each layer, at its root or under `model_weights`, and in it the layer's
arrays; shared and wrapped layers are nested (`rpn_model/rpn_conv_shared/kernel:0`). Keras loads
such a file by position and leaves out in silence what does not fit. Here every array is used
once, by the name of the layer that it is in, and checked in shape. HDF5 holds numbers alone:
nothing in a file is run.

What is folded in, beside BatchNorm: the softmax over background and object, which is a sigmoid of
the difference of the two; the standard deviations of the box deltas; and y before x.

                 Keras                here
    convolution  (k, k, I, O)         the same
    transposed   (2, 2, O, I)         (1, 1, I, 4·O), for depth-to-space
    dense        (I, O)               the same
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.config import RESNET_BLOCKS, Preset
from model.runtime.errors import CheckpointError, WeightsMismatch
from model.weights.shapes import check_shapes
from model.weights.state_dict import Say

Array = NDArray[Any]

HDF5_START = b"\x89HDF\r\n\x1a\n"
# Beside the layers of the network: the optimizer's moments, and the anchors, which a model in
# training mode keeps as a constant.
_SKIPPED = {
    "optimizer_weights": "the optimizer's state",
    "optimizer": "the optimizer's state",
    "anchors": "anchors, which follow from the settings",
}
_NORM = ("gamma", "beta", "moving_mean", "moving_variance")
_CROP_SIDE = 7
# The first layer of the box head has 7 · 7 · 256 · 1024 numbers; wider ones exist.
_LARGEST_ARRAY = 1 << 27
# What the deltas are multiplied by later: torchvision's weights of its box coder.
_DELTA_WEIGHTS = (10.0, 10.0, 5.0, 5.0)
# dy, dx, dh, dw -> dx, dy, dw, dh
_X_FIRST = [1, 0, 3, 2]


@dataclass(frozen=True, slots=True)
class _Layer:
    """A layer of the file, the BatchNorm after it, and its name in the network."""

    keras: str
    name: str
    shape: tuple[int, ...]
    norm: str | None = None

    @property
    def outputs(self) -> int:
        return self.shape[2] if self.is_transposed else self.shape[-1]

    @property
    def is_transposed(self) -> bool:
        return self.keras == "mrcnn_mask_deconv"

    def shapes(self) -> dict[str, tuple[int, ...]]:
        vectors = [f"{self.keras}/bias", *(f"{self.norm}/{part}" for part in _NORM if self.norm)]
        return {f"{self.keras}/kernel": self.shape} | dict.fromkeys(vectors, (self.outputs,))

    def fold(self, state: Mapping[str, Array], epsilon: float) -> tuple[Array, Array]:
        """Kernel and bias with BatchNorm in them, float64."""
        kernel, bias = (
            state[f"{self.keras}/{part}"].astype(np.float64) for part in ("kernel", "bias")
        )
        if self.norm is None:
            return kernel, bias
        gamma, beta, mean, variance = (
            state[f"{self.norm}/{part}"].astype(np.float64) for part in _NORM
        )
        scale = gamma / np.sqrt(variance + epsilon)
        return kernel * scale, (bias - mean) * scale + beta


def read_keras(path: Path, say: Say) -> dict[str, Array]:
    """Return the arrays of the network's layers by layer and part: `conv1/kernel`.

    Raises CheckpointError for a file that is no HDF5, and for a part that is there twice.
    """
    import h5py

    arrays: dict[str, Array] = {}
    skipped: set[str] = set()
    try:
        with h5py.File(path, "r") as file:
            for name in _datasets(file):
                parts = name.split("/")
                told = next((part for part in parts if part in _SKIPPED), None)
                if told:
                    skipped.add(_SKIPPED[told])
                    continue
                key = _key(parts)
                if file[name].size > _LARGEST_ARRAY:
                    raise CheckpointError(
                        f"{path}: {name} has {file[name].size:,} numbers; no array of Mask R-CNN "
                        f"has more than {_LARGEST_ARRAY:,}."
                    )
                if key in arrays:
                    raise CheckpointError(f"{path}: it has {key} twice, once as {name}.")
                arrays[key] = np.asarray(file[name])
    except OSError as error:
        raise CheckpointError(f"{path}: its HDF5 is damaged or cut short: {error}.") from None
    if skipped:
        say(f"Left out {' and '.join(sorted(skipped))}.")
    return arrays


def fold_matterport(
    state: Mapping[str, Array], preset: Preset
) -> tuple[dict[str, NDArray[np.float32]], int, Preset]:
    """Turn a file's arrays into the network's weights, its class count, and its preset.

    The widths of the pyramid and of the box head are the file's. Raises WeightsMismatch unless
    it has exactly the preset's arrays, each of the right shape.
    """
    num_classes = len(state.get("mrcnn_class_logits/bias", range(81)))
    preset = replace(
        preset,
        fpn_channels=_width(state, "fpn_c5p5/bias", preset.fpn_channels),
        box_head_width=_width(state, "mrcnn_class_conv1/bias", preset.box_head_width),
    )
    _check_anchors(state, preset)
    layers = list(_layers(preset, num_classes))
    expected: dict[str, tuple[int, ...]] = {}
    for layer in layers:
        expected |= layer.shapes()
    check_shapes(state, expected, preset.name)
    weights: dict[str, NDArray[np.float32]] = {}
    for layer in layers:
        kernel, bias = _arranged(layer, *layer.fold(state, preset.batch_norm_epsilon), preset)
        weights[f"{layer.name}.weight"] = np.ascontiguousarray(kernel, np.float32)
        weights[f"{layer.name}.bias"] = np.ascontiguousarray(bias, np.float32)
    return weights, num_classes, preset


def _datasets(file: Any) -> list[str]:
    import h5py

    names: list[str] = []

    def visit(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            names.append(name)

    file.visititems(visit)
    return names


def _key(parts: list[str]) -> str:
    """`mrcnn_class_conv1/mrcnn_class_conv1/kernel:0` -> `mrcnn_class_conv1/kernel`.

    The layer is the innermost group of a known name; without one, the path is kept for the error.
    """
    part = parts[-1].partition(":")[0]
    known = [each for each in parts[:-1] if each in _KNOWN_LAYERS]
    return f"{known[-1]}/{part}" if known else "/".join(parts)


def _width(state: Mapping[str, Array], name: str, default: int) -> int:
    return len(state[name]) if name in state and state[name].ndim == 1 else default


def _check_anchors(state: Mapping[str, Array], preset: Preset) -> None:
    found, expected = _width(state, "rpn_bbox_pred/bias", 0), 4 * len(preset.anchor_ratios)
    if found and found != expected:
        raise WeightsMismatch(
            f"The file predicts {found // 4} anchors at a position, and the settings have "
            f"{len(preset.anchor_ratios)} RPN_ANCHOR_RATIOS; give the Config's with --config."
        )


def _arranged(layer: _Layer, kernel: Array, bias: Array, preset: Preset) -> tuple[Array, Array]:
    """Kernel and bias in the network's layout and order."""
    match layer.keras:
        case "rpn_class_raw":
            pairs = kernel.reshape(*kernel.shape[:-1], -1, 2), bias.reshape(-1, 2)
            return pairs[0][..., 1] - pairs[0][..., 0], pairs[1][:, 1] - pairs[1][:, 0]
        case "rpn_bbox_pred":
            return _scaled(kernel, bias, np.array(preset.rpn_delta_std))
        case "mrcnn_bbox_fc":
            weights = np.array(_DELTA_WEIGHTS)[_X_FIRST]
            return _scaled(kernel, bias, np.array(preset.box_delta_std) * weights)
        case "mrcnn_class_conv1" | "mrcnn_class_conv2":
            return kernel.reshape(-1, kernel.shape[-1]), bias
        case "mrcnn_mask_deconv":
            inputs = kernel.shape[3]
            return kernel.transpose(3, 0, 1, 2).reshape(1, 1, inputs, -1), np.tile(bias, 4)
    return kernel, bias


def _scaled(kernel: Array, bias: Array, factors: Array) -> tuple[Array, Array]:
    """Multiply deltas of dy, dx, dh, dw by their factors, and put x before y."""
    deltas = [each.reshape(*each.shape[:-1], -1, 4) * factors for each in (kernel, bias)]
    kernels, biases = (each[..., _X_FIRST] for each in deltas)
    return kernels.reshape(kernel.shape), biases.reshape(bias.shape)


def _layers(preset: Preset, num_classes: int) -> Iterator[_Layer]:
    yield from _resnet(preset)
    channels = preset.fpn_channels
    for level, inputs in enumerate((256, 512, 1024, 2048), start=2):
        index = level - 2
        inner, layer = f"fpn.inner_blocks.{index}.0", f"fpn.layer_blocks.{index}.0"
        yield _Layer(f"fpn_c{level}p{level}", f"backbone.{inner}", (1, 1, inputs, channels))
        yield _Layer(f"fpn_p{level}", f"backbone.{layer}", (3, 3, channels, channels))
    anchors = len(preset.anchor_ratios)
    shared = 512
    yield _Layer("rpn_conv_shared", "rpn.head.conv.0.0", (3, 3, channels, shared))
    yield _Layer("rpn_class_raw", "rpn.head.cls_logits", (1, 1, shared, 2 * anchors))
    yield _Layer("rpn_bbox_pred", "rpn.head.bbox_pred", (1, 1, shared, 4 * anchors))
    yield from _heads(preset, num_classes)


def _resnet(preset: Preset) -> Iterator[_Layer]:
    body = "backbone.body"
    yield _Layer("conv1", f"{body}.conv1", (7, 7, 3, 64), "bn_conv1")
    inputs = 64
    for stage, blocks in enumerate(RESNET_BLOCKS[preset.backbone], start=2):
        width, outputs = 64 * 2 ** (stage - 2), 256 * 2 ** (stage - 2)
        for block in range(blocks):
            at, name = f"{stage}{chr(ord('a') + block)}_branch", f"{body}.layer{stage - 1}.{block}"
            for branch, part, shape in (
                ("2a", "conv1", (1, 1, inputs, width)),
                ("2b", "conv2", (3, 3, width, width)),
                ("2c", "conv3", (1, 1, width, outputs)),
                ("1", "downsample.0", (1, 1, inputs, outputs)),
            ):
                if branch != "1" or block == 0:
                    norm = f"bn{at}{branch}"
                    yield _Layer(f"res{at}{branch}", f"{name}.{part}", shape, norm)
            inputs = outputs


def _heads(preset: Preset, num_classes: int) -> Iterator[_Layer]:
    channels, width = preset.fpn_channels, preset.box_head_width
    box, mask = "roi_heads.box_head", "roi_heads.mask_head"
    side = _CROP_SIDE
    first = (side, side, channels, width)
    yield _Layer("mrcnn_class_conv1", f"{box}.fc6", first, "mrcnn_class_bn1")
    yield _Layer("mrcnn_class_conv2", f"{box}.fc7", (1, 1, width, width), "mrcnn_class_bn2")
    predictor = "roi_heads.box_predictor"
    yield _Layer("mrcnn_class_logits", f"{predictor}.cls_score", (width, num_classes))
    yield _Layer("mrcnn_bbox_fc", f"{predictor}.bbox_pred", (width, 4 * num_classes))
    inputs = channels
    for index, outputs in enumerate(preset.mask_head_channels):
        name, norm = f"mrcnn_mask_conv{index + 1}", f"mrcnn_mask_bn{index + 1}"
        yield _Layer(name, f"{mask}.{index}.0", (3, 3, inputs, outputs), norm)
        inputs = outputs
    predictor, hidden = "roi_heads.mask_predictor", preset.mask_predictor_channels
    yield _Layer("mrcnn_mask_deconv", f"{predictor}.conv5_mask", (2, 2, hidden, inputs))
    last = (1, 1, hidden, num_classes)
    yield _Layer("mrcnn_mask", f"{predictor}.mask_fcn_logits", last)


def expected_keras_shapes(preset: Preset, num_classes: int) -> dict[str, tuple[int, ...]]:
    """Every array of the preset's file by layer and part."""
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in _layers(preset, num_classes):
        shapes |= layer.shapes()
    return shapes


def _known_layers() -> frozenset[str]:
    from model.config import IMPORTED_PRESETS

    deepest = IMPORTED_PRESETS["matterport-r101"]
    return frozenset(name.rpartition("/")[0] for name in expected_keras_shapes(deepest, 2))


_KNOWN_LAYERS = _known_layers()
