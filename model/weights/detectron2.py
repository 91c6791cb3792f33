"""Strict import of Detectron2's Mask R-CNN with an FPN (.pkl or .pth).

Its names are turned into torchvision's, and three things with them: the pixels are BGR there, the
background is the last class and not the first, and boxes and masks have no channel for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.config import Preset
from model.runtime.errors import WeightsMismatch
from model.weights.shapes import check_shapes
from model.weights.state_dict import Say
from model.weights.torchvision import expected_shapes, fold

Array = NDArray[Any]

_CLASS_SCORES = "roi_heads.box_predictor.cls_score.bias"
_MEAN, _STD = "pixel_mean", "pixel_std"
_CELLS = re.compile(r"^proposal_generator\.anchor_generator\.cell_anchors\.(\d)$")
# torchvision's names -> Detectron2's.
_RENAMED = (
    (r"^backbone\.body\.conv1\.", "backbone.bottom_up.stem.conv1."),
    (r"^backbone\.body\.bn1\.", "backbone.bottom_up.stem.conv1.norm."),
    (r"^backbone\.body\.layer(\d)\.(\d+)\.bn(\d)\.", r"backbone.bottom_up.res\1.\2.conv\3.norm."),
    (r"^backbone\.body\.layer(\d)\.(\d+)\.conv(\d)\.", r"backbone.bottom_up.res\1.\2.conv\3."),
    (
        r"^backbone\.body\.layer(\d)\.(\d+)\.downsample\.0\.",
        r"backbone.bottom_up.res\1.\2.shortcut.",
    ),
    (
        r"^backbone\.body\.layer(\d)\.(\d+)\.downsample\.1\.",
        r"backbone.bottom_up.res\1.\2.shortcut.norm.",
    ),
    (r"^backbone\.fpn\.inner_blocks\.(\d)\.0\.", r"backbone.fpn_lateral\1."),
    (r"^backbone\.fpn\.layer_blocks\.(\d)\.0\.", r"backbone.fpn_output\1."),
    (r"^rpn\.head\.conv\.0\.0\.", "proposal_generator.rpn_head.conv."),
    (r"^rpn\.head\.cls_logits\.", "proposal_generator.rpn_head.objectness_logits."),
    (r"^rpn\.head\.bbox_pred\.", "proposal_generator.rpn_head.anchor_deltas."),
    (r"^roi_heads\.box_head\.fc6\.", "roi_heads.box_head.fc1."),
    (r"^roi_heads\.box_head\.fc7\.", "roi_heads.box_head.fc2."),
    (r"^roi_heads\.mask_head\.(\d)\.0\.", r"roi_heads.mask_head.mask_fcn\1."),
    (r"^roi_heads\.mask_predictor\.conv5_mask\.", "roi_heads.mask_head.deconv."),
    (r"^roi_heads\.mask_predictor\.mask_fcn_logits\.", "roi_heads.mask_head.predictor."),
)
# What their numbers count from, in torchvision less than in Detectron2.
_COUNTED = re.compile(r"(\.res|fpn_lateral|fpn_output|mask_fcn)(\d)")
_FROM = {".res": 1, "fpn_lateral": 2, "fpn_output": 2, "mask_fcn": 1}
# Those without a channel for the background, and how many numbers a class has.
_FOREGROUND = {
    "roi_heads.box_predictor.bbox_pred": 4,
    "roi_heads.mask_predictor.mask_fcn_logits": 1,
}


def fold_detectron2(
    state: Mapping[str, Array], preset: Preset, channels: str, say: Say
) -> tuple[dict[str, NDArray[np.float32]], int, Preset]:
    """Turn a checkpoint into the network's weights, its class count (background included), preset.

    channels: in which order the network was given pixels, "BGR" or "RGB". Mean, standard
    deviation and anchors are the file's where it has them.
    Raises WeightsMismatch unless it has exactly the preset's parameters.
    """
    parameters = {k: v for k, v in state.items() if not k.endswith(".num_batches_tracked")}
    preset = _with_pixels(parameters, preset, channels, say)
    preset = _with_anchors(parameters, preset, say)
    num_classes = len(parameters.get(_CLASS_SCORES, range(81)))
    names = {ours: detectron2_name(ours) for ours in expected_shapes(preset, num_classes)}
    check_shapes(parameters, expected_detectron2_shapes(preset, num_classes), preset.name)
    ours = {name: _converted(name, parameters[theirs]) for name, theirs in names.items()}
    if channels == "BGR":
        stem = "backbone.body.conv1.weight"
        ours[stem] = ours[stem][:, ::-1]
    return *fold(ours, preset), preset


def expected_detectron2_shapes(preset: Preset, num_classes: int) -> dict[str, tuple[int, ...]]:
    """Every parameter of the preset's Detectron2 model; num_classes counts the background."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, shape in expected_shapes(preset, num_classes).items():
        values = _FOREGROUND.get(name.rpartition(".")[0], 0)
        shapes[detectron2_name(name)] = (shape[0] - values, *shape[1:])
    return shapes


