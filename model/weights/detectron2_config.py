"""The configuration beside a Detectron2 model: what of its .yaml shapes the network.

A file may build upon others with `_BASE_`, which are read where they are there. Keys are
Detectron2's, as `MODEL.RPN.NMS_THRESH`; what training alone uses is read over, and what the
network here cannot do is refused by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from model.config import COARSEST_STRIDE, Preset
from model.runtime.errors import WeightsMismatch
from model.weights.setting_values import (
    MOST_CANDIDATES,
    MOST_DETECTIONS,
    MOST_PROPOSALS,
    count,
    share,
)
from model.weights.state_dict import Say

_DEEPEST = 5
# Keys that decide what the network is, and the values that can be served.
_FIXED: dict[str, tuple[object, ...]] = {
    "MODEL.META_ARCHITECTURE": ("GeneralizedRCNN",),
    "MODEL.MASK_ON": (True,),
    "MODEL.KEYPOINT_ON": (False,),
    "MODEL.BACKBONE.NAME": ("build_resnet_fpn_backbone",),
    "MODEL.RESNETS.NUM_GROUPS": (1,),
    "MODEL.RESNETS.WIDTH_PER_GROUP": (64,),
    "MODEL.RESNETS.STRIDE_IN_1X1": (True,),
    "MODEL.RESNETS.RES5_DILATION": (1,),
    "MODEL.RESNETS.NORM": ("FrozenBN", "BN", "SyncBN"),
    "MODEL.RESNETS.DEFORM_ON_PER_STAGE": ([False] * 4,),
    "MODEL.RESNETS.OUT_FEATURES": (["res2", "res3", "res4", "res5"],),
    "MODEL.FPN.NORM": ("",),
    "MODEL.FPN.FUSE_TYPE": ("sum",),
    "MODEL.FPN.IN_FEATURES": (["res2", "res3", "res4", "res5"],),
    "MODEL.ANCHOR_GENERATOR.NAME": ("DefaultAnchorGenerator",),
    "MODEL.ANCHOR_GENERATOR.OFFSET": (0, 0.0),
    "MODEL.PROPOSAL_GENERATOR.NAME": ("RPN",),
    "MODEL.PROPOSAL_GENERATOR.MIN_SIZE": (0,),
    "MODEL.RPN.HEAD_NAME": ("StandardRPNHead",),
    "MODEL.RPN.IN_FEATURES": (["p2", "p3", "p4", "p5", "p6"],),
    "MODEL.RPN.BBOX_REG_WEIGHTS": ([1.0] * 4,),
    "MODEL.RPN.CONV_DIMS": ([-1],),
    "MODEL.ROI_HEADS.NAME": ("StandardROIHeads",),
    "MODEL.ROI_HEADS.IN_FEATURES": (["p2", "p3", "p4", "p5"],),
    "MODEL.ROI_BOX_HEAD.NAME": ("FastRCNNConvFCHead",),
    "MODEL.ROI_BOX_HEAD.NUM_FC": (2,),
    "MODEL.ROI_BOX_HEAD.NUM_CONV": (0,),
    "MODEL.ROI_BOX_HEAD.NORM": ("",),
    "MODEL.ROI_BOX_HEAD.POOLER_RESOLUTION": (7,),
    "MODEL.ROI_BOX_HEAD.POOLER_TYPE": ("ROIAlignV2",),
    "MODEL.ROI_BOX_HEAD.BBOX_REG_WEIGHTS": ([10.0, 10.0, 5.0, 5.0],),
    "MODEL.ROI_BOX_HEAD.CLS_AGNOSTIC_BBOX_REG": (False,),
    "MODEL.ROI_MASK_HEAD.NAME": ("MaskRCNNConvUpsampleHead",),
    "MODEL.ROI_MASK_HEAD.NUM_CONV": (4,),
    "MODEL.ROI_MASK_HEAD.NORM": ("",),
    "MODEL.ROI_MASK_HEAD.POOLER_RESOLUTION": (14,),
    "MODEL.ROI_MASK_HEAD.POOLER_TYPE": ("ROIAlignV2",),
    "MODEL.ROI_MASK_HEAD.CLS_AGNOSTIC_MASK": (False,),
    "TEST.AUG.ENABLED": (False,),
}
_DEPTHS = {"50": "resnet50", "101": "resnet101"}
_LEVELS = 5
# Detectron2's have some 300; a few aliases in YAML can stand for billions.
_MOST_SETTINGS = 10_000
# Of a long side, in pixels, as --long-side has them.
_SMALLEST, _LARGEST = 128, 2048
# Of a photograph whose other side decides: INPUT.MAX_SIZE_TEST may be out of reach.
_LONGEST = 100_000
# The channels of a layer.
_WIDEST = 8192


@dataclass(frozen=True, slots=True)
class Detectron2Config:
    """What a file says: the preset, the order of colours, and how many classes there are."""

    preset: Preset
    channels: str
    num_classes: int | None


def read_detectron2_config(path: Path, preset: Preset, say: Say) -> Detectron2Config:
    """Read a .yaml file; raises WeightsMismatch for what cannot be read, or done, by its key."""
    values = _settings(path, say)
    for key, possible in _FIXED.items():
        if key in values and values[key] not in possible:
            raise WeightsMismatch(
                f"{path}: {key} is {values[key]!r}; {possible[0]!r} alone can be served."
            )
    depth = values.get("MODEL.RESNETS.DEPTH")
    if depth is not None and _DEPTHS.get(str(depth)) != preset.backbone:
        raise WeightsMismatch(
            f"{path}: MODEL.RESNETS.DEPTH is {depth}; {preset.name} is not that deep. There are "
            "detectron2-r50 and detectron2-r101."
        )
    changes = {
        field: _converted(path, key, values[key], convert)
        for key, (field, convert) in _SETTINGS.items()
        if key in values
    }
    channels = values.get("INPUT.FORMAT", "BGR")
    if channels not in ("BGR", "RGB"):
        raise WeightsMismatch(f"{path}: INPUT.FORMAT is {channels!r}; BGR or RGB is expected.")
    for field in {"mean", "std"} & changes.keys():
        changes[field] = changes[field][:: -1 if channels == "BGR" else 1]
    changed = replace(preset, **changes)
    if (changed.min_size, changed.max_size) != (preset.min_size, preset.max_size):
        changed = replace(changed, buckets=_buckets(path, changed))
    return Detectron2Config(changed, channels, values.get("MODEL.ROI_HEADS.NUM_CLASSES"))


def _settings(path: Path, say: Say) -> dict[str, Any]:
    """Every setting by its whole key; raises WeightsMismatch where there is no end of them."""
    try:
        settings = dict(islice(_flat(_read(path, say, _DEEPEST)), _MOST_SETTINGS + 1))
    except RecursionError:
        raise WeightsMismatch(f"{path} is nested too deeply for a configuration.") from None
    if len(settings) > _MOST_SETTINGS:
        raise WeightsMismatch(f"{path} has more than {_MOST_SETTINGS:,} settings.")
    return settings


def _buckets(path: Path, preset: Preset) -> dict[str, tuple[int, int]]:
    """Input shapes for photographs of 4:3 at the configuration's sizes, in whole strides."""
    short = min(preset.min_size, preset.max_size * 3 / 4)
    long = short * 4 / 3
    if not _SMALLEST <= long <= _LARGEST:
        raise WeightsMismatch(
            f"{path}: INPUT.MIN_SIZE_TEST is {preset.min_size} and MAX_SIZE_TEST "
            f"{preset.max_size}: photographs of 4:3 would have a long side of {long:.0f} pixels; "
            f"{_SMALLEST} to {_LARGEST} are possible."
        )
    short, long = (COARSEST_STRIDE * math.ceil(side / COARSEST_STRIDE) for side in (short, long))
    return {"landscape": (short, long), "portrait": (long, short), "square": (short, short)}


