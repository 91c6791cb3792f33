"""Strict import of a torchvision Mask R-CNN checkpoint, and the way back for training.

A preset's plan lists every layer under torchvision's names, with PyTorch's shapes.
`fold` checks a state dict against it, folds BatchNorm into the convolutions and
turns the weights into TensorFlow's layouts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.config import (
    EFFICIENTNET_LITE0_BLOCKS,
    EFFICIENTNET_LITE0_OUTPUTS,
    EFFICIENTNET_LITE0_STEM,
    RESNET_BLOCKS,
    Preset,
)
from model.runtime.errors import WeightsMismatch
from model.weights.layouts import (
    CONVOLUTION,
    CROP_SIDE,
    DEPTHWISE,
    LINEAR,
    LINEAR_AFTER_FLATTEN,
    TRANSPOSED,
    Layout,
)
from model.weights.shapes import check_shapes, summary

Array = NDArray[np.float32]
Shapes = dict[str, tuple[int, ...]]

_CLASS_SCORES = "roi_heads.box_predictor.cls_score.bias"

# What torchvision renames when it loads a file saved before its layers were named
# alike, as maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth was.
_OLD_NAMES = (
    (re.compile(r"^(rpn\.head\.conv)\.(weight|bias)$"), r"\1.0.0.\2"),
    (re.compile(r"^(backbone\.fpn\.(?:inner|layer)_blocks\.\d)\.(weight|bias)$"), r"\1.0.\2"),
)
_OLD_MASK_NAME = re.compile(r"^roi_heads\.mask_head\.mask_fcn(\d)\.(weight|bias)$")


@dataclass(frozen=True, slots=True)
class _Layer:
    """One layer of the checkpoint; it carries either a bias or a BatchNorm."""

    name: str
    shape: tuple[int, ...]
    norm: str | None = None
    layout: Layout = CONVOLUTION

    @property
    def outputs(self) -> int:
        return self.shape[1] if self.layout is TRANSPOSED else self.shape[0]

    def shapes(self) -> Shapes:
        vectors = (
            [f"{self.norm}.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
            if self.norm
            else [f"{self.name}.bias"]
        )
        return {f"{self.name}.weight": self.shape} | dict.fromkeys(vectors, (self.outputs,))

    def fold(self, state: Mapping[str, Array], epsilon: float) -> dict[str, Array]:
        weight = state[f"{self.name}.weight"].astype(np.float64)
        if self.norm:
            gamma, beta, mean, variance = (
                state[f"{self.norm}.{part}"].astype(np.float64)
                for part in ("weight", "bias", "running_mean", "running_var")
            )
            scale = gamma / np.sqrt(variance + epsilon)
            weight = weight * scale[:, None, None, None]
            bias = beta - mean * scale
        else:
            bias = state[f"{self.name}.bias"].astype(np.float64)
        weight = self.layout.to_tensorflow(weight)
        if self.layout is TRANSPOSED:
            # The four output pixels of one input pixel share a bias.
            bias = np.tile(bias, 4)
        return {
            f"{self.name}.weight": np.ascontiguousarray(weight, np.float32),
            f"{self.name}.bias": bias.astype(np.float32),
        }

    def unfold(self, weights: Mapping[str, Array], epsilon: float) -> dict[str, Array]:
        weight, bias = weights[f"{self.name}.weight"], weights[f"{self.name}.bias"]
        weight = self.layout.to_pytorch(weight)
        state = {f"{self.name}.weight": np.ascontiguousarray(weight, np.float32)}
        bias = bias[: self.outputs]
        if not self.norm:
            return state | {f"{self.name}.bias": bias}
        ones = np.ones_like(bias)
        return state | {
            f"{self.norm}.weight": ones,
            f"{self.norm}.bias": bias,
            f"{self.norm}.running_mean": 0 * ones,
            f"{self.norm}.running_var": ones - np.float32(epsilon),
        }


def fold(state_dict: Mapping[str, Array], preset: Preset) -> tuple[dict[str, Array], int]:
    """Turn a checkpoint into the weights of `MaskRCNN` and its class count, background included.

    Raises WeightsMismatch unless the checkpoint has exactly the preset's parameters,
    each of the right shape, for one class count.
    """
    state = with_current_names(state_dict)
    # A checkpoint without class scores is then told what it lacks beside COCO's 91 classes.
    num_classes = len(state.get(_CLASS_SCORES, range(91)))
    check_shapes(state, expected_shapes(preset, num_classes), preset.name)
    weights: dict[str, Array] = {}
    for layer in _layers(preset, num_classes):
        weights |= layer.fold(state, preset.batch_norm_epsilon)
    return weights, num_classes


def unfold(weights: Mapping[str, Array], preset: Preset) -> dict[str, Array]:
    """Turn the weights of `MaskRCNN` back into a checkpoint, for a training that goes on.

    What `fold` folded stays folded: a BatchNorm scales by one and adds the bias.
    Raises WeightsMismatch unless the weights are those of the preset.
    """
    num_classes = len(weights[_CLASS_SCORES])
    layers = list(_layers(preset, num_classes))
    missing = [layer.name for layer in layers if f"{layer.name}.weight" not in weights]
    if missing:
        raise WeightsMismatch(
            f"The weights do not fit the preset {preset.name}: {summary('missing', missing)}."
        )
    state: dict[str, Array] = {}
    for layer in layers:
        state |= layer.unfold(weights, preset.batch_norm_epsilon)
    check_shapes(state, expected_shapes(preset, num_classes), preset.name)
    return state


def expected_shapes(preset: Preset, num_classes: int) -> Shapes:
    """Every parameter of the preset's torchvision model, by name, without counters."""
    shapes: Shapes = {}
    for layer in _layers(preset, num_classes):
        shapes |= layer.shapes()
    return shapes