def detectron2_name(name: str) -> str:
    """Give a parameter of torchvision's the name that it has in Detectron2."""
    for ours, theirs in _RENAMED:
        renamed, count = re.subn(ours, theirs, name)
        if count:
            return _COUNTED.sub(lambda m: f"{m[1]}{int(m[2]) + _FROM[m[1]]}", renamed)
    return name


def _converted(name: str, array: Array) -> Array:
    """Put the background where torchvision has it: first, with a channel of its own."""
    layer = name.rpartition(".")[0]
    if layer == "roi_heads.box_predictor.cls_score":
        return np.roll(array, 1, axis=0)
    if layer in _FOREGROUND:
        blank = np.zeros((_FOREGROUND[layer], *array.shape[1:]), array.dtype)
        return np.concatenate([blank, array])
    return array


def _with_pixels(parameters: dict[str, Array], preset: Preset, channels: str, say: Say) -> Preset:
    """Take mean and standard deviation out of the file, in RGB."""
    taken = {
        field: parameters.pop(name).reshape(-1).astype(float)
        for field, name in (("mean", _MEAN), ("std", _STD))
        if name in parameters and parameters[name].size == 3
    }
    step = -1 if channels == "BGR" else 1
    changes: dict[str, Any] = {field: tuple(v[::step].tolist()) for field, v in taken.items()}
    for field, values in changes.items():
        if not np.allclose(values, getattr(preset, field), rtol=1e-4):
            shown = ", ".join(format(value, ".5g") for value in values)
            say(f"Pixels' {field}, from the file: {shown} (RGB).")
    return replace(preset, **changes)


def _with_anchors(parameters: dict[str, Array], preset: Preset, say: Say) -> Preset:
    """Take the anchors' sizes and ratios out of the file; raises WeightsMismatch for odd ones."""
    cells: dict[int, Array] = {}
    for name in list(parameters):
        if match := _CELLS.match(name):
            cells[int(match[1])] = parameters.pop(name)
    if not cells:
        return preset
    sides = [array[:, 2:] - array[:, :2] for _, array in sorted(cells.items())]
    areas = [np.sqrt(each.prod(axis=1)) for each in sides]
    ratios = [each[:, 1] / each[:, 0] for each in sides]
    one_size = all(np.allclose(each, each[0], rtol=1e-3) for each in areas)
    one_set = len(cells) == 5 and all(
        len(each) == len(ratios[0]) and np.allclose(each, ratios[0], rtol=1e-3) for each in ratios
    )
    centred = all(np.allclose(a[:, :2], -a[:, 2:], atol=1e-3) for a in cells.values())
    if not (one_size and one_set and centred):
        raise WeightsMismatch(
            "The file's anchors are not one size for each of five levels, with the same ratios "
            "everywhere, around the cells' corners (ANCHOR_GENERATOR.OFFSET 0)."
        )
    found = replace(
        preset,
        anchor_sizes=tuple(round(float(each[0]), 3) for each in areas),
        anchor_ratios=tuple(round(float(each), 4) for each in ratios[0]),
    )
    if np.allclose(found.anchor_sizes, preset.anchor_sizes, rtol=1e-3) and (
        len(found.anchor_ratios) == len(preset.anchor_ratios)
        and np.allclose(found.anchor_ratios, preset.anchor_ratios, rtol=1e-3)
    ):
        return preset
    say(f"Anchors, from the file: sizes {found.anchor_sizes}, ratios {found.anchor_ratios}.")
    return found
