"""Every preset as a torchvision Mask R-CNN, ready to train.

BatchNorm stays as the checkpoint has it: batches of a few photographs say too little
about its statistics, and it is folded into the convolutions when the model is imported.
"""

from __future__ import annotations

from torch import nn
from torchvision.models.detection import (
    MaskRCNN,
    maskrcnn_resnet50_fpn,
    maskrcnn_resnet50_fpn_v2,
)
from torchvision.ops import FrozenBatchNorm2d

from model.config import EDGE, Preset
from model.training.network import edge_mask_rcnn, freeze_early_layers
from model.training.partial_labels import respect_partial_labels
from model.training.roi_align import PyramidRoIAlign


def build_network(preset: Preset, num_classes: int) -> MaskRCNN:
    """Build an untrained network with partial-label losses; num_classes counts background.

    Sampling is torchvision's, except that `edge` is given what suits a CPU.
    """
    build = _edge if preset.name == EDGE.name else _resnet50
    model = build(preset, num_classes)
    respect_partial_labels(model)
    model.roi_heads.box_roi_pool = PyramidRoIAlign(7)
    model.roi_heads.mask_roi_pool = PyramidRoIAlign(14)
    # Photographs are already at training scale.
    model.transform._skip_resize = True
    return model


def _edge(preset: Preset, num_classes: int) -> MaskRCNN:
    model = edge_mask_rcnn(num_classes, preset)
    freeze_early_layers(model)
    # 128 regions an image instead of 512: half the time of the box head, and with
    # a quarter of them positive still more objects than most photographs hold.
    model.roi_heads.fg_bg_sampler.batch_size_per_image = 128
    model.rpn._pre_nms_top_n["training"] = 1000
    model.rpn._post_nms_top_n["training"] = 500
    return model


def _resnet50(preset: Preset, num_classes: int) -> MaskRCNN:
    build = maskrcnn_resnet50_fpn_v2 if preset.head_norm else maskrcnn_resnet50_fpn
    model = build(weights=None, weights_backbone=None, num_classes=num_classes)
    freeze_batch_norm(model, preset.batch_norm_epsilon)
    # The depth that torchvision freezes by default.
    for module in (model.backbone.body.conv1, model.backbone.body.layer1):
        module.requires_grad_(requires_grad=False)
    return model


def freeze_body(model: MaskRCNN) -> None:
    """Leave the body as it is: a step then has no gradients there, and FPN and heads learn."""
    model.backbone.body.requires_grad_(requires_grad=False)


def freeze_batch_norm(module: nn.Module, epsilon: float) -> None:
    """Put constants in the place of every BatchNorm, with the epsilon that import will use.

    torchvision does so only where it downloads the weights.
    """
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(module, name, FrozenBatchNorm2d(child.num_features, epsilon))
        else:
            freeze_batch_norm(child, epsilon)