def with_current_names(state_dict: Mapping[str, Array]) -> dict[str, Array]:
    """Give a state dict the names that torchvision uses today, and leave its counters out.

    Raises WeightsMismatch for a parameter that it has under two names.
    """
    state: dict[str, Array] = {}
    for name, array in state_dict.items():
        if name.endswith(".num_batches_tracked"):
            continue
        current = _current_name(name)
        if current in state:
            raise WeightsMismatch(f"The checkpoint has {current} twice, once under an older name.")
        state[current] = np.asarray(array)
    return state


def _current_name(name: str) -> str:
    for old, new in _OLD_NAMES:
        name = old.sub(new, name)
    return _OLD_MASK_NAME.sub(
        lambda match: f"roi_heads.mask_head.{int(match[1]) - 1}.0.{match[2]}", name
    )


def _layers(preset: Preset, num_classes: int) -> Iterator[_Layer]:
    yield from _resnet(preset) if preset.backbone in RESNET_BLOCKS else _efficientnet_lite0(preset)
    yield from _fpn(preset)
    yield from _rpn(preset)
    yield from _box_head(preset, num_classes)
    yield from _mask_head(preset, num_classes)


def _resnet(preset: Preset) -> Iterator[_Layer]:
    body = "backbone.body"
    yield _Layer(f"{body}.conv1", (64, 3, 7, 7), norm=f"{body}.bn1")
    inputs = 64
    widths = iter(preset.block_widths)
    for stage, blocks in enumerate(RESNET_BLOCKS[preset.backbone]):
        outputs = 256 * 2**stage
        for block in range(blocks):
            at, width = f"{body}.layer{stage + 1}.{block}", next(widths)
            yield _Layer(f"{at}.conv1", (width, inputs, 1, 1), norm=f"{at}.bn1")
            yield _Layer(f"{at}.conv2", (width, width, 3, 3), norm=f"{at}.bn2")
            yield _Layer(f"{at}.conv3", (outputs, width, 1, 1), norm=f"{at}.bn3")
            if block == 0:
                shortcut = f"{at}.downsample"
                yield _Layer(f"{shortcut}.0", (outputs, inputs, 1, 1), norm=f"{shortcut}.1")
            inputs = outputs


