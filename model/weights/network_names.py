"""Say what network a state dict is of, by the names of its arrays.

For weights that do not fit a preset: the names say more than a list of what is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from model.config import KNOWN_PRESETS, Preset

WANTED = "a PyTorch state dict of a Mask R-CNN (.pth, .safetensors)"
NOT_SERVED = f"Maskdrop serves Mask R-CNN alone: bring {WANTED}"

# What every Mask R-CNN that can be imported has: torchvision's and Detectron2's, matterport's.
_OURS = re.compile(r"\broi_heads\.|^mrcnn_")
# (a name in the state dict, what has it); the first that fits. "model." may have been taken off.
_OTHERS: tuple[tuple[str, str], ...] = (
    (r"\broi_heads\.keypoint_(predictor|head)\.", "Keypoint R-CNN, without masks"),
    (r"\broi_heads\.(box_predictor|box_head)\.\d\.", "Cascade R-CNN"),
    (r"\broi_heads\.mask_head\.fc\d\.|\bmask_point_head\.", "PointRend"),
    (r"\broi_heads\.res5\.", "Mask R-CNN without a feature pyramid (C4)"),
    (r"\broi_head\.(bbox|mask)_head\.", "MMDetection"),
    (r"\bsem_seg_head\.", "Detectron2's panoptic or semantic segmentation"),
    (r"\b(image_encoder|mask_decoder)\.", "Segment Anything Model"),
    (r"\bclass_embed\.|\bbbox_embed\.", "DETR"),
    (r"\bhead\.classification_head\.", "torchvision's RetinaNet, FCOS or SSD, without masks"),
    (r"^(model\.)*0\.conv\.weight$|\bhead\.obj_preds\.|\.dfl\.conv\.", "YOLO"),
    (r"^(module\.)?classifier\.\w+(\.\w+)?\.weight$", "classifier or semantic segmentation"),
    (r"^(module\.)?(fc|heads\.head)\.weight$", "classifier, as a ResNet or ViT"),
    (r"\b(text_model|q_proj|attn\.qkv)\b", "transformer"),
    (r"^(res|conv1|pred|fpn)\w*_(w|b|bn_s)$", "Detectron of Caffe2, Detectron2's predecessor"),
)
# Of torchvision's Mask R-CNNs, those with parts that no preset has.
_VARIANTS: tuple[tuple[str, str], ...] = (
    (
        r"^backbone\.body\.layer3\.6\.",
        "The backbone is a ResNet-101 or deeper; of torchvision's Mask R-CNNs ResNet-50 is served.",
    ),
    (
        r"^backbone\.body\.(0|features)\.",
        "The backbone is a MobileNet or alike; of torchvision's Mask R-CNNs ResNet-50 is served.",
    ),
    (
        r"^backbone\.fpn\.extra_blocks\.p6\.",
        "The pyramid has P6 and P7, as RetinaNet's; the one of maskrcnn_resnet50_fpn is served.",
    ),
    (
        r"^backbone\.bottom_up\.res\d\.\d+\.conv\d_offset\.",
        "The backbone has deformable convolutions, which are not served.",
    ),
)
# torchvision's name and Detectron2's, of a norm and of the third convolution of a block.
_HAS_NORMS = {
    "backbone.body.layer1.0.bn1.weight",
    "backbone.bottom_up.res2.0.conv1.norm.weight",
}
_HAS_BOTTLENECKS = {
    "backbone.body.layer1.0.conv3.weight",
    "backbone.bottom_up.res2.0.conv3.weight",
}
_PREDICTIONS = re.compile(r"\broi_heads\.box_predictor\.")
_WITH_MORE = re.compile(r"\b(mask|keypoint)_(predictor|head)\.")


def recognize_names(names: Iterable[str]) -> str | None:
    """Return one sentence for names of another network than Mask R-CNN; None for Mask R-CNN's."""
    names = list(names)
    joined = "\n".join(names)
    for pattern, kind in _OTHERS:
        if re.search(pattern, joined, re.MULTILINE):
            served = f"{NOT_SERVED} of torchvision or Detectron2"
            return f"These are the weights of {_a(kind)}; {served}."
    if _PREDICTIONS.search(joined) and not _WITH_MORE.search(joined):
        return f"These are the weights of a Faster R-CNN, without a mask head; {NOT_SERVED}."
    return None


def recognize_misfit(names: Iterable[str], preset: Preset) -> str | None:
    """Return what may help with the names of a Mask R-CNN that is not the preset's, if known."""
    names = {each for each in names if not each.endswith(".num_batches_tracked")}
    fitting = [name for name in KNOWN_PRESETS if _names_of(name) <= names]
    # A deeper network has the names of the shallower.
    best = max(fitting, key=lambda name: len(_names_of(name)), default=None)
    if best and best != preset.name:
        return f"The file has the arrays of the preset {best}: give --preset {best}."
    joined = "\n".join(sorted(names))
    for pattern, sentence in _VARIANTS:
        if re.search(pattern, joined, re.MULTILINE):
            return sentence
    if best is None and _HAS_NORMS & names:
        if not any(name.endswith(".running_var") for name in names):
            return (
                "The norms have no running statistics: they are GroupNorm, or parameters were "
                "saved without buffers. Maskdrop serves BatchNorm: save model.state_dict()."
            )
        if not _HAS_BOTTLENECKS & names:
            return "The backbone is a ResNet-18 or -34; ResNet-50 is served."
    if names and not any(map(_OURS.search, names)):
        first = ", ".join(sorted(names)[:3])
        return f"None of its arrays is a Mask R-CNN's ({first}, …); {NOT_SERVED}."
    return None


def is_foreign(sentence: str) -> bool:
    """Whether what was recognised says all: a list of missing arrays would add nothing."""
    return NOT_SERVED in sentence


@cache
def _names_of(preset: str) -> frozenset[str]:
    """The names of a preset's arrays in files of its family."""
    # These modules know the names, and this one is asked by who asks them.
    from model.weights.detectron2 import expected_detectron2_shapes
    from model.weights.matterport import expected_keras_shapes
    from model.weights.torchvision import expected_shapes

    shapes: Any = {
        "torchvision": expected_shapes,
        "matterport": expected_keras_shapes,
        "detectron2": expected_detectron2_shapes,
    }
    known: Preset = KNOWN_PRESETS[preset]
    named: Mapping[str, object] = shapes[known.family](known, 2)
    return frozenset(named)


def _a(kind: str) -> str:
    if kind.startswith(("torchvision's", "Detectron2's", "MMDetection", "Detectron of")):
        return kind
    return f"a {kind}"