def _read(path: Path, say: Say, deepest: int) -> dict[str, Any]:
    import yaml

    try:
        values = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=_loader())  # noqa: S506
    except (OSError, ValueError, yaml.YAMLError) as error:
        told = " ".join(str(error).split())
        raise WeightsMismatch(f"{path} is not YAML: {told}.") from None
    if not isinstance(values, dict):
        raise WeightsMismatch(f"{path} holds no settings; a Detectron2 configuration is expected.")
    base = values.pop("_BASE_", None)
    if base is None:
        return values
    below = path.parent / str(base)
    if not deepest:
        raise WeightsMismatch(f"{path}: _BASE_ goes in circles, or over {_DEEPEST} files deep.")
    if not below.is_file():
        say(f"{base}, on which {path.name} builds, is not there: the preset stands in for it.")
        return values
    return _merged(_read(below, say, deepest - 1), values)


def _loader() -> Any:
    """YAML's plain values, and Python's tuples, which Detectron2 writes; nothing is made else."""
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        pass

    Loader.add_constructor(
        "tag:yaml.org,2002:python/tuple", lambda loader, node: loader.construct_sequence(node)
    )
    return Loader


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        inner = merged.get(key)
        if isinstance(inner, dict) and isinstance(value, dict):
            merged[key] = _merged(inner, value)
        else:
            merged[key] = value
    return merged


