"""The settings of a matterport model: a TOML file with the names of its `Config`.

    IMAGE_MIN_DIM = 800
    RPN_ANCHOR_SCALES = [16, 32, 64, 128, 256]
    DETECTION_MIN_CONFIDENCE = 0.5

What only training uses may stand in it; a name that is not Config's is refused.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from model.config import Preset
from model.runtime.errors import WeightsMismatch
from model.weights.setting_values import (
    MOST_CANDIDATES,
    MOST_DETECTIONS,
    MOST_PROPOSALS,
    count,
    share,
)

# Of training, or told by the weights themselves: read over.
_UNUSED = frozenset(
    (
        *("NAME", "GPU_COUNT", "IMAGES_PER_GPU", "BATCH_SIZE", "STEPS_PER_EPOCH", "EPOCHS"),
        *("VALIDATION_STEPS", "NUM_CLASSES", "RPN_TRAIN_ANCHORS_PER_IMAGE", "TRAIN_BN"),
        *("POST_NMS_ROIS_TRAINING", "USE_MINI_MASK", "MINI_MASK_SHAPE", "TRAIN_ROIS_PER_IMAGE"),
        *("ROI_POSITIVE_RATIO", "MAX_GT_INSTANCES", "LEARNING_RATE", "LEARNING_MOMENTUM"),
        *("WEIGHT_DECAY", "LOSS_WEIGHTS", "USE_RPN_ROIS", "GRADIENT_CLIP_NORM", "IMAGE_SHAPE"),
        *("IMAGE_META_SIZE", "TOP_DOWN_PYRAMID_SIZE", "FPN_CLASSIF_FC_LAYERS_SIZE"),
        "COMPUTE_BACKBONE_SHAPE",
    )
)
# What the network is made for here, and cannot be otherwise.
_FIXED: dict[str, Any] = {
    "BACKBONE_STRIDES": [4, 8, 16, 32, 64],
    "IMAGE_RESIZE_MODE": "square",
    "IMAGE_MIN_SCALE": 0,
    "IMAGE_CHANNEL_COUNT": 3,
    "POOL_SIZE": 7,
    "MASK_POOL_SIZE": 14,
    "MASK_SHAPE": [28, 28],
}
_LEVELS = 5
_COARSEST = 64
# Of a long side, as --long-side has it.
_LARGEST = 2048


def read_matterport_config(path: Path, preset: Preset) -> Preset:
    """Return the preset with what the file says otherwise.

    Raises WeightsMismatch for a file that is not TOML, a name that is not known, and a value
    that is not possible, each by its name.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise WeightsMismatch(f"{path} is not TOML: {error}.") from None
    changes: dict[str, Any] = {}
    for name, value in values.items():
        if name in _FIXED:
            _check_fixed(path, name, value)
        elif name in _SETTINGS:
            field, convert = _SETTINGS[name]
            changes[field] = _converted(path, name, value, convert)
        elif name == "BACKBONE" and value != preset.backbone:
            raise WeightsMismatch(
                f"{path}: BACKBONE is {value!r}; the preset {preset.name} is not."
            )
        elif name != "BACKBONE" and name not in _UNUSED:
            raise WeightsMismatch(
                f"{path}: {name} is no setting of matterport's Config; read are "
                f"{', '.join(_SETTINGS)}."
            )
    return _with_square(path, replace(preset, **changes))


def _check_fixed(path: Path, name: str, value: object) -> None:
    if value != _FIXED[name]:
        cure = "" if name != "IMAGE_RESIZE_MODE" else " Photographs of a fixed shape are needed."
        raise WeightsMismatch(
            f"{path}: {name} is {value!r}; {_FIXED[name]!r} alone can be served.{cure}"
        )


def _converted(path: Path, name: str, value: Any, convert: Callable[[Any], Any]) -> Any:
    try:
        return convert(value)
    except (TypeError, ValueError) as error:
        raise WeightsMismatch(f"{path}: {name} is {value!r}; {error}.") from None


def _with_square(path: Path, preset: Preset) -> Preset:
    side = preset.max_size
    if side % _COARSEST or side > _LARGEST or not 0 < preset.min_size <= side:
        raise WeightsMismatch(
            f"{path}: IMAGE_MAX_DIM is {side} and IMAGE_MIN_DIM {preset.min_size}; a multiple of "
            f"{_COARSEST} up to {_LARGEST} and no more than it are expected."
        )
    return replace(preset, buckets={"square": (side, side)})


def _stride(value: Any) -> int:
    if value not in (1, 2):
        raise ValueError("1 or 2 is expected")
    return int(value)


def _numbers(count: int | None, value: Any) -> tuple[float, ...]:
    numbers = isinstance(value, list) and all(
        type(each) in (int, float) and math.isfinite(each) for each in value
    )
    if not numbers or not value or (count and len(value) != count) or min(value) <= 0:
        raise ValueError(f"a list of {count or 'some'} numbers above 0 is expected")
    return tuple(value)


def _mean(value: Any) -> tuple[float, ...]:
    if isinstance(value, list) and len(value) == 3 and all(0 <= each <= 255 for each in value):
        return tuple(float(each) for each in value)
    raise ValueError("three numbers from 0 to 255 are expected: red, green, blue")


def _ratios(value: Any) -> tuple[float, ...]:
    """Width over height there, height over width here."""
    return tuple(1 / each for each in _numbers(None, value))


# Config's name -> the preset's field, and what makes its value.
_SETTINGS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "IMAGE_MIN_DIM": ("min_size", count(_LARGEST)),
    "IMAGE_MAX_DIM": ("max_size", count(_LARGEST)),
    "MEAN_PIXEL": ("mean", _mean),
    "RPN_ANCHOR_SCALES": ("anchor_sizes", lambda value: _numbers(_LEVELS, value)),
    "RPN_ANCHOR_RATIOS": ("anchor_ratios", _ratios),
    "RPN_ANCHOR_STRIDE": ("anchor_stride", _stride),
    "RPN_NMS_THRESHOLD": ("rpn_nms_thresh", share),
    "PRE_NMS_LIMIT": ("rpn_pre_nms_top_n", count(MOST_CANDIDATES)),
    "POST_NMS_ROIS_INFERENCE": ("rpn_post_nms_top_n", count(MOST_PROPOSALS)),
    "RPN_BBOX_STD_DEV": ("rpn_delta_std", lambda value: _numbers(4, value)),
    "BBOX_STD_DEV": ("box_delta_std", lambda value: _numbers(4, value)),
    "DETECTION_MAX_INSTANCES": ("box_detections_per_img", count(MOST_DETECTIONS)),
    "DETECTION_MIN_CONFIDENCE": ("box_score_thresh", share),
    "DETECTION_NMS_THRESHOLD": ("box_nms_thresh", share),
}