def _efficientnet_lite0(preset: Preset) -> Iterator[_Layer]:
    body = "backbone.body"
    yield _Layer(f"{body}._conv_stem", (EFFICIENTNET_LITE0_STEM, 3, 3, 3), norm=f"{body}._bn0")
    blocks = zip(EFFICIENTNET_LITE0_BLOCKS, preset.block_widths, strict=True)
    for index, (block, width) in enumerate(blocks):
        at = f"{body}._blocks.{index}"
        if block.expansion > 1:
            yield _Layer(f"{at}._expand_conv", (width, block.in_channels, 1, 1), norm=f"{at}._bn0")
        depthwise = (width, 1, block.kernel, block.kernel)
        yield _Layer(f"{at}._depthwise_conv", depthwise, f"{at}._bn1", DEPTHWISE)
        yield _Layer(f"{at}._project_conv", (block.out_channels, width, 1, 1), norm=f"{at}._bn2")


def _fpn(preset: Preset) -> Iterator[_Layer]:
    channels = preset.fpn_channels
    for level, inputs in enumerate(_pyramid_inputs(preset)):
        yield _conv_block(preset, f"backbone.fpn.inner_blocks.{level}", (channels, inputs, 1, 1))
        yield _conv_block(preset, f"backbone.fpn.layer_blocks.{level}", (channels, channels, 3, 3))


def _pyramid_inputs(preset: Preset) -> list[int]:
    if preset.backbone in RESNET_BLOCKS:
        return [256, 512, 1024, 2048]
    return [EFFICIENTNET_LITE0_BLOCKS[i].out_channels for i in EFFICIENTNET_LITE0_OUTPUTS]


def _rpn(preset: Preset) -> Iterator[_Layer]:
    channels, anchors = preset.fpn_channels, len(preset.anchor_ratios)
    for index in range(preset.rpn_convs):
        yield _Layer(f"rpn.head.conv.{index}.0", (channels, channels, 3, 3))
    yield _Layer("rpn.head.cls_logits", (anchors, channels, 1, 1))
    yield _Layer("rpn.head.bbox_pred", (4 * anchors, channels, 1, 1))


def _box_head(preset: Preset, num_classes: int) -> Iterator[_Layer]:
    head, predictor = "roi_heads.box_head", "roi_heads.box_predictor"
    channels, width = preset.fpn_channels, preset.box_head_width
    for index in range(preset.box_head_convs):
        yield _conv_block(preset, f"{head}.{index}", (channels, channels, 3, 3))
    fcs = [(name, width) for name in preset.box_head_fcs]
    if preset.box_head_rank:
        fcs.insert(0, (preset.box_head_reduction, preset.box_head_rank))
    inputs, layout = channels * CROP_SIDE**2, LINEAR_AFTER_FLATTEN
    for name, outputs in fcs:
        yield _Layer(f"{head}.{name}", (outputs, inputs), None, layout)
        inputs, layout = outputs, LINEAR
    yield _Layer(f"{predictor}.cls_score", (num_classes, width), None, LINEAR)
    yield _Layer(f"{predictor}.bbox_pred", (4 * num_classes, width), None, LINEAR)


def _mask_head(preset: Preset, num_classes: int) -> Iterator[_Layer]:
    inputs = preset.fpn_channels
    for index, channels in enumerate(preset.mask_head_channels):
        yield _conv_block(preset, f"roi_heads.mask_head.{index}", (channels, inputs, 3, 3))
        inputs = channels
    predictor, hidden = "roi_heads.mask_predictor", preset.mask_predictor_channels
    yield _Layer(f"{predictor}.conv5_mask", (inputs, hidden, 2, 2), None, TRANSPOSED)
    yield _Layer(f"{predictor}.mask_fcn_logits", (num_classes, hidden, 1, 1))


def _conv_block(preset: Preset, name: str, shape: tuple[int, ...]) -> _Layer:
    return _Layer(f"{name}.0", shape, norm=f"{name}.1" if preset.head_norm else None)