def _flat(values: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{key}.")
        else:
            # Older files have lists as text: "[[32], [64]]".
            yield f"{before}{key}", _list_of(value)


def _list_of(value: Any) -> Any:
    import yaml

    if not isinstance(value, str) or value[:1] not in ("[", "("):
        return value
    try:
        return yaml.safe_load(value.replace("(", "[").replace(")", "]").replace(",]", "]"))
    except yaml.YAMLError:
        return value  # Then it is refused by its key.


def _converted(path: Path, key: str, value: Any, convert: Callable[[Any], Any]) -> Any:
    try:
        return convert(value)
    except (TypeError, ValueError, IndexError) as error:
        told = str(error) if isinstance(error, ValueError) else "something else is expected"
        raise WeightsMismatch(
            f"{path}: {key} is {value!r}, which cannot be served: {told}."
        ) from None


def _sizes(value: Any) -> tuple[float, ...]:
    if len(value) != _LEVELS or any(len(each) != 1 or not _is_positive(each[0]) for each in value):
        raise ValueError("one size for each of five levels is expected")
    return tuple(each[0] for each in value)


def _ratios(value: Any) -> tuple[float, ...]:
    if len(value) != 1 or not value[0] or not all(map(_is_positive, value[0])):
        raise ValueError("the same ratios for every level are expected")
    return tuple(value[0])


def _three(value: Any) -> tuple[float, ...]:
    numbers = tuple(float(each) for each in value)
    if len(numbers) != 3 or not all(map(math.isfinite, numbers)):
        raise ValueError("three numbers are expected")
    return numbers


def _three_positive(value: Any) -> tuple[float, ...]:
    numbers = _three(value)
    if min(numbers) <= 0:
        raise ValueError("three numbers above 0 are expected")
    return numbers


def _is_positive(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and value > 0


# Detectron2's key -> the preset's field, and what makes its value.
_SETTINGS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "MODEL.ANCHOR_GENERATOR.SIZES": ("anchor_sizes", _sizes),
    "MODEL.ANCHOR_GENERATOR.ASPECT_RATIOS": ("anchor_ratios", _ratios),
    "MODEL.PIXEL_MEAN": ("mean", _three),
    "MODEL.PIXEL_STD": ("std", _three_positive),
    "MODEL.FPN.OUT_CHANNELS": ("fpn_channels", count(_WIDEST)),
    "MODEL.RPN.PRE_NMS_TOPK_TEST": ("rpn_pre_nms_top_n", count(MOST_CANDIDATES)),
    "MODEL.RPN.POST_NMS_TOPK_TEST": ("rpn_post_nms_top_n", count(MOST_PROPOSALS)),
    "MODEL.RPN.NMS_THRESH": ("rpn_nms_thresh", share),
    "MODEL.ROI_BOX_HEAD.FC_DIM": ("box_head_width", count(_WIDEST)),
    "MODEL.ROI_HEADS.SCORE_THRESH_TEST": ("box_score_thresh", share),
    "MODEL.ROI_HEADS.NMS_THRESH_TEST": ("box_nms_thresh", share),
    "TEST.DETECTIONS_PER_IMAGE": ("box_detections_per_img", count(MOST_DETECTIONS)),
    "INPUT.MIN_SIZE_TEST": ("min_size", count(_LONGEST)),
    "INPUT.MAX_SIZE_TEST": ("max_size", count(_LONGEST)),
}
