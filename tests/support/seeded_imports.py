"""Seeded checkpoints of matterport's and Detectron2's models, under their own names."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from seeded_weights import NUM_CLASSES, fill

from model.config import IMPORTED_PRESETS, Preset
from model.weights.detectron2 import expected_detectron2_shapes
from model.weights.matterport import expected_keras_shapes

State = dict[str, NDArray[np.float32]]

# Pixels enter without being divided by their spread.
_SPREAD = 58.0
# Spreads of the output layers, chosen so that some tens of boxes of several classes are found.
_KERAS = {
    "rpn_class_raw/kernel": 0.2,
    "rpn_bbox_pred/kernel": 1.0,
    "mrcnn_class_logits/kernel": 1.2,
    "mrcnn_bbox_fc/kernel": 1.0,
    "mrcnn_mask/kernel": 0.5,
}
_KERAS_BACKGROUND = 0.34
_DETECTRON2 = {
    "proposal_generator.rpn_head.anchor_deltas.weight": 0.1,
    "roi_heads.box_predictor.cls_score.weight": 0.6,
    "roi_heads.mask_head.predictor.weight": 0.5,
}
_DETECTRON2_BACKGROUND = 7.9


def seeded_keras(preset: Preset) -> State:
    """Arrays by layer and part, as `conv1/kernel`, in Keras's layouts."""
    state = {
        name: _keras(name, s) for name, s in expected_keras_shapes(preset, NUM_CLASSES).items()
    }
    state["conv1/kernel"] /= _SPREAD
    for name, factor in _KERAS.items():
        state[name] *= factor
    state["mrcnn_class_logits/bias"][0] += _KERAS_BACKGROUND
    return state


def seeded_detectron2(preset: Preset) -> State:
    """A state dict under Detectron2's names, with the pixels' mean and spread."""
    shapes = expected_detectron2_shapes(preset, NUM_CLASSES)
    state = {name: fill(_as_torchvision(name), shape) for name, shape in shapes.items()}
    state["backbone.bottom_up.stem.conv1.weight"] /= _SPREAD
    for name, factor in _DETECTRON2.items():
        state[name] *= factor
    state["roi_heads.box_predictor.cls_score.bias"][-1] += _DETECTRON2_BACKGROUND
    mean = np.array(preset.mean[::-1], np.float32).reshape(3, 1, 1)
    return state | {"pixel_mean": mean, "pixel_std": np.ones((3, 1, 1), np.float32)}


def preset(name: str) -> Preset:
    """One of the presets of other projects."""
    return IMPORTED_PRESETS[name]


def _as_torchvision(name: str) -> str:
    """A name by which `fill` knows what a parameter is: the last of a block's norms is weak."""
    return name.replace("conv3.norm.", "bn3.")


def _keras(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    layer, _, part = name.partition("/")
    if part == "kernel":
        # fill makes filters sum to zero over all axes but the first: the outputs.
        axis = 2 if layer == "mrcnn_mask_deconv" else -1
        moved = np.moveaxis(np.zeros(shape, np.float32), axis, 0).shape
        return np.ascontiguousarray(np.moveaxis(fill(f"{layer}.weight", moved), 0, axis))
    known = {"gamma": "weight", "moving_variance": "running_var", "moving_mean": "running_mean"}
    norm = "bn3" if layer.endswith("_branch2c") else layer
    return fill(f"{layer}.{norm}.{known.get(part, 'bias')}", shape)
